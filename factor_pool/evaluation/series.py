"""Sums over daily series: means, spreads and means by period, of the sessions that count.

Sums run from the first session to the last, one by one, so that every build gives the same bits;
arrays are made contiguous first, so that each loop is compiled for one kind of memory alone.
"""

import numba
import numpy as np


def moments(series: np.ndarray, used: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation (ddof 1) of the finite values of some sessions.

    Parameters
    ----------
    series
        float64 (T,).
    used
        bool (T,).

    Returns
    -------
    tuple of float
        NaN for a mean of none, and for a deviation of fewer than two.

    Examples
    --------
    >>> import numpy as np
    >>> moments(np.array([1.0, np.nan, 3.0, 9.0]), np.array([True, True, True, False]))
    (2.0, 1.4142135623730951)
    """
    return _moments(np.ascontiguousarray(series), used)


def column_means(table: np.ndarray, used: np.ndarray, least: int) -> np.ndarray:
    """Mean of the finite values of some sessions (T,) in each column of a float64 (T, K).

    Returns
    -------
    numpy.ndarray
        float64 (K,); NaN where there are fewer than `least` values, or none.
    """
    return _column_means(np.ascontiguousarray(table), used, max(least, 1))


def group_means(
    series: np.ndarray, used: np.ndarray, groups: np.ndarray, amount: int, least: int
) -> np.ndarray:
    """Mean of the finite values of some sessions in each group of sessions.

    Parameters
    ----------
    series, used
        float64 and bool (T,).
    groups
        int64 (T,): each session's group, from 0 to `amount` - 1.
    amount, least
        How many groups there are, and how many values make a mean.

    Returns
    -------
    numpy.ndarray
        float64 (amount,); NaN where there are fewer than `least` values, or none.
    """
    return _group_means(np.ascontiguousarray(series), used, groups, amount, max(least, 1))


@numba.njit(cache=True)
def _moments(series: np.ndarray, used: np.ndarray) -> tuple[float, float]:
    count = total = 0.0
    for t in range(len(series)):
        if used[t] and np.isfinite(series[t]):
            count += 1.0
            total += series[t]
    if count == 0.0:
        return np.nan, np.nan
    mean, squares = total / count, 0.0
    for t in range(len(series)):
        if used[t] and np.isfinite(series[t]):
            squares += (series[t] - mean) ** 2
    return mean, np.sqrt(squares / (count - 1.0)) if count > 1.0 else np.nan


@numba.njit(cache=True)
def _column_means(table: np.ndarray, used: np.ndarray, least: int) -> np.ndarray:
    counts, means = np.zeros(table.shape[1]), np.zeros(table.shape[1])
    for t in range(len(table)):
        if used[t]:
            for k in range(len(means)):
                if np.isfinite(table[t, k]):
                    counts[k] += 1.0
                    means[k] += table[t, k]
    for k in range(len(means)):
        means[k] = means[k] / counts[k] if counts[k] >= least else np.nan
    return means


@numba.njit(cache=True)
def _group_means(
    series: np.ndarray, used: np.ndarray, groups: np.ndarray, amount: int, least: int
) -> np.ndarray:
    counts, means = np.zeros(amount), np.zeros(amount)
    for t in range(len(series)):
        if used[t] and np.isfinite(series[t]):
            counts[groups[t]] += 1.0
            means[groups[t]] += series[t]
    for group in range(amount):
        means[group] = means[group] / counts[group] if counts[group] >= least else np.nan
    return means
