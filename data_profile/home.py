"""The home folder: where everything that is ever written lives."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Home:
    """Paths below one home folder (`--home`, `TIDE_HOME`, default `runs/`).

    Parameters
    ----------
    root
        The folder. `create` makes it and its sub-folders.
    universe
        Whose factors are meant. What mining writes (ledger, sessions, reports) lies in the home
        itself for sectors and in its folder `stock` for stocks, so that no pool ever meets a
        factor of the other; the market data, MLflow's database and caches are shared.
    """

    root: Path
    universe: Literal["sector", "stock"] = "sector"

    def of(self, universe: Literal["sector", "stock"]) -> "Home":
        """The same home, for the factors of a universe."""
        return replace(self, universe=universe)

    @property
    def mining(self) -> Path:
        """Where the miner of this universe writes."""
        return self.root if self.universe == "sector" else self.root / self.universe

    def create(self) -> "Home":
        """Make the folders that other parts write to, and return self."""
        for folder in (self.root, self.artifacts, self.sessions, self.reports, self.cache):
            folder.mkdir(parents=True, exist_ok=True)
        return self

    @property
    def store(self) -> Path:
        """Market data: Parquet truth, dense panel, Qlib tree."""
        return self.root / "store"

    @property
    def stocks(self) -> Path:
        """Single stocks: bars, the dragon-tiger list and its seats."""
        return self.store / "stocks"

    @property
    def journal(self) -> Path:
        """SQLite database of what the collector did."""
        return self.root / "collection.db"

    @property
    def ledger(self) -> Path:
        """SQLite database of every attempt ever made."""
        return self.mining / "ledger.db"

    @property
    def forecasts(self) -> Path:
        """SQLite database of every forecast, kept as it was made."""
        return self.root / "forecasts.db"

    @property
    def mlflow_db(self) -> Path:
        """SQLite database behind MLflow."""
        return self.root / "mlflow.db"

    @property
    def mlflow_uri(self) -> str:
        """The default MLflow tracking address."""
        return f"sqlite:///{self.mlflow_db.absolute()}"

    @property
    def artifacts(self) -> Path:
        """MLflow artifacts."""
        return self.root / "artifacts"

    @property
    def sessions(self) -> Path:
        """One folder a mining session."""
        return self.mining / "sessions"

    @property
    def reports(self) -> Path:
        """Reports for people."""
        return self.mining / "reports"

    @property
    def models(self) -> Path:
        """Trained predictors."""
        return self.root / "models"

    @property
    def cache(self) -> Path:
        """What can be made again: compiled kernels, prompt answers."""
        return self.root / "cache"
