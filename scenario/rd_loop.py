"""RD-Agent's loop for factors: direct_exp_gen -> coding -> running -> feedback -> record."""

import asyncio
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
    """One night's iterations, each with the five steps of RDLoop, two of them under way at a time.

    While the workers measure one iteration (`running`, in a thread), the next one is proposed and
    written, and the one before is decided. The order of everything but the measuring is fixed,
    whichever is ready first: 0 is proposed, 1 is proposed, 0 is decided, 2 is proposed, 1 is
    decided. So what an iteration knows of earlier ones never depends on how fast they were.

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
        self._moved = asyncio.Condition()
        self._last_begun = False

    async def running(self, prev_out: dict[str, Any]) -> Any:
        """Measure in a thread, which nothing but the workers' answers depends on."""
        try:
            return await asyncio.to_thread(super().running, prev_out)
        except asyncio.CancelledError:
            self.night.isolation.close()  # or else the thread is waited for
            raise

    def feedback(self, prev_out: dict[str, Any]) -> Any:
        """Decide what was measured, then say what became of it."""
        if prev_out.get(self.EXCEPTION_KEY) is None:
            self.runner.decide(prev_out["running"])
        return super().feedback(prev_out)

    def record(self, prev_out: dict[str, Any]) -> None:
        """Put the experiment on the trace, and finish the iteration.

        A failure in the first step leaves no experiment; RDLoop's own `record` would trip on it.
        """
        failure = prev_out.get(self.EXCEPTION_KEY)
        if failure is None:
            super().record(prev_out)
            self.night.end_iteration(prev_out["running"].result)
        else:
            self.night.end_iteration(trouble=str(failure))
        self._forget(before=prev_out[self.LOOP_IDX_KEY])

    async def _run_step(self, li: int, force_subproc: bool = False) -> None:
        """Run a loop's next step when it is its turn, in this process."""
        step = self.steps[self.step_idx[li]]
        async with self._moved:
            await self._moved.wait_for(lambda: self._in_turn(li, step))
            if self.night.stop():
                raise Stopped
            if step == "direct_exp_gen" and not self.night.goes_on():
                # Not rdagent's own ways to stop: those kill every child process, the workers too.
                self._last_begun = True
                self._moved.notify_all()
                raise compat.Ended
        await super()._run_step(li)
        async with self._moved:
            self._moved.notify_all()

    def _in_turn(self, li: int, step: str) -> bool:
        """Whether all that comes before a step is done.

        An iteration is proposed when the last but one is finished, and it is decided when the next
        one is written.
        """
        if step == "direct_exp_gen":
            return self.step_idx.get(li - 2, len(self.steps)) == len(self.steps)
        if step == "feedback":
            return self._last_begun or self.step_idx.get(li + 1, 0) > self.steps.index("coding")
        return True

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
