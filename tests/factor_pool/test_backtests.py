"""What waits for a backtest, what a sandbox is given for it, and what of its answer is kept."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.store import Store
from factor_pool import backtests
from factor_pool.errors import EvaluationError
from factor_pool.expression import parse
from factor_pool.ledger import Ledger
from factor_pool.pool import Pool
from factor_pool.records import Proposal, Test

SEARCH_END, START, END = 450, 460, 560  # rows of the panel
ORIGIN = {"engine": "Qlib 0", "isolation": "process", "snapshot": "abc"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market") / "store"
    market = synthetic(5, sectors=12, sessions=640)
    Store(folder).build(market.frame, market.names, source="synthetic-5")
    return folder


@pytest.fixture
def home(store: Path, tmp_path: Path) -> Home:
    made = Home(tmp_path / "home").create()
    made.store.symlink_to(store)
    return made


def accept(home: Home, panel: Panel, *texts: str, start: object = None) -> None:
    """Accept factors on a confirm window in the middle of the panel."""
    days = {"start": start or str(panel.sessions[START]), "end": str(panel.sessions[END])}
    with Ledger(home.ledger) as ledger:
        proposals = [Proposal(text, str(parse(text)), "evolve", "idea") for text in texts]
        made = ledger.record(
            "night", ledger.count(), proposals, snapshot="abc", label="limit_up_count", seed=1
        )
        for attempt in made:
            first = str(panel.sessions[100]).replace("-", "")
            ledger.scored([(attempt.id, {"first_session": int(first)})])
            position = len(ledger.tests()) + 1
            figures = days | {"sessions": 100}
            test = Test(position, attempt.id, "addis", 0.001, 0.01, True, figures)
            ledger.accept(attempt.id, test, sign=-1)


def reply(**other: Any) -> dict[str, Any]:
    curve = {name: [0.5, 1.0] for name in backtests.CURVE}
    curve["sessions"] = ["2025-01-02", "2025-01-03"]
    figures = {"annual_excess": 0.1, "information_ratio": None}
    return {"figures": figures, "curve": curve, "rules": {"top": 5}, "difference": 1e-15} | other


def test_an_errand_trades_search_and_confirm_and_nothing_later(home: Home) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, "Mean($net_inflow, 5)")
    [errand], problems = backtests.waiting(home, panel)
    assert problems == []
    search, confirm = errand.windows
    assert search.start == panel.sessions[100].item(), "before it the factor had no data"
    assert search.end < confirm.start
    jobs = errand.jobs()
    assert [job["window"] for job in jobs] == ["search", "confirm"]
    assert {(job["expression"], job["sign"]) for job in jobs} == {("Mean($net_inflow, 5)", -1)}
    assert jobs[1]["start"] == str(panel.sessions[START])
    assert jobs[1]["end"] == str(panel.sessions[END])


def test_what_a_sandbox_gets_ends_with_the_window_and_holds_only_what_is_asked_for(
    home: Home,
) -> None:
    """The poison test: whatever comes after the window has no way into the panel."""
    panel = Store(home.store).panel()
    accept(home, panel, "Mean($net_inflow, 5)")
    [errand], _ = backtests.waiting(home, panel)
    for window in errand.windows:
        shown = backtests.cut(panel, window, [errand.member])
        assert shown.sessions[-1] == np.datetime64(window.end)
        assert set(shown.fields) == {
            "close", "open", "net_inflow", "limit_up_count", "limit_down_count", "company_count",
        } & set(panel.fields)  # fmt: skip
        poisoned = {name: matrix.copy() for name, matrix in panel.values.items()}
        for matrix in poisoned.values():
            matrix[panel.sessions > np.datetime64(window.end)] = 1e9
        other = Panel(panel.sessions, panel.instruments, poisoned, panel.listed)
        assert backtests.cut(other, window, [errand.member]).snapshot_id == shown.snapshot_id


def test_who_has_a_backtest_waits_no_more(home: Home) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, "Mean($net_inflow, 5)", "$turnover")
    errands, _ = backtests.waiting(home, panel)
    backtests.save(home, errands[0], [reply(), reply()], ORIGIN)
    left, _ = backtests.waiting(home, panel)
    assert [errand.member.id for errand in left] == ["F0002"]
    document = backtests.load(home, errands[0].member)
    assert document is not None
    assert backtests.disagreement(document) == 1e-15
    assert backtests.summary(home, errands[0].member)["windows"]["search"].keys() == {
        "start", "end", "figures", "difference",
    }  # fmt: skip


@pytest.mark.parametrize("content", ["", "{", "[]", '{"expression": "$close", "sign": 1}'])
def test_a_file_that_is_no_backtest_of_the_factor_is_none(home: Home, content: str) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, "$turnover")
    [errand], _ = backtests.waiting(home, panel)
    path = backtests.file_of(home, errand.member)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert backtests.load(home, errand.member) is None
    assert len(backtests.waiting(home, panel)[0]) == 1


def test_one_that_the_data_cannot_trade_bars_no_other(home: Home) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, "$no_such_field")
    accept(home, panel, "$turnover")
    errands, problems = backtests.waiting(home, panel)
    assert [errand.member.expression for errand in errands] == ["$turnover"]
    [problem] = problems
    assert "F0001" in problem
    assert "no_such_field" in problem


@pytest.mark.parametrize(
    "bad",
    [
        {"figures": None},
        {"curve": {}},
        {"curve": reply()["curve"] | {"net_value": [1.0]}},
        {"curve": reply()["curve"] | {"net_value": [1.0, "<script>"]}},
        {"curve": reply()["curve"] | {"sessions": ["2025-01-02", "<script>"]}},
        {"difference": float("nan")},
        {"rules": 5},
    ],
)
def test_what_is_no_account_is_refused(home: Home, bad: dict[str, Any]) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, "$turnover")
    [errand], _ = backtests.waiting(home, panel)
    with pytest.raises(EvaluationError, match="runner"):
        backtests.save(home, errand, [reply(), reply(**bad)], ORIGIN)
    assert backtests.load(home, errand.member) is None


def test_no_ledger_nothing_waits(home: Home) -> None:
    assert backtests.waiting(home, Store(home.store).panel()) == ([], [])


def test_a_backtest_that_comes_late_reaches_the_factors_run_once(home: Home) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, "$turnover")
    pool = Pool(home)
    pool.publish_pending()
    run = pool._client.get_run(pool.rows()[0]["mlflow_run_id"])
    assert "waits" in run.data.tags["backtest"]
    [errand], _ = backtests.waiting(home, panel)
    curve = reply()["curve"] | {"sessions": [str(day) for day in panel.sessions[-2:]]}
    rules = {"top": 5, "drop": 1, "deal": "open", "open_cost": 0.0005, "close_cost": 0.0015}
    answer = reply(curve=curve, rules=rules)
    backtests.save(home, errand, [answer, answer], ORIGIN)
    for _ in range(2):
        pool.publish_pending()
    run = pool._client.get_run(run.info.run_id)
    assert run.data.metrics["backtest_confirm/annual_excess"] == 0.1
    assert run.data.metrics["backtest/qlib_minus_simulator"] == 1e-15
    assert "Qlib 0" in run.data.tags["backtest"]
    history = pool._client.get_metric_history(run.info.run_id, "backtest_confirm/annual_excess")
    assert len(history) == 1
    names = {one.path for one in pool._client.list_artifacts(run.info.run_id)}
    assert {"backtest.json", "report.html", "factor.json"} <= names
    page = (home.reports / "F0001" / "report.html").read_text("utf-8")
    assert "Qlib 0" in page
    document = pool.show("F0001")["backtest"]
    assert json.loads(json.dumps(document))["windows"]["confirm"]["figures"]["annual_excess"] == 0.1
