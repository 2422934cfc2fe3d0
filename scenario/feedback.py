"""From an evaluated experiment to what is said about its hypothesis."""

import scenario.compat  # noqa: F401

# isort: split
from rdagent.core.proposal import Experiment2Feedback, HypothesisFeedback, Trace

from scenario.hypothesis import FactorExperiment


class FactorFeedback(Experiment2Feedback):
    """Search-window facts and failure classes, worded by rule: no model judges.

    A language model asked to judge factors does no better than chance (AlphaBench), and what the
    confirm window said beyond accept or reject must not reach a proposer.
    """

    def generate_feedback(
        self, exp: FactorExperiment, trace: Trace, exception: Exception | None = None
    ) -> HypothesisFeedback:
        """What became of the batch."""
        outcome = exp.result
        gates = ", ".join(f"{name} {count}" for name, count in sorted(outcome.rejected.items()))
        best = "none" if outcome.best is None else f"{outcome.best:+.4f}"
        return HypothesisFeedback(
            reason=f"{outcome.accepted} accepted of {outcome.evaluated} evaluated",
            decision=outcome.accepted > 0,
            observations=f"best marginal rank IC on the search window: {best}",
            hypothesis_evaluation=f"ended at: {gates or 'no gate'}",
            exception=exception,
        )
