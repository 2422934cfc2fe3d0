"""What a model listens to, over all its forecasts: the weight of each feature in each order.

Two measures, each as a share of the order's total, so that they add up to 1:

- ``gain``: how much a feature's splits improved the fit in training (LightGBM's "gain"), the mean
  over the heads that the order is made of. It favours features with many distinct values.
- ``effect``: mean absolute contribution to the forecasts of real sessions (exact TreeSHAP, Lundberg
  et al. 2020), against its mean: how far the feature typically moves a forecast away from the
  average one. The one to read first.
"""

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from predictor.dataset import Dataset
from predictor.features import Feature
from predictor.model import ORDERS, Model

SESSIONS = 12
"""Sessions, evenly spread, whose forecasts are taken apart; exact contributions cost seconds."""
Shares = Mapping[str, Mapping[str, Mapping[str, float]]]
MEANING = {
    "rank": "the order of the sectors by limit-ups",
    "count": "the expected number of limit-ups",
    "any": "the probability of at least one limit-up",
    "surge": "the probability of a wave",
}
"""The orders that a forecast shows, and what each answers."""


def importance(model: Model, dataset: Dataset, rows: slice) -> dict[str, dict[str, Any]]:
    """Shares of every feature in every order of `MEANING`.

    Parameters
    ----------
    model
        A fitted model.
    dataset
        What it sees.
    rows
        `SESSIONS` of these count for `effect`.

    Returns
    -------
    dict
        order -> feature -> {"gain", "effect"}, each in 0..1 and adding up to 1 over the features;
        most effect first. Zeros where no tree ever splits; the trees do not see `MEMBERS`, so its
        gain is always 0.
    """
    some = np.unique(np.linspace(rows.start, rows.stop - 1, SESSIONS).astype(int))
    values = dataset.values[some][dataset.present[some]]
    found = {}
    gains = {head: _shares(_gain(model, head)) for head in model.boosters}
    for order in MEANING:
        added = model.contributions(order, values)
        effect = _shares(np.abs(added - added.mean(axis=0)).mean(axis=0))
        gain = np.mean([gains[head] for head in ORDERS[order].heads], axis=0)
        found[order] = {
            dataset.names[k]: {
                "gain": round(float(gain[k]), 6),
                "effect": round(float(effect[k]), 6),
            }
            for k in np.argsort(-effect, kind="stable")
        }
    return found


def as_csv(shares: Shares, features: Mapping[str, Feature]) -> str:
    """The shares as a table for people: order, what it answers, feature, expression, two shares."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["order", "answers", "feature", "expression", "effect_share", "gain_share"])
    for order, of in shares.items():
        for name, share in of.items():
            writer.writerow(
                [order, MEANING[order], name, features[name].text, share["effect"],
                 share["gain"]]
            )  # fmt: skip
    return text.getvalue()


def _gain(model: Model, head: str) -> np.ndarray:
    import lightgbm as lgb

    boosters = [lgb.Booster(model_str=text) for text in model.boosters[head]]
    gain = np.mean([booster.feature_importance("gain") for booster in boosters], axis=0)
    by_name = dict(zip(boosters[0].feature_name(), gain, strict=True))
    return np.array([by_name.get(feature.name, 0.0) for feature in model.features])


def _shares(values: np.ndarray) -> np.ndarray:
    total = float(values.sum())
    return values / total if total > 0 else np.zeros_like(values)
