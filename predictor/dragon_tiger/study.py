"""The backtest as a document: the strategy, its rivals, its readings, and what was claimed."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from data_profile.home import Home
from factor_pool.evaluation.backtest import SESSIONS_A_YEAR
from predictor.dragon_tiger.backtest import Run, describe, simulate
from predictor.dragon_tiger.report.words import caveats
from predictor.dragon_tiger.rivals import DRAWS, all_listed, by_lot, difference, with_intervals
from predictor.dragon_tiger.scene import Scene, load
from predictor.dragon_tiger.strategy import Options, Played, play
from predictor.holdout import LEVEL, RESAMPLES

CLAIMED: Mapping[str, float] = {"annual_return": 0.25, "sharpe": 1.2}
"""What the user's document says of the strategy."""
READINGS: Mapping[str, Mapping[str, Any]] = {
    "as configured": {},
    "sell what leaves the list": {"unlisted": "sell"},
    "below 5 holdings all in cash": {"thin_book": "all_in_cash"},
    "no condition on F1, F2, F4": {
        "min_net_buy": -np.inf, "min_institutional": -np.inf, "min_turnover_change": -np.inf,
    },
    "no stop": {"stop": 1.0},
    "held one session": {"hold_max": 1},
}  # fmt: skip
"""Other readings of the rules, and each rule left out; shown beside, never chosen from."""


def backtest(
    home: Home,
    *,
    date: datetime.date | None = None,
    options: Options | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Play the strategy over the list's history and set it beside what needs no skill.

    Parameters
    ----------
    home
        With the stock tables.
    date
        Last session; nothing later is read. None for the last with a list and prices.
    options
        Weights, rules, costs, seed.
    say
        Called with what is being done.

    Returns
    -------
    dict
        JSON-able; its keys are explained in docs/dragon-tiger.md.

    Raises
    ------
    PredictorError
        No list or prices, or too few sessions for the weights.
    data_profile.errors.StoreError
        A table is missing.
    """
    options = options or Options()
    tell = say or (lambda _: None)
    tell("reading the list and the prices")
    scene = load(home, end=date)
    tell("playing the strategy")
    played = play(scene, options)
    run, own = played.run, describe(played.run)
    seed = options.seed
    document: dict[str, Any] = {
        **_settings(scene, options, played),
        "strategy": {**own, **with_intervals(run.returns, seed)},
        "claimed": dict(CLAIMED),
    }
    tell("buying the whole list, and by lot")
    document |= _rivals(scene, played, options, own)
    tell("other readings of the rules")
    document["readings"] = _readings(scene, played, options)
    keep_in_mind = _caveats(scene, played, options)
    return document | {
        "curve": _curve(run, document.pop("_series")),
        "trades": [dataclasses.asdict(trade) for trade in run.trades],
        "failed_orders": [dataclasses.asdict(failure) for failure in run.failures],
        "names": {trade.code: scene.names.get(trade.code, "") for trade in run.trades},
        "caveats": caveats(keep_in_mind, "en"),
        "caveat_facts": keep_in_mind,
    }


def _settings(scene: Scene, options: Options, played: Played) -> dict[str, Any]:
    mean = np.nanmean(played.weights[played.first :], axis=0)
    return {
        "as_of": str(scene.last),
        "first": str(played.run.sessions[0]),
        "sessions": len(played.run.sessions),
        "snapshot_id": scene.snapshot_id,
        "weights": options.weights,
        "factor_weights": dict(zip(scene.listing.names, mean.round(6).tolist(), strict=True)),
        "absent": dict(scene.absent),
        "rules": options.rules.to_dict(),
        "costs": vars(options.costs),
        "seed": options.seed,
        "listed_stock_days": len(scene.listing.day),
        "stocks_without_prices": len(scene.unpriced),
        "candidates": int(played.decisions.buy[played.first :].sum()),
        "interval": f"{LEVEL:.0%}, stationary bootstrap over sessions, block length from the data, "
        f"{RESAMPLES} resamples",
    }


def _rivals(
    scene: Scene, played: Played, options: Options, own: Mapping[str, Any]
) -> dict[str, Any]:
    first, last = played.first, len(scene.market.sessions) - 1
    args = (scene.market, scene.listing, options.rules, options.costs)
    whole = all_listed(*args, first, last)
    wanted = played.decisions.buy.sum(axis=1)
    lots = by_lot(*args, wanted, first=first, last=last, seed=options.seed)
    run, seed = played.run, options.seed
    # The market from the first purchase on: the evening of the first list nothing is held.
    market = scene.equal_weight[first:].copy()
    market[0] = 0.0
    exposed = np.concatenate(([0.0], run.invested[:-1])) * market
    series = {"all_listed": whole.returns, "market": market, "market_same_exposure": exposed}
    return {
        "rivals": {
            "all_listed": {**describe(whole), **with_intervals(whole.returns, seed)},
            "market": with_intervals(market, seed),
            "market_same_exposure": with_intervals(exposed, seed),
            "by_lot": {"draws": DRAWS, **lots.against(own)},
        },
        "strategy_less": {
            name: difference(run.returns, other, seed) for name, other in series.items()
        },
        "_series": series,
    }


def _readings(scene: Scene, played: Played, options: Options) -> dict[str, dict[str, Any]]:
    kept = ("total_return", "sharpe", "max_drawdown", "trades", "mean_gain", "mean_invested")
    made = {}
    for name, changes in READINGS.items():
        rules = dataclasses.replace(options.rules, **changes)
        decisions = scene.listing.decide(np.nan_to_num(played.weights), rules)
        run = simulate(scene.market, decisions, rules, options.costs, first=played.first)
        found = describe(run)
        made[name] = {key: found[key] for key in kept}
    return made


def _curve(run: Run, series: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {
        "sessions": [str(day) for day in run.sessions],
        "strategy": (run.value / run.cash).round(6).tolist(),
        **{name: np.cumprod(1 + x).round(6).tolist() for name, x in series.items()},
        "invested": run.invested.round(4).tolist(),
        "paused": [bool(x) for x in run.paused],
    }


def _caveats(scene: Scene, played: Played, options: Options) -> dict[str, dict[str, Any]]:
    """What to keep in mind: key of `report.words` -> what its text names."""
    sessions = len(played.run.sessions)
    said: dict[str, dict[str, Any]] = {}
    if sessions < SESSIONS_A_YEAR:
        said["short"] = {"sessions": sessions, "years": round(sessions / SESSIONS_A_YEAR, 1)}
    said |= {"adjusted": {}, "unpriced": {"stocks": len(scene.unpriced)}}
    if scene.absent:
        said["absent"] = {"factors": ", ".join(scene.absent)}
    if options.weights not in ("default", "equal"):
        said["walked"] = {"first": str(played.run.sessions[0])}
    return said
