"""The figures a forecast is shown with: the model on the hold-out, beside its baselines."""

from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.evaluation.baselines import PERSISTENCE, SIZE, design
from predictor.auction import Auction
from predictor.dataset import Dataset
from predictor.holdout import BLOCK, LEVEL, METRICS, Bootstrap, Outcome, daily, difference, table
from predictor.model import Model, heads_of
from predictor.splits import Split, span
from predictor.update import Update

NOTE = (
    "A hold-out replay, not live forecasts: the model of these figures was fitted to earlier "
    "sessions only. The model in use was then refitted on every session, with the same rounds."
)
# By which of its orders the model ranks: sectors by limit-ups, or by the odds of a wave.
_ORDER_OF = {
    "rank_ic": "rank",
    "hit_rate_at_5": "rank",
    "limit_ups_at_5": "rank",
    "surge_precision_at_5": "surge",
}
_JUDGED = tuple(dict.fromkeys(_ORDER_OF.values()))
JUDGED_HEADS = heads_of(_JUDGED)


def track_record(
    panel: Panel,
    dataset: Dataset,
    parts: Split,
    model: Model,
    without_pool: tuple[Model, Dataset] | None,
    *,
    seed: int,
) -> dict[str, Any]:
    """Judge a model on `parts.test`.

    Parameters
    ----------
    panel, dataset
        The data, and what `model` sees of it.
    parts
        Where the sessions lie.
    model
        Fitted to `parts.train` and `parts.valid`.
    without_pool
        The same fitted without the pool's factors, and what it sees; None if the pool is empty.
    seed
        Of the bootstrap.

    Returns
    -------
    dict
        JSON-able: `kind, note, sessions, interval, metrics, methods, difference_to_persistence,
        pool_adds, probabilities`.
    """
    rows = parts.test
    outcome = Outcome(dataset.count[rows], dataset.surge[rows])
    persistence, size = design(panel, (PERSISTENCE, SIZE))[:, rows]
    methods = {"model": daily(_orders(model, dataset, rows), outcome)}
    if without_pool is not None:
        methods["model_without_pool"] = daily(_orders(*without_pool, rows), outcome)
    for name, score in (("persistence", persistence), ("size", size), ("base_rate", None)):
        methods[name] = daily(dict.fromkeys(METRICS, score), outcome)
    bootstrap = Bootstrap(len(outcome.count), seed=seed)
    return {
        "kind": "hold-out replay",
        "note": NOTE,
        "sessions": span(dataset.sessions[rows]),
        "after_all_mining": parts.sealed,
        "interval": f"{LEVEL:.0%}, stationary bootstrap over sessions, mean block {BLOCK}; "
        "the randomness of training is not in it",
        "metrics": METRICS,
        "methods": table(methods, bootstrap),
        "difference_to_persistence": {
            name: difference(series, methods["persistence"], bootstrap)
            for name, series in methods.items()
            if name.startswith("model")
        },
        "pool_adds": None
        if without_pool is None
        else difference(methods["model"], methods["model_without_pool"], bootstrap),
        "probabilities": _probabilities(model, dataset, parts),
    }


def after_auction(
    dataset: Dataset, auction: Auction, rows: slice, model: Model, update: Update, *, seed: int
) -> dict[str, Any]:
    """What the opening auctions add to a model's forecasts of a hold-out.

    Parameters
    ----------
    dataset, auction
        What the model sees, and the auctions of the sessions it speaks of.
    rows
        The hold-out.
    model, update
        Fitted to earlier sessions.
    seed
        Of the bootstrap.

    Returns
    -------
    dict
        JSON-able: `methods` ("evening" and "after_auction") -> metric -> mean and interval, and
        the paired `difference` of the two. Over the sectors whose auction is known.
    """
    terms = auction.rows(rows).terms(dataset.present[rows])
    known = np.isfinite(terms).all(axis=-1)
    said = model.predict(dataset.values[rows][known])
    outcome = Outcome(dataset.count[rows], dataset.surge[rows])
    methods = {}
    for name, prediction in (("evening", said), ("after_auction", update(said, terms[known]))):
        by = {"rank": np.full(known.shape, np.nan), "surge": np.full(known.shape, np.nan)}
        by["rank"][known], by["surge"][known] = prediction.score, prediction.p_surge
        methods[name] = daily({metric: by[order] for metric, order in _ORDER_OF.items()}, outcome)
    bootstrap = Bootstrap(len(outcome.count), seed=seed)
    return {
        "methods": table(methods, bootstrap),
        "difference": difference(methods["after_auction"], methods["evening"], bootstrap),
    }


def _orders(model: Model, dataset: Dataset, rows: slice) -> dict[str, np.ndarray | None]:
    scores = {order: model.order(order, dataset, rows) for order in _JUDGED}
    return {metric: scores[order] for metric, order in _ORDER_OF.items()}


def _probabilities(model: Model, dataset: Dataset, parts: Split) -> dict[str, Any]:
    """Are the numbers right, not only their order? Means beside what happened, and Brier scores.

    The Brier score is the mean squared error of a probability; its reference is the error of
    always saying the base rate of the sessions before the hold-out.
    """
    known = dataset.labelled[parts.test]
    said = model.predict(dataset.values[parts.test][known])
    count, surge = dataset.count[parts.test][known], dataset.surge[parts.test][known]
    before = slice(0, parts.valid.stop)
    seen = dataset.labelled[before]
    result: dict[str, Any] = {
        "expected_count": {
            "mean_forecast": round(float(said.expected_count.mean()), 6),
            "mean_happened": round(float(count.mean()), 6),
        }
    }
    for name, forecast, happened, history in (
        ("p_at_least_one", said.p_at_least_one, count >= 1, dataset.count[before][seen] >= 1),
        ("p_surge", said.p_surge, surge == 1, dataset.surge[before][seen] == 1),
    ):
        result[name] = {
            "mean_forecast": round(float(forecast.mean()), 6),
            "mean_happened": round(float(happened.mean()), 6),
            "brier": round(float(np.mean((forecast - happened) ** 2)), 6),
            "brier_of_base_rate": round(float(np.mean((history.mean() - happened) ** 2)), 6),
        }
    return result
