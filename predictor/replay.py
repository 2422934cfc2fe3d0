"""A walk-forward replay: what the predictor would have said, month after month, on history.

It is no record of forecasts. Each window's model has seen only what lies before its test sessions,
but features, heads and settings were chosen by people who had seen more; the log of real forecasts
(`predictor.forecast_log`) is the only track record. Whatever shows a replay names it one.
"""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.evaluation.baselines import PERSISTENCE, SIZE, design
from predictor.auction import Auction
from predictor.calibration import Logistic
from predictor.dataset import Dataset
from predictor.features import COMPANIES
from predictor.holdout import MORE_METRICS, Outcome, daily
from predictor.model import ORDERS, Model, Prediction, fit
from predictor.rolling import Window, fitted
from predictor.update import Update

KIND = "walk-forward replay"
# By which of its orders, or probabilities, the model is judged.
SOURCES: Mapping[str, str] = {
    "rank_ic": "rank",
    "hit_rate_at_5": "any",
    "limit_ups_at_5": "count",
    "ndcg_at_5": "count",
    "density_rank_ic": "density",
    "density_at_5": "intensity",
    "surge_precision_at_5": "surge",
    "surge_precision_at_1": "surge",
    "surge_auc": "surge",
    "brier_any": "p_at_least_one",
    "brier_surge": "p_surge",
}

OPENED = "opened "
"""Begins the keys of what is said again after the opening auction."""

Said = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Replay:
    """What the models of some windows said of their test sessions.

    Parameters
    ----------
    sessions, sectors
        Of the dataset: T and S.
    scores
        Order (`predictor.model.ORDERS`), "expected_count", "p_at_least_one" and "p_surge" ->
        float64 (T, S); NaN on sessions that no window tests, and without a row. With auctions the
        same again, with `OPENED` before their names, as said after the auction of the session
        they are about.
    windows
        In time order.
    """

    sessions: np.ndarray
    sectors: tuple[str, ...]
    scores: Mapping[str, np.ndarray]
    windows: tuple[Window, ...]
    kind: str = KIND

    def judged(self, outcome: Outcome) -> dict[str, np.ndarray]:
        """Metric (`holdout.MORE_METRICS`) -> its value of each session, float64 (T,)."""
        return daily({metric: self.scores[name] for metric, name in SOURCES.items()}, outcome)

    def opened(self) -> "Replay":
        """What was said after the auction; nothing in the scores where it was not asked."""
        scores = {name.removeprefix(OPENED): values for name, values in self.scores.items()
                  if name.startswith(OPENED)}  # fmt: skip
        return replace(self, scores=scores)


def expanding(windows: Sequence[Window]) -> list[Window]:
    """The same windows, each trained on everything before its validation."""
    return [replace(w, train=slice(0, w.train.stop)) for w in windows]


def replay(
    dataset: Dataset,
    windows: Sequence[Window],
    *,
    seed: int = 1,
    workers: int = 4,
    folder: Path | None = None,
    auction: Auction | None = None,
    said: Said | None = None,
) -> Replay:
    """Fit a model on each window and let it speak of the window's test sessions.

    Parameters
    ----------
    dataset
        Features and targets.
    windows
        Their tests do not overlap.
    seed
        The same seed gives the same scores, whatever the number of workers.
    workers
        Processes, each fitting one window at a time.
    folder
        Where each window's model is kept, and read instead of being fitted again; None for nowhere.
    auction
        What the opening auctions said: each window's forecasts are then brought up to date, too,
        by what its validation taught (`predictor.update`).
    said
        Called with the first test session of each window that is done, in time order.

    Raises
    ------
    PredictorError
        A head cannot be fitted.
    """
    scores: dict[str, np.ndarray] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _receive, (dataset, seed, folder, auction)) as pool:
        for window, found in zip(windows, pool.map(_window, windows), strict=True):
            for name, values in found.items():
                whole = scores.setdefault(name, np.full(dataset.present.shape, np.nan))
                whole[window.test] = values
            if said is not None:
                said(str(dataset.sessions[window.test.start]))
    return Replay(dataset.sessions, dataset.sectors, scores, tuple(windows))


def joined(replays: Sequence[Replay]) -> Replay:
    """Replays of different sessions of the same market, as one."""
    first = replays[0]
    scores = {name: values.copy() for name, values in first.scores.items()}
    for other in replays[1:]:
        for name, values in other.scores.items():
            tested = np.isfinite(values)
            scores[name][tested] = values[tested]
    return replace(first, scores=scores, windows=tuple(w for r in replays for w in r.windows))


def outcome_of(dataset: Dataset) -> Outcome:
    """What the replay of a dataset is judged against."""
    return Outcome(dataset.count, dataset.surge, dataset.density)


