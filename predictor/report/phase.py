"""The phase of the market's mood (情绪周期), by a rule that anybody can redo by hand.

**Heat** of a session: the mean of up to five percentiles, each of a figure of that session among
the same figure of the `PAST` sessions before it: limit-ups, sealing rate, promotion rate, highest
board, and limit-downs (turned round); then smoothed by EWM(`SPAN`). **Rising**: the heat is above
its mean over the `RECENT` sessions before. The borders are quantiles of the heat of the same `PAST`
sessions. An extreme is ice or climax.

=======  ==========================================================================
ice      heat at or below the 20% quantile
climax   heat at or above the 80% quantile
ebb      between them, not rising
repair   between them, rising, and the last extreme was a climax
rise     between them, rising, no climax since the last ice, at or above the median
start    the same below the median
=======  ==========================================================================

Every number that a session is judged by was known that session: nothing later is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from factor_pool.evaluation.baselines import ewm
from predictor.holdout import Bootstrap, Interval
from predictor.report.market import Breadth

Phase = Literal["ice", "start", "rise", "climax", "ebb", "repair"]
PHASES: tuple[Phase, ...] = get_args(Phase)
INPUTS: Mapping[str, int] = {
    "limit_ups": 1, "sealing": 1, "promotion": 1, "highest": 1, "limit_downs": -1,
}  # fmt: skip
"""Figure of `Breadth` -> 1 where more is hotter, -1 where less is."""
PAST, ENOUGH, SPAN, RECENT = 250, 60, 5, 3
QUANTILES = (0.2, 0.5, 0.8)
FEWEST_INPUTS = 3


@dataclass(frozen=True, eq=False)
class Phases:
    """The phase of every session.

    Parameters
    ----------
    sessions
        datetime64[D] (T,).
    percentiles
        Input -> float64 (T,), 0..1, 1 the hottest; NaN where the figure, or `ENOUGH` earlier
        ones, are unknown.
    heat
        float64 (T,), 0..1, smoothed; NaN where fewer than `FEWEST_INPUTS` percentiles are known.
    recent
        float64 (T,): mean heat over the `RECENT` sessions before.
    borders
        float64 (T, 3): the `QUANTILES` of the heat before.
    names
        The phase of each session; None where the heat, or `ENOUGH` of it, is unknown.
    """

    sessions: np.ndarray
    percentiles: Mapping[str, np.ndarray]
    heat: np.ndarray
    recent: np.ndarray
    borders: np.ndarray
    names: tuple[Phase | None, ...]

    def spell(self, row: int = -1) -> int:
        """For how many sessions on end the phase of `row` has lasted, that one included."""
        row = range(len(self.names))[row]
        first = row
        while first and self.names[first - 1] == self.names[row]:
            first -= 1
        return row - first + 1


def phases(market: Breadth) -> Phases:
    """Judge every session by what was known then.

    Parameters
    ----------
    market
        Figures of the whole market.
    """
    percentiles = {
        name: _percentiles(sign * getattr(market, name)) for name, sign in INPUTS.items()
    }
    stacked = np.stack(list(percentiles.values()))
    known = np.isfinite(stacked).sum(axis=0)
    raw = np.where(
        known >= FEWEST_INPUTS, np.nansum(stacked, axis=0) / np.maximum(known, 1), np.nan
    )
    heat = np.where(np.isfinite(raw), ewm(raw[:, None], SPAN)[:, 0], np.nan)
    recent, borders = _recent(heat), _borders(heat)
    return Phases(
        market.sessions, percentiles, heat, recent, borders, _judged(heat, recent, borders)
    )


def _before(values: np.ndarray, t: int) -> np.ndarray:
    """What is known of the `PAST` sessions before session t."""
    past = values[max(0, t - PAST) : t]
    return past[np.isfinite(past)]


def _percentiles(values: np.ndarray) -> np.ndarray:
    """Share of the past that lies below, an equal value counting half."""
    result = np.full(len(values), np.nan)
    for t in np.flatnonzero(np.isfinite(values)).tolist():
        past = _before(values, t)
        if len(past) >= ENOUGH:
            result[t] = ((past < values[t]).mean() + (past <= values[t]).mean()) / 2
    return result


def _recent(heat: np.ndarray) -> np.ndarray:
    result = np.full(len(heat), np.nan)
    for t in range(RECENT, len(heat)):
        result[t] = heat[t - RECENT : t].mean()
    return result


def _borders(heat: np.ndarray) -> np.ndarray:
    result = np.full((len(heat), len(QUANTILES)), np.nan)
    for t in range(len(heat)):
        past = _before(heat, t)
        if len(past) >= ENOUGH:
            result[t] = np.quantile(past, QUANTILES)
    return result


def _judged(heat: np.ndarray, recent: np.ndarray, borders: np.ndarray) -> tuple[Phase | None, ...]:
    found: list[Phase | None] = []
    extreme: Phase | None = None
    for level, before, (low, middle, high) in zip(heat, recent, borders, strict=True):
        if not np.isfinite([level, before, low]).all():
            found.append(None)
            continue
        now: Phase
        if level <= low:
            now = extreme = "ice"
        elif level >= high:
            now = extreme = "climax"
        elif level <= before:
            now = "ebb"
        elif extreme == "climax":
            now = "repair"
        else:
            now = "rise" if level >= middle else "start"
        found.append(now)
    return tuple(found)


@dataclass(frozen=True)
class Aftermath:
    """What followed the sessions of one phase, or all sessions.

    Parameters
    ----------
    sessions
        How many there were.
    spells
        In how many unbroken runs; 0 for all sessions.
    next_limit_ups, next_promotion, next_return
        Means over the session after, with 95% intervals; None where too few are known.
    """

    sessions: int
    spells: int
    next_limit_ups: Interval | None
    next_promotion: Interval | None
    next_return: Interval | None


def aftermath(judged: Phases, market: Breadth, *, seed: int = 1) -> dict[Phase | None, Aftermath]:
    """What followed each phase; under None, what followed any.

    Parameters
    ----------
    judged, market
        Of the same sessions. The last session has no next one and is left out.
    seed
        Of the bootstrap.
    """
    names = np.array(judged.names[:-1], dtype=object)
    bootstrap = Bootstrap(len(names), seed=seed) if len(names) else None
    result: dict[Phase | None, Aftermath] = {}
    for phase in (*PHASES, None):
        where = names != None if phase is None else names == phase  # noqa: E711
        if bootstrap is None or not where.any():
            continue

        def following(name: str, where: np.ndarray = where) -> Interval | None:
            series = np.where(where, getattr(market, name)[1:], np.nan)
            return bootstrap.interval(series)

        begun = int((where & ~np.concatenate([[False], where[:-1]])).sum())
        result[phase] = Aftermath(
            sessions=int(where.sum()),
            spells=0 if phase is None else begun,
            next_limit_ups=following("limit_ups"),
            next_promotion=following("promotion"),
            next_return=following("market_return"),
        )
    return result
