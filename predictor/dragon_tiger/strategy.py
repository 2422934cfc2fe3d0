"""One strategy from its parts: weights, rules and costs, run over all that is known."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from predictor.dragon_tiger.backtest import Run, simulate
from predictor.dragon_tiger.execution import Costs
from predictor.dragon_tiger.listing import Decisions
from predictor.dragon_tiger.rules import Rules, configured
from predictor.dragon_tiger.scene import Scene
from predictor.dragon_tiger.tuning import walk
from predictor.dragon_tiger.weights import Fixed, weighting


@dataclass(frozen=True)
class Options:
    """What a person may choose.

    Parameters
    ----------
    weights
        Name of a weighting; see `weights.weightings`.
    rules, costs
        Thresholds and prices of trading.
    seed
        Of searches, models and draws.
    """

    weights: str = "default"
    rules: Rules = field(default_factory=Rules)
    costs: Costs = field(default_factory=Costs)
    seed: int = 1

    @classmethod
    def of(cls, weights: str, assignments: Iterable[str], seed: int) -> "Options":
        """Options from text such as ``stop=0.08``: the name of a rule or of a cost.

        Raises
        ------
        RulesError
            A name that neither has, or a value that cannot be read or had.
        """
        given = list(assignments)
        of_costs = {one.name for one in dataclasses.fields(Costs)}
        costs = [text for text in given if text.partition("=")[0].strip() in of_costs]
        rules = [text for text in given if text not in costs]
        return cls(weights, configured(Rules(), rules), configured(Costs(), costs), seed)

    @property
    def fingerprint(self) -> str:
        """Name of the weighting, and 12 hex digits that change with any rule, cost or the seed."""
        text = json.dumps([self.rules.to_dict(), vars(self.costs), self.seed], sort_keys=True)
        return f"{self.weights}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, eq=False)
class Played:
    """A strategy played over a scene.

    Parameters
    ----------
    weights
        float64 (T, K); of a session, found on earlier ones alone.
    decisions
        What the rules wanted.
    run
        What the account did.
    first
        Row of the first list that was followed: searched weights need a past.
    """

    weights: np.ndarray
    decisions: Decisions
    run: Run
    first: int


def play(scene: Scene, options: Options) -> Played:
    """Follow the lists of a scene, each with weights that were known that evening.

    Raises
    ------
    PredictorError
        No such weighting, or too few sessions to find its weights.
    """
    chosen = weighting(options.weights)
    if isinstance(chosen, Fixed):
        weights = np.tile(chosen.of(scene.listing.names), (len(scene.market.sessions), 1))
        first = 0
    else:
        weights, _ = walk(scene, chosen, options.rules, options.costs, options.seed)
        first = int(np.argmax(np.isfinite(weights).all(axis=1)))
    decisions = scene.listing.decide(np.nan_to_num(weights), options.rules)
    run = simulate(scene.market, decisions, options.rules, options.costs, first=first)
    return Played(weights, decisions, run, first)
