"""CoSTEER: from an idea to expressions that pass the checks, with what is wrong fed back."""

from dataclasses import dataclass, field
from typing import Any

from factor_pool.records import Proposal
from factor_pool.universe import UNIVERSES
from scenario import compat

# isort: split
from rdagent.components.coder.CoSTEER.config import CoSTEERSettings
from rdagent.components.coder.CoSTEER.evaluators import (
    CoSTEEREvaluator,
    CoSTEERMultiEvaluator,
    CoSTEERMultiFeedback,
    CoSTEERSingleFeedback,
)
from rdagent.components.coder.CoSTEER.evolvable_subjects import EvolvingItem
from rdagent.components.coder.CoSTEER.evolving_strategy import MultiProcessEvolvingStrategy
from rdagent.core.conf import RD_AGENT_SETTINGS
from rdagent.core.experiment import Experiment, FBWorkspace
from rdagent.core.scenario import Scenario

from scenario.alignment import Alignment
from scenario.checks import Verdict, check, plain
from scenario.errors import BudgetExceeded, ProposalError
from scenario.hypothesis import EXPRESSIONS, FactorExperiment, FactorTask

ROUNDS = 3
_ENOUGH = 0.5  # share of texts that must pass for a round to be the last


class FactorWorkspace(FBWorkspace):
    """Holds one file of expressions. All experiments share one folder, one after the other."""

    def __init__(self, target_task: FactorTask) -> None:
        super().__init__(target_task=target_task)
        self.workspace_path = RD_AGENT_SETTINGS.workspace_path / "current"

    @property
    def all_codes(self) -> str:
        """The expressions; the stock method lists Python files only."""
        return self._format_code_dict(self.file_dict)

    @property
    def texts(self) -> list[str]:
        """The expressions, one by one."""
        return [line for line in self.file_dict.get(EXPRESSIONS, "").split("\n") if line]


@dataclass
class FactorChecks(CoSTEERSingleFeedback):
    """What the checks say of a batch.

    Parameters
    ----------
    verdicts
        Of every text, in order.
    """

    verdicts: list[Verdict] = field(default_factory=list)

    @classmethod
    def merge(cls, feedback_li: list[CoSTEERSingleFeedback]) -> CoSTEERSingleFeedback:
        """There is one evaluator, and so one feedback; the stock method copies it deeply."""
        (only,) = feedback_li
        return only


class FactorEvaluator(CoSTEEREvaluator):
    """Grammar, units, look-ahead, complexity, novelty: deterministic, and no data is read.

    What a language model wrote must also read something that its idea speaks of; the built-in
    search draws expressions from the idea's own theme.
    """

    def __init__(self, scen: Scenario) -> None:
        super().__init__(scen)
        self._alignment = Alignment(UNIVERSES[self.scen.night.universe].profile().fields)

    def evaluate(
        self,
        target_task: FactorTask,
        implementation: FactorWorkspace,
        gt_implementation: object = None,
        queried_knowledge: object = None,
        **kwargs: Any,
    ) -> FactorChecks:
        """Check every expression of the workspace."""
        night, turn = self.scen.night, target_task.turn
        idea = target_task.idea
        said = f"{idea.hypothesis} {idea.reason}"
        seen: set[str] = set()
        verdicts = []
        for text in implementation.texts:
            verdict = check(
                text,
                night.units,
                lambda known: known in seen or night.history.memory.tried(known),
                lambda fields: not turn.proposer.paid or self._alignment.holds(said, fields),
            )
            if verdict.canonical is not None:
                seen.add(verdict.canonical)
            verdicts.append(verdict)
        passed = sum(verdict.outcome == "passed" for verdict in verdicts)
        wrong = [f"{v.text}: {v.message}" for v in verdicts if v.outcome != "passed"]
        return FactorChecks(
            execution=f"{passed} of {len(verdicts)} expressions pass",
            return_checking="\n".join(wrong) or None,
            code=implementation.all_codes,
            final_decision=passed > 0 and passed >= _ENOUGH * len(verdicts),
            verdicts=verdicts,
        )


class FactorStrategy(MultiProcessEvolvingStrategy):
    """Asks the proposer for expressions, and again for others in place of those that failed."""

    def implement_one_task(
        self,
        target_task: FactorTask,
        queried_knowledge: object = None,
        workspace: object = None,
        prev_task_feedback: FactorChecks | None = None,
    ) -> dict[str, str]:
        """The workspace's file after this round: what passed before, and what is new."""
        turn = target_task.turn
        # A feedback is false where it is bad: only None means that there is none.
        before = [] if prev_task_feedback is None else prev_task_feedback.verdicts
        kept = [verdict.text for verdict in before if verdict.outcome == "passed"]
        failures = [(v.text, v.message) for v in before if v.outcome != "passed"]
        wanted = turn.context.size - len(kept)
        try:
            fresh = turn.proposer.expressions(target_task.idea, turn.context, failures)
        except (ProposalError, BudgetExceeded):
            if not kept:
                raise
            fresh = []  # what passed in earlier rounds is worth evaluating all the same
        return {EXPRESSIONS: "\n".join(kept + [plain(text) for text in fresh[:wanted]])}

    def assign_code_list_to_evo(
        self, code_list: list[dict[str, str] | None], evo: EvolvingItem
    ) -> EvolvingItem:
        """Give the task its workspace, and the workspace its file."""
        for index, files in enumerate(code_list):
            if files is not None:
                evo.sub_workspace_list[index] = FactorWorkspace(evo.sub_tasks[index])
                evo.sub_workspace_list[index].inject_files(**files)
        return evo


class FactorCoder(compat.LeanCoSTEER):
    """CoSTEER with these parts, in at most `ROUNDS` rounds."""

    def __init__(self, scen: Scenario) -> None:
        settings = CoSTEERSettings()
        super().__init__(
            settings,
            CoSTEERMultiEvaluator(FactorEvaluator(scen), scen),
            FactorStrategy(scen, settings),
            scen=scen,
            max_loop=ROUNDS,
        )

    def develop(self, exp: FactorExperiment) -> FactorExperiment:
        """Fill the experiment's workspace, and write down what was proposed in all rounds."""
        super().develop(exp)
        proposed: dict[str, Verdict] = {}
        for step in self.evolve_agent.evolving_trace:
            for verdict in step.feedback[0].verdicts:
                proposed.setdefault(verdict.text, verdict)
        exp.verdicts = list(proposed.values())
        self.scen.night.write(exp.turn, _proposals(exp))
        return exp

    def should_use_new_evo(self, base_fb: Any, new_fb: Any) -> bool:
        """No need to keep an earlier round: the last holds all that passed."""
        return False

    def _exp_postprocess_by_feedback(
        self, evo: Experiment, feedback: CoSTEERMultiFeedback
    ) -> Experiment:
        """Nothing to refuse: the runner records what failed, too."""
        return evo


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
