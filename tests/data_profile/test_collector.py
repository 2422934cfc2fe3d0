"""A whole day against the replay server: akshare's real parsers, real checks, a real store."""

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.collector import CollectorError, Report, collect, collect_session, held
from data_profile.day import resolver
from data_profile.errors import CalendarError
from data_profile.home import Home
from data_profile.journal import Journal
from data_profile.news import Scoring, Sentiment
from data_profile.raw import Raw
from data_profile.schedule import SHANGHAI, ScheduleError
from data_profile.sectors import Sectors
from data_profile.sessions import calendar, is_session
from data_profile.stocks import StockStore
from data_profile.store import Store
from tests.data_profile.replayed import sources
from tests.data_profile.sound import assert_sound
from tests.replay.server import Upstream

THURSDAY, FRIDAY = datetime.date(2026, 11, 19), datetime.date(2026, 11, 20)
QUOTES, FLOW = "akshare.board_quotes.industry", "akshare.board_flow.industry"
POOLS = ("akshare.limit_up_pool", "akshare.broken_pool", QUOTES)
MORNING = ("akshare.opening_quotes", "akshare.auction")
QUICK = (*POOLS, FLOW, "akshare.lhb_stocks")


def at(day: datetime.date, clock: str) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream(FRIDAY) as server:
        yield server


def run(
    home: Home,
    upstream: Upstream,
    step: str,
    clock: str,
    *names: str,
    day: datetime.date = FRIDAY,
    scoring: Scoring = Sentiment,
) -> Report:
    moment = at(day, clock)
    return collect(
        home, upstream.session, step, sources=sources(upstream.url, moment, *names),
        now=lambda: moment, scoring=scoring,
    )  # fmt: skip


def test_headlines_are_scored_by_the_model_that_is_set_and_it_is_named(
    home: Home, upstream: Upstream
) -> None:
    asked: list[str] = []

    def model(headlines: Sequence[str]) -> list[float]:
        asked.extend(headlines)
        return [0.25] * len(headlines)

    def scoring(folder: Path) -> Sentiment:
        return Sentiment(folder, model, "m-1 news-1")

    run(home, upstream, "collect", "15:36", scoring=scoring)
    run(home, upstream, "lists", "18:11", scoring=scoring)
    assert asked
    assert "news_method" in Store(home.store).manifest().ignored
    scores = Store(home.store).panel().values.get("news_sentiment")
    assert scores is None or set(scores[np.isfinite(scores)].tolist()) <= {0.25}


def test_a_board_that_appears_when_another_is_gone_is_asked_about(tmp_path: Path) -> None:
    sectors = Sectors(tmp_path)
    before = pd.DataFrame({"board": ["半导体", "券商信托"], "kind": "industry"})
    today = pd.DataFrame({"board": ["半导体", "证券"], "kind": "industry"})
    resolver(sectors, [before], THURSDAY)
    resolve = resolver(sectors, [today], FRIDAY, [before])
    assert resolve("半导体", "industry") is not None
    assert resolve("证券", "industry") is None
    assert [one.name for one in sectors.review()] == ["证券"]


def test_a_whole_day(home: Home, upstream: Upstream) -> None:
    """Every source, every step; what a 15:45 forecast saw stays apart from what came later."""
    run(home, upstream, "confirm", "09:27")
    assert not Store(home.store).exists(), "the auction builds no day"
    first = run(home, upstream, "collect", "15:36")
    assert (first.state, first.built and first.built.missing) == ("complete", ())
    again = run(home, upstream, "recollect", "16:46")
    assert again.state == "complete"
    lists = run(home, upstream, "lists", "18:11")
    assert (lists.state, lists.built and lists.built.state) == ("complete", "complete")
    store = Store(home.store)
    assert_sound(home)
    panel = store.panel()
    assert panel.sessions.tolist() == [FRIDAY]
    assert panel.values["limit_up_count"].sum() > 0
    assert np.isfinite(panel.values["lhb_count"]).any()
    seen = store.panel(as_of=at(FRIDAY, "15:45"))
    assert "lhb_count" not in seen.fields
    assert "半导体" in store.names().values()
    stocks = StockStore(home.stocks)
    assert stocks.panel().sessions.tolist() == [FRIDAY]
    assert stocks.lists()["net_buy"].notna().any()
    assert stocks.seats()["seat"].notna().all()
    assert not [
        name for table in (stocks.lists(), stocks.seats()) for name in table if "后" in name
    ]
    with Journal(home.journal) as journal:
        assert [row.state for row in journal.records()] == ["complete"] * 4


