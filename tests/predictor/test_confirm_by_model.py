"""The 09:26 step where the opening prices of the whole market were collected."""

import copy
import datetime
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import Market
from data_profile.schedule import SHANGHAI
from data_profile.sectors import Sectors
from data_profile.stocks import StockStore
from predictor import daily, storage
from predictor.confirm import confirm
from predictor.confirmation import Confirmation
from predictor.daily import make_forecast
from predictor.errors import PredictorError
from predictor.forecast import predict
from predictor.forecast_log import ForecastLog
from predictor.training import Trained
from predictor.update import Line, Update
from tests.predictor.members.conftest import stock_map
from tests.predictor.notify.servers import WECOM, Hook
from tests.predictor.stocks import put

LINE = Line(0.0, 1.0, (0.8, 1.0))
UPDATE = Update(LINE, LINE, LINE, (-3.0,) * 2, (3.0,) * 2, sessions=60)
NUMBERS = ("score", "expected_count", "p_at_least_one", "p_surge")


@pytest.fixture(scope="module")
def evening(
    trained_home: tuple[Home, Trained], market: Market, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, dict[str, Any]]:
    """Its model has learnt that higher openings, and more stocks at the limit, mean more."""
    home = Home(tmp_path_factory.mktemp("evening") / "home")
    shutil.copytree(trained_home[0].root, home.root, symlinks=True)
    first = market.frame["date"].min().date()
    Sectors(home.store / "sectors").adopt(dict(market.names), first, kind="industry")
    StockStore(home.stocks).take("map", stock_map(market), source="map")
    stored = storage.load_current(home.models)
    storage.save(home.models, stored.model, {**stored.card, "auction": UPDATE.to_dict()})
    return home, predict(home, top=5).to_dict("en")


