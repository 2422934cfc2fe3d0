"""Each work-around for rdagent, by what would be seen without it."""

import asyncio
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_profile.home import Home
from scenario.loop import MineOptions, mine
from tests.conftest import REPOSITORY
from tests.scenario.nights import Silent

OURS = {
    "LITELLM_LOCAL_MODEL_COST_MAP", "LOG_TRACE_PATH", "WORKSPACE_PATH", "BACKEND",
    "PICKLE_CACHE_FOLDER_PATH_STR", "ARTIFACT_SIGNING_KEY_PATH", "MPLCONFIGDIR",
}  # fmt: skip


def run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in an empty working directory with an empty home folder of the user."""
    work, user = folder / "work", folder / "user"
    work.mkdir(exist_ok=True)
    user.mkdir(exist_ok=True)
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    env = {name: value for name, value in os.environ.items() if name not in OURS}
    env |= environment | {"HOME": str(user), "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=work, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def written(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_importing_the_roles_says_and_writes_nothing(tmp_path: Path) -> None:
    """RD-Agent logs to the terminal and pickles into the working directory while imported."""
    code = (
        "import json, os; before = dict(os.environ);"
        "import scenario.rd_loop, scenario.coder, scenario.backend;"
        "print(json.dumps([k for k, v in os.environ.items() if before.get(k) != v]))"
    )
    done = run(code, tmp_path)
    assert done.stdout.count("\n") == 1
    assert OURS - {"MPLCONFIGDIR"} <= set(json.loads(done.stdout))
    assert "INFO" not in done.stderr
    assert "WARNING " not in done.stderr
    assert written(tmp_path / "work") == []
    assert written(tmp_path / "user") == []


NIGHT = """
from pathlib import Path
from data_profile.home import Home
import scenario.loop as loop
from tests.scenario.nights import Here, Silent
loop.choose = lambda *args: Here()
loop.Pool.publish_night = lambda *args: None
loop.mine(Home(Path({root!r})), loop.MineOptions(loops=1), Silent())
"""


def test_a_night_writes_below_its_home_only(home: Home, tmp_path: Path) -> None:
    """The trap files of rdagent, and a hostile graph.pkl that CoSTEER would load from here."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "graph.pkl").write_bytes(b"not a pickle of ours")
    (tmp_path / "work" / ".env").write_text("CHAT_MODEL=openai/from-a-stray-file\n")
    code = NIGHT.format(root=str(home.root))
    done = run(code, tmp_path, STEP_SEMAPHORE="4", WORKSPACE_PATH=str(tmp_path / "elsewhere"))
    assert done.stdout == ""
    assert sorted(written(tmp_path / "work")) == [".env", "graph.pkl"]
    assert [path for path in written(tmp_path / "user") if "numba" not in path] == []
    assert not (tmp_path / "elsewhere").exists()
    (log,) = home.sessions.glob("*/rdagent/rdagent.log")
    assert "direct_exp_gen" in log.read_text("utf-8")


def test_the_loop_has_the_five_steps_and_no_more() -> None:
    """LoopMeta makes a step of every public method of a loop class."""
    from scenario.rd_loop import FactorLoop

    assert FactorLoop.steps == ["direct_exp_gen", "coding", "running", "feedback", "record"]


def test_the_roles_are_those_of_rdagent() -> None:
    from rdagent.components.coder.CoSTEER import CoSTEER
    from rdagent.components.coder.CoSTEER.evaluators import CoSTEEREvaluator
    from rdagent.components.coder.CoSTEER.evolving_strategy import MultiProcessEvolvingStrategy
    from rdagent.components.coder.CoSTEER.task import CoSTEERTask
    from rdagent.components.workflow.rd_loop import RDLoop
    from rdagent.core.developer import Developer
    from rdagent.core.experiment import Experiment, FBWorkspace
    from rdagent.core.proposal import (
        Experiment2Feedback,
        Hypothesis,
        Hypothesis2Experiment,
        HypothesisGen,
    )
    from rdagent.core.scenario import Scenario
    from rdagent.oai.backend.base import APIBackend

    from scenario import backend, coder, feedback, hypothesis, rd_loop, runner
    from scenario.scenario import FactorScenario

    pairs: list[tuple[type, type]] = [
        (FactorScenario, Scenario),
        (hypothesis.FactorHypothesis, Hypothesis),
        (hypothesis.FactorHypothesisGen, HypothesisGen),
        (hypothesis.Hypothesis2FactorExperiment, Hypothesis2Experiment),
        (hypothesis.FactorExperiment, Experiment),
        (hypothesis.FactorTask, CoSTEERTask),
        (coder.FactorWorkspace, FBWorkspace),
        (coder.FactorStrategy, MultiProcessEvolvingStrategy),
        (coder.FactorEvaluator, CoSTEEREvaluator),
        (coder.FactorCoder, CoSTEER),
        (runner.FactorRunner, Developer),
        (feedback.FactorFeedback, Experiment2Feedback),
        (rd_loop.FactorLoop, RDLoop),
        (backend.Backend, APIBackend),
    ]
    for ours, theirs in pairs:
        assert issubclass(ours, theirs)


