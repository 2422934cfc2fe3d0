"""RD-Agent's loop for factors: direct_exp_gen -> coding -> running -> feedback -> record."""

from typing import Any, ClassVar

from scenario import compat

# isort: split
from pydantic_settings import SettingsConfigDict
from rdagent.components.workflow.conf import BasePropSetting
from rdagent.core.utils import import_class

from scenario.errors import BudgetExceeded, ProposalError
from scenario.night import Night
from scenario.scenario import FactorScenario


class FactorLoopSetting(BasePropSetting):
    """Which class plays which role, in rdagent's manner; `TIDE_LOOP_CODER=...` puts in another."""

    model_config = SettingsConfigDict(env_prefix="TIDE_LOOP_", protected_namespaces=())

    hypothesis_gen: str = "scenario.hypothesis.FactorHypothesisGen"
    hypothesis2experiment: str = "scenario.hypothesis.Hypothesis2FactorExperiment"
    coder: str = "scenario.coder.FactorCoder"
    runner: str = "scenario.runner.FactorRunner"
    summarizer: str = "scenario.feedback.FactorFeedback"


class Stopped(Exception):
    """Somebody asked the loop to stop; raised between two steps."""


class FactorLoop(compat.LeanLoop):
    """One night's iterations, each with the five steps of RDLoop, one after the other.

    The loop itself holds nothing that matters: an iteration that was cut short anywhere is begun
    again by the next run and comes out the same.

    Parameters
    ----------
    night
        What the roles share.
    """

    #: A proposer that failed costs its iteration, no more: `feedback` is the step that follows.
    skip_loop_error: ClassVar[tuple[type[Exception], ...]] = (ProposalError, BudgetExceeded)

    def __init__(self, night: Night) -> None:
        super().__init__()
        setting = FactorLoopSetting()
        scen = FactorScenario(night)
        self.night = night
        self.hypothesis_gen = import_class(setting.hypothesis_gen)(scen)
        self.hypothesis2experiment = import_class(setting.hypothesis2experiment)()
        self.coder = import_class(setting.coder)(scen)
        self.runner = import_class(setting.runner)(scen)
        self.summarizer = import_class(setting.summarizer)(scen)
        self.trace = compat.LastTrace(scen=scen)

    def record(self, prev_out: dict[str, Any]) -> None:
        """Put the experiment on the trace, finish the iteration, and end the loop when it is time.

        A failure in the first step leaves no experiment; RDLoop's own `record` would trip on it.
        """
        failure = prev_out.get(self.EXCEPTION_KEY)
        if failure is None:
            super().record(prev_out)
        else:
            self.night.trouble = str(failure)
        self.night.end_iteration()
        self._forget(before=prev_out[self.LOOP_IDX_KEY])
        if self.night.end is not None:
            # Not rdagent's own ways to stop: those kill every child process, the workers too.
            self.loop_n = 0

    async def _run_step(self, li: int, force_subproc: bool = False) -> None:
        if self.night.stop():
            raise Stopped
        await super()._run_step(li, force_subproc)

    def __getstate__(self) -> dict[str, Any]:
        """Ids and counters; see `compat`."""
        return {
            "session": self.night.session.id,
            "iteration": self.night.iteration,
            "loop_idx": self.loop_idx,
            "step_idx": dict(self.step_idx),
            "session_folder": self.session_folder,
            "timer": self.timer,
        }
