"""A small market with a mined pool, trained once for all tests of this folder."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import Market, synthetic
from data_profile.panel import Panel
from data_profile.store import Store
from factor_pool.ledger import Ledger
from factor_pool.records import Proposal, Test
from predictor.dataset import Dataset, Panels, align, build
from predictor.features import BASE_FEATURES
from predictor.training import Trained, train

QUICK = {"train_months": 6, "valid_months": 2}
"""A training in half the time, for tests of what happens around it."""

FACTORS = ("Mean($net_inflow / $turnover, 5)", "Corr($close, $turnover, 10)")


def accept(home: Home, factors: Sequence[str], first: int = 1) -> None:
    """Enter factors into the pool as mining does: recorded, scored, tested, accepted."""
    sessions = Store(home.store).panel().sessions
    figures = dict(
        zip(("start", "end", "data_end"), map(str, sessions[[300, 400, -3]]), strict=True)
    )
    with Ledger(home.ledger) as ledger:
        proposals = [
            Proposal(text, text, "evolve", f"idea {{0}} behind {text}") for text in factors
        ]
        attempts = ledger.record(
            f"session-{first}", 0, proposals, snapshot="s", label="limit_up_count", seed=1
        )
        ledger.scored([(attempt.id, {"marginal_rank_ic": 0.05}) for attempt in attempts])
        for position, attempt in enumerate(attempts, start=first):
            test = Test(position, attempt.id, "addis", 1e-4, 0.01, True, figures)
            ledger.accept(attempt.id, test, sign=1)


@pytest.fixture(scope="session")
def market() -> Market:
    return synthetic(3, sectors=20, sessions=620)


@pytest.fixture(scope="session")
def panels(market: Market) -> Panels:
    """Nothing in it was corrected later: what is known and the outcome are the same."""
    panel = Panel.from_frame(market.frame)
    return align(panel, panel)


@pytest.fixture(scope="session")
def panel(panels: Panels) -> Panel:
    return panels.outcome


@pytest.fixture(scope="session")
def dataset(panels: Panels) -> Dataset:
    return build(panels, BASE_FEATURES)


@pytest.fixture(scope="session")
def trained_home(market: Market, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Trained]:
    """Shared by all tests; none may change it."""
    home = Home(tmp_path_factory.mktemp("trained")).create()
    Store(home.store).build(market.frame, market.names, source="synthetic-3")
    accept(home, FACTORS)
    return home, train(home, seed=5)


@pytest.fixture
def home(trained_home: tuple[Home, Trained], tmp_path: Path) -> Home:
    """A copy that a test may change."""
    shutil.copytree(trained_home[0].root, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


@pytest.fixture
def rebuild() -> Callable[[Home, pd.DataFrame, dict[str, str]], None]:
    """Replace a home's store."""

    def replace(home: Home, frame: pd.DataFrame, names: dict[str, str]) -> None:
        Store(home.store).build(frame, names, source="test")

    return replace
