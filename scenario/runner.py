"""From expressions to decisions: measure in isolation, then accept or reject."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import scenario.compat  # noqa: F401

# isort: split
from rdagent.core.developer import Developer

from factor_pool.errors import EvaluationError
from factor_pool.records import FINAL_STAGES, Attempt, Judgement
from scenario.hypothesis import FactorExperiment
from scenario.night import UNTESTED, Outcome

Figures = Mapping[str, Any]


class FactorRunner(Developer):
    """Measures a batch whose attempts are in the ledger, then decides it.

    Each finds out from the attempts what is left to do, so that an iteration that was cut short
    goes on where it stopped and does nothing twice.
    """

    def develop(self, exp: FactorExperiment) -> FactorExperiment:
        """Measure what is not yet, against the pool as the proposer knew it.

        Runs beside the rest of the loop, so it reads and writes nothing but the experiment.
        """
        fresh = [one for one in exp.turn.attempts if one.stage == "proposed"]
        if fresh:
            texts = [str(one.canonical) for one in fresh]
            results = self.scen.night.laboratory.measure(texts, exp.turn.context.pool)
            exp.measured = {one.id: result for one, result in zip(fresh, results, strict=True)}
        return exp

    def decide(self, exp: FactorExperiment) -> None:
        """Decide the whole batch, and write it; the outcome is the experiment's result."""
        attempts = exp.turn.attempts
        failed = [
            Judgement(number, "failed", "evaluation", str(result))
            for number, result in exp.measured.items()
            if isinstance(result, EvaluationError)
        ]
        if failed:
            self.scen.night.ledger.judge(failed)
        figures: dict[int, Figures] = {one.id: one.figures for one in attempts if one.figures}
        figures |= {
            number: result
            for number, result in exp.measured.items()
            if not isinstance(result, EvaluationError)
        }
        gates = {one.id: one.gate for one in attempts if one.stage in FINAL_STAGES}
        gates |= self._decided([one for one in attempts if one.id not in gates], figures)
        exp.result = _outcome(attempts, gates, figures)

    def _decided(
        self, attempts: Sequence[Attempt], figures: Mapping[int, Figures]
    ) -> dict[int, str | None]:
        """Where each attempt ended, in order: a gate, or None for the pool."""
        measured = [one for one in attempts if one.id in figures]
        made = self.scen.night.acceptance.decide_batch(
            measured, [figures[one.id] for one in measured]
        )
        gates: dict[int, str | None] = {one.id: "evaluation" for one in attempts}
        return gates | {one.id: end.gate for one, end in zip(measured, made, strict=True)}


def _outcome(
    batch: Sequence[Attempt], gates: Mapping[int, str | None], figures: Mapping[int, Figures]
) -> Outcome:
    """Sum up a batch that is decided."""
    rejected: Counter[str] = Counter()
    evaluated = accepted = 0
    best: float | None = None
    for attempt in batch:
        gate = gates[attempt.id]
        if attempt.stage not in UNTESTED:
            evaluated += 1
            if gate != "coverage":  # a mean over a few sessions is no figure to show
                found = figures.get(attempt.id, {})
                best = _stronger(best, found.get("marginal_rank_ic"))
        if gate is None:
            accepted += 1
        else:
            rejected[gate] += 1
    return Outcome(evaluated, accepted, rejected, best)


def _stronger(best: float | None, value: Any) -> float | None:
    if value is None or (best is not None and abs(value) <= abs(best)):
        return best
    return float(value)
