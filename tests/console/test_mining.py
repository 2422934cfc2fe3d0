"""What is seen of a night while it runs."""

import datetime as dt
import io
from typing import Any

import pytest
from rich.console import Console

from console import mining
from console.mining import MiningDisplay, show_summary, standing
from scenario.morning.words import GATES
from scenario.session import Progress, Summary

NOW = dt.datetime(2026, 11, 20, 23, 0, tzinfo=dt.UTC)


def progress(**changes: Any) -> Progress:
    values: dict[str, Any] = {
        "session": "20261120T130000-ab12", "iterations": 3, "evaluated": 1_200, "accepted": 2,
        "target": None, "rate": 40.0, "best_marginal_ic": 0.0412, "spend_usd": 0.25,
        "seconds": 30.0, "deadline": None, "error_budget": 0.42,
    }  # fmt: skip
    return Progress(**(values | changes))


def test_everything_that_matters_is_named() -> None:
    assert standing(progress(), NOW) == {
        "tried": "1,200", "a second": "40", "accepted": "2", "best marginal IC": "0.041",
        "error budget": "42%", "spent": "0.25 USD",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"deadline": NOW + dt.timedelta(hours=8, seconds=5)}, "8:00:05"),
        ({"target": 2_000}, "0:00:20"),
        ({"target": 2_000, "deadline": NOW + dt.timedelta(seconds=7)}, "0:00:07"),
        ({"deadline": NOW - dt.timedelta(hours=1)}, "0:00:00"),
    ],
)
def test_the_time_left_is_to_what_comes_first(changes: dict[str, Any], left: str) -> None:
    assert standing(progress(**changes), NOW)["time left"] == left


def test_nothing_is_known_of_the_time_left_before_the_first_factor() -> None:
    shown = standing(progress(target=10, rate=0.0, best_marginal_ic=None), NOW)
    assert "time left" not in shown
    assert shown["best marginal IC"] == "-"


def test_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with MiningDisplay() as display:
        display.say("session s: new [not markup]")
        for seconds in (1.0, 31.0, 40.0, 70.0):
            display.progress(progress(seconds=seconds))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "session s: new [not markup]"
    assert len(lines) == 3
    assert "error budget 42%" in lines[1]
    assert "\x1b" not in "".join(lines)


def test_a_board_on_a_terminal_that_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(
        force_terminal=True,
        width=80,
        highlight=False,
        stderr=True,
        record=True,
        legacy_windows=False,
    )
    monkeypatch.setattr(mining, "stderr", terminal)
    with MiningDisplay() as display:
        display.progress(progress(target=5_000, deadline=dt.datetime.now(dt.UTC)))
        board = mining._board(progress(target=5_000), standing(progress(target=5_000), NOW))
    terminal.print(board)
    text = terminal.export_text()
    for word in ("tried", "1,200", "accepted", "0.041", "42%", "0.25 USD", "time left"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_summary_says_in_words_where_attempts_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_summary(Summary("s", 10, 1, {"strength": 9, "a new gate": 1}, 2.0, 0.5, "target"))
    said = capsys.readouterr().out
    assert "adds too little" in said
    assert "a new gate" in said
    assert "0.5000 USD" in said
    assert "10 factors tried in 2 s (5.0/s), 1 accepted" in said


def test_the_summary_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(width=80, highlight=False, record=True, file=io.StringIO())
    monkeypatch.setattr(mining, "stdout", terminal)
    session = "20261120T130000123456-ab12"
    rejected = dict.fromkeys(GATES, 1_234_567)
    show_summary(Summary(session, 1_234_567, 1_234, rejected, 123_456.0, 0.0, "target"))
    lines = terminal.export_text().splitlines()
    assert [line for line in lines if session in line] == [f"session {session}"]
    assert len(lines) == 3 + len(GATES)
