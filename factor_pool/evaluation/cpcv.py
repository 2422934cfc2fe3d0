"""Combinatorial purged cross-validation: how a factor fares where it was not fitted.

The sessions are cut into groups. Each choice of a few groups is a test; the rest, less the sessions
whose labels or look-backs touch the test, is what the factor may be fitted to. Of a factor only
its orientation is fitted: the sign that it has on the training sessions decides what its test
sessions are worth. Test groups of different choices join to paths that each cover every session
once, so that stability is judged by several histories instead of one.

Needs numpy alone: it runs in the sandbox.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from factor_pool.errors import EvaluationError

GROUPS = 6
TESTED = 2
EMBARGO = 5


@dataclass(frozen=True)
class Stability:
    """A factor's oriented daily figure over the paths.

    Parameters
    ----------
    paths
        How many there are.
    mean, worst
        Of the paths' means; None where it has too few figures.
    positive_share
        Share of the paths with a mean above zero.
    turned_share
        Share of the training sets on which it points the other way than overall.
    """

    paths: int
    mean: float | None
    worst: float | None
    positive_share: float | None
    turned_share: float | None


def splits(
    sessions: int,
    *,
    groups: int = GROUPS,
    tested: int = TESTED,
    purge: int = 1,
    embargo: int = EMBARGO,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Training and test rows of every choice of test groups.

    Parameters
    ----------
    sessions
        How many there are.
    groups, tested
        Groups of (almost) equal length, and how many of them are test at a time.
    purge
        Training sessions left out before a test group, and as many after it: label horizon plus
        look-back.
    embargo
        Further training sessions left out after a test group, for what serial correlation carries
        on.

    Yields
    ------
    tuple
        Increasing row numbers (int64) of training and of test.

    Raises
    ------
    EvaluationError
        Numbers that leave no group or no session.

    Examples
    --------
    >>> [(train.tolist(), test.tolist())
    ...  for train, test in splits(6, groups=3, tested=1, purge=1, embargo=0)]
    [([3, 4, 5], [0, 1]), ([0, 5], [2, 3]), ([0, 1, 2], [4, 5])]

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, chapters 7 and 12.
    """
    for train, test in zip(*_masks(sessions, groups, tested, purge, embargo), strict=True):
        yield np.flatnonzero(train), np.flatnonzero(test)


def stability(
    daily: np.ndarray,
    *,
    groups: int = GROUPS,
    tested: int = TESTED,
    purge: int = 1,
    embargo: int = EMBARGO,
) -> Stability:
    """Figures of a factor over the paths.

    Parameters
    ----------
    daily
        (T,): its daily figure as written, say the marginal rank IC; NaN is missing. The groups
        divide the sessions from the first figure to the last.
    groups, tested, purge, embargo
        See `splits`.

    Examples
    --------
    >>> skill = 0.1 + np.tile([0.05, -0.05], 150)
    >>> found = stability(-skill)  # written the other way round: the sign is fitted
    >>> found.paths, round(found.mean, 2), found.positive_share, found.turned_share
    (5, 0.1, 1.0, 0.0)
    """
    paths = math.comb(groups - 1, tested - 1)
    there = np.flatnonzero(np.isfinite(daily))
    if len(there) < groups * (purge + embargo + 2):
        return Stability(paths, None, None, None, None)
    x = daily[there[0] : there[-1] + 1]
    train, _ = _masks(len(x), groups, tested, purge, embargo)
    present = np.isfinite(x)
    filled = np.where(present, x, 0.0)
    signs = np.where(train @ filled < 0, -1.0, 1.0)
    starts = _starts(len(x), groups)
    totals = np.add.reduceat(filled, starts)
    counts = np.add.reduceat(present.astype(float), starts)
    worth = _paths(groups, tested, signs) * totals
    means = worth.sum(axis=1) / counts.sum()
    overall = -1.0 if filled.sum() < 0 else 1.0
    return Stability(
        paths,
        float(means.mean()),
        float(means.min()),
        float((means > 0).mean()),
        float((signs != overall).mean()),
    )


def _starts(sessions: int, groups: int) -> np.ndarray:
    return np.linspace(0, sessions, groups + 1).astype(int)[:-1]


@lru_cache(maxsize=256)
def _masks(
    sessions: int, groups: int, tested: int, purge: int, embargo: int
) -> tuple[np.ndarray, np.ndarray]:
    """Training (float) and test (bool) rows of every choice, (C, T) each."""
    if not 1 <= tested < groups <= sessions or purge < 0 or embargo < 0:
        raise EvaluationError(
            f"needs 1 <= tested < groups <= sessions and no negative purge; got {tested} tested, "
            f"{groups} groups, {sessions} sessions, purge {purge}, embargo {embargo}"
        )
    edges = np.append(_starts(sessions, groups), sessions)
    choices = list(itertools.combinations(range(groups), tested))
    test = np.zeros((len(choices), sessions), dtype=bool)
    barred = np.zeros((len(choices), sessions), dtype=bool)
    for row, choice in enumerate(choices):
        for group in choice:
            first, last = edges[group], edges[group + 1]
            test[row, first:last] = True
            barred[row, max(0, first - purge) : last + purge + embargo] = True
    train = (~barred).astype(float)
    train.flags.writeable = test.flags.writeable = False
    return train, test


def _paths(groups: int, tested: int, signs: np.ndarray) -> np.ndarray:
    """(paths, groups): the sign with which each path takes each group.

    A group is tested by as many choices as there are paths; its k-th choice goes to path k.
    """
    choices = list(itertools.combinations(range(groups), tested))
    columns = [
        [signs[row] for row, choice in enumerate(choices) if group in choice]
        for group in range(groups)
    ]
    return np.array(columns).T
