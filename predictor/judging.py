"""Daily figures of a ranking against what happened, with ties shared.

Sectors that tie for a place share it: what drawing lots among them would give on average. So no
method gains or loses by the order in which sectors are stored, and a constant score is chance.
"""

import numpy as np

from factor_pool.evaluation.metrics import ranks


def by_place(score: np.ndarray, gain: np.ndarray, places: int) -> np.ndarray:
    """The gain at each of the first places of a ranking.

    Parameters
    ----------
    score
        (T, S), the higher the better; NaN is not ranked.
    gain
        (T, S); NaN is not ranked either.
    places
        How many.

    Returns
    -------
    ndarray
        float64 (T, places); NaN in sessions that rank fewer sectors.

    Examples
    --------
    >>> score = np.array([[3.0, 1.0, 1.0, np.nan]])
    >>> by_place(score, np.array([[5.0, 2.0, 0.0, 9.0]]), 2).tolist()
    [[5.0, 1.0]]
    """
    result = np.full((len(score), places), np.nan)
    known = np.isfinite(score) & np.isfinite(gain)
    for t in np.flatnonzero(known.sum(axis=1) >= places):
        values, gains = score[t, known[t]], gain[t, known[t]].astype(np.float64)
        order = np.argsort(-values, kind="stable")
        values, gains = values[order], gains[order]
        group = np.cumsum(np.r_[0, values[1:] != values[:-1]])
        shared = np.bincount(group, gains) / np.bincount(group)
        result[t] = shared[group[:places]]
    return result


def ndcg(score: np.ndarray, gain: np.ndarray, places: int) -> np.ndarray:
    """Normalised discounted cumulative gain of each session, float64 (T,).

    Gains count as they are (twice the limit-ups, twice the gain), place k is discounted by
    1 / log2(k + 1), and 1 is the best order there was. NaN where nothing could be gained.

    References
    ----------
    Jarvelin and Kekalainen (2002), ACM TOIS 20(4).
    """
    discount = 1 / np.log2(np.arange(2, places + 2))
    ranked = np.where(np.isfinite(score), gain, np.nan)
    best = by_place(ranked, ranked, places) @ discount
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(best > 0, by_place(score, gain, places) @ discount / best, np.nan)


def auc(score: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Chance that a sector with the event ranks above one without, of each session, float64 (T,).

    Parameters
    ----------
    score
        (T, S); NaN is not ranked.
    event
        (T, S): 1 or 0, NaN unknown. Sessions with none of either kind are NaN.
    """
    known = np.isfinite(score) & np.isfinite(event)
    place = ranks(np.where(known, score, np.nan).astype(np.float64))
    happened = known & (event == 1)
    n, m = known.sum(axis=1), happened.sum(axis=1)
    above = np.where(happened, place, 0.0).sum(axis=1) - m * (m + 1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((m > 0) & (m < n), above / (m * (n - m)), np.nan)
