"""How well a ranking did on sessions nothing was fitted to, beside what needs no skill.

Every figure comes with an interval and with the same figure of the baselines: persistence (who had
limit-ups of late), size (who has most companies) and chance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from factor_pool.evaluation.metrics import rank_ic
from predictor.judging import auc, by_place, ndcg

TOP = 5
BLOCK = 10
RESAMPLES = 2000
LEVEL = 0.95

Figure = Callable[[np.ndarray, np.ndarray], np.ndarray]

METRICS: dict[str, str] = {
    "rank_ic": "daily rank correlation of the ranking with the next session's limit-ups",
    "hit_rate_at_5": "share of the top 5 with at least one limit-up",
    "limit_ups_at_5": "mean limit-ups of the top 5",
    "surge_precision_at_5": "share of the top 5 with a wave (>= 3, and >= 2 x own EWM(20))",
}
MORE_METRICS: dict[str, str] = METRICS | {
    "density_rank_ic": "daily rank correlation with the next session's limit-ups a company",
    "density_at_5": "mean limit-ups for each company of the top 5",
    "ndcg_at_5": "discounted limit-ups of the top 5, as a share of the best possible",
    "surge_precision_at_1": "share of the first places with a wave",
    "surge_auc": "daily: how often a sector with a wave stands above one without",
    "brier_any": "mean squared error of P(at least one limit-up); less is better",
    "brier_surge": "mean squared error of P(wave); less is better",
}


@dataclass(frozen=True)
class Interval:
    """A mean over sessions and the ends of its 95% interval."""

    mean: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Rounded to 6 digits."""
        return {k: round(v, 6) for k, v in vars(self).items()}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What happened after each of T sessions to S sectors.

    Parameters
    ----------
    count, surge
        float (T, S): the next session's limit-ups; 1 where they were a wave. NaN unknown.
    density
        float (T, S): limit-ups for each company; needed by its own metrics only.
    """

    count: np.ndarray
    surge: np.ndarray
    density: np.ndarray | None = None


def daily(scores: Mapping[str, np.ndarray | None], outcome: Outcome) -> dict[str, np.ndarray]:
    """Each metric of each session, float64 (T,); NaN where a session has none.

    Parameters
    ----------
    scores
        Metric -> float (T, S) by which it ranks, for a Brier score the probability; NaN is not
        ranked, None is chance.
    outcome
        What happened.

    Raises
    ------
    ValueError
        A metric of density without densities, or an unknown one.
    """
    gains = {"count": outcome.count, "surge": outcome.surge, "hit": outcome.count >= 1}
    if outcome.density is not None:
        gains["density"] = outcome.density
    result = {}
    for metric, score in scores.items():
        if metric not in _FIGURES or _FIGURES[metric][1] not in gains:
            raise ValueError(f"no metric {metric!r} of this outcome")
        figure, of = _FIGURES[metric]
        said = np.zeros_like(outcome.count) if score is None else score
        known = np.isfinite(said) & np.isfinite(outcome.count) & np.isfinite(outcome.surge)
        gain = np.where(known, gains[of], np.nan).astype(np.float64)
        series = figure(np.where(known, said, np.nan).astype(np.float64), gain)
        if score is None and metric.endswith("rank_ic"):
            series = np.where(known.any(axis=1), 0.0, np.nan)
        result[metric] = series
    return result


class Bootstrap:
    """Intervals by the stationary bootstrap: one set of resampled sessions for every figure.

    Notes
    -----
    Politis and Romano (1994), blocks of mean length `block` sessions, since good and bad days
    come in spells; percentile intervals. The same resamples serve every series, so differences
    are paired.
    """

    def __init__(self, sessions: int, *, seed: int, block: float = BLOCK) -> None:
        rng = np.random.default_rng(seed)
        shape, here = (RESAMPLES, sessions), np.arange(sessions)
        jump = rng.random(shape) < 1 / block
        jump[:, 0] = True
        jumped_at = np.maximum.accumulate(np.where(jump, here, 0), axis=1)
        start = np.take_along_axis(rng.integers(sessions, size=shape), jumped_at, axis=1)
        self._rows = (start + here - jumped_at) % sessions
        times = [np.bincount(row, minlength=sessions) for row in self._rows]
        self._times = np.stack(times).astype(float)

    def resampled(self, series: np.ndarray) -> np.ndarray:
        """The series as each resample has it, float64 (RESAMPLES, sessions)."""
        return series[self._rows]

    def interval(self, series: np.ndarray) -> Interval | None:
        """Mean of a daily series, NaN left out; None where fewer than two sessions have one."""
        if np.isfinite(series).sum() < 2:
            return None
        return around(float(np.nanmean(series)), self.means(series))

    def means(self, series: np.ndarray) -> np.ndarray:
        """Mean of each resample of a daily series, NaN left out; NaN where a resample has none."""
        known = np.isfinite(series)
        # Not by BLAS, whose threads add up in an order of their own, and fight on a busy machine.
        total = np.einsum("rt,t->r", self._times, np.where(known, series, 0.0))
        count = np.einsum("rt,t->r", self._times, known.astype(float))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def ratio(self, one: np.ndarray, other: np.ndarray) -> Interval | None:
        """Mean of one daily series over that of another, over the sessions that have both."""
        both = np.isfinite(one) & np.isfinite(other)
        one, other = np.where(both, one, np.nan), np.where(both, other, np.nan)
        if both.sum() < 2 or not np.nansum(other) > 0:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            resampled = self.means(one) / self.means(other)
        return around(float(np.nansum(one) / np.nansum(other)), resampled)


def around(value: float, resampled: np.ndarray) -> Interval:
    """A figure with the ends of its interval: quantiles of its finite resamples."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(resampled[np.isfinite(resampled)], [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def table(
    methods: Mapping[str, Mapping[str, np.ndarray]], bootstrap: Bootstrap
) -> dict[str, dict[str, Any]]:
    """Method -> metric -> mean and interval."""
    return {
        method: {metric: _as_dict(bootstrap.interval(x)) for metric, x in series.items()}
        for method, series in methods.items()
    }


