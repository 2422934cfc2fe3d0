"""The replay's scores: kept, found again, made again when anything they stand on changes."""

from pathlib import Path

import numpy as np
import pytest

from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.panel import Panel
from predictor import replayed as module
from predictor.backtest import backtest
from predictor.dataset import Panels, align
from predictor.filters import Thresholds
from predictor.replayed import replayed
from predictor.rolling import Window, windows


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).create()


@pytest.fixture(scope="module")
def panels() -> Panels:
    panel = Panel.from_frame(synthetic(3, sectors=12, sessions=330).frame)
    return align(panel, panel)


def test_scores_are_kept_and_found_again(
    home: Home, panels: Panels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(sessions: np.ndarray, train_months: int) -> list[Window]:
        return windows(sessions, train_months=6, first_test="2025-11-03")

    monkeypatch.setattr(module, "windows", short)
    fitted: list[str] = []
    first = replayed(home, panels, said=fitted.append)
    assert fitted
    assert first.source == "replay"
    assert "none of the pool" in first.what
    [kept] = (home.cache / "replays").iterdir()
    again = replayed(home, panels, said=fitted.append)
    assert len(fitted) == len(set(fitted))  # nothing was fitted twice
    for name in ("score", "p_surge", "p_at_least_one"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    said = np.isfinite(first.score).any(axis=1)
    assert first.sessions[said][0] >= np.datetime64("2025-11-03")
    assert backtest(panels, first).document["source"] == "replay"

    strict = replayed(home, panels, thresholds=Thresholds(companies=10_000))
    assert strict.removed[said].all()
    kept.write_bytes(b"damaged")
    repaired = replayed(home, panels)
    np.testing.assert_array_equal(repaired.score, first.score)
    replayed(home, panels, seed=2)
    assert len(list((home.cache / "replays").iterdir())) == 2
