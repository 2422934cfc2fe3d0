"""Windows are placed once, kept, and move only forward and on purpose."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from data_profile.panel import Panel
from factor_pool import borders
from factor_pool.errors import EvaluationError, LedgerError
from factor_pool.evaluation.windows import place
from factor_pool.ledger import Ledger
from factor_pool.records import Proposal
from tests.factor_pool.evaluation.markets import panel_of

CORE = ("close",)


def day(number: int) -> dt.date:
    return dt.date(2020, 1, 1) + dt.timedelta(number)


def panel(sessions: int) -> Panel:
    return panel_of(close=np.ones((sessions, 2)))


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in borders.SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def test_the_first_run_writes_them_and_later_ones_keep_them(ledger: Ledger) -> None:
    windows, first = borders.settle(ledger, panel(700), CORE)
    assert windows == place(panel(700), CORE)
    grown, again = borders.settle(ledger, panel(760), CORE)
    assert again == first
    assert (grown.search, grown.confirm) == (windows.search, windows.confirm)
    assert grown.sealed.start == windows.sealed.start
    assert grown.sealed.end == day(759)
    assert first.who == borders.person()
    assert "default fractions" in first.why
    assert len(ledger.borders()) == 1


def test_looking_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    assert borders.current(path, panel(700), CORE).borders is None
    assert not path.exists()
    with Ledger(path) as ledger:
        _, written = borders.settle(ledger, panel(700), CORE)
    assert borders.current(path, panel(760), CORE).borders == written


def test_settings_place_and_move_them_forward_and_that_is_kept(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDE_SEARCH_END", str(day(400)))
    windows, first = borders.settle(ledger, panel(800), CORE)
    assert windows.search.end == day(400)
    assert first.why == f"TIDE_SEARCH_END={day(400)}"
    monkeypatch.setenv("TIDE_SEARCH_END", str(day(450)))
    assert borders.current(ledger.path, panel(800), CORE).moved
    windows, second = borders.settle(ledger, panel(800), CORE)
    assert (second.id, second.search_end) == (2, day(450))
    assert second.confirm_end == first.confirm_end
    monkeypatch.delenv("TIDE_SEARCH_END")
    assert borders.settle(ledger, panel(800), CORE)[1] == second


def test_what_was_searched_can_judge_nothing_any_more(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, _ = borders.settle(ledger, panel(800), CORE)
    monkeypatch.setenv("TIDE_SEARCH_END", str(windows.search.end - dt.timedelta(30)))
    with pytest.raises(LedgerError, match="been searched and cannot judge a factor any more"):
        borders.settle(ledger, panel(800), CORE)
    monkeypatch.delenv("TIDE_SEARCH_END")
    monkeypatch.setenv("TIDE_CONFIRM_END", str(windows.confirm.end - dt.timedelta(30)))
    with pytest.raises(LedgerError, match="cannot be sealed"):
        borders.settle(ledger, panel(800), CORE)
    assert len(ledger.borders()) == 1


def test_data_that_does_not_reach_the_borders_is_named(ledger: Ledger) -> None:
    borders.settle(ledger, panel(800), CORE)
    with pytest.raises(EvaluationError, match=r"do not fit this data.*take another --home"):
        borders.settle(ledger, panel(500), CORE)


def test_a_setting_that_is_no_date(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDE_CONFIRM_END", "last summer")
    with pytest.raises(EvaluationError, match="TIDE_CONFIRM_END must be a date such as"):
        borders.settle(ledger, panel(800), CORE)


def test_an_attempt_under_other_borders_is_another_attempt(ledger: Ledger) -> None:
    idea = Proposal("$close", "$close", "evolve")
    data = {"snapshot": "abc", "label": "limit_up_count", "seed": 1}
    [first] = ledger.record("s", 0, [idea], **data, borders=1)
    [second] = ledger.record("s", 1, [idea], **data, borders=2, prompts="system-1")
    [third] = ledger.record("s", 2, [idea], **data, borders=2)
    assert (second.stage, second.borders, second.prompts) == ("proposed", 2, "system-1")
    assert (third.stage, third.duplicate_of) == ("duplicate", second.id)
    assert [a.id for a in ledger.attempts(borders=1)] == [first.id]


def test_confirm_made_of_opened_sessions_is_told(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, _ = borders.settle(ledger, panel(800), CORE)
    sealed = windows.sealed
    ledger.opened("sealed", "ann", "to see", first=sealed.start, last=sealed.end)
    assert not borders.spent(ledger, windows)
    monkeypatch.setenv("TIDE_CONFIRM_END", str(sealed.start + dt.timedelta(20)))
    moved, _ = borders.settle(ledger, panel(800), CORE)
    assert [one.who for one in borders.spent(ledger, moved)] == ["ann"]