def test_a_step_that_is_complete_asks_nothing_again(home: Home, upstream: Upstream) -> None:
    run(home, upstream, "collect", "15:36", *QUICK)
    before, manifest = len(upstream.requests), Store(home.store).manifest()
    report = run(home, upstream, "collect", "15:50", *QUICK)
    assert report.state == "complete"
    assert len(upstream.requests) == before
    assert Store(home.store).manifest() == manifest
    run(home, upstream, "recollect", "16:46", *QUICK)
    asked = {path for _, path, _ in upstream.requests[before:]}
    assert asked, "flows and quotes are asked for again"
    assert not any("getTopic" in path for path in asked), "pools are final at 15:35"


def of_auctions(upstream: Upstream) -> list[str]:
    """The paths that were asked for single stocks' auctions."""
    return [path for _, path, _ in upstream.requests if path == "/api/qt/stock/trends2/get"]


def test_single_auctions_are_asked_for_only_where_the_whole_market_is_not_had(
    home: Home, upstream: Upstream
) -> None:
    report = run(home, upstream, "confirm", "09:26", *MORNING)
    assert report.state == "complete"
    assert [fetch.source for fetch in report.fetches] == ["akshare.opening_quotes"]
    asked = len(upstream.requests)
    again = run(home, upstream, "confirm", "09:28", *MORNING)
    assert again.state == "complete"
    assert len(upstream.requests) == asked
    assert of_auctions(upstream) == []


def test_a_list_from_before_the_first_trade_is_sound(home: Home, upstream: Upstream) -> None:
    """Then a stock has an opening price, a little volume, and neither a high nor a low."""

    def before_trading(path: str, body: dict) -> dict:  # type: ignore[type-arg]
        if path == "/api/qt/clist/get":
            for row in body["data"]["diff"]:
                opened, before = row["f17"], row["f18"]
                if isinstance(opened, int | float):
                    change = {"f3": round(100 * (opened / before - 1), 2), "f4": opened - before}
                    row |= {"f2": opened, "f15": "-", "f16": "-", **change}
                    row |= {"f5": 100, "f6": 10_000 * opened, "f8": 0.0}
        return body

    upstream.edit = before_trading
    report = run(home, upstream, "confirm", "09:26", *MORNING)
    assert [(one.source, one.outcome, one.reason) for one in report.fetches] == [
        ("akshare.opening_quotes", "good", "")
    ]
    [entry] = Raw(home.store / "raw").observations(session=FRIDAY)
    quotes = Raw(home.store / "raw").get(entry.id).frame
    assert quotes["open"].notna().any()
    assert quotes["high"].isna().all()


def test_without_the_whole_market_yesterdays_limit_ups_are_asked_for(
    home: Home, upstream: Upstream
) -> None:
    upstream.modes["/api/qt/clist/get"] = "403"
    report = run(home, upstream, "confirm", "09:26", *MORNING)
    assert report.state == "partial"
    outcomes = {fetch.source: fetch.outcome for fetch in report.fetches}
    assert outcomes == {"akshare.opening_quotes": "failed", "akshare.auction": "good"}
    many = len(of_auctions(upstream))
    assert many > 0
    upstream.modes.clear()
    healed = run(home, upstream, "confirm", "09:28", *MORNING)
    assert (healed.state, len(of_auctions(upstream))) == ("complete", many)


@pytest.mark.parametrize("mode", ["403", "stale"])  # tests/data_profile/sources has all of them
def test_a_broken_source_is_told_and_the_day_is_built_without_it(
    home: Home, upstream: Upstream, mode: str
) -> None:
    upstream.modes["/getTopicZTPool"] = mode
    report = run(home, upstream, "collect", "15:36", *POOLS)
    assert report.state == "partial"
    told = {fetch.source: fetch for fetch in report.fetches if fetch.outcome != "good"}
    assert list(told) == ["akshare.limit_up_pool"]
    assert told["akshare.limit_up_pool"].reason
    assert report.built is not None
    assert report.built.missing == ("limit_up_pool",)
    panel = Store(home.store).panel()
    assert np.isnan(panel.values["limit_up_count"]).all(), "missing, never zero"
    upstream.modes.clear()
    healed = run(home, upstream, "collect", "15:46", *POOLS)
    assert (healed.state, healed.built and healed.built.state) == ("complete", "complete")
    assert np.nansum(Store(home.store).panel().values["limit_up_count"]) > 0
    then = Store(home.store).panel(as_of=at(FRIDAY, "15:40"))
    assert "limit_up_count" not in then.fields, "what came at 15:46 was not known at 15:40"


def test_all_broken_leaves_the_store_untouched(home: Home, upstream: Upstream) -> None:
    upstream.mode = "captcha"
    report = run(home, upstream, "collect", "15:36", *POOLS)
    assert (report.state, report.built) == ("partial", None)
    assert "nothing to build" in report.note
    assert not Store(home.store).exists()