def difference(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], bootstrap: Bootstrap
) -> dict[str, Any]:
    """Metric -> paired difference one - other, with its interval."""
    return {metric: _as_dict(bootstrap.interval(one[metric] - other[metric])) for metric in one}


def _as_dict(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else interval.to_dict()


def _rank_ic(score: np.ndarray, gain: np.ndarray) -> np.ndarray:
    return np.asarray(rank_ic(score, gain), dtype=np.float64)


def _brier(probability: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """Brier (1950): mean squared error of each session."""
    error = (probability - happened) ** 2
    known = np.isfinite(error).sum(axis=1)
    total = np.nansum(error, axis=1)
    return np.divide(total, known, out=np.full(len(known), np.nan), where=known > 0)


def _mean_of_top(places: int) -> Figure:
    return lambda score, gain: by_place(score, gain, places).mean(axis=1)


def _ndcg(score: np.ndarray, gain: np.ndarray) -> np.ndarray:
    return ndcg(score, gain, TOP)


# Metric -> how it is computed from scores and gains (T, S), and of which gain.
_FIGURES: dict[str, tuple[Figure, str]] = {
    "rank_ic": (_rank_ic, "count"),
    "density_rank_ic": (_rank_ic, "density"),
    "hit_rate_at_5": (_mean_of_top(TOP), "hit"),
    "limit_ups_at_5": (_mean_of_top(TOP), "count"),
    "density_at_5": (_mean_of_top(TOP), "density"),
    "ndcg_at_5": (_ndcg, "count"),
    "surge_precision_at_5": (_mean_of_top(TOP), "surge"),
    "surge_precision_at_1": (_mean_of_top(1), "surge"),
    "surge_auc": (auc, "surge"),
    "brier_any": (_brier, "hit"),
    "brier_surge": (_brier, "surge"),
}
