"""Rank correlations of a factor with a label, day by day, and what a baseline leaves of them.

The rank IC of a session is Spearman's correlation between factor and label over the instruments
that have both. The MARGINAL rank IC is the partial one: ranks of factor and label, each less its
least-squares projection on the ranks of the baseline variables (and a constant), correlated.
Adding the accepted factors to the controls gives what a candidate would ADD to the pool.

Ranks come from sorting packed 64-bit keys (value above, column below); the projection on the
controls is made once for a panel, since it does not depend on the factor where the factor covers
the same instruments as the label. Where it misses some, label and factor are ranked among those
that have both, and the projection is made again for them; the controls keep the ranks they have
among all instruments with a label.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from factor_pool.errors import EvaluationError
from factor_pool.evaluation import hit_kernels
from factor_pool.evaluation import rank_kernels as kernels
from factor_pool.evaluation.rank_tables import Projected, Ranked, scratch
from factor_pool.evaluation.sort_keys import sorted_keys

TOP = 5


def _rank(values: np.ndarray, usable: np.ndarray | None = None) -> Ranked:
    keys, counts = sorted_keys(values, usable)
    result = Ranked(
        np.empty(keys.shape, dtype=np.float32),
        np.full(keys.shape, -1, dtype=np.int32),
        np.zeros(keys.shape, dtype=np.int32),
        counts,
        np.empty(len(keys)),
    )
    kernels.rank_rows(keys, counts, result)
    return result


def ranks(values: np.ndarray) -> np.ndarray:
    """Average ranks from 1 within each row, as ``pandas.DataFrame.rank(axis=1)``.

    Parameters
    ----------
    values
        (T, S), compared as float32; NaN and infinite are missing.

    Returns
    -------
    numpy.ndarray
        float64 (T, S); NaN where missing.

    Examples
    --------
    >>> import numpy as np
    >>> ranks(np.array([[3.0, 1.0, 3.0, np.nan]])).tolist()
    [[2.5, 1.0, 2.5, nan]]
    """
    ranked = _rank(values)
    result = ranked.ranks + 0.5 * (ranked.counts[:, None] + 1)  # float64, for the counts are int64
    result[~np.isfinite(values)] = np.nan
    return result


def rank_ic(values: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each session, ties averaged.

    Parameters
    ----------
    values, label
        (T, S); a pair counts where both are finite.

    Returns
    -------
    numpy.ndarray
        float64 (T,); NaN where fewer than 10 instruments have both, or either is constant.
    """
    return RankIC(label)(values)