def test_a_mislabelled_table_goes_to_quarantine_with_its_reasons(
    home: Home, upstream: Upstream
) -> None:
    def swap(path: str, body: dict) -> dict:  # type: ignore[type-arg]
        for row in body["data"]["pool"]:
            row["zbc"] = -3
        return body

    upstream.edit = lambda path, body: swap(path, body) if path == "/getTopicZTPool" else body
    report = run(home, upstream, "collect", "15:36", *POOLS)
    told = {fetch.source: fetch.outcome for fetch in report.fetches}
    assert told["akshare.limit_up_pool"] == "quarantined"
    [kept] = [e for e in Raw(home.store / "raw").observations() if e.quarantined]
    assert kept.source == "akshare.limit_up_pool"
    assert "breaks" in kept.quarantined[0]


def test_a_source_that_still_shows_yesterday_is_stale(home: Home, upstream: Upstream) -> None:
    upstream.session = THURSDAY
    run(home, upstream, "collect", "15:36", FLOW, day=THURSDAY)
    moment = at(FRIDAY, "15:36")  # the server still answers with Thursday's page
    report = collect(
        home, FRIDAY, "collect", sources=sources(upstream.url, moment, FLOW), now=lambda: moment
    )
    [fetch] = report.fetches
    assert fetch.outcome == "quarantined"
    assert "2026-11-19" in fetch.reason
    assert Store(home.store).panel().sessions.tolist() == [THURSDAY]


def test_a_machine_asleep_all_day_takes_what_there_still_is(home: Home, upstream: Upstream) -> None:
    upstream.session = THURSDAY
    run(home, upstream, "collect", "15:36", QUOTES, day=THURSDAY)
    upstream.session = FRIDAY
    moment = at(datetime.date(2026, 11, 23), "10:00")
    reports = collect_session(
        home, FRIDAY, sources(upstream.url, moment, *QUICK), now=lambda: moment
    )
    told = {r.step: r for r in reports}
    assert list(told) == ["confirm", "recollect", "lists"]
    gone = {f.source for f in told["recollect"].fetches if f.outcome == "gone"}
    assert gone == {FLOW, QUOTES}
    assert "only tells what is now" in " ".join(told["recollect"].lines())
    built = told["lists"].built
    assert built is not None
    assert set(built.missing) == {"board_flow.industry", "board_quotes.industry"}
    assert np.nansum(Store(home.store).panel().values["limit_up_count"]) > 0


@pytest.mark.parametrize("day", [datetime.date(2026, 11, 21), datetime.date(2026, 10, 5)])
def test_a_day_that_is_no_session_does_nothing_and_says_so(home: Home, day: datetime.date) -> None:
    report = collect(home, day, "collect", sources={}, now=lambda: at(day, "15:36"))
    assert report.state == "closed"
    assert "no trading session" in report.lines()[0]
    assert not home.journal.exists()


def test_past_the_calendar_it_refuses_and_too_early_it_says_when(home: Home) -> None:
    later = datetime.date(2027, 1, 5)
    with pytest.raises(CalendarError, match="exchange_calendars"):
        collect(home, later, "collect", sources={}, now=lambda: at(later, "15:36"))
    with pytest.raises(ScheduleError, match="15:35"):
        collect(home, FRIDAY, "collect", sources={}, now=lambda: at(FRIDAY, "15:00"))


def test_the_last_day_of_the_calendar_is_collected(home: Home, upstream: Upstream) -> None:
    upstream.session = calendar().last
    while not is_session(upstream.session):
        upstream.session -= datetime.timedelta(1)
    report = run(home, upstream, "collect", "15:36", QUOTES, day=upstream.session)
    assert report.state == "complete"


def test_the_second_collector_says_who_is_at_work(home: Home, upstream: Upstream) -> None:
    code = (
        "import sys, pathlib; from data_profile.collector import held\n"
        "with held(pathlib.Path(sys.argv[1]), 'collect of 2026-11-20'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    path = home.root / "collect.lock"
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdout is not None
    assert first.stdout.readline() == b"held\n"
    with pytest.raises(CollectorError, match=f"process {first.pid}, collect of 2026-11-20"):
        run(home, upstream, "collect", "15:36", *POOLS)
    first.kill()
    first.wait()
    with held(path, "after a kill the lock is free"):
        assert json.loads(path.read_text())["pid"] == os.getpid()


def test_a_step_that_a_later_one_replaced_is_missed(home: Home, upstream: Upstream) -> None:
    report = run(home, upstream, "collect", "17:00", *POOLS)
    assert report.state == "missed"
    assert not upstream.requests
