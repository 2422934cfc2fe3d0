"""What nearly entered the pool: at which gate it ended, and how much was missing."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from factor_pool.gates import Settings
from factor_pool.records import Attempt, Test

_CLOSE = 0.6
"""Closeness below which an attempt did not nearly pass."""


@dataclass(frozen=True)
class Near:
    """A factor that was rejected, and by how much.

    Parameters
    ----------
    attempt_id, expression, proposer, hypothesis
        Of the attempt; the hypothesis is untrusted.
    gate
        Where it ended.
    measure
        What fell short, a key of the report's words.
    value, needed
        As measured, and the threshold.
    closeness
        1 at the threshold, 0 at nothing; comparable within a gate.
    """

    attempt_id: int
    expression: str
    proposer: str
    hypothesis: str
    gate: str
    measure: str
    value: float
    needed: float
    closeness: float


_Gap = tuple[str, float, float, float]


def _strength(figures: Mapping[str, Any], settings: Settings, confirm: int) -> _Gap:
    size, t = abs(figures["added_rank_ic"]), abs(figures["added_t_hac"])
    close = min(size / settings.min_added_rank_ic, t / settings.min_added_t)
    if size < settings.min_added_rank_ic:
        return "added_rank_ic", size, settings.min_added_rank_ic, close
    return "added_t", t, settings.min_added_t, close


def _power(figures: Mapping[str, Any], settings: Settings, confirm: int) -> _Gap:
    expected = abs(figures["added_t_hac"]) * math.sqrt(confirm / figures["sessions"])
    return "expected_t", expected, settings.min_expected_t, expected / settings.min_expected_t


def _stability(figures: Mapping[str, Any], settings: Settings, confirm: int) -> _Gap:
    share = figures["same_sign_share"]
    return "same_sign_share", share, settings.min_same_sign, share / settings.min_same_sign


def _halves(figures: Mapping[str, Any], settings: Settings, confirm: int) -> _Gap:
    weaker = min(figures["sign"] * value for value in figures["halves"].values())
    close = 1 + weaker / abs(figures["added_rank_ic"])
    return "weaker_half", weaker, 0.0, close


def _turnover(figures: Mapping[str, Any], settings: Settings, confirm: int) -> _Gap:
    value, needed = figures["rank_autocorrelation"], settings.min_rank_autocorrelation
    return "rank_autocorrelation", value, needed, 1 + value - needed


def _correlation(figures: Mapping[str, Any], settings: Settings, confirm: int) -> _Gap:
    value = figures["max_pool_correlation"]
    return "pool_correlation", value, settings.max_correlation, settings.max_correlation / value


_GAPS: dict[str, Callable[[Mapping[str, Any], Settings, int], _Gap]] = {
    "turnover": _turnover,
    "halves": _halves,
    "stability": _stability,
    "power": _power,
    "strength": _strength,
    "correlation": _correlation,
}
LAST_GATES = ("confirm", *_GAPS)
"""Gates at which a factor can nearly pass, the last first."""


def near_miss(
    attempt: Attempt, test: Test | None, settings: Settings, confirm_sessions: int
) -> Near | None:
    """How an attempt nearly entered the pool; None if it did, or ended far from it.

    Parameters
    ----------
    attempt
        Judged.
    test
        Its confirm test, if there was one.
    settings
        Thresholds of the gates.
    confirm_sessions
        Length of the confirm window.
    """
    if attempt.gate == "confirm" and test is not None:
        gap: _Gap = ("p_value", test.p_value, test.level, test.level / test.p_value)
    elif attempt.gate in _GAPS and attempt.stage == "rejected":
        try:
            gap = _GAPS[attempt.gate](attempt.figures, settings, confirm_sessions)
        except (KeyError, TypeError, ZeroDivisionError):
            return None  # a figure is missing or undefined: nothing can be said of how much
    else:
        return None
    measure, value, needed, closeness = gap
    if attempt.gate != "confirm" and not closeness >= _CLOSE:
        return None
    return Near(
        attempt.id, str(attempt.canonical), attempt.proposer, attempt.hypothesis,
        str(attempt.gate), measure, value, needed, closeness,
    )  # fmt: skip
