"""An evening's forecast, brought up to date by the opening auction.

Three generalised linear models move what the evening said: the logarithm of the expected count
(Poisson), the log odds of at least one limit-up and those of a wave (logistic), each a line in its
own evening value and in the two terms of the auction. They are fitted to sessions that the trees
behind the forecasts had not seen. Four numbers each, so that sixty sessions are enough, and what an
auction did to a forecast can be read off. An auction beyond all that they were fitted to counts as
the most extreme of those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from predictor.auction import TERMS, Auction
from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.model import Model, Prediction

FEWEST = 20
"""Sessions with a known auction; fewer, and the evening's forecast stands."""
_LEAST = 1e-6
_PENALTY, _COUNT_PENALTY = 1.0, 1e-3  # of the squared weights; sklearn's 1 / C and alpha


@dataclass(frozen=True)
class Line:
    """intercept + slope x evening's value + weights x terms of the auction."""

    intercept: float
    slope: float
    weights: tuple[float, ...]

    def __call__(self, evening: np.ndarray, terms: np.ndarray) -> np.ndarray:
        """float64 (N,), of the evening's values (N,) and the auction's terms (N, 2)."""
        return self.intercept + self.slope * evening + terms @ np.array(self.weights)


@dataclass(frozen=True)
class Update:
    """What an auction does to a forecast.

    Parameters
    ----------
    count
        Of the logarithm of the expected count.
    at_least_one, surge
        Of log odds.
    lowest, highest
        Of each term, in the sessions it was fitted to.
    sessions
        How many these were.

    Examples
    --------
    A sector that opens 1% above the others, two of its stocks at the limit:

    >>> same = Line(0.0, 1.0, (0.0, 0.0))
    >>> more = Line(0.0, 1.0, (0.5, 0.5))
    >>> update = Update(more, same, same, (-3.0,) * 2, (3.0,) * 2, sessions=60)
    >>> terms = Auction(np.array([[0.01, -0.01]]), np.array([[2.0, 0.0]])).terms(
    ...     np.ones((1, 2), bool))[0]
    >>> evening = Prediction(*(np.array([0.5, 0.5]) for _ in range(4)))
    >>> update(evening, terms).expected_count.round(2).tolist()
    [1.35, 0.32]
    """

    count: Line
    at_least_one: Line
    surge: Line
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    sessions: int

    @classmethod
    def fit(
        cls, model: Model, dataset: Dataset, auction: Auction | None, rows: slice
    ) -> "Update | None":
        """Fit to a model's forecasts of sessions that its trees have not seen.

        Parameters
        ----------
        model, dataset
            Give the forecasts, and what came of them.
        auction
            Over the sessions and sectors of the dataset; None where there is none.
        rows
            Sessions that neither the trees nor their calibration had seen, or were only validated
            on.

        Returns
        -------
        Update
            None where the auctions of fewer than `FEWEST` sessions are known, or where what is to
            be told apart did not happen in them.
        """
        if auction is None:
            return None
        present = dataset.present[rows]
        terms = auction.rows(rows).terms(present)
        mask = dataset.labelled[rows] & np.isfinite(terms).all(axis=-1)
        sessions = int(mask.any(axis=1).sum())
        count, surge = dataset.count[rows][mask], dataset.surge[rows][mask] == 1
        if sessions < FEWEST or len(set(surge)) < 2 or len(set(count >= 1)) < 2:
            return None
        said, terms = model.predict(dataset.values[rows][mask]), terms[mask]
        return cls(
            _poisson(np.log(np.maximum(said.expected_count, _LEAST)), terms, count),
            _logistic(_odds(said.p_at_least_one), terms, count >= 1),
            _logistic(_odds(said.p_surge), terms, surge),
            tuple(terms.min(axis=0).tolist()),
            tuple(terms.max(axis=0).tolist()),
            sessions,
        )

    def __call__(self, said: Prediction, terms: np.ndarray) -> Prediction:
        """The forecast of N sectors after the auction, from its terms (N, 2).

        The score orders sectors by limit-ups: the logarithm of the expected count and the log odds
        of at least one, added. A sector without terms keeps the evening's numbers.
        """
        known = np.isfinite(terms).all(axis=-1)
        filled = np.where(known[:, None], np.clip(terms, self.lowest, self.highest), 0.0)
        evening = np.log(np.maximum(said.expected_count, _LEAST)), _odds(said.p_at_least_one)
        count = np.where(known, self.count(evening[0], filled), evening[0])
        at_least_one = np.where(known, self.at_least_one(evening[1], filled), evening[1])
        odds = _odds(said.p_surge)
        surge = np.where(known, self.surge(odds, filled), odds)
        return Prediction(
            score=count + at_least_one,
            expected_count=np.exp(count),
            p_at_least_one=_chance(at_least_one),
            p_surge=_chance(surge),
        )

    def to_dict(self) -> dict[str, Any]:
        """As stored in a model's card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Update":
        """What `to_dict` made, after a round trip through JSON.

        Raises
        ------
        PredictorError
            It is none.
        """
        try:
            count, at_least_one, surge = (
                Line(float(line["intercept"]), float(line["slope"]), _floats(line["weights"]))
                for line in (stored[name] for name in ("count", "at_least_one", "surge"))
            )
            lowest, highest = _floats(stored["lowest"]), _floats(stored["highest"])
            return cls(count, at_least_one, surge, lowest, highest, int(stored["sessions"]))
        except (KeyError, TypeError, ValueError) as error:
            raise PredictorError(f"the card's auction is not readable: {error!r}") from error


def _floats(numbers: Sequence[float]) -> tuple[float, ...]:
    if len(numbers) != len(TERMS):
        raise ValueError(f"{len(numbers)} numbers, not {len(TERMS)}")
    return tuple(float(number) for number in numbers)


def _logistic(evening: np.ndarray, terms: np.ndarray, happened: np.ndarray) -> Line:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1 / _PENALTY, max_iter=1_000).fit(
        np.column_stack([evening, terms]), happened
    )
    return _line(float(fitted.intercept_[0]), fitted.coef_[0])


def _poisson(evening: np.ndarray, terms: np.ndarray, count: np.ndarray) -> Line:
    from sklearn.linear_model import PoissonRegressor

    fitted = PoissonRegressor(alpha=_COUNT_PENALTY, max_iter=1_000).fit(
        np.column_stack([evening, terms]), count
    )
    return _line(float(fitted.intercept_), fitted.coef_)


def _line(intercept: float, weights: np.ndarray) -> Line:
    slope, *others = (float(weight) for weight in weights)
    return Line(intercept, slope, tuple(others))


def _odds(chance: np.ndarray) -> np.ndarray:
    from scipy.special import logit

    return np.asarray(logit(np.clip(chance, _LEAST, 1 - _LEAST)))


def _chance(odds: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(odds))