class Watching(Silent):
    """Looks at what the loop has on disk after every iteration."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        self.sizes: list[int] = []
        self.files: list[int] = []

    def progress(self, progress: Any) -> None:
        super().progress(progress)
        (folder,) = self.home.sessions.glob("*/rdagent")
        files = [path for path in folder.rglob("*") if path.is_file()]
        self.files.append(len(files))
        self.sizes.append(sum(path.stat().st_size for path in folder.glob("__session__/*/*")))


def test_the_checkpoint_stays_small_and_alone(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RD-Agent pickles the whole night into a new file after every step."""
    numbers = iter(range(10_000))
    monkeypatch.setattr(
        "scenario.proposers.evolve.Evolve.expressions",
        lambda *args: [f"$close + {next(numbers)}" for _ in range(3)],
    )
    display = Watching(home)
    mine(home, MineOptions(loops=30), display)
    assert max(display.sizes) < 5_000
    assert max(display.sizes[5:]) <= min(display.sizes[5:]) + 50
    settled = display.files[1:]  # the first checkpoint follows the first iteration
    assert max(settled) <= min(settled) + 1


def test_the_checkpoint_can_be_read_by_rdagent_itself(home: Home, here: object) -> None:
    from scenario.rd_loop import FactorLoop

    summary = mine(home, MineOptions(loops=2), Silent())
    (folder,) = home.sessions.glob("*/rdagent")
    loop = FactorLoop.load(folder)
    assert (loop.session, loop.iteration) == (summary.session, 2)


def test_two_iterations_are_under_way_without_forks_or_polling(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RD-Agent forks for each step once there are two, and looks once a second for a place."""
    from rdagent.core.conf import RD_AGENT_SETTINGS

    slept: list[float] = []
    sleep = asyncio.sleep

    async def watched(seconds: float) -> None:
        slept.append(seconds)
        await sleep(seconds)

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a step was to run in a fork")

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", refuse)
    monkeypatch.setattr("asyncio.sleep", watched)
    assert mine(home, MineOptions(loops=4), Silent()).end == "target"
    assert RD_AGENT_SETTINGS.get_max_parallel() == 2
    assert RD_AGENT_SETTINGS.is_force_subproc()
    assert set(slept) == {0}


def test_only_checkpoints_that_this_program_signed_are_read(home: Home, here: object) -> None:
    from rdagent.core.serialization import UntrustedArtifactError

    from scenario.rd_loop import FactorLoop

    mine(home, MineOptions(loops=1), Silent())
    (checkpoint,) = home.sessions.glob("*/rdagent/__session__/*/*")
    checkpoint.write_bytes(pickle.dumps({"not": "signed"}))
    with pytest.raises(UntrustedArtifactError):
        FactorLoop.load(checkpoint)


def test_two_sessions_in_one_process_keep_apart(
    store: Path, tmp_path: Path, here: Callable[[], Any]
) -> None:
    """RD-Agent's settings are read once, when it is imported."""
    from tests.scenario.nights import home_with

    for name in ("first", "second"):
        home = home_with(store, tmp_path / name)
        mine(home, MineOptions(loops=1), Silent())
        (log,) = home.sessions.glob("*/rdagent/rdagent.log")
        assert str(home.root) in log.read_text("utf-8")
        assert list(home.sessions.glob("*/rdagent/workspace/current/factor.expr"))


def test_a_failure_in_the_first_step_does_not_trip_the_last(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RDLoop.record looks for an experiment that was never made."""
    from scenario.errors import ProposalError

    def fail(*args: object) -> None:
        raise ProposalError("nothing comes to mind")

    monkeypatch.setattr("scenario.proposers.evolve.Evolve.idea", fail)
    assert mine(home, MineOptions(loops=2), Silent()).end == "target"
