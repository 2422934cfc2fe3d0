"""Weights of the factors: fixed ones, and ones found by search on past sessions.

The user's document names a default; it is not at hand, so `DEFAULT` is this project's own.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from predictor.dragon_tiger import account
from predictor.dragon_tiger.backtest import prices_of, returns_of, terms_of, values
from predictor.dragon_tiger.execution import Costs, Market
from predictor.dragon_tiger.listing import Listing
from predictor.dragon_tiger.rules import Rules
from predictor.errors import PredictorError

DEFAULT: Mapping[str, float] = {
    "F1": 0.25, "F2": 0.20, "F3": 0.10, "F4": 0.10, "F5": 0.10, "F6": 0.10, "F7": 0.10, "F8": 0.05,
}  # fmt: skip
"""The list's own facts (who bought how much) weigh more than what any stock has."""
MIN_TRADES = 15
STEPS = 4  # the grid's weights are multiples of 1 / STEPS
POPULATION, GENERATIONS = 8, 12  # of the genetic search: times the number of factors; at most


@dataclass(frozen=True, eq=False)
class History:
    """What a weighting may learn from: the lists and prices of past sessions.

    Parameters
    ----------
    market, listing
        Rows after `last` must not be read.
    first, last
        Rows of the market, both inclusive.
    rules, costs
        Of the account whose gains are sought.
    seed
        Of everything drawn at random.
    """

    market: Market
    listing: Listing
    first: int
    last: int
    rules: Rules
    costs: Costs
    seed: int
    _prices: list[account.Prices] = field(default_factory=list)

    def account(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Net daily returns with these weights (last - first + 1,), and gains of closed trades."""
        if not self._prices:
            self._prices.append(prices_of(self.market))
        terms = terms_of(self.rules, self.costs)
        decisions = self.listing.decide(weights, self.rules)
        value, gains = values(self._prices[0], decisions, terms, self.first, self.last)
        return returns_of(value, self.rules.cash), gains

    def sharpe(self, weights: np.ndarray) -> float:
        """Per-session Sharpe ratio of the account; 0 where it does not trade."""
        return sharpe_per_session(self.account(weights)[0])

    def fitness(self, weights: np.ndarray) -> tuple[float, float]:
        """(What a search maximises, Sharpe ratio): the latter, less a fine for too few trades.

        One lucky trade has a splendid Sharpe ratio. The fine grows from 0 at `MIN_TRADES` to 1.
        """
        returns, gains = self.account(weights)
        ratio = sharpe_per_session(returns)
        return ratio - max(0.0, 1 - len(gains) / MIN_TRADES), ratio


@dataclass(frozen=True, eq=False)
class Found:
    """What a weighting came to.

    Parameters
    ----------
    weights
        float64 (K,), absolute values summing to 1, in the order of `Listing.names`.
    tries
        Per-session Sharpe ratios of all weights that were tried on the history, in order; the
        chosen one is among them.
    """

    weights: np.ndarray
    tries: tuple[float, ...]


class Weighting(ABC):
    """A way to weigh the factors."""

    name: str
    dynamic = False  # found anew within a test window, not only before it

    @abstractmethod
    def find(self, history: History) -> Found:
        """Weights from a history; equal histories and seeds give equal weights.

        Raises
        ------
        PredictorError
            The history is too short.
        """


class Fixed(Weighting):
    """Weights that no history changes; factors that cannot be had give theirs to the rest.

    Parameters
    ----------
    name
        What it is called.
    table
        Factor -> weight, at least 0; factors not named have none.
    """

    def __init__(self, name: str, table: Mapping[str, float]) -> None:
        self.name, self.table = name, table

    def of(self, names: tuple[str, ...]) -> np.ndarray:
        """The table's weights of these factors."""
        return normalised(np.array([self.table.get(name, 0.0) for name in names]))

    def find(self, history: History) -> Found:
        """The table's weights of the factors at hand, whatever the history."""
        weights = self.of(history.listing.names)
        return Found(weights, (history.sharpe(weights),))


class Grid(Weighting):
    """The fittest among all weights that are multiples of a quarter and sum to 1."""

    name = "grid"

    def find(self, history: History) -> Found:
        """Try them all; of equal ones the first."""
        points = grid(len(history.listing.names))
        fitness, tries = zip(*(history.fitness(point) for point in points), strict=True)
        return Found(points[int(np.argmax(fitness))], tries)


class Genetic(Weighting):
    """The fittest that differential evolution finds among weights of at least 0.

    References
    ----------
    Storn and Price (1997), Journal of Global Optimization 11; computed by scipy.
    """

    name = "genetic"

    def find(self, history: History) -> Found:
        """Evolve from a seeded Latin hypercube."""
        from scipy.optimize import differential_evolution

        tries: list[float] = []

        def loss(point: np.ndarray) -> float:
            fitness, ratio = history.fitness(normalised(point))
            tries.append(ratio)
            return -fitness

        best = differential_evolution(
            loss, [(0.0, 1.0)] * len(history.listing.names), popsize=POPULATION,
            maxiter=GENERATIONS, seed=history.seed, polish=False, tol=0.0,
        )  # fmt: skip
        return Found(normalised(best.x), tuple(tries))


def grid(factors: int) -> list[np.ndarray]:
    """All weights that are multiples of 1 / STEPS and sum to 1.

    Examples
    --------
    >>> len(grid(5)), grid(2)[1].tolist()
    (70, [0.25, 0.75])
    """
    points = itertools.product(range(STEPS + 1), repeat=factors)
    return [np.array(point) / STEPS for point in points if sum(point) == STEPS]


def normalised(weights: np.ndarray) -> np.ndarray:
    """Absolute values summing to 1; equal weights where all are 0."""
    total = np.abs(weights).sum()
    return weights / total if total > 0 else np.full(len(weights), 1 / len(weights))


def sharpe_per_session(returns: np.ndarray) -> float:
    """Mean over standard deviation; 0 where nothing varies."""
    deviation = returns.std(ddof=1) if len(returns) > 1 else 0.0
    return float(returns.mean() / deviation) if deviation > 0 else 0.0


def weightings() -> dict[str, Weighting]:
    """All of them, by name; the first is what the commands take unless told otherwise."""
    from predictor.dragon_tiger.learned_weights import Boosting, Forest

    made: tuple[Weighting, ...] = (
        Fixed("default", DEFAULT), Fixed("equal", dict.fromkeys(DEFAULT, 1.0)), Grid(), Genetic(),
        Forest(), Boosting(),
    )  # fmt: skip
    return {one.name: one for one in made}


def weighting(name: str) -> Weighting:
    """One of them.

    Raises
    ------
    PredictorError
        There is none of that name.
    """
    known = weightings()
    if name not in known:
        raise PredictorError(f"no weighting {name!r}; have {', '.join(known)}")
    return known[name]
