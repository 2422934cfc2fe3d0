"""The 09:26 step, over the raw zone's own tables."""

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.home import Home
from data_profile.schedule import SHANGHAI
from data_profile.sectors import Sectors
from data_profile.sessions import next_session
from predictor.confirm import confirm, rerank
from predictor.errors import PredictorError
from predictor.leaders import Leaders
from tests.predictor.stocks import DAYS, put

AS_OF, SESSION = DAYS[-1], next_session(DAYS[-1])
NAMES = ("半导体", "证券", "光伏设备", "煤炭")
NOW = datetime.datetime.combine(SESSION, datetime.time(9, 27), SHANGHAI)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).create()


@pytest.fixture
def document(home: Home) -> dict[str, Any]:
    """A forecast of four sectors, whose limit-ups of the session are in the pool."""
    named = {f"C{i}": name for i, name in enumerate(NAMES)}
    ids = Sectors(home.store / "sectors").adopt(named, DAYS[0], kind="industry")
    pool = pd.DataFrame(
        {
            "code": ["600001", "600002", "600003", "600004"],
            "name": list("甲乙丙丁"),
            "industry": ["半导体", "证券", "证券", "光伏设备"],
            "streak": [3.0, 1.0, 1.0, 1.0],
        }
    )
    put(home, "akshare.limit_up_pool", AS_OF, pool)
    rows = zip(ids.values(), NAMES, (4.0, 3.5, 3.0, 1.0), strict=True)
    return {
        "as_of": str(AS_OF),
        "for_session": str(SESSION),
        "ranking": [
            {"rank": place, "sector_id": sector, "name": name, "expected_count": expected}
            for place, (sector, name, expected) in enumerate(rows, start=1)
        ],
    }


def auction(home: Home, gaps: dict[str, float], at: tuple[int, int] = (9, 26), **more: Any) -> None:
    table = pd.DataFrame(
        {
            "code": list(gaps),
            "price": [10 * (1 + gap) for gap in gaps.values()],
            "volume": 1000.0,
            "turnover": 10_000.0,
            "previous_close": 10.0,
            "gap": list(gaps.values()),
        }
    )
    put(home, "akshare.auction", SESSION, table, at=datetime.time(*at), **more)


def test_weak_leaders_send_their_sector_down(home: Home, document: dict[str, Any]) -> None:
    auction(home, {"600001": -0.05, "600002": 0.06, "600003": 0.02, "600004": 0.01})
    found = confirm(home, document, now=NOW)
    assert found.state == "changed"
    assert [one.name for one in found.ranking] == ["证券", "光伏设备", "半导体", "煤炭"]
    assert [one.before for one in found.ranking] == [2, 3, 1, 4]
    first = found.ranking[0]
    assert first.found == Leaders(2, 2, pytest.approx(0.04))
    assert first.strength == pytest.approx(3.5 * 1.4)
    last = found.ranking[3]  # no limit-up yesterday: the median of the other gaps
    assert last.found is None
    assert last.strength == pytest.approx(1.0 * 1.1)
    told = json.loads(json.dumps(found.to_dict("zh"), allow_nan=False))
    assert told["changes"][0] == "证券：2 → 1；昨日涨停 2 只平均竞价 +4.0%，2 只高开"
    assert len(told["changes"]) == 3
    assert told["observed_at"] == f"{SESSION}T09:26:00+08:00"
    assert "3" in found.to_dict("en")["summary"]


def test_an_auction_that_agrees_says_so(home: Home, document: dict[str, Any]) -> None:
    auction(home, dict.fromkeys(("600001", "600002", "600003", "600004"), 0.03))
    found = confirm(home, document, now=NOW)
    assert (found.state, found.moved) == ("confirmed", ())
    assert "confirms" in found.text("en")


@pytest.mark.parametrize("case", ["none", "early", "late", "refused", "another session"])
def test_without_the_auction_the_ranking_stays(
    home: Home, document: dict[str, Any], case: str
) -> None:
    gaps = {"600001": -0.09, "600002": 0.09}
    if case == "early":
        auction(home, gaps, at=(9, 20))
    if case == "late":
        auction(home, gaps, at=(9, 40))
    if case == "refused":
        auction(home, gaps, quarantined=("wrong",))
    if case == "another session":
        auction(home, gaps)
        document["for_session"] = str(next_session(SESSION))
    now = NOW + datetime.timedelta(days=4) if case == "another session" else NOW
    found = confirm(home, document, now=now)
    assert found.state == "absent"
    assert [one.rank for one in found.ranking] == [one.before for one in found.ranking]
    assert "stays as it was" in found.to_dict("en")["summary"]
    assert found.to_dict("zh")["changes"] == []


def test_the_last_table_of_the_morning_counts(home: Home, document: dict[str, Any]) -> None:
    auction(home, {"600001": -0.09}, at=(9, 25))
    auction(home, {"600001": 0.0, "600002": 0.0}, at=(9, 26))
    assert confirm(home, document, now=NOW).state == "confirmed"


def test_stocks_of_other_sectors_move_nothing(home: Home, document: dict[str, Any]) -> None:
    auction(home, {"601111": 0.1})
    found = confirm(home, document, now=NOW)
    assert (found.state, found.moved) == ("unplaced", ())


def test_members_place_stocks_too(home: Home, document: dict[str, Any]) -> None:
    members = pd.DataFrame({"board": ["煤炭"], "code": ["600004"], "kind": ["industry"]})
    put(home, "akshare.board_members.industry", AS_OF, members, ("board", "code"))
    auction(home, {"600001": 0.0, "600004": 0.1})
    found = {one.name: one.found for one in confirm(home, document, now=NOW).ranking}
    assert found["煤炭"] == Leaders(1, 1, pytest.approx(0.1))
    assert found["光伏设备"] is None


def test_nothing_is_written(home: Home, document: dict[str, Any]) -> None:
    auction(home, {"600001": -0.05})
    before = {path: path.stat().st_mtime_ns for path in home.root.rglob("*")}
    confirm(home, document, now=NOW)
    assert {path: path.stat().st_mtime_ns for path in home.root.rglob("*")} == before


def test_a_document_that_is_no_forecast(home: Home) -> None:
    with pytest.raises(PredictorError, match="no forecast"):
        confirm(home, {"as_of": "2025-01-01"}, now=NOW)


@given(
    st.lists(st.tuples(st.floats(0.01, 20), st.one_of(st.none(), st.floats(-0.2, 0.2))), min_size=1)
)
def test_the_rule_is_an_order_of_the_same_sectors(
    given_: list[tuple[float, float | None]],
) -> None:
    rows = [(f"S{i}", f"S{i}", expected) for i, (expected, _) in enumerate(given_)]
    openings = {f"S{i}": Leaders(1, 0, gap) for i, (_, gap) in enumerate(given_) if gap is not None}
    found = rerank(rows, openings)
    assert sorted(one.before for one in found) == list(range(1, len(rows) + 1))
    assert [one.rank for one in found] == list(range(1, len(rows) + 1))
    strengths = [one.strength for one in found]
    assert strengths == sorted(strengths, reverse=True)
    assert all(np.isfinite(strengths))
    if len({gap for _, gap in given_ if gap is not None}) <= 1:
        usual = next((gap for _, gap in given_ if gap is not None), 0.0)
        assert 1 + 10 * usual <= 0 or [one.rank for one in found] == [one.before for one in found]
