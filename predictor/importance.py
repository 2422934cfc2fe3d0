"""What a model listens to, over all its forecasts: the weight of each feature in each head.

Two measures, each as a share of the head's total, so that they add up to 1:

- ``gain``: how much a feature's splits improved the fit in training (LightGBM's "gain"). It favours
  features with many distinct values.
- ``effect``: mean absolute contribution to the forecasts of real sessions (exact TreeSHAP, Lundberg
  et al. 2020): how far the feature typically moves a forecast. The one to read first.
"""

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from predictor.dataset import Dataset
from predictor.features import Feature
from predictor.model import Model

Shares = Mapping[str, Mapping[str, Mapping[str, float]]]
MEANING = {
    "rank": "the order of the sectors by limit-ups",
    "count": "the expected number of limit-ups",
    "surge": "the probability of a wave",
}


def importance(model: Model, dataset: Dataset, rows: slice) -> dict[str, dict[str, Any]]:
    """Shares of every feature in every head.

    Parameters
    ----------
    model
        A fitted model.
    dataset
        What it sees.
    rows
        Sessions whose forecasts count for `effect`.

    Returns
    -------
    dict
        head -> feature -> {"gain", "effect"}, each in 0..1 and adding up to 1 over the features;
        most effect first. A head that never splits has zeros.
    """
    values = dataset.values[rows][dataset.present[rows]]
    found = {}
    for head in model.boosters:
        effect = _shares(np.abs(model.contributions(head, values)).mean(axis=0))
        gain = _shares(_gain(model, head))
        order = np.argsort(-effect, kind="stable")
        found[head] = {
            dataset.names[k]: {
                "gain": round(float(gain[k]), 6),
                "effect": round(float(effect[k]), 6),
            }
            for k in order
        }
    return found


def as_csv(shares: Shares, features: Mapping[str, Feature]) -> str:
    """The shares as a table for people: head, what it answers, feature, its words, two shares."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["head", "answers", "feature", "expression", "effect_share", "gain_share"])
    for head, of in shares.items():
        for name, share in of.items():
            writer.writerow(
                [head, MEANING.get(head, head), name, features[name].text, share["effect"],
                 share["gain"]]
            )  # fmt: skip
    return text.getvalue()


def _gain(model: Model, head: str) -> np.ndarray:
    import lightgbm as lgb

    boosters = [lgb.Booster(model_str=text) for text in model.boosters[head]]
    return np.mean([booster.feature_importance("gain") for booster in boosters], axis=0)


def _shares(values: np.ndarray) -> np.ndarray:
    total = float(values.sum())
    return values / total if total > 0 else np.zeros_like(values)
