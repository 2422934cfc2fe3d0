"""What following the forecast would have earned, and how good it was: never without a baseline.

The account. Each session the `top` sectors by score are held (TopkDropout: at most `drop` of them
exchanged a session), bought and sold at the NEXT session's open, the first price after a forecast
made at 15:45 and confirmed at 09:26: at that session's close the wave it foretells is over. The
factor pool's simulator trades (`factor_pool.evaluation.backtest`, Qlib's TopkDropoutStrategy): a
sector of which half the companies closed at the limit can be neither bought nor sold that session.
Beside it stand the same account on persistence, on size and on lots drawn, and the equal-weight
market.

The scores are a replay (each session scored by a model fitted to earlier ones only) or what the
forecast log holds (`Scores.source`); which one is named in the result.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.backtest import Curve, rows_between
from factor_pool.evaluation.baselines import PERSISTENCE, SIZE, design
from predictor.account import Account, Costs, Deal
from predictor.dataset import Panels
from predictor.errors import PredictorError
from predictor.holdout import BLOCK, LEVEL, Bootstrap
from predictor.scores import Scores
from predictor.skill import skill
from predictor.splits import span

NOTES = (
    "A sector is its equal-weight basket at index prices, which nobody can buy as such; the "
    "leaders among its members cannot be bought once they are sealed.",
    "Members are those of the day the panel was made, applied backwards (survivorship).",
)


@dataclass(frozen=True)
class Options:
    """How to backtest.

    Parameters
    ----------
    start, end
        First and last session that is traded and forecast; None for all that have scores.
    top, drop
        Sectors held, and exchanged in a session at most.
    deal
        Price of a trade in the session after the score's.
    costs
        None for the defaults with the stamp duty of the window.
    seed
        Of the bootstrap and of the lots.
    """

    start: datetime.date | None = None
    end: datetime.date | None = None
    top: int = 3
    drop: int = 1
    deal: Deal = "open"
    costs: Costs | None = None
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Backtest:
    """The outcome.

    Parameters
    ----------
    document
        JSON-able: `source, scores, sessions, interval, rules, account, forecast, notes`.
    curves
        Method -> its account, session by session.
    """

    document: Mapping[str, Any]
    curves: Mapping[str, Curve]

    def to_dict(self) -> dict[str, Any]:
        """The document of `tide backtest --json`, with the model's account curve."""
        return {**self.document, "curve": self.curves["model"].to_dict()}


def backtest(market: Panels, scores: Scores, options: Options | None = None) -> Backtest:
    """Trade on scores, and judge them.

    Parameters
    ----------
    market
        `known` gives the baselines, `outcome` prices and what happened.
    scores
        Over any sessions and sectors.
    options
        Default: `Options()`.

    Raises
    ------
    PredictorError
        No session with scores lies in the window, or the panel has no prices.
    """
    options = options or Options()
    panel, on = market.outcome, scores.on(market.outcome)
    first, last = _window(panel, on, options)
    bootstrap = Bootstrap(last - first + 1, seed=options.seed)

    def account(deal: Deal) -> Account:
        return Account(
            panel, first, last, top=options.top, drop=options.drop, deal=deal,
            costs=options.costs, bootstrap=bootstrap,
        )  # fmt: skip

    main = account(options.deal)
    other = account("close" if main.rules.deal == "open" else "open")
    ways = _ways(market, on)
    curves = {name: main.trade(way) for name, way in ways.items()}
    kept = np.isfinite(ways["model"])
    return Backtest(
        {
            "source": scores.source,
            "scores": scores.what,
            "sessions": span(panel.sessions[first : last + 1]),
            "interval": f"{LEVEL:.0%}, stationary bootstrap over sessions, mean block {BLOCK}",
            "rules": main.to_dict(),
            "account": {
                "methods": {name: main.figures(curve) for name, curve in curves.items()}
                | {"chance": main.lots(kept, options.seed)},
                "difference_to_persistence": {
                    name: main.difference(curve, curves["persistence"])
                    for name, curve in curves.items()
                    if name.startswith("model")
                },
                "at_other_price": {
                    "deal": other.rules.deal,
                    "methods": {
                        name: other.figures(other.trade(ways[name]))
                        for name in ("model", "persistence")
                    },
                },
            },
            "forecast": skill(market, on, slice(first - 1, last), bootstrap),
            "notes": list(NOTES),
        },
        curves,
    )


def _window(panel: Panel, scores: Scores, options: Options) -> tuple[int, int]:
    """First and last row that is traded: the session before each has scores."""
    said = np.flatnonzero(np.isfinite(scores.score).any(axis=1))
    said = said[said + 1 < len(panel.sessions)]
    if len(said):
        try:
            low, high = rows_between(panel, options.start, options.end)
        except EvaluationError as error:
            raise PredictorError(str(error)) from error
        traded = said[(said + 1 >= low) & (said + 1 <= high)] + 1
        if len(traded) >= 2:
            return int(traded[0]), int(traded[-1])
    raise PredictorError(
        f"fewer than two sessions between {options.start} and {options.end} have {scores.source} "
        "scores of the session before"
    )


def _ways(market: Panels, scores: Scores) -> dict[str, np.ndarray]:
    """Method -> score (T, S), where the model has one; the filters hold for all but one."""
    here = np.isfinite(scores.score)
    kept = here & ~scores.removed
    persistence, size = design(market.known, (PERSISTENCE, SIZE))
    ways = {"model": np.where(kept, scores.score, np.nan)}
    ways["model_unfiltered"] = scores.score
    ways["model_by_wave"] = np.where(kept, scores.p_surge, np.nan)
    ways |= {
        name: np.where(kept, values, np.nan)
        for name, values in (("persistence", persistence), ("size", size))
    }
    return ways
