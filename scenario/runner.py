"""From expressions to decisions: record, measure in isolation, accept or reject."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import scenario.compat  # noqa: F401

# isort: split
from rdagent.core.developer import Developer

from factor_pool.errors import EvaluationError
from factor_pool.records import FINAL_STAGES, Attempt, Judgement, Proposal
from scenario.hypothesis import FactorExperiment
from scenario.night import Outcome

Figures = Mapping[str, Any]

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
        figures = {one.id: one.figures for one in attempts if one.figures}
        figures |= self._measured([one for one in attempts if one.stage == "proposed"])
        gates = {one.id: one.gate for one in attempts if one.stage in FINAL_STAGES}
        gates |= self._decided([one for one in attempts if one.id not in gates], figures)
        night.outcome = exp.result = _outcome(attempts, gates, figures)
        return exp

    def _measured(self, attempts: Sequence[Attempt]) -> dict[int, Figures]:
        """Search figures against the pool as it was before the batch, of those that have any."""
        if not attempts:
            return {}
        night = self.scen.night
        results = night.laboratory.measure(
            [str(one.canonical) for one in attempts], night.context.pool
        )
        figures, failed = {}, []
        for attempt, result in zip(attempts, results, strict=True):
            if isinstance(result, EvaluationError):
                failed.append(Judgement(attempt.id, "failed", "evaluation", str(result)))
            else:
                figures[attempt.id] = result
        if failed:
            night.ledger.judge(failed)
        return figures

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
        if attempt.stage not in _UNTESTED:
            evaluated += 1
            if gate != "coverage":  # a mean over a few sessions is no figure to show
                found = figures.get(attempt.id, {})
                best = _stronger(best, found.get("marginal_rank_ic"))
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
