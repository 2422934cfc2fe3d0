"""What follows each fifth of a factor's ranking: whether more of it means more, all the way.

A rank correlation can come from one end of the ranking alone. The means of the label in equal
groups show it: in the label's own unit, and beyond the baseline in places of the ranking.
"""

from collections.abc import Sequence

import numpy as np

from factor_pool.evaluation.metrics import rank_ic, ranks
from factor_pool.evaluation.rank_kernels import MIN_INSTRUMENTS

GROUPS = 5


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
    both = np.isfinite(values) & np.isfinite(label)
    for t in range(len(values)):
        count = int(both[t].sum())
        if count < MIN_INSTRUMENTS:
            continue
        _, place, size = np.unique(values[t, both[t]], return_inverse=True, return_counts=True)
        # Each block of ties holds its mean label in every one of its places.
        means = np.bincount(place, weights=label[t, both[t]]) / size
        total = np.concatenate([[0.0], np.cumsum(np.repeat(means, size))])
        edges = np.interp(np.linspace(0, count, groups + 1), np.arange(count + 1), total)
        result[t] = np.diff(edges) * groups / count
    return result


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
    ranked = [ranks(np.where(usable, control, np.nan)) for control in controls]
    both = np.isfinite(values) & usable
    factor_ranks = ranks(np.where(both, values, np.nan))
    label_ranks = ranks(np.where(both, label, np.nan))
    left = np.full((2, *label.shape), np.nan)
    for t in range(len(label)):
        here = both[t]
        if here.sum() < MIN_INSTRUMENTS:
            continue
        columns = [np.ones(int(here.sum()))]
        for control in ranked:
            row = control[t] - np.nanmean(control[t]) if usable[t].any() else control[t]
            columns.append(np.nan_to_num(row[here]))
        design = np.stack(columns, axis=1)
        targets = np.stack([factor_ranks[t, here], label_ranks[t, here]], axis=1)
        fitted, *_ = np.linalg.lstsq(design, targets, rcond=None)
        left[:, t, here] = (targets - design @ fitted).T / len(targets)
    return left[0], left[1]


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
