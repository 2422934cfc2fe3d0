"""The home folder: where everything that is ever written lives."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """Paths below one home folder (`--home`, `TIDE_HOME`, default `runs/`).

    Parameters
    ----------
    root
        The folder. `create` makes it and its sub-folders.
    """

    root: Path

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
        return self.root / "ledger.db"

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
        return self.root / "sessions"

    @property
    def reports(self) -> Path:
        """Reports for people."""
        return self.root / "reports"

    @property
    def models(self) -> Path:
        """Trained predictors."""
        return self.root / "models"

    @property
    def cache(self) -> Path:
        """What can be made again: compiled kernels, prompt answers."""
        return self.root / "cache"
