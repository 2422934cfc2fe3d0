"""Sessions: which one a run goes on with, and what it leaves behind."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool.ledger import Ledger
from scenario.errors import OptionsError
from scenario.session import SHANGHAI, MineOptions, Session, Summary


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).create()


@pytest.fixture
def ledger(home: Home) -> Iterator[Ledger]:
    with Ledger(home.ledger) as opened:
        yield opened


def panel(value: float) -> Panel:
    days = np.datetime64("2025-01-01") + np.arange(3)
    close = np.full((3, 2), value, np.float32)
    return Panel(days, ("a", "b"), {"close": close}, np.ones((3, 2), bool))


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": 0.0},
        {"hours": float("nan")},
        {"loops": 0},
        {"evaluations": -1},
        {"budget_usd": -0.1},
        {"seed": -1},
        {"proposer": "oracle"},
        {"isolation": "none"},
        {"until": "25:00"},
        {"until": "soon"},
    ],
)
def test_options_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        MineOptions(**wrong)


def test_deadlines() -> None:
    now = dt.datetime(2026, 11, 20, 14, 0, tzinfo=dt.UTC)  # 22:00 in China
    assert MineOptions().deadline(now) is None
    assert MineOptions(hours=2).deadline(now) == now + dt.timedelta(hours=2)
    morning = dt.datetime(2026, 11, 21, 7, 30, tzinfo=SHANGHAI)
    assert MineOptions(until="07:30").deadline(now) == morning
    assert MineOptions(until="23:00").deadline(now) == now + dt.timedelta(hours=1)
    assert MineOptions(until="22:00").deadline(now) == now + dt.timedelta(days=1)
    assert MineOptions(until="07:30", hours=1).deadline(now) == now + dt.timedelta(hours=1)


def test_goes_on_with_the_newest_unfinished_that_fits(home: Home, ledger: Ledger) -> None:
    first, resumed = Session.open(home, ledger, MineOptions(), "data")
    assert not resumed
    again, resumed = Session.open(home, ledger, MineOptions(), "data")
    assert resumed
    assert again.id == first.id
    for other in (
        Session.open(home, ledger, MineOptions(new=True), "data"),
        Session.open(home, ledger, MineOptions(seed=2), "data"),
        Session.open(home, ledger, MineOptions(label="limit_up_surge"), "data"),
        Session.open(home, ledger, MineOptions(proposer="evolve"), "data"),
        Session.open(home, ledger, MineOptions(), "newer data"),
    ):
        assert not other[1]
        assert other[0].id != first.id
    newest, resumed = Session.open(home, ledger, MineOptions(), "data")
    assert resumed
    assert newest.id > first.id  # the one of --new


def test_a_finished_session_is_left_alone(home: Home, ledger: Ledger) -> None:
    session, _ = Session.open(home, ledger, MineOptions(), "data")
    session.panels(panel(1), panel(2))
    session.finish("target")
    assert not (session.folder / "panels").exists()
    after, resumed = Session.open(home, ledger, MineOptions(), "data")
    assert not resumed
    assert after.id != session.id
    assert after.record.stream != session.record.stream  # or it would repeat the first


def test_a_finished_session_is_opened_again_for_who_asks(home: Home, ledger: Ledger) -> None:
    session, _ = Session.open(home, ledger, MineOptions(), "data")
    session.iteration_done("evolve", evaluated=64, accepted=1, cost=64.0)
    session.finish("target")
    again, resumed = Session.open(home, ledger, MineOptions(reopen=True), "data")
    assert resumed
    assert (again.id, again.record.evaluated, again.record.end) == (session.id, 64, None)
    assert Session.open(home, ledger, MineOptions(), "data")[0].id == session.id  # cut short now
    other, resumed = Session.open(home, ledger, MineOptions(reopen=True), "newer data")
    assert not resumed
    assert other.id != session.id


def test_what_was_done_is_added_up_and_kept(home: Home, ledger: Ledger) -> None:
    session, _ = Session.open(home, ledger, MineOptions(), "data")
    session.iteration_done("evolve", evaluated=64, accepted=1, cost=64.0)
    session.iteration_done("llm", evaluated=0, accepted=0, cost=200.0)
    session.iteration_done("evolve", evaluated=60, accepted=0, cost=60.0)
    record = Session.open(home, ledger, MineOptions(), "data")[0].record
    assert record == session.record
    assert (record.iterations, record.evaluated, record.accepted) == (3, 124, 1)
    assert record.tallies["evolve"].cost == 124.0
    assert record.tallies["llm"].iterations == 1
    assert record.earlier_tallies["evolve"].cost == 64.0  # what the next one is chosen by
    assert record.barren == 0


def test_a_folder_without_a_record_is_no_session(home: Home, ledger: Ledger) -> None:
    (home.sessions / "99999999T000000-dead").mkdir()
    _, resumed = Session.open(home, ledger, MineOptions(), "data")
    assert not resumed


def test_panels_are_saved_once_and_made_good(home: Home, ledger: Ledger) -> None:
    session, _ = Session.open(home, ledger, MineOptions(), "data")
    folders = session.panels(panel(1), panel(2))
    before = (folders["search"] / "panel.json").stat().st_ino
    assert session.panels(panel(1), panel(2)) == folders
    assert (folders["search"] / "panel.json").stat().st_ino == before
    (folders["search"] / "panel.json").unlink()  # as a kill would leave it
    (folders["search"].with_name(".confirm")).mkdir()
    session.panels(panel(1), panel(2))
    assert Panel.open(folders["search"]).values["close"][0, 0] == 1


def test_summary() -> None:
    summary = Summary("s", 100, 1, {"strength": 99}, 2.0, 0.5, "interrupted")
    assert summary.interrupted
    assert summary.to_dict()["evaluations_per_second"] == 50.0


def test_versions_of_the_prompts_are_recorded(
    home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = Session.open(home, ledger, MineOptions(), "data")
    (first,) = session.record.prompts
    assert "system-2" in first
    session.iteration_done("llm", evaluated=5, accepted=0, cost=400.0)
    monkeypatch.setattr("prompts.version", lambda: "system-3")
    again, resumed = Session.open(home, ledger, MineOptions(), "data")
    assert resumed
    assert again.record.prompts == {first: 0, "system-3": 1}
