"""What the strategy has to beat: the whole list, stocks drawn from it by lot, and the market.

All trade by the same execution and the same costs. A strategy that is mostly in cash loses little
in a falling market, so the market also stands at the strategy's own exposure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from factor_pool.evaluation.backtest import SESSIONS_A_YEAR
from factor_pool.evaluation.inference import MIN_OBSERVATIONS, block_length
from predictor.dragon_tiger.backtest import (
    Run,
    figures,
    prices_of,
    sharpe,
    simulate,
    terms_of,
    values,
)
from predictor.dragon_tiger.execution import Costs, Market
from predictor.dragon_tiger.listing import Decisions, Listing
from predictor.dragon_tiger.rules import Rules
from predictor.holdout import LEVEL, Bootstrap

DRAWS = 1_000


@dataclass(frozen=True, eq=False)
class Draws:
    """Accounts that bought by lot; every array is float64 (draws,).

    Parameters
    ----------
    total_return, sharpe, mean_gain
        Of each; NaN where it never traded or never varied.
    """

    total_return: np.ndarray
    sharpe: np.ndarray
    mean_gain: np.ndarray

    def against(self, own: Mapping[str, float | None]) -> dict[str, Any]:
        """Median and 95% range of each figure, and the share of draws that reach one's own."""
        return {name: _placed(drawn, own[name]) for name, drawn in vars(self).items()}


def _placed(drawn: np.ndarray, own: float | None) -> dict[str, float | None]:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return dict.fromkeys(("median", "low", "high", "p"))
    low, median, high = np.quantile(drawn, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    p = None if own is None else float((1 + (drawn >= own).sum()) / (1 + len(drawn)))
    return {"median": float(median), "low": float(low), "high": float(high), "p": p}


def all_listed(
    market: Market, listing: Listing, rules: Rules, costs: Costs, first: int, last: int
) -> Run:
    """Buy every stock of the list, in equal parts over `hold_max` days of lists.

    The same exits but those that need a score. Fractions of a lot and no least commission: a part
    is a 300th of the account.
    """
    listed = listing.spread(np.ones(len(listing.day)), 0.0) > 0
    everything = Decisions(
        np.where(listed, 0.0, np.nan), np.where(listed, 0.0, np.nan), listed,
        listing.spread(listing.passes["F6"]),
    )  # fmt: skip
    a_day = listed[first : last + 1].sum() / (last + 1 - first)
    parts = max(1, round(rules.hold_max * a_day))
    even = replace(rules, max_weight=1.0, min_holdings=parts, max_drawdown=1.0)
    basket = replace(costs, lot=0, min_commission=0.0)
    return simulate(market, everything, even, basket, first=first, last=last)


def by_lot(
    market: Market,
    listing: Listing,
    rules: Rules,
    costs: Costs,
    wanted: np.ndarray,
    *,
    first: int,
    last: int,
    seed: int,
    draws: int = DRAWS,
) -> Draws:
    """The same rules on scores drawn at random.

    Parameters
    ----------
    market, listing, rules, costs, first, last
        As the strategy's.
    wanted
        int (T,): how many stocks the strategy wanted on each evening; a draw wants as many, the
        best by its own lot.
    seed
        Of the lots.
    draws
        How many accounts.
    """
    prices, terms = prices_of(market), terms_of(rules, costs)
    rng = np.random.default_rng(seed)
    size = np.bincount(listing.day, minlength=len(market.sessions))
    share = np.where(size > 0, wanted / np.maximum(size, 1), 0.0)[listing.day]
    sentiment = listing.spread(listing.passes["F6"])
    rows = []
    for _ in range(draws):
        above = listing.above(rng.random(len(listing.day)))
        buy = listing.spread((above < share - 1e-9).astype(np.float64), 0.0) > 0
        spread = listing.spread(above)
        value, gains = values(prices, Decisions(spread, spread, buy, sentiment), terms, first, last)
        returns = value / np.concatenate(([rules.cash], value[:-1])) - 1
        ratio = sharpe(returns)
        rows.append(
            (value[-1] / rules.cash - 1, np.nan if ratio is None else ratio,
             gains.mean() if len(gains) else np.nan)
        )  # fmt: skip
    return Draws(*np.array(rows, dtype=np.float64).T)


def with_intervals(returns: np.ndarray, seed: int) -> dict[str, Any]:
    """`figures` of daily returns, with 95% intervals of the annual return and the Sharpe ratio."""
    annual, ratio = _intervals(returns, seed)
    return {
        **figures(returns), "annual_return_interval": annual, "sharpe_interval": ratio,
    }  # fmt: skip


def difference(one: np.ndarray, other: np.ndarray, seed: int) -> dict[str, Any]:
    """Annual return of one less that of the other, over the same sessions, with its interval."""
    gap = one - other
    return {
        "annual_return": float(gap.mean() * SESSIONS_A_YEAR),
        "interval": _intervals(gap, seed)[0],
    }


def _intervals(returns: np.ndarray, seed: int) -> tuple[list[float] | None, list[float] | None]:
    """Of the annual return and of the Sharpe ratio; None where there is too little."""
    if len(returns) < MIN_OBSERVATIONS or not returns.std() > 0:
        return None, None
    resamples = Bootstrap(len(returns), seed=seed, block=block_length(returns))
    sample = resamples.resampled(returns)
    mean, deviation = sample.mean(axis=1), sample.std(axis=1, ddof=1)
    moved = deviation > 0
    ratio = mean[moved] / deviation[moved] * np.sqrt(SESSIONS_A_YEAR)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    return np.quantile(mean * SESSIONS_A_YEAR, tails).tolist(), np.quantile(ratio, tails).tolist()
