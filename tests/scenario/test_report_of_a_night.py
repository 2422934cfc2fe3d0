"""When a night's report is written, and what of it the night must not do."""

from pathlib import Path

import pytest

from data_profile.home import Home
from factor_pool.errors import PoolError
from factor_pool.pool import Pool
from scenario.errors import IsolationError
from scenario.loop import MineOptions, mine
from tests.scenario.nights import Here, Silent
from tests.scenario.test_loop import OPTIONS


def report(home: Home) -> str:
    (page,) = home.reports.glob("*.html")
    (text,) = home.reports.glob("*.md")
    assert page.stem == text.stem
    return text.read_text("utf-8").replace("\\", "")


def test_a_night_ends_with_its_report(home: Home, here: object) -> None:
    display = Silent()
    summary = mine(home, OPTIONS, display)
    said = report(home)
    assert "The target was reached." in said
    assert f"{summary.accepted} accepted." in said
    for row in Pool(home).rows():
        assert f"### {row['id']} `{row['expression']}`" in said
    assert display.lines[-1] == f"report: {home.reports / summary.session}.html"


def test_a_night_that_is_stopped_reports_and_writes_again_when_resumed(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter([False] * 8 + [True])
    with monkeypatch.context() as patch:
        patch.setattr("scenario.loop._Stop.asked", lambda stop: next(asked))
        assert mine(home, OPTIONS, Silent()).interrupted
    assert "Stopped by hand in iteration 1" in report(home)
    assert "Go on with the same command" in report(home)
    mine(home, OPTIONS, Silent())
    assert "The target was reached." in report(home)


def test_a_night_that_fails_reports_why(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Here, jobs: object) -> None:
        raise IsolationError("the engine is gone")

    monkeypatch.setattr(Here, "run", broken)
    with pytest.raises(IsolationError):
        mine(home, OPTIONS, Silent())
    assert "It stopped on an error: the engine is gone" in report(home)


def test_in_chinese(home: Home, here: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDE_LANG", "zh")
    mine(home, MineOptions(loops=1, seed=3), Silent())
    assert "晨报" in report(home)


def test_the_reports_reach_the_nights_run(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, list[Path]]] = []

    def publish(pool: Pool, session: str, reports: list[Path]) -> None:
        shown.append((session, list(reports)))

    monkeypatch.setattr("scenario.loop.Pool.publish_night", publish)
    monkeypatch.setattr("scenario.loop.backtest_accepted", lambda *args: 0)
    summary = mine(home, MineOptions(loops=1, seed=3), Silent())
    session, files = shown[-1]
    assert session == summary.session
    assert {path.suffix for path in files} == {".html", ".md"}
    assert all(path.exists() for path in files)


def test_an_mlflow_that_is_gone_costs_no_report(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise PoolError("MLflow cannot be written")

    monkeypatch.setattr("scenario.loop.Pool.publish_night", refuse)
    monkeypatch.setattr("scenario.loop.backtest_accepted", lambda *args: 0)
    display = Silent()
    mine(home, MineOptions(loops=1, seed=3), display)
    assert report(home)
    assert any("MLflow cannot be written" in line for line in display.lines)
