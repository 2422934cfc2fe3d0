"""Train the predictor: check the pool, fit, judge on a hold-out, refit, save, challenge, record."""

import datetime as dt
import importlib.metadata
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_profile.files import exclusive
from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.store import Store
from factor_pool.ledger import Ledger
from predictor import champion, storage, tracking
from predictor.auction import Auction, history
from predictor.champion import Decision
from predictor.dataset import Dataset, Panels, build, panels, split_usable
from predictor.errors import PredictorError
from predictor.features import BASE_FEATURES, pool_features
from predictor.importance import importance
from predictor.model import HEADS, Model, Step, fit, parameters, refit
from predictor.pool import PoolCheck, PoolState, check_pool, read_pool
from predictor.rolling import TRAIN_MONTHS, VALID_MONTHS, newest
from predictor.splits import Split, span, split
from predictor.track_record import JUDGED_HEADS, after_auction, track_record
from predictor.update import Update

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """What `train` did.

    Parameters
    ----------
    id, path
        The model.
    card
        What is stored beside it; see `predictor.storage.Stored`.
    pool_check
        What the decay monitor found before.
    settled
        What became of models that had been waiting.
    decision
        What becomes of this one.
    champion
        Id of the model that forecasts now.
    mlflow_run_id
        The run in the experiment "predictor".
    seconds
        Wall time.
    """

    id: str
    path: Path
    card: Mapping[str, Any]
    pool_check: PoolCheck
    settled: tuple[Decision, ...]
    decision: Decision
    champion: str
    mlflow_run_id: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For `tide train --json`."""
        kept = ("pool", "data", "windows", "missing_features", "track_record", "importance")
        return {
            "model": self.id,
            "path": str(self.path),
            "champion": self.champion,
            "decision": self.decision.to_dict(),
            "settled": [one.to_dict() for one in self.settled],
            "pool_check": self.pool_check.to_dict(),
            "features": [feature["name"] for feature in self.card["features"]],
            **{name: self.card[name] for name in kept},
            "auction": self.card.get("auction"),
            "mlflow_run_id": self.mlflow_run_id,
            "seconds": round(self.seconds, 1),
        }


def train(
    home: Home,
    *,
    seed: int = 1,
    train_months: int = TRAIN_MONTHS,
    valid_months: int = VALID_MONTHS,
    promote: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train the newest window on the pool's members in use; the result is champion or challenger.

    The decay monitor looks at the pool first. A challenger that waits is settled next. The model
    is judged on a hold-out, then fitted again on the newest months with the same rounds, stored
    and, unless it is the first or `promote` is given, made a challenger: see `predictor.champion`.

    Parameters
    ----------
    home
        Its store and ledger are read; the ledger, `models/`, `mlflow.db` and `artifacts/` written.
    seed
        The same seed, store and pool give the same model, bit for bit.
    train_months, valid_months
        Length of the window; see `predictor.rolling`.
    promote
        Make the model champion whatever the figures say.
    progress
        Called with what is being done and the share (0..1) of all that is done.

    Raises
    ------
    PredictorError
        Too few sessions, no limit-up counts, another training is under way, or MLflow cannot be
        written (the model is kept).
    data_profile.errors.StoreError
        There is no store.
    """
    market = panels(Store(home.store))
    parts = newest(
        split(market.outcome, home.ledger),
        market.outcome.sessions,
        train_months=train_months,
        valid_months=valid_months,
    )
    home.models.mkdir(parents=True, exist_ok=True)
    try:
        with exclusive(home.models / ".training"):
            return _train(home, market, parts, seed, promote, progress)
    except BlockingIOError as error:
        raise PredictorError(
            f"another training is under way in {home.root}; wait for it"
        ) from error


def _train(
    home: Home, market: Panels, parts: Split, seed: int, promote: bool, progress: Progress | None
) -> Trained:
    started = time.monotonic()
    check = check_pool(home)
    pool = read_pool(home)
    features, missing = split_usable(BASE_FEATURES + pool_features(pool.members), market.known)
    mined = [feature.name for feature in features if feature.member is not None]
    steps = _Steps(progress, total=2 * len(HEADS) + (len(JUDGED_HEADS) if mined else 0) + 6)
    steps("computing the features")
    dataset = build(market, features)
    if parts.sealed:
        _log_opening(home, parts, market.outcome)
    judged, record = _judge(market.known, dataset, parts, mined, seed, steps)
    steps("learning from the opening auctions")
    learnt = _learnt(dataset, history(home.store, market.outcome), parts, judged, seed)
    final = refit(judged, dataset, parts.everything, seed=seed, step=steps.named("refitting"))
    steps("saving the model")
    card = _card(market.known, parts, pool, missing, record, seed)
    card["importance"] = importance(final, dataset, parts.test)
    if learnt is not None:
        card["auction"] = learnt
    model_id = storage.put(home.models, final, card)
    steps("champion or challenger")
    settled = champion.settle(home.models, market, seed=seed)
    decision = champion.enter(home.models, model_id, market, promote=promote, seed=seed)
    steps("recording in MLflow")
    run = tracking.publish(home, model_id)
    stored = storage.load(home.models / model_id)
    return Trained(
        id=model_id,
        path=home.models / model_id,
        card=stored.card,
        pool_check=check,
        settled=tuple(settled),
        decision=decision,
        champion=storage.holder(home.models, storage.CHAMPION) or model_id,
        mlflow_run_id=run,
        seconds=time.monotonic() - started,
    )


def _learnt(
    dataset: Dataset, auction: Auction | None, parts: Split, judged: Model, seed: int
) -> dict[str, Any] | None:
    """What a card keeps of auctions: the lines, and what lines did that had not seen the hold-out.

    Those that are kept are fitted to validation and hold-out, which the judged model had not seen.
    """
    before = Update.fit(judged, dataset, auction, parts.valid)
    unseen = Update.fit(judged, dataset, auction, slice(parts.valid.start, parts.test.stop))
    if auction is None or before is None or unseen is None:
        return None
    figures = after_auction(dataset, auction, parts.test, judged, before, seed=seed)
    return unseen.to_dict() | {"track_record": figures}


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
