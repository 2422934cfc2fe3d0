"""Window after window over history: what monthly re-training would have given, and its record.

The pool's factors are left out: they were found on these very sessions, and a replay that used them
would praise itself. What they add is measured by `benchmarks/walk_forward.py`, which mines anew.
"""

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.home import Home
from data_profile.store import Store
from predictor import tracking
from predictor.dataset import build, panels, split_usable
from predictor.features import BASE_FEATURES
from predictor.holdout import METRICS, Bootstrap, difference, table
from predictor.replay import KIND, baselines, outcome_of, replay
from predictor.rolling import STEP_MONTHS, TRAIN_MONTHS, VALID_MONTHS, Window, windows

WORKERS = 2
NOTE = (
    "A walk-forward replay, no record of forecasts: each window's model has seen only what lies "
    "before its test, but features and settings were chosen by people who had seen more. Without "
    "the pool's factors, which were found on these sessions."
)


@dataclass(frozen=True, eq=False)
class Retrained:
    """What `retrain` did.

    Parameters
    ----------
    windows
        One a window, oldest first: its ranges, and the mean figures of the model and of
        persistence on its test.
    methods, difference
        Means over all tests with intervals, of model, persistence, size and random; and the paired
        difference of model and persistence.
    mlflow_run_id
        The run in the experiment "predictor"; each figure is there a step a window.
    seconds
        Wall time.
    """

    windows: list[dict[str, Any]]
    methods: Mapping[str, Any]
    difference: Mapping[str, Any]
    mlflow_run_id: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For `tide train --since ... --json`."""
        return {"kind": KIND, "note": NOTE, **vars(self), "seconds": round(self.seconds, 1)}


def retrain(
    home: Home,
    *,
    since: dt.date | str,
    seed: int = 1,
    train_months: int = TRAIN_MONTHS,
    valid_months: int = VALID_MONTHS,
    step_months: int = STEP_MONTHS,
    progress: Callable[[str, float], None] | None = None,
) -> Retrained:
    """Train every window whose test lies on or after `since`; finished ones are read, not redone.

    Parameters
    ----------
    home
        Its store is read; `models/windows/` and MLflow are written.
    since
        First session to be tested.
    seed, train_months, valid_months, step_months
        See `predictor.rolling`.
    progress
        Called with the window that is done and the share (0..1) of all.

    Raises
    ------
    PredictorError
        No window fits, or MLflow cannot be written (the models are kept).
    data_profile.errors.StoreError
        There is no store.
    """
    started = time.monotonic()
    market = panels(Store(home.store))
    features, _ = split_usable(BASE_FEATURES, market.known)
    dataset = build(market, features)
    found = windows(
        dataset.sessions,
        train_months=train_months,
        valid_months=valid_months,
        step_months=step_months,
        first_test=since,
    )
    done = 0

    def said(first: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(f"window of {first}", done / len(found))

    replayed = replay(
        dataset, found, seed=seed, workers=WORKERS, folder=home.models / "windows", said=said
    )
    judged = {"model": replayed.judged(outcome_of(dataset))} | baselines(
        market.known, dataset, found
    )
    daily = {
        method: {metric: series[metric] for metric in METRICS} for method, series in judged.items()
    }
    rows = [_row(window, dataset.sessions, daily) for window in found]
    tested = slice(found[0].test.start, found[-1].test.stop)
    cut = {
        method: {metric: one[tested] for metric, one in series.items()}
        for method, series in daily.items()
    }
    bootstrap = Bootstrap(tested.stop - tested.start, seed=seed)
    methods = table(cut, bootstrap)
    paired = difference(cut["model"], cut["persistence"], bootstrap)
    run = tracking.log_replay(home, rows, paired, NOTE)
    return Retrained(rows, methods, paired, run, time.monotonic() - started)


def _row(
    window: Window, sessions: np.ndarray, daily: Mapping[str, Mapping[str, np.ndarray]]
) -> dict[str, Any]:
    """A window and the means of its test sessions."""
    means = {
        method: {metric: _mean(daily[method][metric][window.test]) for metric in METRICS}
        for method in ("model", "persistence")
    }
    return {**window.to_dict(sessions), **means}


def _mean(series: np.ndarray) -> float | None:
    return round(float(np.nanmean(series)), 6) if np.isfinite(series).any() else None
