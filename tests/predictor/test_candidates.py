"""Candidates: members that are not sealed, by the stated rule, as known that day."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from predictor.candidates import MEMBERS, RULE, offer
from predictor.constituents import Absent, constituents
from predictor.dataset import CUTOFF
from tests.predictor.stocks import DAYS, SECTOR, UP, bars, closes, fill_store, fill_tables

STOCKS = {
    "600001": closes([UP, UP, UP]),  # sealed: the leader
    "600002": closes([UP, UP, 0.03, 0.01]),  # two limit-ups, not sealed today
    "600003": closes([UP, 0.0, 0.05, 0.05]),  # one, strong since
    "600004": closes([UP, 0.0, 0.0, 0.0]),  # one, weak since
    "600005": closes([0.02, 0.02]),
    "300001": closes([0.0, 0.15], limit=0.2),
    "600006": closes([-0.02, -0.02]),
    "600007": closes([0.01]),
}
Fill = Callable[[Home, pd.DataFrame], str]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).create()


@pytest.fixture(params=[fill_store, fill_tables], ids=["store", "tables"])
def fill(request: pytest.FixtureRequest) -> Fill:
    return request.param


def codes(home: Home, sector: str, day: datetime.date = DAYS[-1]) -> list[str]:
    found = offer(home, {sector: SECTOR}, day, CUTOFF)
    return [one.code for one in found.choices[sector].candidates]


def test_the_rule(home: Home, fill: Fill) -> None:
    sector = fill(home, bars(STOCKS))
    found = offer(home, {sector: SECTOR}, DAYS[-1], CUTOFF)
    choice = found.choices[sector]
    assert [code for code, _ in choice.sealed] == ["600001"]
    # Limit-ups, then rise in multiples of the limit: 15% of a 20% stock are 0.75 of its limit.
    assert [one.code for one in choice.candidates] == [
        "600002", "600003", "600004", "300001", "600005",
    ]  # fmt: skip
    assert len(choice.candidates) == MEMBERS
    second = choice.candidates[0]
    assert (second.name, second.limit_ups, second.limit) == ("股600002", 2, 0.1)
    assert second.change == pytest.approx(0.01, abs=1e-3)
    assert second.rise == pytest.approx(1.1 * 1.1 * 1.03 * 1.01 - 1, abs=2e-3)
    assert second.activity == pytest.approx(1.0)
    document = found.to_dict("zh")
    assert document["candidates"][sector][0]["code"] == "600002"
    assert document["sealed"] == {sector: [{"code": "600001", "name": "股600001"}]}
    assert document["candidates_rule"] == RULE["zh"]
    assert document["candidates_note"]
    json.dumps(document, allow_nan=False)


def test_a_higher_volume_decides_last(home: Home, fill: Fill) -> None:
    rows = bars({"600005": closes([0.02]), "600007": closes([0.02])})
    last = rows["date"] == rows["date"].max()
    rows.loc[last & (rows["code"] == "600007"), "volume"] *= 5
    sector = fill(home, rows)
    assert codes(home, sector) == ["600007", "600005"]


def test_what_comes_later_changes_nothing(home: Home, tmp_path: Path, fill: Fill) -> None:
    sector = fill(home, bars(STOCKS))
    day = DAYS[-4]
    before = offer(home, {sector: SECTOR}, day, CUTOFF).to_dict("en")
    rows = bars(STOCKS)
    later = rows["date"] > pd.Timestamp(day)
    rng = np.random.default_rng(1)
    for name in ("open", "high", "low", "close"):
        rows.loc[later, name] = np.round(rng.uniform(1, 90, later.sum()), 2)
    rows = rows[~later | (rng.random(len(rows)) < 0.7)]
    other = Home(tmp_path / "other").create()
    assert fill(other, rows) == sector
    found = offer(other, {sector: SECTOR}, day, CUTOFF).to_dict("en")
    assert found == before
    assert found["candidates"][sector]


def test_a_list_of_members_of_a_later_session_is_not_read(home: Home) -> None:
    sector = fill_tables(home, bars(STOCKS))
    assert isinstance(constituents(home, [sector], DAYS[-6], CUTOFF), Absent)
    assert not isinstance(constituents(home, [sector], DAYS[-5], CUTOFF), Absent)


def test_suspended_and_marked_stocks_are_no_candidates(home: Home) -> None:
    rows = bars(STOCKS)
    rows = rows[~((rows["code"] == "600003") & (rows["date"] == rows["date"].max()))]
    sector = fill_store(home, rows, {"600002": "*ST二号", "600004": "退市四号"})
    assert codes(home, sector) == ["300001", "600005", "600007", "600006"]


def test_tables_that_came_too_late_do_not_count(home: Home) -> None:
    sector = fill_tables(home, bars(STOCKS), at=datetime.time(16, 46))
    found = constituents(home, [sector], DAYS[-1], CUTOFF)
    assert isinstance(found, Absent)
    assert not isinstance(constituents(home, [sector], DAYS[-1], "17:00"), Absent)


def test_without_stocks_it_says_so_in_one_line(home: Home) -> None:
    found = offer(home, {"C01": "证券"}, DAYS[-1], CUTOFF)
    assert found.choices == {}
    for language in ("en", "zh"):
        note = found.to_dict(language)["candidates_note"]  # type: ignore[arg-type]
        assert str(DAYS[-1]) in note
        assert "\n" not in note
    assert [fund.code for fund in found.funds["C01"]] == ["512880"]


def test_a_store_that_ends_earlier_gives_none(home: Home) -> None:
    sector = fill_store(home, bars(STOCKS))
    day = datetime.date(2025, 11, 21)
    assert isinstance(constituents(home, [sector], day, CUTOFF), Absent)


def test_only_the_members_of_the_sector(home: Home, fill: Fill) -> None:
    fill(home, bars(STOCKS))
    found = offer(home, {"BK9999": "别的"}, DAYS[-1], CUTOFF)
    assert found.choices == {}
    assert "no members" in found.notes["en"]


def test_quotes_that_cannot_be_judged_are_no_crash(home: Home) -> None:
    rows = bars(STOCKS)
    rows["previous_close"] += 0.001
    sector = fill_tables(home, rows)
    found = offer(home, {sector: SECTOR}, DAYS[-1], CUTOFF)
    assert found.choices == {}
    assert "judged" in found.notes["en"]
