"""What follows each fifth of a factor's ranking: whether more of it means more, all the way.

A rank correlation can come from one end of the ranking alone. The means of the label in equal
groups show it: in the label's own unit, and beyond the baseline in places of the ranking.
"""

from collections.abc import Sequence

import numba
import numpy as np

from factor_pool.evaluation.metrics import rank_ic, ranks
from factor_pool.evaluation.rank_kernels import MIN_INSTRUMENTS

GROUPS = 5
_OWN = 1e-10
"""Least share of a control's variance that is its own; one with less is spanned by the others."""


def quantile_means(values: np.ndarray, label: np.ndarray, groups: int = GROUPS) -> np.ndarray:
    """Mean label of each group of the instruments, from the lowest values to the highest.

    Equal values are spread over the groups as if ties were broken at random, so that a factor
    which is zero for most instruments still has groups of equal size.

    Parameters
    ----------
    values, label
        (T, S); an instrument counts where both are finite.
    groups
        How many groups of equal size.

    Returns
    -------
    numpy.ndarray
        float64 (T, groups); NaN where fewer than 10 instruments count.

    Examples
    --------
    Ten instruments in two groups; the four zeros and one of the ones make the lower:

    >>> import numpy as np
    >>> values = np.array([[0, 0, 0, 0, 1, 1, 2, 3, 4, 5]], dtype=float)
    >>> label = np.array([[0, 0, 0, 0, 1, 3, 5, 5, 5, 5]], dtype=float)
    >>> quantile_means(values, label, 2).tolist()
    [[0.4, 4.4]]
    """
    result = np.full((len(values), groups), np.nan)
    _group_rows(
        np.ascontiguousarray(values, dtype=np.float64),
        np.ascontiguousarray(label, dtype=np.float64),
        result,
    )
    return result


@numba.njit(cache=True)
def _group_rows(values: np.ndarray, label: np.ndarray, result: np.ndarray) -> None:
    columns, groups = values.shape[1], result.shape[1]
    row, outcome, total = np.empty(columns), np.empty(columns), np.empty(columns + 1)
    for t in range(len(values)):
        count = 0
        for s in range(columns):
            if np.isfinite(values[t, s]) and np.isfinite(label[t, s]):
                row[count], outcome[count] = values[t, s], label[t, s]
                count += 1
        if count < MIN_INSTRUMENTS:
            continue
        order = np.argsort(row[:count], kind="mergesort")
        # Each block of ties holds its mean label in every one of its places.
        start, total[0] = 0, 0.0
        while start < count:
            stop, labels = start, 0.0
            while stop < count and row[order[stop]] == row[order[start]]:
                labels += outcome[order[stop]]
                stop += 1
            for place in range(start, stop):
                total[place + 1] = total[start] + labels * (place + 1 - start) / (stop - start)
            start = stop
        before = 0.0
        for group in range(groups):
            edge = count * (group + 1) / groups
            whole = min(int(edge), count - 1)
            upto = total[whole] + (edge - whole) * (total[whole + 1] - total[whole])
            result[t, group] = (upto - before) * groups / count
            before = upto


def beyond(
    values: np.ndarray, label: np.ndarray, controls: Sequence[np.ndarray] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks of factor and label less what the controls' ranks explain of them, session by session.

    Their correlation is the marginal rank IC (`metrics.Projection`), of which this is the plain
    form: slow, and it shows every cell.

    Parameters
    ----------
    values, label
        (T, S).
    controls
        (K, T, S) variables; a missing value is neutral.

    Returns
    -------
    tuple of numpy.ndarray
        Two float64 (T, S), in shares of the ranking (0.01 is one place of a hundred); NaN where
        factor or label is missing, and in sessions with fewer than 10 of both.
    """
    usable = np.isfinite(label)
    both = np.isfinite(values) & usable
    ranked = np.zeros((len(controls), *label.shape))
    for k, control in enumerate(controls):
        ranked[k] = _centred(ranks(np.where(usable, control, np.nan)))
    factor_ranks = ranks(np.where(both, values, np.nan))
    label_ranks = ranks(np.where(both, label, np.nan))
    left = np.full((2, *label.shape), np.nan)
    _leave_rows(both, ranked, factor_ranks, label_ranks, left)
    return left[0], left[1]


def _centred(rows: np.ndarray) -> np.ndarray:
    """Each row less the mean of its finite values; 0 where missing."""
    found = np.isfinite(rows)
    mean = np.where(found, rows, 0).sum(axis=1) / np.maximum(found.sum(axis=1), 1)
    return np.where(found, rows - mean[:, None], 0)


@numba.njit(cache=True)
def _leave_rows(
    both: np.ndarray,
    controls: np.ndarray,
    factor_ranks: np.ndarray,
    label_ranks: np.ndarray,
    left: np.ndarray,
) -> None:
    """Residuals of least squares on a constant and the controls, by Gram-Schmidt done twice."""
    amount = len(controls)
    for t in range(len(both)):
        here = np.flatnonzero(both[t])
        if len(here) < MIN_INSTRUMENTS:
            continue
        # The two to be explained come last; what lies in the earlier ones is nothing of its own.
        vectors = np.empty((amount + 2, len(here)))
        for k in range(amount):
            vectors[k] = controls[k, t][here]
        vectors[amount], vectors[amount + 1] = factor_ranks[t][here], label_ranks[t][here]
        for k in range(amount + 2):
            vectors[k] -= vectors[k].mean()
            before = (vectors[k] ** 2).sum()
            for _ in range(2):
                for earlier in range(min(k, amount)):
                    vectors[k] -= (vectors[k] * vectors[earlier]).sum() * vectors[earlier]
            if k < amount:
                size = (vectors[k] ** 2).sum()
                vectors[k] *= 1 / np.sqrt(size) if size > _OWN * before else 0.0
        for k in range(2):
            for place, s in enumerate(here):
                left[k, t, s] = vectors[amount + k, place] / len(here)


def autocorrelation(values: np.ndarray, lags: Sequence[int]) -> dict[int, np.ndarray]:
    """Rank correlation of each session's values with those of so many sessions before.

    Parameters
    ----------
    values
        (T, S).
    lags
        In sessions, each at least 1.

    Returns
    -------
    dict
        Lag -> float64 (T,); NaN in the first `lag` sessions and where too few are in both.
    """
    result = {}
    for lag in lags:
        result[lag] = np.full(len(values), np.nan)
        if lag < len(values):
            result[lag][lag:] = rank_ic(values[lag:], values[:-lag])
    return result
