"""Compiled loops that count hits at the ends of a ranking; a row is one session, sorted."""

import numba
import numpy as np

from factor_pool.evaluation.rank_kernels import MIN_INSTRUMENTS


@numba.njit(cache=True)
def _hits(keys: np.ndarray, count: int, events: np.ndarray, top: int, high: bool) -> float:
    """Expected share of hits among the `top` highest (or lowest), ties broken at random."""
    wanted = min(top, count)
    taken = 0
    hits = 0.0
    p = count - 1 if high else 0
    step = -1 if high else 1
    while taken < wanted:
        head = keys[p] >> np.uint64(32)
        same = 0
        good = 0
        while 0 <= p < count and keys[p] >> np.uint64(32) == head:
            same += 1
            good += events[np.int64(keys[p] & np.uint64(0xFFFFFFFF))]
            p += step
        take = min(same, wanted - taken)
        hits += good * take / same
        taken += take
    return hits / wanted


@numba.njit(cache=True)
def hit_rows(
    keys: np.ndarray, counts: np.ndarray, events: np.ndarray, top: int, result: np.ndarray
) -> None:
    """Expected share of hits among the highest `top` of each sorted row."""
    for t in range(keys.shape[0]):
        enough = counts[t] >= MIN_INSTRUMENTS
        result[t] = _hits(keys[t], counts[t], events[t], top, True) if enough else np.nan


@numba.njit(cache=True)
def hit_figures(
    keys: np.ndarray, counts: np.ndarray, events: np.ndarray, top: int, counted: np.ndarray,
    result: np.ndarray,
) -> None:  # fmt: skip
    """Expected shares of hits of each sorted row that is `counted`; NaN in the others.

    Fills result (T, 3): among the highest `top`, among the lowest, among all.
    """
    for t in range(keys.shape[0]):
        result[t] = np.nan
        if not counted[t]:
            continue
        count = counts[t]
        result[t, 0] = _hits(keys[t], count, events[t], top, True)
        result[t, 1] = _hits(keys[t], count, events[t], top, False)
        good = 0
        for p in range(count):
            good += events[t, np.int64(keys[t, p] & np.uint64(0xFFFFFFFF))]
        result[t, 2] = good / count
