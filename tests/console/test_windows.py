"""The tables of `tide data show` and `tide pool audit`."""

import io

import pytest
from rich.console import Console

from console import windows
from factor_pool.universe import SECTORS

BASELINES = ("persistence", "yesterday", "density", "size")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    made = Console(width=80, highlight=False, record=True, file=io.StringIO())
    monkeypatch.setattr(windows, "stdout", made)
    return made


def test_labels_are_not_broken_at_80_columns(terminal: Console) -> None:
    windows._show_labels(
        [
            {"label": name, "mean": 0.837, "event_rate": 0.37,
             "rank_ic": dict.fromkeys(BASELINES, 0.51),
             "hit_rate_at_5": dict.fromkeys(BASELINES, 0.87)}
            for name in SECTORS.labels
        ]
    )  # fmt: skip
    lines = terminal.export_text().splitlines()
    for name in SECTORS.labels:
        (line,) = [line for line in lines if line.startswith(f"{name} ")]
        assert line.count("0.51/87%") == len(BASELINES)


def test_who_opened_the_confirm_window_is_told(terminal: Console) -> None:
    windows.show_audit(
        {
            "attempts": {"total": 9, "snapshots": 1, "by_stage": {}, "by_proposer": {}},
            "tests": {"total": 22, "discoveries": 3, "rule": "LORD++", "next_level": 0.01},
            "borders": [],
            "confirm_openings": 36,
            "confirm_readers": {"acceptance": 22, "score report": 14},
            "unsealings": [],
            "selection": None,
        }
    )
    text = " ".join(terminal.export_text().split())
    assert "opened 36 times (acceptance 22, score report 14); each test opens it" in text
    assert "sealed window opened 0 times" in text