def baselines(
    known: Panel, dataset: Dataset, windows: Sequence[Window], auction: Auction | None = None
) -> dict[str, dict[str, np.ndarray]]:
    """What needs no model, on the windows' test sessions: method -> metric -> (T,).

    Persistence is the EWM(10) of limit-ups, size the number of companies, random draws lots. Their
    probabilities, for the Brier scores, are a logistic curve of the logarithm of the value, fitted
    to each window's training and validation; random says the base rate of those. With auctions
    there is one more, "opened": persistence and the stocks that open at the limit, added.

    Parameters
    ----------
    known
        The panel that the features are made of.
    dataset
        Gives the outcomes.
    windows
        As replayed.
    auction
        Over the sessions and sectors of the dataset.
    """
    tested = np.zeros(len(dataset.sessions), dtype=bool)
    for window in windows:
        tested[window.test] = True
    outcome = outcome_of(dataset)
    result = {}
    values = dict(zip(("persistence", "size"), design(known, (PERSISTENCE, SIZE)), strict=True))
    if auction is not None:
        values["opened"] = values["persistence"] + np.nan_to_num(auction.sealed)
    for name, score in (*values.items(), ("random", np.zeros(dataset.present.shape))):
        score = np.where(dataset.present & tested[:, None], score, np.nan)
        by: dict[str, Any] = dict.fromkeys(MORE_METRICS, score)
        base = values.get(name, np.zeros(dataset.present.shape))
        by["brier_any"] = _probabilities(base, dataset, dataset.count >= 1, windows)
        by["brier_surge"] = _probabilities(base, dataset, dataset.surge == 1, windows)
        result[name] = daily(by, outcome)
        if name == "random":
            for metric in ("rank_ic", "density_rank_ic"):
                result[name][metric] = np.where(tested, 0.0, np.nan)
    return result


def _probabilities(
    values: np.ndarray, dataset: Dataset, happened: np.ndarray, windows: Sequence[Window]
) -> np.ndarray:
    """Each window's logistic curve of log(0.1 + value), on its test sessions; (T, S)."""
    result = np.full(values.shape, np.nan)
    raw = np.log(0.1 + np.maximum(values, 0))
    for window in windows:
        before = slice(window.train.start, window.valid.stop)
        mask = dataset.labelled[before] & np.isfinite(raw[before])
        curve = Logistic.fit(raw[before][mask], happened[before][mask])
        result[window.test] = curve(raw[window.test])
    return np.where(dataset.present, result, np.nan)


_task: dict[str, Any] = {}


def _receive(dataset: Dataset, seed: int, folder: Path | None, auction: Auction | None) -> None:
    """What every task of this worker process needs, sent once."""
    _task.update(dataset=dataset, seed=seed, folder=folder, auction=auction)


def _window(window: Window) -> dict[str, np.ndarray]:
    """Fit one window; its scores, (test sessions, S)."""
    dataset: Dataset = _task["dataset"]
    seed, folder, auction = _task["seed"], _task["folder"], _task["auction"]
    if folder is None:
        model = fit(dataset, window.train, window.valid, seed=seed, step=lambda _: None)
    else:
        model = fitted(dataset, window, folder, seed=seed, step=lambda _: None)
    present = dataset.present[window.test]
    values = dataset.values[window.test][present]
    said = model.predict(values)
    found = {name: model.raw(name, values) for name in ORDERS} | _numbers(said)
    if auction is not None:
        update = Update.fit(model, dataset, auction, window.valid)
        terms = auction.rows(window.test).terms(present)[present]
        found |= _after_auction(found, said, update, terms, values, model)
    result = {}
    for name, column in found.items():
        result[name] = np.full(present.shape, np.nan)
        result[name][present] = column
    return result


def _numbers(said: Prediction) -> dict[str, np.ndarray]:
    return {name: getattr(said, name) for name in ("expected_count", "p_at_least_one", "p_surge")}


def _after_auction(
    evening: Mapping[str, np.ndarray],
    said: Prediction,
    update: Update | None,
    terms: np.ndarray,
    values: np.ndarray,
    model: Model,
) -> dict[str, np.ndarray]:
    """The scores of N sectors as said after the auction; the evening's where nothing is learnt."""
    found = dict(evening)
    if update is not None:
        said = update(said, terms)
        names = [feature.name for feature in model.features]
        companies = values[:, names.index(COMPANIES)].astype(np.float64)
        count = np.log(said.expected_count)
        found |= _numbers(said) | {
            "rank": said.score,
            "any": said.p_at_least_one,
            "count": count,
            "surge": said.p_surge,
            "intensity": count - np.log(np.where(companies > 0, companies, 1.0)),
        }
    return {f"{OPENED}{name}": column for name, column in found.items()}
