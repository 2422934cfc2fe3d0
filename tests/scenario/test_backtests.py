"""Backtests of accepted factors: made in a sandbox, and whatever fails there costs no factor."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.store import Store
from factor_pool import backtests
from factor_pool.evaluation.backtest import Market, Rules
from factor_pool.expression import evaluate, parse
from scenario.backtests import backtest_accepted
from scenario.errors import IsolationError
from scenario.isolation.base import Failure, Isolation
from tests.factor_pool.test_backtests import accept

TEXTS = ("Mean($net_inflow, 5)", "CSRank($turnover)")
Reply = dict[str, Any] | Failure


class Sandbox(Isolation):
    """Runs backtests where it is, or fails as it is told."""

    name = identity = "here"

    def __init__(self, answer: Callable[[Mapping[str, Any], Mapping[str, Panel]], Reply]) -> None:
        self.answer = answer
        self.sessions: dict[str, Any] = {}

    def start(self, panels: Mapping[str, Path]) -> None:
        self.panels = {name: Panel.open(folder) for name, folder in panels.items()}
        self.sessions = {name: panel.sessions for name, panel in self.panels.items()}

    def run(self, jobs: Sequence[Mapping[str, Any]]) -> list[Reply]:
        return [self.answer(job, self.panels) for job in jobs]

    def self_check(self) -> dict[str, bool]:
        return {}

    def close(self) -> None:
        pass


def use(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setattr("scenario.backtests.choose", lambda *args, **others: sandbox)


def test_accepted_factors_are_traded_by_qlib_in_worker_processes(home: Home) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, *TEXTS)
    said: list[str] = []
    assert backtest_accepted(home, "process", said.append) == 2
    assert len(said) == 1
    assert backtest_accepted(home, "process", said.append) == 0
    from factor_pool.pool import Pool

    for member in Pool(home).members():
        document = backtests.load(home, member)
        assert document is not None
        assert document["isolation"] == "process"
        assert document["engine"].startswith("Qlib 0.9")
        assert document["snapshot"] == panel.snapshot_id
        assert backtests.disagreement(document) < backtests.TOLERANCE
        for window in document["windows"].values():
            assert window["curve"]["sessions"][-1] == window["end"]
        confirm = document["windows"]["confirm"]
        (values,) = evaluate([parse(member.expression)], panel)
        market = Market(panel, Rules().on(panel))
        here = market.simulate(member.sign * values, confirm["start"], confirm["end"])
        assert np.allclose(confirm["curve"]["net_value"], here.net_value(), rtol=1e-9, atol=0)
    left = [path.name for path in (home.cache / "kernels").iterdir()]
    assert not [name for name in left if name.startswith("scratch-")]


def test_the_sandbox_gets_no_session_after_the_window(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, *TEXTS)
    sandbox = Sandbox(lambda job, panels: Failure("crash", "only looked at"))
    use(monkeypatch, sandbox)
    backtest_accepted(home, "auto", lambda line: None)
    (errand, _), _ = backtests.waiting(home, panel)
    search, confirm = errand.windows
    assert sandbox.sessions["search"][-1] == np.datetime64(search.end)
    assert sandbox.sessions["confirm"][-1] == np.datetime64(confirm.end)
    assert sandbox.sessions["confirm"][-1] < panel.sessions[-1]


def unreachable(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> Reply:
    raise IsolationError("no Docker engine")


def late(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> Reply:
    return Failure("timeout", "ran past its deadline")


def nonsense(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> Reply:
    return {"figures": {}, "curve": {}, "rules": {}, "difference": 0.0}


@pytest.mark.parametrize(
    ("answer", "word"), [(unreachable, "Docker"), (late, "deadline"), (nonsense, "runner")]
)
def test_a_backtest_that_fails_is_said_and_made_at_the_next_run(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[Mapping[str, Any], Mapping[str, Panel]], Reply],
    word: str,
) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, TEXTS[0])
    said: list[str] = []
    use(monkeypatch, Sandbox(answer))
    assert backtest_accepted(home, "auto", said.append) == 0
    assert word in said[-1]
    assert "next run" in said[-1]
    from factor_pool.pool import Pool

    assert [member.status for member in Pool(home).members()] == ["active"]

    def works(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> Reply:
        curve = {name: [1.0] for name in backtests.CURVE} | {"sessions": [job["end"]]}
        return {"figures": {}, "curve": curve, "rules": {}, "difference": 0.0}

    use(monkeypatch, Sandbox(works))
    assert backtest_accepted(home, "auto", said.append) == 1


def test_engines_that_disagree_are_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = Store(home.store).panel()
    accept(home, panel, TEXTS[0])

    def differs(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> Reply:
        curve = {name: [1.0] for name in backtests.CURVE} | {"sessions": [job["end"]]}
        return {"figures": {}, "curve": curve, "rules": {}, "difference": 1e-3}

    said: list[str] = []
    use(monkeypatch, Sandbox(differs))
    assert backtest_accepted(home, "auto", said.append) == 1
    assert "differ" in said[-1]


@pytest.mark.real_data
def test_real_accounts_agree_to_a_billionth(real_data: Path, tmp_path: Path) -> None:
    from data_profile.sources import panel_file

    imported = panel_file.read(real_data / "sector_day_panel.parquet")
    home = Home(tmp_path / "home").create()
    Store(home.store).build(imported.frame, imported.names, source="file")
    panel = Store(home.store).panel()
    accept(home, panel, "Mean($one_word_count, 5)")
    assert backtest_accepted(home, "process", lambda line: None) == 1
    from factor_pool.pool import Pool

    [member] = Pool(home).members()
    document = backtests.load(home, member)
    assert document is not None
    assert backtests.disagreement(document) < backtests.TOLERANCE
