"""What is predicted: the next session's limit-ups, in several shapes.

The label of session t is made of the NEXT session's values of the same instrument, and of what is
known at t. The last session of a panel therefore has no label, whatever the store may hold after
it: a panel cut at a window's end yields no label from beyond the window.
"""

from collections.abc import Callable

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.baselines import ewm, field

DEFAULT_LABEL = "limit_up_count"
SURGE_COUNT = 3.0
SURGE_RATIO = 2.0
SURGE_SPAN = 20
TOP_DECILE = 0.9


def label(panel: Panel, name: str = DEFAULT_LABEL) -> np.ndarray:
    """The label of every session and instrument.

    Parameters
    ----------
    panel
        Only its rows are used.
    name
        One of `LABELS`:

        - ``limit_up_count``: limit-ups of the next session.
        - ``limit_up_density``: the same divided by that session's company count.
        - ``limit_up_surge``: 1 where the next session's count is at least 3 and at least twice
          the instrument's own EWM(20) of counts up to today, else 0: the wave itself.
        - ``limit_up_top_decile``: 1 where the next session's count ranks above 90% of the
          cross-section (average ties), else 0.
        - ``composite``: 0.7 rank(close) + 0.3 rank(limit_up_count) of the next session, ranks as
          shares of the cross-section. Close is an index level, so its rank is close to a fixed
          ordering of the instruments: kept for comparison, not recommended.

    Returns
    -------
    numpy.ndarray
        float32 (T, S); NaN in the last session, and where the instrument is not listed or has no
        value in the next session.

    Raises
    ------
    EvaluationError
        Unknown name, or a panel without the fields it needs.
    """
    if name not in LABELS:
        raise EvaluationError(f"no label {name!r}; have {', '.join(LABELS)}")
    result = LABELS[name](panel)
    result[~panel.listed] = np.nan
    return result.astype(np.float32)


def events(panel: Panel, name: str = DEFAULT_LABEL) -> np.ndarray:
    """What counts as a hit among the chosen instruments, bool (T, S); False where unknown.

    For the indicator labels the indicator itself, for the others at least one limit-up in the
    next session.
    """
    if name in _INDICATORS:
        return label(panel, name) == 1
    return _next(panel, "limit_up_count") >= 1


def _next(panel: Panel, name: str) -> np.ndarray:
    """Value of the next session, float64 (T, S); the last row is NaN."""
    values = field(panel, name)
    result = np.full(values.shape, np.nan)
    result[:-1] = values[1:]
    return result


def _density(panel: Panel) -> np.ndarray:
    companies = _next(panel, "company_count")
    return _next(panel, "limit_up_count") / np.where(companies > 0, companies, np.nan)


def _surge(panel: Panel) -> np.ndarray:
    count = _next(panel, "limit_up_count")
    usual = ewm(field(panel, "limit_up_count"), SURGE_SPAN)
    surge = (count >= SURGE_COUNT) & (count >= SURGE_RATIO * usual)
    return np.where(np.isfinite(count) & np.isfinite(usual), surge, np.nan)


def _rank_share(values: np.ndarray) -> np.ndarray:
    """Average rank in the cross-section as a share in (0, 1]; NaN stays NaN."""
    from factor_pool.evaluation.metrics import ranks

    return ranks(values) / np.maximum(np.isfinite(values).sum(axis=1, keepdims=True), 1)


def _top_decile(panel: Panel) -> np.ndarray:
    share = _rank_share(_next(panel, "limit_up_count"))
    return np.where(np.isfinite(share), share > TOP_DECILE, np.nan)


def _composite(panel: Panel) -> np.ndarray:
    return 0.7 * _rank_share(_next(panel, "close")) + 0.3 * _rank_share(
        _next(panel, "limit_up_count")
    )


LABELS: dict[str, Callable[[Panel], np.ndarray]] = {
    "limit_up_count": lambda panel: _next(panel, "limit_up_count"),
    "limit_up_density": _density,
    "limit_up_surge": _surge,
    "limit_up_top_decile": _top_decile,
    "composite": _composite,
}
_INDICATORS = ("limit_up_surge", "limit_up_top_decile")
