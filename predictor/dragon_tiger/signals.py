"""What to do at the next open, by the list that came out at 18:10.

The strategy keeps no book of its own: what it holds is what the same rules, played over all lists
up to this evening, would hold. So the signals of a date are the same whenever they are asked for.
"""

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.dragon_list import KNOWN_AT
from data_profile.home import Home
from data_profile.sessions import next_session
from predictor.dragon_tiger.backtest import Trade, describe
from predictor.dragon_tiger.rules import EXITS_IN_WORDS
from predictor.dragon_tiger.scene import Scene, load
from predictor.dragon_tiger.strategy import Options, Played, play

FACTORS_IN_WORDS: dict[str, str] = {
    "F1": "net purchase on the list {:+,.0f} yuan",
    "F2": "institutions' share of the purchases {:.0%}",
    "F3": "hot money's share of the purchases {:.0%}",
    "F4": "turnover rate {:+.0%} against its mean of 20 sessions",
    "F5": "change less the market's {:+.1%}",
    "F6": "news sentiment {:+.2f} of -1 to 1",
    "F7": "main net inflow {:+.2%} of float value",
    "F8": "large orders' share of turnover {:.0%}",
}


@dataclass(frozen=True, eq=False)
class Signals:
    """The orders of one evening.

    Parameters
    ----------
    as_of, for_session
        The list's session, and the one at whose open the orders trade.
    document
        Everything, for JSON: `to_dict`.
    """

    as_of: datetime.date
    for_session: datetime.date
    document: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """For `tide dragon signals --json`."""
        return self.document


def signals(
    home: Home, *, date: datetime.date | None = None, options: Options | None = None
) -> Signals:
    """Orders for the open after `date`.

    Parameters
    ----------
    home
        With the stock tables.
    date
        Session of the list; None for the last one that is there. Nothing later is read.
    options
        Weights, rules and costs.

    Raises
    ------
    PredictorError
        No list or no prices on that date.
    data_profile.errors.StoreError
        A table is missing.
    """
    options = options or Options()
    scene = load(home, end=date)
    played = play(scene, options)
    as_of, run = scene.last, played.run
    coming = next_session(as_of)
    held = [trade for trade in run.trades if trade.sold_on is None]
    known = describe(run)
    document = {
        "as_of": str(as_of),
        "known_at": KNOWN_AT,
        "for_session": str(coming),
        "weights": options.weights,
        "factor_weights": dict(
            zip(scene.listing.names, played.weights[-1].round(6).tolist(), strict=True)
        ),
        "absent": dict(scene.absent),
        "rules": options.rules.to_dict(),
        "snapshot_id": scene.snapshot_id,
        "listed": int(np.isfinite(played.decisions.score[-1]).sum()),
        "paused": bool(run.paused[-1]),
        "buy": [_purchase(code, scene, played) for code in run.orders],
        "sell": [_sale(trade, scene) for trade in held if trade.ordered_on],
        "hold": [_position(trade, scene) for trade in held if not trade.ordered_on],
        "scores": _scores(scene, played),
        "account": {
            "started": str(run.sessions[0]),
            "value": float(run.value[-1]),
            **{n: known[n] for n in ("total_return", "max_drawdown", "trades", "mean_gain")},
        },
    }
    return Signals(as_of, coming, document)


def _purchase(code: str, scene: Scene, played: Played) -> dict[str, Any]:
    import pandas as pd

    column = scene.market.codes.index(code)
    above = played.decisions.above[-1, column]
    raw = scene.raw.xs(pd.Timestamp(scene.last)).loc[code].astype(float).to_dict()
    factors = {name: raw[name] for name in scene.listing.names if np.isfinite(raw[name])}
    return {
        "code": code,
        "name": scene.names.get(code, ""),
        "score": float(played.decisions.score[-1, column]),
        "above": float(above),
        "close": float(scene.market.close[-1, column]),
        "factors": factors,
        "reasons": [
            f"among the best {100 * above:.1f}% of the day's list",
            *(FACTORS_IN_WORDS[name].format(value) for name, value in factors.items()),
        ],
    }


def _position(trade: Trade, scene: Scene) -> dict[str, Any]:
    return {
        "code": trade.code,
        "name": scene.names.get(trade.code, ""),
        "bought_on": trade.bought_on,
        "buy_price": trade.buy_price,
        "shares": trade.shares,
        "gain": trade.gain,
    }


def _sale(trade: Trade, scene: Scene) -> dict[str, Any]:
    return {
        **_position(trade, scene),
        "ordered_on": trade.ordered_on,
        "waited": trade.waited,
        "reason": trade.reason,
        "reasons": [EXITS_IN_WORDS[str(trade.reason)]],
    }


def _scores(scene: Scene, played: Played) -> dict[str, float]:
    """Every listed stock's score, the best first."""
    score = played.decisions.score[-1]
    order = [c for c in np.argsort(-score, kind="stable") if np.isfinite(score[c])]
    return {scene.market.codes[c]: float(score[c]) for c in order}
