"""Train the predictor: fit, judge on a hold-out, refit on everything, save, record."""

import datetime as dt
import importlib.metadata
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.store import Store
from factor_pool.ledger import Ledger
from predictor import storage, tracking
from predictor.dataset import Dataset, build, panels, split_usable
from predictor.features import BASE_FEATURES, pool_features
from predictor.model import HEADS, Model, Step, fit, parameters, refit
from predictor.pool import PoolState, read_pool
from predictor.splits import Split, span, split
from predictor.track_record import JUDGED_HEADS, track_record

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """What `train` did.

    Parameters
    ----------
    id, path
        The model, now the current one.
    card
        What is stored beside it; see `predictor.storage.Stored`.
    mlflow_run_id
        The run in the experiment "predictor".
    seconds
        Wall time.
    """

    id: str
    path: Path
    card: Mapping[str, Any]
    mlflow_run_id: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For `tide train --json`."""
        kept = ("pool", "data", "windows", "missing_features", "track_record")
        return {
            "model": self.id,
            "path": str(self.path),
            "features": [feature["name"] for feature in self.card["features"]],
            **{name: self.card[name] for name in kept},
            "mlflow_run_id": self.mlflow_run_id,
            "seconds": round(self.seconds, 1),
        }


def train(home: Home, *, seed: int = 1, progress: Progress | None = None) -> Trained:
    """Train on the store and the pool's active members, and make the result the current model.

    Parameters
    ----------
    home
        Its store and ledger are read; `models/`, `mlflow.db` and `artifacts/` are written.
    seed
        The same seed, store and pool give the same model, bit for bit.
    progress
        Called with what is being done and the share (0..1) of all that is done.

    Raises
    ------
    PredictorError
        Too few sessions, no limit-up counts, or MLflow cannot be written (the model is kept).
    data_profile.errors.StoreError
        There is no store.
    """
    started = time.monotonic()
    market = panels(Store(home.store))
    pool = read_pool(home)
    features, missing = split_usable(BASE_FEATURES + pool_features(pool.members), market.known)
    mined = [feature.name for feature in features if feature.member is not None]
    steps = _Steps(progress, total=2 * len(HEADS) + (len(JUDGED_HEADS) if mined else 0) + 4)
    parts = split(market.outcome, home.ledger)
    steps("computing the features")
    dataset = build(market, features)
    if parts.sealed:
        _log_opening(home, parts, market.known)
    judged, record = _judge(market.known, dataset, parts, mined, seed, steps)
    final = refit(judged, dataset, parts.everything, seed=seed, step=steps.named("refitting"))
    steps("saving the model")
    card = _card(market.known, parts, pool, missing, record, seed)
    path = home.models / storage.save(home.models, final, card)
    stored = storage.load(path)
    steps("recording in MLflow")
    run = tracking.log_training(home, path, stored.card)
    return Trained(stored.id, path, stored.card, run, time.monotonic() - started)


class _Steps:
    """Counts steps, and tells the caller the share that is done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._begun = progress, total, 0

    def __call__(self, what: str) -> None:
        if self._progress is not None:
            self._progress(what, self._begun / self._total)
        self._begun += 1

    def named(self, what: str) -> Step:
        return lambda head: self(f"{what}: {head}")


def _log_opening(home: Home, parts: Split, panel: Panel) -> None:
    """Write down that the sealed window is about to be read, before it is."""
    test = span(panel.sessions[parts.test])
    with Ledger(home.ledger) as ledger:
        ledger.opened(
            "sealed",
            "predictor",
            f"hold-out figures of a model, {test['start']}..{test['end']}; shown to people only",
            content_hash=panel.snapshot_id,
            first=dt.date.fromisoformat(test["start"]),
            last=dt.date.fromisoformat(test["end"]),
        )


def _judge(
    panel: Panel, dataset: Dataset, parts: Split, mined: Sequence[str], seed: int, steps: _Steps
) -> tuple[Model, dict[str, Any]]:
    """A model that has not seen the hold-out, and its figures there."""
    model = fit(dataset, parts.train, parts.valid, seed=seed, step=steps.named("fitting"))
    without = None
    if mined:
        bare = dataset.drop(mined)
        step = steps.named("fitting without the pool")
        ordering = fit(bare, parts.train, parts.valid, seed=seed, step=step, heads=JUDGED_HEADS)
        without = (ordering, bare)
    steps("judging on the hold-out")
    return model, track_record(panel, dataset, parts, model, without, seed=seed)


def _card(
    panel: Panel,
    parts: Split,
    pool: PoolState,
    missing: Mapping[str, str],
    record: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    data = {"snapshot_id": panel.snapshot_id, **span(panel.sessions)}
    return {
        "missing_features": dict(missing),
        "pool": {
            "version": pool.version,
            "members": [member.id for member in pool.members],
        },
        "data": data | {"sectors": len(panel.instruments)},
        "seed": seed,
        "windows": parts.to_dict(panel.sessions),
        "parameters": parameters(),
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("limit-up-tide", "lightgbm", "numpy")
        },
        "track_record": dict(record),
    }
