"""The day's list as the rules see it: each stock's score, its place, and who may be bought."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from predictor.dragon_tiger.rules import Rules
from predictor.errors import PredictorError

if TYPE_CHECKING:
    from predictor.dragon_tiger.factors import Factors

NET_BUY, INSTITUTIONAL, TURNOVER_CHANGE, SENTIMENT = "F1", "F2", "F4", "F6"


@dataclass(frozen=True, eq=False)
class Decisions:
    """What the rules want after each session's list; every array is (T, S).

    Parameters
    ----------
    score
        float64, weighted sum of standardised factors; NaN where not listed that day.
    above
        float64 in [0, 1), share of the day's listed stocks with a better score; NaN unlisted.
    buy
        bool: passes every condition of a purchase.
    sentiment
        float64, F6; NaN where there is none.
    """

    score: np.ndarray
    above: np.ndarray
    buy: np.ndarray
    sentiment: np.ndarray


@dataclass(frozen=True, eq=False)
class Listing:
    """N stock-days on the list, by session and code.

    Parameters
    ----------
    shape
        (T, S): sessions and stocks of the market they are traded in.
    names
        K factors that can be had, of F1..F8.
    day, column
        int64 (N,): row and column of each in that market; `day` never decreases.
    scores
        float64 (N, K), standardised across the day's list; 0, the day's mean, where missing.
    passes
        For each of F1, F2, F4, F6: its raw values, float64 (N,); NaN where missing.
    """

    shape: tuple[int, int]
    names: tuple[str, ...]
    day: np.ndarray
    column: np.ndarray
    scores: np.ndarray
    passes: dict[str, np.ndarray]

    @classmethod
    def of(
        cls,
        factors: "Factors",
        absent: Mapping[str, str],
        sessions: np.ndarray,
        codes: tuple[str, ...],
    ) -> "Listing":
        """The rows of `factors` whose session and stock are in the market.

        Parameters
        ----------
        factors
            Of the list; those in `absent` get no weight.
        absent
            Factor -> why it says nothing.
        sessions, codes
            The market's.

        Raises
        ------
        PredictorError
            None is, or no factor can be had.
        """
        import pandas as pd

        names = tuple(n for n in factors.scores.columns if n not in absent)
        if not names:
            raise PredictorError(f"no factor of the dragon-tiger list can be had: {dict(absent)}")
        frame = factors.scores
        day = pd.DatetimeIndex(sessions).get_indexer(frame.index.get_level_values(0))
        column = pd.Index(codes).get_indexer(frame.index.get_level_values(1))
        kept = np.flatnonzero((day >= 0) & (column >= 0))
        if not len(kept):
            raise PredictorError("the dragon-tiger list and the stock prices share no stock-day")
        kept = kept[np.lexsort((column[kept], day[kept]))]
        raw = factors.raw.iloc[kept]
        wanted = (NET_BUY, INSTITUTIONAL, TURNOVER_CHANGE, SENTIMENT)
        return cls(
            shape=(len(sessions), len(codes)),
            names=names,
            day=day[kept],
            column=column[kept],
            scores=np.nan_to_num(frame[list(names)].to_numpy(np.float64)[kept]),
            passes={
                n: raw[n].to_numpy(np.float64) if n in raw else np.full(len(kept), np.nan)
                for n in wanted
            },
        )

    def decide(self, weights: np.ndarray, rules: Rules) -> Decisions:
        """Score, order and sieve each day's list.

        Parameters
        ----------
        weights
            float64 (K,), or (T, K) where each session has its own.
        rules
            Thresholds.
        """
        each = weights if weights.ndim == 1 else weights[self.day]
        score = (self.scores * each).sum(axis=1)
        above = self.above(score)
        passes = self.passes
        buy = (
            (above < rules.top)
            & (passes[NET_BUY] > rules.min_net_buy)
            & (passes[INSTITUTIONAL] > rules.min_institutional)
            & (passes[TURNOVER_CHANGE] > rules.min_turnover_change)
        )
        return Decisions(
            self.spread(score), self.spread(above),
            self.spread(buy.astype(np.float64), 0.0) > 0, self.spread(passes[SENTIMENT]),
        )  # fmt: skip

    def above(self, score: np.ndarray) -> np.ndarray:
        """Share of the day's stocks with a better score, float64 (N,); equal ones by code."""
        order = np.lexsort((self.column, -score, self.day))
        starts = np.searchsorted(self.day, self.day)
        size = np.searchsorted(self.day, self.day, side="right") - starts
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return (place - starts) / size

    def spread(self, values: np.ndarray, empty: float = np.nan) -> np.ndarray:
        """(N,) values laid out as (T, S)."""
        made = np.full(self.shape, empty)
        made[self.day, self.column] = values
        return made
