"""The market as a whole, a session at a time: sums over the sectors' fields, nothing else."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.panel import Panel

_SUMS = {
    "limit_ups": "limit_up_count",
    "first_boards": "limit_up_first_board",
    "multi_boards": "limit_up_multi_board",
    "one_word": "one_word_count",
    "broken": "broken_limit_count",
    "limit_downs": "limit_down_count",
    "up": "up_count",
    "down": "down_count",
    "turnover": "turnover",
    "net_inflow": "net_inflow",
}


@dataclass(frozen=True, eq=False)
class Breadth:
    """Figures of the whole market; every array float64 (T,), NaN where unknown.

    Parameters
    ----------
    sessions
        datetime64[D] (T,); dates in Asia/Shanghai.
    limit_ups, first_boards, multi_boards, one_word, broken, limit_downs, up, down
        Companies: sealed at the upper limit; of these on their first board, on a streak of two or
        more, and never below the limit; touched the limit and not sealed; sealed at the lower
        limit; risen; fallen.
    turnover, net_inflow
        Yuan.
    highest
        The longest streak of limit-ups, in boards.
    sealing
        封板率: sealed / (sealed + broken).
    promotion
        晋级率 over all heights: companies on a streak of two or more / limit-ups of the session
        before. A stock that comes back from a suspension counts where it resumes.
    market_return
        Mean over the sectors of close / previous close - 1.
    """

    sessions: np.ndarray
    limit_ups: np.ndarray
    first_boards: np.ndarray
    multi_boards: np.ndarray
    one_word: np.ndarray
    broken: np.ndarray
    limit_downs: np.ndarray
    up: np.ndarray
    down: np.ndarray
    turnover: np.ndarray
    net_inflow: np.ndarray
    highest: np.ndarray
    sealing: np.ndarray
    promotion: np.ndarray
    market_return: np.ndarray

    def at(self, name: str, row: int = -1) -> float | None:
        """One figure of one session, None where it is unknown."""
        value = float(getattr(self, name)[row])
        return value if np.isfinite(value) else None


def breadth(panel: Panel, sectors: Collection[str] | None = None) -> Breadth:
    """Sum a panel up.

    Parameters
    ----------
    panel
        Of sectors.
    sectors
        Those that together hold each company once (the industries); None for all.

    Notes
    -----
    A field that no sector has that session is unknown, not zero; a sector without a value adds
    nothing to a sum that others make.
    """
    columns = [k for k, s in enumerate(panel.instruments) if sectors is None or s in sectors]

    def values(name: str) -> np.ndarray:
        if name not in panel.values:
            return np.full((len(panel.sessions), len(columns)), np.nan)
        return panel.values[name][:, columns].astype(np.float64)

    sums = {name: _sum(values(field)) for name, field in _SUMS.items()}
    before = np.concatenate([[np.nan], sums["limit_ups"][:-1]])
    close = values("close")
    change = np.full(close.shape, np.nan)
    change[1:] = close[1:] / close[:-1] - 1
    return Breadth(
        sessions=panel.sessions,
        **sums,
        highest=_over(values("max_streak"), np.nanmax),
        sealing=_ratio(sums["limit_ups"], sums["limit_ups"] + sums["broken"]),
        promotion=_ratio(sums["multi_boards"], before),
        market_return=_over(change, np.nanmean),
    )


def _sum(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values).any(axis=1), np.nansum(values, axis=1), np.nan)


def _over(values: np.ndarray, how: Callable[..., Any]) -> np.ndarray:
    """A statistic of each row, NaN where the row holds nothing."""
    result = np.full(len(values), np.nan)
    known = np.isfinite(values).any(axis=1)
    if known.any():
        result[known] = how(np.where(np.isfinite(values), values, np.nan)[known], axis=1)
    return result


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """NaN where the whole is zero or unknown."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
