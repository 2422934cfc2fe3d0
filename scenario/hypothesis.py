"""From what is known to an idea, and from an idea to an experiment."""

from collections.abc import Mapping
from typing import Any

import scenario.compat  # noqa: F401

# isort: split
from rdagent.components.coder.CoSTEER.task import CoSTEERTask
from rdagent.core.experiment import Experiment
from rdagent.core.proposal import Hypothesis, Hypothesis2Experiment, HypothesisGen, Trace

from factor_pool.errors import EvaluationError
from scenario.checks import Verdict, plain
from scenario.night import Turn
from scenario.proposers.base import Idea

EXPRESSIONS = "factor.expr"
"""The file of a workspace: one expression a line."""


class FactorHypothesis(Hypothesis):
    """An idea of a proposer, as rdagent carries it, and the turn in which it had it."""

    def __init__(self, idea: Idea, turn: Turn) -> None:
        super().__init__(
            hypothesis=plain(idea.hypothesis),
            reason=plain(idea.reason),
            concise_reason=plain(idea.reason),
            concise_observation="",
            concise_justification="",
            concise_knowledge="",
        )
        self.idea = idea
        self.turn = turn


class FactorTask(CoSTEERTask):
    """Write an idea as a batch of expressions.

    Parameters
    ----------
    hypothesis
        The idea.
    """

    def __init__(self, hypothesis: FactorHypothesis) -> None:
        super().__init__(name=hypothesis.idea.proposer, description=str(hypothesis))
        self.idea = hypothesis.idea
        self.turn = hypothesis.turn


class FactorExperiment(Experiment):
    """One idea, one task; the task's workspace holds the whole batch of expressions."""

    def __init__(self, hypothesis: FactorHypothesis) -> None:
        super().__init__([FactorTask(hypothesis)], hypothesis=hypothesis)
        self.turn = hypothesis.turn
        self.verdicts: list[Verdict] = []
        """Of every text that was proposed, in order; written by the coder."""
        self.measured: dict[int, Mapping[str, Any] | EvaluationError] = {}
        """Id of an attempt -> its search figures, or why it has none; written by the runner."""


class FactorHypothesisGen(HypothesisGen):
    """Lets the proposer whose turn it is name an idea."""

    def gen(self, trace: Trace, plan: Any = None) -> FactorHypothesis:
        """The idea of this iteration; `trace` is not read, the ledger says more."""
        turn = self.scen.night.begin_iteration()
        return FactorHypothesis(turn.proposer.idea(turn.context), turn)


class Hypothesis2FactorExperiment(Hypothesis2Experiment):
    """Makes the experiment that tests an idea."""

    def convert(self, hypothesis: FactorHypothesis, trace: Trace) -> FactorExperiment:
        """One experiment with one task."""
        return FactorExperiment(hypothesis)