class RankIC:
    """`rank_ic` for many factors against one label, which is ranked once.

    Parameters
    ----------
    label
        (T, S).
    """

    def __init__(self, label: np.ndarray) -> None:
        self._usable = np.isfinite(label)
        self._label = _rank(label)
        self._work = scratch(0, label.shape[1])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Daily rank IC, float64 (T,), of values (T, S)."""
        keys, counts = sorted_keys(values, self._usable)
        result = np.empty(len(keys))
        kernels.correlate_rows(keys, counts, self._label, self._work, result)
        return result


@dataclass(frozen=True)
class Daily:
    """Daily figures of one factor; each float64 (T,) unless said otherwise, NaN where none.

    Parameters
    ----------
    rank_ic
        Spearman's correlation with the label.
    marginal
        The part beyond the baseline.
    added
        The part beyond the baseline and the pool.
    halves
        (T, 2): `added` within each half of the universe.
    explained
        Share of the factor's rank variance that the baseline explains.
    autocorrelation
        Rank correlation with the factor's previous session.
    hits
        (T, 2): expected share of hits among the 5 highest, and among the 5 lowest.
    base_rate
        Share of hits among all instruments that have factor and label.
    correlations
        (T, K): rank correlation with each control: the baseline, then the pool.
    """

    rank_ic: np.ndarray
    marginal: np.ndarray
    added: np.ndarray
    halves: np.ndarray
    explained: np.ndarray
    autocorrelation: np.ndarray
    hits: np.ndarray
    base_rate: np.ndarray
    correlations: np.ndarray


class Projection:
    """Measures factors against one label beyond a baseline, and beyond baseline and pool.

    Parameters
    ----------
    label
        (T, S).
    baseline
        (B, T, S) variables; a missing value is neutral (takes the mean rank).
    pool
        (M, T, S) values of accepted factors, missing likewise.
    events
        bool (T, S): what counts as a hit; by default a label of at least 1.

    Examples
    --------
    A factor that is a function of the baseline adds nothing:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> size, skill = rng.normal(size=(2, 100, 40))
    >>> label = size + 0.2 * skill
    >>> beyond = Projection(label, [size])
    >>> [round(float(np.nanmean(beyond.marginal_rank_ic(x))), 2) for x in (size, skill)]
    [0.0, 0.79]
    """

    def __init__(
        self,
        label: np.ndarray,
        baseline: Sequence[np.ndarray] | np.ndarray,
        pool: Sequence[np.ndarray] | np.ndarray = (),
        events: np.ndarray | None = None,
    ) -> None:
        for values in (*baseline, *pool):
            if np.shape(values) != label.shape:
                raise EvaluationError(
                    f"label has shape {label.shape}, a control {np.shape(values)}: both must be "
                    "(sessions, instruments) of the same panel"
                )
        self.base = len(baseline)
        self._usable = np.isfinite(label)
        self._label = _rank(label)
        self._controls = _stack([_rank(x, self._usable) for x in (*baseline, *pool)], label)
        self._events = np.asarray(label >= 1 if events is None else events, dtype=np.bool_)
        # Neighbours in a classification resemble each other, so every second column is one half.
        self._halves = np.array([np.arange(label.shape[1]) % 2 == k for k in (0, 1)], dtype=float)
        self._projected = self._project()
        self._work = scratch(self._controls.ranks.shape[1], label.shape[1])

    def _project(self) -> Projected:
        controls = self._controls.ranks
        rows, amount = controls.shape[:2]
        result = Projected(
            self.base,
            np.zeros((rows, amount, amount)),
            np.zeros((rows, amount, amount)),
            np.empty((rows, amount)),
        )
        kernels.project(self._label.ranks, controls, result)
        return result

    def daily(self, values: np.ndarray, *, in_full: bool = True) -> Daily:
        """The daily figures of a factor's values (T, S); without `in_full` no halves, no hits."""
        keys, counts = sorted_keys(values, self._usable)
        table = np.empty((len(keys), kernels.COLUMNS))
        correlations = np.empty((len(keys), self._controls.ranks.shape[1]))
        kernels.measure(
            keys, counts, self._label, self._controls, self._projected,
            self._halves, in_full, self._work, table, correlations,
        )  # fmt: skip
        hits = np.full((len(keys), 3), np.nan)
        if in_full:
            counted = np.isfinite(table[:, kernels.IC])
            hit_kernels.hit_figures(keys, counts, self._events, TOP, counted, hits)
        return Daily(
            rank_ic=table[:, kernels.IC],
            marginal=table[:, kernels.MARGINAL],
            added=table[:, kernels.ADDED],
            halves=table[:, [kernels.HALF_A, kernels.HALF_B]],
            explained=table[:, kernels.EXPLAINED],
            autocorrelation=table[:, kernels.AUTOCORRELATION],
            hits=hits[:, :2],
            base_rate=hits[:, 2],
            correlations=correlations,
        )

    def marginal_rank_ic(self, values: np.ndarray) -> np.ndarray:
        """Daily marginal rank IC beyond the baseline alone, float64 (T,)."""
        keys, counts = sorted_keys(values, self._usable)
        result = np.empty(len(keys))
        kernels.marginal_rows(
            keys, counts, self._label, self._controls.ranks, self._projected, self._work, result
        )
        return result


def _stack(ranked: list[Ranked], label: np.ndarray) -> Ranked:
    """Controls side by side: (T, K, S), and counts and squares (T, K)."""
    rows, columns = label.shape
    if not ranked:
        return Ranked(
            np.empty((rows, 0, columns), dtype=np.float32),
            np.empty((rows, 0, columns), dtype=np.int32),
            np.empty((rows, 0, columns), dtype=np.int32),
            np.empty((rows, 0), dtype=np.int64),
            np.empty((rows, 0)),
        )
    return Ranked(
        *(np.ascontiguousarray(np.stack(part, axis=1)) for part in zip(*ranked, strict=True))
    )


def hit_rate(values: np.ndarray, label: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Expected share of hits among the 5 highest of each session, ties broken at random.

    Parameters
    ----------
    values, label
        (T, S); an instrument can be chosen where both are finite.
    events
        bool (T, S): what counts as a hit.

    Returns
    -------
    numpy.ndarray
        float64 (T,); NaN where fewer than 10 instruments can be chosen.
    """
    keys, counts = sorted_keys(values, np.isfinite(label))
    result = np.empty(len(keys))
    hit_kernels.hit_rows(keys, counts, np.asarray(events, dtype=np.bool_), TOP, result)
    return result
