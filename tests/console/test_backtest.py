"""`tide backtest`: every table with its baselines, and what is missing named."""

from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from console import backtest as module
from console.backtest import show_backtest
from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.store import Store
from predictor.backtest import backtest
from predictor.dataset import align
from predictor.scores import Scores
from tests.commands import tide


def test_what_a_person_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = Panel.from_frame(synthetic(2, sectors=15, sessions=80).frame)
    said = np.random.default_rng(1).random(panel.shape)
    scores = Scores(
        "replay", "of a test", panel.sessions, panel.instruments, said, said / 10, said,
        np.zeros(panel.shape, dtype=bool),
    )  # fmt: skip
    document = backtest(align(panel, panel), scores).to_dict()
    console = Console(width=120, record=True, highlight=False)
    monkeypatch.setattr(module, "stdout", console)
    show_backtest(document)
    text = console.export_text()
    assert max(cell_len(line) for line in text.splitlines()) <= 120
    for word in ("replay: of a test", "TopkDropout(3, 1)", "open of the session", "stamp duty",
                 "persistence", "size", "chance", "model less persistence", "NDCG@5", "AUC",
                 "of the base rate", "happened", "survivorship"):  # fmt: skip
        assert word in text, word


def test_without_live_forecasts_it_says_what_makes_them(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    market = synthetic(2, sectors=12, sessions=60)
    Store(home.store).build(market.frame, market.names, source="synthetic-2")
    done = tide(home.root, "backtest", "--source", "live", status=1)
    assert "no live forecast yet" in done.stderr
    done = tide(home.root, "backtest", "--start", "yesterday", status=2)
    assert "Traceback" not in done.stderr
