"""Weights side by side on purged walk-forward folds, and what the number of tries leaves of them.

A fold tests on a stretch of sessions what was found on all sessions before it, less a purge between
the two. The stretches follow each other from a fixed session on, so that a new session never
changes the weights of an old one, and together they are one out-of-sample history.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from factor_pool.evaluation.multiplicity import deflated_sharpe_of, pbo
from predictor.dragon_tiger.backtest import Run, describe, simulate
from predictor.dragon_tiger.execution import Costs
from predictor.dragon_tiger.rivals import difference, with_intervals
from predictor.dragon_tiger.rules import Rules
from predictor.dragon_tiger.scene import Scene
from predictor.dragon_tiger.weights import Found, History, Weighting, grid, weightings
from predictor.errors import PredictorError

FIRST_TEST, TEST = 31, 13  # sessions before the first test, and in a test
LEAST_TEST = 5
REFIT = 5  # sessions for which learned weights hold
BASELINE = "equal"
PBO_BLOCKS = 8


@dataclass(frozen=True)
class Fold:
    """Rows of a market, all inclusive: training, and then, after a purge, test."""

    train_last: int
    test_first: int
    test_last: int


def purge_of(rules: Rules) -> int:
    """Sessions between training and test: the longest holding time and the wait for the open."""
    return rules.hold_max + 1


def folds(sessions: int, purge: int) -> list[Fold]:
    """Consecutive tests of `TEST` sessions; the last may be shorter, down to `LEAST_TEST`.

    Raises
    ------
    PredictorError
        There are too few sessions for one.

    Examples
    --------
    >>> [(f.train_last, f.test_first, f.test_last) for f in folds(60, 6)]
    [(24, 31, 43), (37, 44, 59)]
    """
    starts = list(range(FIRST_TEST, sessions - LEAST_TEST + 1, TEST))
    if not starts or purge >= FIRST_TEST:
        raise PredictorError(
            f"walk-forward folds need at least {FIRST_TEST + LEAST_TEST} sessions with a list and "
            f"a purge ({purge}) below {FIRST_TEST}; there are {sessions} sessions"
        )
    ends = [start - 1 for start in starts[1:]] + [sessions - 1]
    return [Fold(start - purge - 1, start, end) for start, end in zip(starts, ends, strict=True)]


def walk(
    scene: Scene, weighting: Weighting, rules: Rules, costs: Costs, seed: int
) -> tuple[np.ndarray, list[Found]]:
    """Weights of every session, float64 (T, K), and what each fold found at its start.

    Those of a session rest on earlier ones alone; NaN before the first test, except for weights
    that no history changes.
    """
    sessions = len(scene.market.sessions)
    purge = purge_of(rules)
    weights = np.full((sessions, len(scene.listing.names)), np.nan)
    found = []

    def find(last: int) -> Found:
        return weighting.find(History(scene.market, scene.listing, 0, last, rules, costs, seed))

    for fold in folds(sessions, purge):
        found.append(find(fold.train_last))
        weights[fold.test_first : fold.test_last + 1] = found[-1].weights
        if weighting.dynamic:
            for start in range(fold.test_first + REFIT, fold.test_last + 1, REFIT):
                weights[start : fold.test_last + 1] = find(start - purge - 1).weights
    return weights, found


def tune(
    scene: Scene,
    rules: Rules,
    costs: Costs,
    *,
    seed: int = 1,
    earlier: int = 0,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Every weighting on every fold; see docs/dragon-tiger.md for the keys.

    Parameters
    ----------
    scene, rules, costs, seed
        What is tuned on, and of what account.
    earlier
        Weights that were tried before, under other rules, costs or seeds: they count as well.
    say
        Called with what is being done.

    Raises
    ------
    PredictorError
        Too few sessions.
    """
    cuts = folds(len(scene.market.sessions), purge_of(rules))
    days = np.datetime_as_string(scene.market.sessions, unit="D").tolist()
    results: dict[str, tuple[list[Found], list[Run]]] = {}
    for name, weighting in weightings().items():
        if say is not None:
            say(f"weights: {name}")
        weights, found = walk(scene, weighting, rules, costs, seed)
        decisions = scene.listing.decide(np.nan_to_num(weights), rules)
        runs = [
            simulate(scene.market, decisions, rules, costs, first=f.test_first, last=f.test_last)
            for f in cuts
        ]
        results[name] = found, runs
    tries = np.array([one for found, _ in results.values() for f in found for one in f.tries])
    variance = float(tries.var(ddof=1))
    base = _stitched(results[BASELINE][1])
    return {
        "as_of": days[-1],
        "snapshot_id": scene.snapshot_id,
        "factors": list(scene.listing.names),
        "absent": dict(scene.absent),
        "rules": rules.to_dict(),
        "costs": vars(costs),
        "seed": seed,
        "purge": purge_of(rules),
        "folds": [
            {
                "train": [days[0], days[f.train_last]],
                "test": [days[f.test_first], days[f.test_last]],
                "sessions": f.test_last - f.test_first + 1,
            }
            for f in cuts
        ],
        "tries": len(tries),
        "earlier_tries": earlier,
        "tries_deviation": variance**0.5,
        "grid_pbo": _grid_pbo(scene, rules, costs),
        "weightings": {
            name: {
                "folds": [
                    _cell(f, run, scene.listing.names) for f, run in zip(found, runs, strict=True)
                ],
                "overall": _overall(runs, base, earlier + len(tries), variance, seed),
            }
            for name, (found, runs) in results.items()
        },
    }


def _stitched(runs: list[Run]) -> np.ndarray:
    return np.concatenate([run.returns for run in runs])


def _cell(found: Found, run: Run, names: tuple[str, ...]) -> dict[str, Any]:
    known = describe(run)
    kept = ("total_return", "sharpe", "trades", "mean_gain", "mean_invested")
    return {
        "weights": dict(zip(names, found.weights.round(4).tolist(), strict=True)),
        "tries": len(found.tries),
        "best_train_sharpe_per_session": max(found.tries),
        **{name: known[name] for name in kept},
    }


def _overall(
    runs: list[Run], base: np.ndarray, tries: int, variance: float, seed: int
) -> dict[str, Any]:
    returns = _stitched(runs)
    gains = [trade.gain for run in runs for trade in run.trades if trade.sold_on is not None]
    deflated = deflated_sharpe_of(returns, trials=tries, variance=variance)
    return {
        **with_intervals(returns, seed),
        "trades": sum(len(run.trades) for run in runs),
        "mean_gain": float(np.mean(gains)) if gains else None,
        "deflated_sharpe": deflated if np.isfinite(deflated) else None,
        "against_equal": difference(returns, base, seed),
    }


def _grid_pbo(scene: Scene, rules: Rules, costs: Costs) -> float | None:
    """Probability that the grid's best is overfitted, over all sessions; None if too few trade."""
    last = len(scene.market.sessions) - 1
    history = History(scene.market, scene.listing, 0, last, rules, costs, 0)
    series = [history.account(point)[0] for point in grid(len(scene.listing.names))]
    trading = [one for one in series if one.std() > 0]
    if len(trading) < 2 or last + 1 < 2 * PBO_BLOCKS:
        return None
    return pbo(np.column_stack(trading), PBO_BLOCKS)


def table(tuned: Mapping[str, Any]) -> list[tuple[str, list[float | None], Mapping[str, Any]]]:
    """(Weighting, its return in each fold, its overall figures), in order: weights x folds."""
    return [
        (name, [fold["total_return"] for fold in one["folds"]], one["overall"])
        for name, one in tuned["weightings"].items()
    ]
