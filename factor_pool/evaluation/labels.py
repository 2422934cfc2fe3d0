"""What is predicted: the next session's limit-ups of a sector in several shapes, or a stock's move.

The label of session t is made of the values of the sessions AFTER it of the same instrument, and of
what is known at t. The last sessions of a panel therefore have no label, whatever the store may
hold after them: a panel cut at a window's end yields no label from beyond the window.

A label also decides what its factors are measured beyond (`baselines`), since it belongs to one
universe: those of stocks begin with `stock_`. A stock's forecast is made at 18:10, with the
dragon-tiger list, and traded at the next open; so the return that it foretells begins there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.baselines import SECTORS, STOCKS, Baseline, ewm, field

DEFAULT_LABEL = "limit_up_count"
STOCK_LABEL = "stock_open_return"
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
        - ``stock_open_return``: open of the session after the next over the next session's open,
          less 1: what a purchase at the first price after 18:10 earns until the first price that
          it can be sold at (T+1). Missing where the next session knew one price only: who is
          locked at the limit all day cannot be bought.
        - ``stock_limit_up``: 1 where the stock closes the next session limit-up, else 0. Part of
          that move comes before the open, and cannot be earned.

    Returns
    -------
    numpy.ndarray
        float32 (T, S); NaN in the last session (in the last two for a return), and where the
        instrument is not listed or lacks a value that it needs.

    Raises
    ------
    EvaluationError
        Unknown name, or a panel without the fields it needs.
    """
    if name not in LABELS:
        raise EvaluationError(f"no label {name!r}; have {', '.join(LABELS)}")
    result = LABELS[name].values(panel)
    result[~panel.listed] = np.nan
    return result.astype(np.float32)


def events(panel: Panel, name: str = DEFAULT_LABEL) -> np.ndarray:
    """What counts as a hit among the chosen instruments, bool (T, S); False where unknown.

    For the indicator labels the indicator itself, for a return a gain, for the others at least one
    limit-up in the next session.
    """
    if name in _INDICATORS:
        return label(panel, name) == 1
    if name == STOCK_LABEL:
        return label(panel, name) > 0
    return _next(panel, "limit_up_count") >= 1


def _next(panel: Panel, name: str, sessions: int = 1) -> np.ndarray:
    """Value so many sessions later, float64 (T, S); the last rows are NaN."""
    values = field(panel, name)
    result = np.full(values.shape, np.nan)
    result[:-sessions] = values[sessions:]
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


def _open_return(panel: Panel) -> np.ndarray:
    opens = _next(panel, "open")
    traded = _next(panel, "high") > _next(panel, "low")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(traded & (opens > 0), _next(panel, "open", 2) / opens - 1, np.nan)


@dataclass(frozen=True)
class Label:
    """One thing to foretell.

    Parameters
    ----------
    values
        Panel -> (T, S), float64.
    baseline
        What its factors are measured beyond.
    horizon
        Sessions after t at whose close the label of t is known.
    more, less
        What a high and a low label are, in words.
    """

    values: Callable[[Panel], np.ndarray]
    baseline: Baseline = SECTORS
    horizon: int = 1
    more: str = "more limit-ups"
    less: str = "fewer limit-ups"


LABELS: dict[str, Label] = {
    "limit_up_count": Label(lambda panel: _next(panel, "limit_up_count")),
    "limit_up_density": Label(_density),
    "limit_up_surge": Label(_surge),
    "limit_up_top_decile": Label(_top_decile),
    "composite": Label(_composite),
    STOCK_LABEL: Label(
        _open_return,
        STOCKS,
        horizon=2,
        more="a higher return from the next open",
        less="a lower return from the next open",
    ),
    "stock_limit_up": Label(lambda panel: _next(panel, "limit_up"), STOCKS),
}
_INDICATORS = ("limit_up_surge", "limit_up_top_decile", "stock_limit_up")
