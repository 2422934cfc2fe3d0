"""How well a ranking did on sessions nothing was fitted to, beside what needs no skill.

Every figure comes with an interval and with the same figure of the baselines: persistence (who had
limit-ups of late), size (who has most companies) and chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from factor_pool.evaluation.metrics import rank_ic

TOP = 5
BLOCK = 10
RESAMPLES = 2000
LEVEL = 0.95

METRICS: dict[str, str] = {
    "rank_ic": "daily rank correlation of the ranking with the next session's limit-ups",
    "hit_rate_at_5": "share of the top 5 with at least one limit-up",
    "limit_ups_at_5": "mean limit-ups of the top 5",
    "surge_precision_at_5": "share of the top 5 with a wave (>= 3, and >= 2 x own EWM(20))",
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
    """

    count: np.ndarray
    surge: np.ndarray


def daily(scores: Mapping[str, np.ndarray | None], outcome: Outcome) -> dict[str, np.ndarray]:
    """Each metric of each session, float64 (T,); NaN where a session has none.

    Parameters
    ----------
    scores
        Metric -> float (T, S) by which it ranks; NaN is not ranked, None is chance.
    outcome
        What happened.
    """
    result = {}
    for metric, score in scores.items():
        ranked = np.zeros_like(outcome.count) if score is None else score
        known = np.isfinite(ranked) & np.isfinite(outcome.count) & np.isfinite(outcome.surge)
        if metric == "rank_ic":
            result[metric] = (
                np.where(known.any(axis=1), 0.0, np.nan)
                if score is None
                else _rank_ic(ranked, outcome.count, known)
            )
            continue
        gain = {
            "hit_rate_at_5": outcome.count >= 1,
            "limit_ups_at_5": outcome.count,
            "surge_precision_at_5": outcome.surge == 1,
        }[metric]
        result[metric] = _top_mean(ranked, np.asarray(gain, dtype=np.float64), known)
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

    def resampled(self, series: np.ndarray) -> np.ndarray:
        """The series as each resample has it, float64 (RESAMPLES, sessions)."""
        return series[self._rows]

    def interval(self, series: np.ndarray) -> Interval | None:
        """Mean of a daily series, NaN left out; None where fewer than two sessions have one."""
        if np.isfinite(series).sum() < 2:
            return None
        sample = self.resampled(series)
        count = np.isfinite(sample).sum(axis=1)
        means = np.nansum(sample, axis=1)[count > 0] / count[count > 0]
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(means, [tail, 1 - tail])
        return Interval(float(np.nanmean(series)), float(low), float(high))


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


def _rank_ic(score: np.ndarray, count: np.ndarray, known: np.ndarray) -> np.ndarray:
    values = np.where(known, score, np.nan)
    return np.asarray(rank_ic(values, np.where(known, count, np.nan)), dtype=np.float64)


def _top_mean(score: np.ndarray, gain: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean gain of each session's top 5; sectors tied for the last places share them.

    Sharing is what drawing lots among the tied would give on average, so no method gains or loses
    by the order in which sectors happen to be stored.
    """
    result = np.full(len(score), np.nan)
    for t, mask in enumerate(known):
        if mask.sum() < TOP:
            continue
        values, gains = score[t, mask], gain[t, mask]
        border = np.partition(values, -TOP)[-TOP]
        above, tied = values > border, values == border
        places = TOP - above.sum()
        result[t] = (gains[above].sum() + places * gains[tied].mean()) / TOP
    return result
