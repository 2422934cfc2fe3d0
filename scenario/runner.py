"""From expressions to decisions: record, measure in isolation, accept or reject."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import scenario.compat  # noqa: F401

# isort: split
from rdagent.core.developer import Developer

from factor_pool.errors import EvaluationError
from factor_pool.records import Attempt, Judgement, Proposal
from scenario.hypothesis import FactorExperiment
from scenario.night import Outcome

_UNTESTED = ("invalid", "duplicate")
"""Stages of what was never measured."""


class FactorRunner(Developer):
    """Writes every attempt to the ledger before it is measured, and every decision after.

    Each step finds out from the ledger what is left to do, so that an iteration that was cut
    short goes on where it stopped and does nothing twice.
    """

    def develop(self, exp: FactorExperiment) -> FactorExperiment:
        """Evaluate and decide the whole batch; the outcome is the experiment's result."""
        night = self.scen.night
        record = night.session.record
        attempts = night.ledger.record(
            night.session.id,
            night.iteration,
            _proposals(exp),
            snapshot=record.snapshot,
            label=record.label,
            seed=record.seed,
            borders=record.borders,
            prompts=list(record.prompts)[-1] if night.proposer.paid else "",
        )
        self._measure(attempts)
        night.outcome = exp.result = self._decide()
        return exp

    def _measure(self, batch: Sequence[Attempt]) -> None:
        """Search figures of the batch against the pool as it was before the batch."""
        night = self.scen.night
        attempts = [one for one in batch if one.stage == "proposed"]
        if not attempts:
            return
        results = night.laboratory.measure(
            [str(one.canonical) for one in attempts], night.context.pool
        )
        failed, scored = [], []
        for attempt, result in zip(attempts, results, strict=True):
            if isinstance(result, EvaluationError):
                failed.append(Judgement(attempt.id, "failed", "evaluation", str(result)))
            else:
                scored.append((attempt.id, result))
        night.ledger.judge(failed)
        night.ledger.scored(scored)

    def _decide(self) -> Outcome:
        """Decide what is scored, in order, and sum up the batch."""
        night = self.scen.night
        batch = night.ledger.attempts(session=night.session.id, iteration=night.iteration)
        scored = [one for one in batch if one.stage == "scored"]
        decisions = night.acceptance.decide_batch(scored)
        gates = {one.id: made.gate for one, made in zip(scored, decisions, strict=True)}
        rejected: Counter[str] = Counter()
        evaluated = accepted = 0
        best: float | None = None
        for attempt in batch:
            gate = gates.get(attempt.id, attempt.gate)
            if attempt.stage not in _UNTESTED:
                evaluated += 1
                if gate != "coverage":  # a mean over a few sessions is no figure to show
                    best = _stronger(best, attempt.figures.get("marginal_rank_ic"))
            if gate is None:
                accepted += 1
            else:
                rejected[gate] += 1
        return Outcome(evaluated, accepted, rejected, best)


def _proposals(exp: FactorExperiment) -> list[Proposal]:
    said = exp.hypothesis
    return [
        Proposal(
            text=verdict.text,
            canonical=verdict.canonical,
            proposer=said.idea.proposer,
            hypothesis=said.hypothesis,
            idea=said.reason,
            error=verdict.message if verdict.canonical is None else None,
        )
        for verdict in exp.verdicts
    ]


def _stronger(best: float | None, value: Any) -> float | None:
    if value is None or (best is not None and abs(value) <= abs(best)):
        return best
    return float(value)
