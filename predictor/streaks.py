"""Streaks: for how many sessions on end something has been so, counted from the data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from predictor.dataset import COLD_START, Dataset

SHORTEST = 3
COMMON = 0.5
"""A streak as long on more of a sector's own sessions than this is nothing to tell of."""


@dataclass(frozen=True)
class Side:
    """One side of a border, in words; `{n}` is how many sessions."""

    en: str
    zh: str


@dataclass(frozen=True)
class Kind:
    """A daily feature whose streaks are told.

    Parameters
    ----------
    feature
        Its name.
    border
        A streak is of sessions above it, or of sessions below it.
    above, below
        What such sessions are; None: not told.
    """

    feature: str
    border: float
    above: Side
    below: Side | None = None


KINDS: Mapping[str, Kind] = {
    "limit-ups": Kind(
        "limit_ups", 0.5,
        Side("limit-ups {n} sessions on end", "连续 {n} 日有涨停"),
        Side("no limit-up for {n} sessions", "连续 {n} 日无涨停"),
    ),
    "streaks": Kind(
        "multi_board", 0.5, Side("streaks {n} sessions on end", "连续 {n} 日有连板")
    ),
    "one-word boards": Kind(
        "one_word", 0.5, Side("one-word boards {n} sessions on end", "连续 {n} 日有一字板")
    ),
    "broken limits": Kind(
        "broken", 0.5, Side("broken limits {n} sessions on end", "连续 {n} 日有炸板")
    ),
    "limit-downs": Kind(
        "limit_downs", 0.5, Side("limit-downs {n} sessions on end", "连续 {n} 日有跌停")
    ),
    "breadth": Kind(
        "breadth", 0.5,
        Side("most companies rose {n} sessions on end", "连续 {n} 日过半上涨"),
        Side("most companies fell {n} sessions on end", "连续 {n} 日过半下跌"),
    ),
    "return": Kind(
        "return_1", 0.0,
        Side("risen {n} sessions on end", "连涨 {n} 日"),
        Side("fallen {n} sessions on end", "连跌 {n} 日"),
    ),
    "turnover": Kind(
        "turnover_20", 1.0,
        Side("turnover above its 20-session mean {n} sessions on end",
             "成交额连续 {n} 日高于 20 日均值"),
        Side("turnover below its 20-session mean {n} sessions on end",
             "成交额连续 {n} 日低于 20 日均值"),
    ),
    "money flow": Kind(
        "flow_1", 0.0,
        Side("money has flowed in {n} sessions on end", "资金连续 {n} 日流入"),
        Side("money has flowed out {n} sessions on end", "资金连续 {n} 日流出"),
    ),
}  # fmt: skip
"""Theme of `predictor.features` -> the streak told with it."""

_AS_LONG = Side(
    "as long on {share}% of its own sessions", "自身 {share}% 的交易日有此长度"
)  # fmt: skip


@dataclass(frozen=True)
class Streak:
    """A streak of a sector that has lasted up to a session.

    Parameters
    ----------
    kind
        What is counted.
    above
        On which side of its border.
    sessions
        How many, that session included.
    as_long
        Share (0..1) of the sector's earlier sessions whose streak, on the same side, was at least
        as long; None where there are fewer than `COLD_START`.
    """

    kind: Kind
    above: bool
    sessions: int
    as_long: float | None

    def text(self, language: str) -> str:
        """In words."""
        side = self.kind.above if self.above else self.kind.below
        assert side is not None  # `streak` tells no other
        told = getattr(side, language).format(n=self.sessions)
        if self.as_long is None:
            return told
        rare = getattr(_AS_LONG, language).format(share=int(np.ceil(100 * self.as_long)))
        return f"{told}（{rare}）" if language == "zh" else f"{told} ({rare})"

    def to_dict(self) -> dict[str, Any]:
        """For a forecast's document."""
        return {
            "feature": self.kind.feature,
            "above": self.above,
            "sessions": self.sessions,
            "as_long": None if self.as_long is None else round(self.as_long, 6),
        }


def streak(theme: str, dataset: Dataset, row: int, column: int) -> Streak | None:
    """The streak that a sector's theme is on; None where it is short, common, or not told of.

    Parameters
    ----------
    theme
        Of a feature.
    dataset
        Only sessions up to `row` are read.
    row, column
        The session and the sector.
    """
    kind = KINDS.get(theme)
    if kind is None or kind.feature not in dataset.names:
        return None
    values = dataset.column(kind.feature)[: row + 1, column]
    above = bool(values[-1] > kind.border)
    lengths = _lengths(values > kind.border if above else values < kind.border)
    if lengths[-1] < SHORTEST or (not above and kind.below is None):
        return None
    earlier = lengths[:-1][np.isfinite(values[:-1])]
    share = float((earlier >= lengths[-1]).mean()) if len(earlier) >= COLD_START else None
    if share is not None and share > COMMON:
        return None
    return Streak(kind, above, int(lengths[-1]), share)


def _lengths(so: np.ndarray) -> np.ndarray:
    """For how many sessions on end it has been so, at each session; a gap ends a streak."""
    total = np.cumsum(so)
    return total - np.maximum.accumulate(np.where(so, 0, total))