@pytest.fixture
def home(evening: tuple[Home, dict[str, Any]], tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    shutil.copytree(evening[0].root, home.root, symlinks=True)
    return home


@pytest.fixture
def document(evening: tuple[Home, dict[str, Any]]) -> dict[str, Any]:
    return copy.deepcopy(evening[1])


def session_of(document: dict[str, Any]) -> datetime.date:
    return datetime.date.fromisoformat(document["for_session"])


def quotes(home: Home, gaps: dict[str, float], sealed: int = 0) -> pd.DataFrame:
    """Every stock opens unchanged, those of some sectors elsewhere; their first at the limit."""
    known = StockStore(home.stocks).map()
    gap = known["sector_id"].map(gaps).fillna(0.0).to_numpy()
    place = known.groupby("sector_id").cumcount().to_numpy()
    limit = np.where(known["code"].str.startswith("6"), 11.0, 12.0)
    at_limit = known["sector_id"].isin(list(gaps)).to_numpy() & (place < sealed)
    opening = np.where(at_limit, limit, np.round(10 * (1 + gap), 2))
    nothing = np.full(len(known), np.nan)
    return pd.DataFrame(
        {"code": known["code"], "name": known["name"], "open": opening, "close": opening,
         "high": nothing, "low": nothing, "previous_close": 10.0, "volume": 100.0,
         "ret": opening / 10 - 1}
    )  # fmt: skip


def said(
    home: Home,
    document: dict[str, Any],
    table: pd.DataFrame,
    at: datetime.time = datetime.time(9, 26),
    **more: Any,
) -> Confirmation:
    """What is said at 09:27, after a table came."""
    session = session_of(document)
    put(home, "akshare.opening_quotes", session, table, at=at, **more)
    now = datetime.datetime.combine(session, datetime.time(9, 27), SHANGHAI)
    return confirm(home, document, now=now)


def test_a_sector_that_opens_high_comes_in_and_has_new_numbers(
    home: Home, document: dict[str, Any]
) -> None:
    sixth = sorted(document["scores"], key=lambda row: -row["score"])[5]
    sector = sixth["sector_id"]
    assert sector not in {row["sector_id"] for row in document["ranking"]}
    found = said(home, document, quotes(home, {sector: 0.09}, sealed=6))
    assert (found.method, found.state, found.sessions) == ("model", "changed", 60)
    first = found.ranking[0]
    assert (first.sector_id, first.rank, first.before) == (sector, 1, 6)
    assert len(found.ranking) == len(document["ranking"])
    told = found.to_dict("en")
    after = {row["sector_id"]: row for row in told["scores"]}
    assert set(after) == {row["sector_id"] for row in document["scores"]}
    for name in NUMBERS:
        assert after[sector][name] > sixth[name]
    assert told["ranking"][0]["sealed"] == 6
    assert told["ranking"][0]["p_surge"] == after[sector]["p_surge"]
    assert told["waves"][0]["sector_id"] == sector
    ranked = [after[row["sector_id"]]["score"] for row in told["ranking"]]
    assert ranked == sorted(ranked, reverse=True)


def test_numbers_are_those_of_the_lines(home: Home, document: dict[str, Any]) -> None:
    sector = document["ranking"][2]["sector_id"]
    found = said(home, document, quotes(home, {sector: 0.03}))
    many = len(document["scores"])
    gap = np.array([0.03 if row["sector_id"] == sector else 0.0 for row in document["scores"]])
    relative = np.arcsinh(100 * (gap - gap.sum() / many))
    for row, term, after in zip(document["scores"], relative, found.scores, strict=True):
        odds = row["p_surge"] / (1 - row["p_surge"]) * np.exp(0.8 * term)
        assert after["p_surge"] == pytest.approx(odds / (1 + odds), abs=2e-6)
        assert after["expected_count"] == pytest.approx(
            row["expected_count"] * np.exp(0.8 * term), rel=1e-4, abs=2e-6
        )


def test_a_calm_auction_leaves_the_order_of_limit_ups_and_says_so(
    home: Home, document: dict[str, Any]
) -> None:
    found = said(home, document, quotes(home, {}))
    calm = {row["sector_id"]: row for row in document["scores"]}
    for row in found.scores:
        assert row["expected_count"] == pytest.approx(
            calm[row["sector_id"]]["expected_count"], abs=2e-6
        )
    assert found.text("en") in (
        f"the auction of {session_of(document)} confirms the order",
        f"the auction of {session_of(document)} moves {len(found.moved)} of 5 sectors",
    )


def test_it_is_told_in_both_languages(home: Home, document: dict[str, Any]) -> None:
    sector = document["ranking"][-1]["sector_id"]
    found = said(home, document, quotes(home, {sector: 0.06}, sealed=2))
    told = {language: json.loads(json.dumps(found.to_dict(language), allow_nan=False))
            for language in ("en", "zh")}  # fmt: skip
    assert "2 of its stocks at the limit" in told["en"]["changes"][0]
    assert "2 家竞价涨停" in told["zh"]["changes"][0]
    assert "60 sessions" in told["en"]["rule"]
    assert "60 个交易日" in told["zh"]["rule"]
    assert told["en"]["observed_at"] == f"{session_of(document)}T09:26:00+08:00"


def test_a_sector_without_an_auction_keeps_its_numbers(
    home: Home, document: dict[str, Any]
) -> None:
    known = StockStore(home.stocks).map().set_index("code")["sector_id"]
    silent = document["ranking"][0]["sector_id"]
    table = quotes(home, {document["ranking"][1]["sector_id"]: 0.05})
    found = said(home, document, table[table["code"].map(known) != silent])
    after = next(row for row in found.scores if row["sector_id"] == silent)
    for name in NUMBERS[1:]:
        assert after[name] == pytest.approx(document["ranking"][0][name], abs=2e-6)
    one = next(one for one in found.ranking if one.sector_id == silent)
    assert "nothing of it in the auction" in one.text("en")


def test_what_filters_removed_stays_removed(home: Home, document: dict[str, Any]) -> None:
    out = document["scores"][3]
    out["removed"] = True
    found = said(home, document, quotes(home, {out["sector_id"]: 0.08}, sealed=4))
    assert out["sector_id"] not in {one.sector_id for one in (*found.ranking, *found.waves)}
    assert next(r for r in found.scores if r["sector_id"] == out["sector_id"])["removed"]


@pytest.mark.parametrize("lacking", ["map", "model", "scores", "learnt"])
def test_without_what_the_model_needs_the_rule_speaks(
    home: Home, market: Market, document: dict[str, Any], lacking: str
) -> None:
    """The rule takes the openings of yesterday's limit-ups out of the same table."""
    sectors = [row["sector_id"] for row in document["ranking"]]
    table = quotes(home, {sectors[0]: -0.05, sectors[1]: 0.05})
    stocks = stock_map(market).set_index("code")
    where = StockStore(home.stocks).map().set_index("code")["sector_id"]
    limit_ups = [where.index[where == sector][0] for sector in sectors[:2]]
    pool = pd.DataFrame(
        {"code": limit_ups, "name": "股", "streak": 1.0,
         "industry": list(stocks.loc[limit_ups, "sector"])}
    )  # fmt: skip
    put(home, "akshare.limit_up_pool", datetime.date.fromisoformat(document["as_of"]), pool)
    if lacking == "map":
        shutil.rmtree(home.stocks)
    elif lacking == "model":
        document["model"] = "0" * 16
    elif lacking == "scores":
        del document["scores"]
    else:
        stored = storage.load_current(home.models)
        card = {name: value for name, value in stored.card.items() if name != "auction"}
        document["model"] = storage.save(home.models, stored.model, card)
    found = said(home, document, table)
    assert (found.method, found.state) == ("rule", "changed")
    assert {one.sector_id for one in found.ranking} == set(sectors)
    moved = {one.sector_id: one.found for one in found.ranking}
    assert moved[sectors[0]].gap == pytest.approx(-0.05)  # type: ignore[union-attr]
    assert moved[sectors[1]].gap == pytest.approx(0.05)  # type: ignore[union-attr]
    assert found.to_dict("en")["scores"] == []
    assert found.to_dict("en")["ranking"][0]["p_surge"] is None


@pytest.mark.parametrize("case", ["too early", "refused", "too late", "strangers"])
def test_quotes_that_do_not_count(home: Home, document: dict[str, Any], case: str) -> None:
    table = quotes(home, {document["ranking"][-1]["sector_id"]: 0.08}, sealed=3)
    if case == "strangers":
        table["code"] = [f"688{n:03d}" for n in range(len(table))]
    at = {"too early": datetime.time(9, 20), "too late": datetime.time(9, 40)}.get(
        case, datetime.time(9, 26)
    )
    found = said(home, document, table, at, quarantined=("wrong",) if case == "refused" else None)
    assert (found.state, found.moved, found.scores) == ("absent", (), ())


def test_quotes_that_contradict_each_other_are_refused(
    home: Home, document: dict[str, Any]
) -> None:
    table = quotes(home, {})
    table.loc[3, "open"] = 10.005
    with pytest.raises(PredictorError, match=document["for_session"]):
        said(home, document, table)


def test_a_damaged_card_is_told(home: Home, document: dict[str, Any]) -> None:
    stored = storage.load_current(home.models)
    broken = {**UPDATE.to_dict(), "count": asdict(LINE) | {"weights": [1.0]}}
    document["model"] = storage.save(home.models, stored.model, {**stored.card, "auction": broken})
    with pytest.raises(PredictorError, match="auction"):
        said(home, document, quotes(home, {}))


def test_nothing_is_written(home: Home, document: dict[str, Any]) -> None:
    said(home, document, quotes(home, {}))
    before = {path: path.stat().st_mtime_ns for path in home.root.rglob("*")}
    now = datetime.datetime.combine(session_of(document), datetime.time(9, 28), SHANGHAI)
    assert confirm(home, document, now=now).method == "model"
    assert {path: path.stat().st_mtime_ns for path in home.root.rglob("*")} == before


def test_the_morning_message_has_the_new_order_and_the_log_all_of_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clock(moment: datetime.datetime, at: str) -> datetime.datetime:
        return datetime.datetime.combine(moment, datetime.time.fromisoformat(at), SHANGHAI)

    last = datetime.date.fromisoformat(predict(home, top=1).to_dict("en")["as_of"])
    _, record = make_forecast(home, lambda: clock(last, "15:46"))
    session = session_of(dict(record.document))
    sector = record.document["ranking"][4]["sector_id"]
    put(
        home, "akshare.opening_quotes", session, quotes(home, {sector: 0.07}, sealed=3),
        at=datetime.time(9, 26),
    )  # fmt: skip
    with Hook(WECOM) as hook:
        monkeypatch.setenv("TIDE_NOTIFY_WECOM_WEBHOOK", f"{hook.url}/send?key=k3y")
        done = daily.rerank(home, session, lambda: clock(session, "09:27"))
        [message] = hook.messages()
    assert done.state == "complete"
    name = record.document["ranking"][4]["name"]
    assert f"1. {name}: 5 → 1; opens +" in message
    assert "3 of its stocks at the limit" in message
    assert f"Most likely to see a wave:\n1. {name}: " in message
    with ForecastLog(home.forecasts) as log:
        told = log.records(session, session)[-1].document["confirmation"]
    assert told["method"] == "model"
    assert len(told["scores"]) == len(record.document["scores"])
