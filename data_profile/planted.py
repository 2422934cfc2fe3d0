"""The factors that the synthetic market plants: as texts, and the same in numpy."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Planted:
    """A true factor.

    Parameters
    ----------
    text
        The expression.
    signal
        Its values (S,) of session t from what is published: field name -> (T, S), later rows NaN.
    weight
        What its centred rank, -0.5 to 0.5, adds to the log of a sector's expected count.
    """

    text: str
    signal: Callable[[dict[str, np.ndarray], int], np.ndarray]
    weight: float


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the rows that are there, NaN where none is (Qlib's Mean)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=0)


def _window(v: dict[str, np.ndarray], name: str, t: int, length: int) -> np.ndarray:
    """The last `length` rows up to session t; fewer at the start, all NaN before a field begins."""
    rows = slice(max(0, t - length + 1), t + 1)
    return v[name][rows] if name in v else np.full((1, v["close"].shape[1]), np.nan)


def _flow(v: dict[str, np.ndarray], t: int) -> np.ndarray:
    return _mean(_window(v, "net_inflow", t, 5) / _window(v, "turnover", t, 5))


def _activity(v: dict[str, np.ndarray], t: int) -> np.ndarray:
    return v["turnover"][t] / _mean(_window(v, "turnover", t, 20))


def _momentum(v: dict[str, np.ndarray], t: int) -> np.ndarray:
    return v["close"][t] / v["close"][t - 20] if t >= 20 else np.full(v["close"].shape[1], np.nan)


def _broken(v: dict[str, np.ndarray], t: int) -> np.ndarray:
    return _mean(_window(v, "broken_limit_count", t, 3) / _window(v, "company_count", t, 3))


def _intraday(v: dict[str, np.ndarray], t: int) -> np.ndarray:
    high, low = _window(v, "high", t, 5), _window(v, "low", t, 5)
    return _mean((_window(v, "close", t, 5) - low) / (high - low))


def _correlation(v: dict[str, np.ndarray], t: int) -> np.ndarray:
    x, y = _window(v, "close", t, 10), _window(v, "turnover", t, 10)
    dx, dy = x - _mean(x), y - _mean(y)
    both = np.isfinite(dx) & np.isfinite(dy)
    enough = both.sum(axis=0) >= 2
    product = np.where(both, dx * dy, 0).sum(axis=0)
    scale = np.sqrt(np.where(both, dx**2, 0).sum(axis=0) * np.where(both, dy**2, 0).sum(axis=0))
    return np.where(enough, product / np.where(enough, scale, 1), np.nan)


PLANTED = (
    Planted("Mean($net_inflow / $turnover, 5)", _flow, 0.20),
    Planted("$turnover / Mean($turnover, 20)", _activity, 0.30),
    Planted("CSRank($close / Ref($close, 20))", _momentum, 0.09),
    Planted("Mean($broken_limit_count / $company_count, 3)", _broken, 0.32),
    Planted("Mean(($close - $low) / ($high - $low), 5)", _intraday, 0.17),
    Planted("Corr($close, $turnover, 10)", _correlation, 0.30),
)
