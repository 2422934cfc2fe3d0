"""Weights that follow the market: what a random forest or LightGBM found important of late.

A model learns from the standardised factors of past stock-days what a stock gained, next to the
others of its list, from the next open on over the longest holding time. A factor's weight is its
importance in that model. Its direction stays as the rules have it, which buy high F1, F2 and F4
only; and the model orders nothing itself: the score stays a weighted sum, which can be read.
"""

from abc import abstractmethod

import numpy as np

from predictor.dragon_tiger.rules import NOTHING
from predictor.dragon_tiger.weights import Found, History, Weighting, normalised
from predictor.errors import PredictorError

MIN_ROWS = 300
_TREES, _LEAF = 200, 20


class Learned(Weighting):
    """Importance in a model, found anew every few sessions."""

    dynamic = True

    def find(self, history: History) -> Found:
        """Fit on the stock-days of the history whose outcome lies within it."""
        gain = outcomes(history)
        known = np.isfinite(gain)
        if known.sum() < MIN_ROWS:
            raise PredictorError(
                f"{self.name} weights need {MIN_ROWS} stock-days with an outcome, the history "
                f"has {int(known.sum())}"
            )
        scores = history.listing.scores
        found = self.importance(scores[known], gain[known], history.seed)
        weights = normalised(found)
        return Found(weights, (history.sharpe(weights),))

    @abstractmethod
    def importance(self, scores: np.ndarray, gain: np.ndarray, seed: int) -> np.ndarray:
        """Importance of each of the K factors, at least 0.

        Parameters
        ----------
        scores, gain
            float64 (M, K) and (M,).
        seed
            Of the model.
        """


class Forest(Learned):
    """Mean decrease in variance in a random forest (Breiman 2001, Machine Learning 45)."""

    name = "forest"

    def importance(self, scores: np.ndarray, gain: np.ndarray, seed: int) -> np.ndarray:
        """Shares that sum to 1."""
        from sklearn.ensemble import RandomForestRegressor

        model = RandomForestRegressor(
            _TREES, min_samples_leaf=_LEAF, max_depth=5, random_state=seed, n_jobs=1
        )
        return np.asarray(model.fit(scores, gain).feature_importances_)


class Boosting(Learned):
    """Total gain of a factor's splits in LightGBM."""

    name = "lightgbm"

    def importance(self, scores: np.ndarray, gain: np.ndarray, seed: int) -> np.ndarray:
        """In units of squared error removed."""
        import lightgbm

        parameters = {
            "objective": "regression", "num_leaves": 8, "min_data_in_leaf": 2 * _LEAF,
            "learning_rate": 0.05, "feature_fraction": 0.8, "seed": seed, "deterministic": True,
            "force_row_wise": True, "num_threads": 1, "verbosity": -1,
        }  # fmt: skip
        model = lightgbm.train(parameters, lightgbm.Dataset(scores, gain), num_boost_round=100)
        return np.asarray(model.feature_importance("gain"))


def outcomes(history: History) -> np.ndarray:
    """What each listed stock-day gained, float64 (N,), less the mean of its list.

    From the open of the next session to that `hold_max` sessions later; NaN where that lies
    outside the history, or the stock could not be bought.
    """
    market, listing = history.market, history.listing
    ahead = history.rules.hold_max
    inside = (listing.day >= history.first) & (listing.day + 1 + ahead <= history.last)
    bought, column = listing.day[inside] + 1, listing.column[inside]
    gain = np.full(len(listing.day), np.nan)
    change = market.open[bought + ahead, column] / market.open[bought, column] - 1
    gain[inside] = np.where(market.no_buy[bought, column] == NOTHING, change, np.nan)
    for day in np.unique(listing.day[inside]):
        rows = slice(*np.searchsorted(listing.day, [day, day + 1]))
        if np.isfinite(gain[rows]).any():
            gain[rows] -= np.nanmean(gain[rows])
    return gain
