"""Every work-around for rdagent 1.0.0, each with its reason; no other file knows its faults.

Import this before anything of rdagent: rdagent reads the environment, adds log sinks and writes
files while it is being imported. `enter` then points everything it writes at one folder.
"""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_profile.files import write_atomic
from data_profile.redaction import redact

_ENVIRONMENT = {
    # litellm downloads a price list when it is imported; it carries one, too.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    # In its default mode litellm reads any .env it finds above its own folder.
    "LITELLM_MODE": "PRODUCTION",
    # Two iterations are under way: one is measured while the next is thought of. rdagent would run
    # their steps in forks, where what was spent would be lost: see `FactorLoop`.
    "STEP_SEMAPHORE": '{"running": 2}',
    "SUBPROC_STEP": "False",
    "MULTI_PROC_N": "1",
    # Pickle caches keyed on the task's text only: not on the code, the dates or the data.
    "CACHE_WITH_PICKLE": "False",
    "ENABLE_MLFLOW": "False",
    # The stock one needs an embedding endpoint, logs the key, and retries every error, 401 too.
    "BACKEND": "scenario.backend.Backend",
}
# Until `enter` names a folder, nothing can be written: no path below a device exists.
_NOWHERE = Path(os.devnull) / "rdagent"


def _paths(folder: Path) -> dict[str, str]:
    """What rdagent would otherwise write into the working directory or the user's folder."""
    return {
        "LOG_TRACE_PATH": str(folder),
        "WORKSPACE_PATH": str(folder / "workspace"),
        "PICKLE_CACHE_FOLDER_PATH_STR": str(folder / "pickle_cache"),
        "PROMPT_CACHE_PATH": str(folder / "prompt_cache.db"),
        "ARTIFACT_SIGNING_KEY_PATH": str(folder / "signing.key"),
    }


os.environ.update(_ENVIRONMENT | _paths(_NOWHERE))

# The log first: it must be silent before the other modules are imported, since they log then.
from loguru import logger as _loguru  # noqa: E402
from rdagent.log import logger as _log_module  # noqa: E402
from rdagent.log import rdagent_logger  # noqa: E402
from rdagent.log.base import Message, Storage  # noqa: E402


class _NoStorage(Storage):
    """Keeps no object.

    rdagent pickles whole experiments and settings, keys among them, into a new file ten times an
    iteration. What is worth keeping is in the ledger.
    """

    def log(self, obj: object, tag: str = "", timestamp: datetime | None = None) -> str:
        return ""

    def iter_msg(self) -> Generator[Message, None, None]:
        yield from ()

    def truncate(self, time: datetime) -> None:
        pass


def _caller(level: int = 2) -> dict[str, Any]:
    """Who logs. rdagent asks `inspect.stack`, which reads source files for every line logged."""
    frame = sys._getframe(level)
    return {
        "line": frame.f_lineno,
        "name": frame.f_globals["__name__"],
        "function": frame.f_code.co_name,
    }


_loguru.remove()  # rdagent logs to the terminal, from its import on
_log_module.get_caller_info = _caller
rdagent_logger.storage = _NoStorage()
# It asks /proc for its ancestors at every line, for a name of the storage that keeps nothing.
rdagent_logger.get_pids = lambda: str(os.getpid())

import litellm  # noqa: E402
from rdagent.components.coder.CoSTEER import CoSTEER  # noqa: E402
from rdagent.components.coder.CoSTEER.knowledge_management import (  # noqa: E402
    CoSTEERQueriedKnowledge,
)
from rdagent.components.workflow.rd_loop import RDLoop  # noqa: E402
from rdagent.core import evolving_agent as _evolving_agent  # noqa: E402
from rdagent.core.conf import RD_AGENT_SETTINGS  # noqa: E402
from rdagent.core.developer import Developer  # noqa: E402
from rdagent.core.evolving_framework import EvolvingKnowledgeBase, RAGStrategy  # noqa: E402
from rdagent.core.proposal import Trace  # noqa: E402
from rdagent.core.serialization import dumps as _signed_pickle  # noqa: E402
from rdagent.log.conf import LOG_SETTINGS  # noqa: E402
from rdagent.oai.llm_conf import LLM_SETTINGS  # noqa: E402
from rdagent.utils.workflow import LoopBase  # noqa: E402

if TYPE_CHECKING:
    from rdagent.components.coder.CoSTEER.config import CoSTEERSettings
    from rdagent.core.evolving_agent import RAGEvaluator
    from rdagent.core.evolving_framework import EvolvingStrategy
    from rdagent.core.scenario import Scenario

litellm.suppress_debug_info = True  # it prints advertisements for its support beside each error
# tqdm draws a bar on the terminal for every round of CoSTEER.
_evolving_agent.tqdm = lambda rounds, *args, **kwargs: rounds


def enter(folder: Path) -> None:
    """Point everything that rdagent writes at `folder`, which is made if missing.

    May be called again for another folder: rdagent's settings are module-level objects that read
    the environment once, so they are read again here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(_paths(folder.absolute()))
    for settings in (RD_AGENT_SETTINGS, LOG_SETTINGS, LLM_SETTINGS):
        settings.__init__()
    key = folder / "signing.key"
    if not key.exists():  # rdagent would write it in place, where a crash leaves half a key
        write_atomic(key, secrets.token_bytes(32))
        key.chmod(0o600)
    _loguru.remove()
    _loguru.add(
        folder / "rdagent.log", filter=_redacted, rotation="250 KB", retention=2, level="INFO"
    )


def _redacted(record: Any) -> bool:
    record["message"] = redact(record["message"])
    return True


class NoKnowledge(RAGStrategy):
    """CoSTEER's memory, left to the ledger.

    rdagent's own memory pickles itself every round, embeds every node it adds, is never bounded,
    reads `graph.pkl` from the working directory, and shares mutable default arguments between
    queries. What was tried, and what came of it, is in the ledger, and a proposer reads it there.
    """

    def load_or_init_knowledge_base(
        self, *args: Any, **kwargs: Any
    ) -> EvolvingKnowledgeBase | None:
        """Nothing to load."""
        return None

    def query(self, evo: Any, evolving_trace: Any, **kwargs: Any) -> CoSTEERQueriedKnowledge:
        """Nothing is known."""
        # MultiProcessEvolvingStrategy refuses to work without an answer.
        return CoSTEERQueriedKnowledge(
            success_task_to_knowledge_dict={}, failed_task_info_set=set()
        )

    def generate_knowledge(
        self, evolving_trace: Any, *, return_knowledge: bool = False, **kwargs: Any
    ) -> None:
        """Nothing to learn."""

    def dump_knowledge_base(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to keep."""

    def load_dumped_knowledge_base(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to load."""


class LeanCoSTEER(CoSTEER):
    """CoSTEER without the memory that its constructor builds (see `NoKnowledge`).

    The constructor also leaves `rag.current_generated_trace_count` growing from one experiment to
    the next, so that later ones learn nothing; there is nothing to count here.
    """

    def __init__(
        self,
        settings: "CoSTEERSettings",
        eva: "RAGEvaluator",
        es: "EvolvingStrategy",
        *,
        scen: "Scenario",
        max_loop: int,
    ) -> None:
        Developer.__init__(self, scen)
        self.settings = settings
        self.max_loop = max_loop
        self.knowledge_base_path = None
        self.new_knowledge_base_path = None
        self.with_knowledge = True
        self.knowledge_self_gen = False
        self.evolving_strategy = es
        self.evaluator = eva
        self.evolving_version = 2
        self.stop_eval_chain_on_fail = False
        self.rag = NoKnowledge()


class LastTrace(Trace):
    """A trace that keeps the latest experiment only.

    rdagent keeps every experiment of the night in memory and pickles all of them after every
    step, so that the cost of a night grows with the square of its length.
    """

    def sync_dag_parent_and_hist(self, exp_and_fb: Any, cur_loop_id: int) -> None:
        """Replace the experiment kept so far."""
        self.hist = [exp_and_fb]
        self.dag_parent = [self.NEW_ROOT]
        self.idx2loop_id = {0: cur_loop_id}


class _NoBar:
    """Stands for tqdm's bar: the terminal belongs to the display."""

    n = 0

    def set_postfix(self, **figures: Any) -> None:
        pass

    def close(self) -> None:
        pass


class Ended(Exception):
    """No further loop is to be begun; those under way go on."""


class _SmallLoop:
    """What rdagent's loop keeps and writes, made small.

    A plain class beside RDLoop, since its metaclass turns every public method of a loop class
    into a step.
    """

    queue: asyncio.Queue[int]
    session_folder: Path
    step_idx: dict[int, int]
    loop_prev_out: dict[int, dict[str, Any]]
    loop_trace: dict[int, list[Any]]
    steps: list[str]

    def __getstate__(self) -> dict[str, Any]:
        """Ids and counters, no experiments: the ledger holds those."""
        raise NotImplementedError

    @property
    def pbar(self) -> _NoBar:
        return _NoBar()

    def close_pbar(self) -> None:
        pass

    async def kickoff_loop(self) -> None:
        """Begin loops until a first step raises `Ended`; rdagent knows the end as a number only."""
        with contextlib.suppress(Ended):
            await super().kickoff_loop()  # type: ignore[misc]
        for _ in range(RD_AGENT_SETTINGS.get_max_parallel()):
            self.queue.put_nowait(LoopBase.SENTINEL)

    def get_unfinished_loop_cnt(self, next_loop: int) -> int:
        """Count the loops under way; rdagent asks each loop since the start of the night."""
        return sum(li < next_loop and step < len(self.steps) for li, step in self.step_idx.items())

    def dump(self, path: Path) -> None:
        """Write the loop's checkpoint atomically after its last step, and drop the one before it.

        rdagent writes one more file a step, in place and with everything in it; a last file that
        was cut short could not be loaded. `FactorLoop.load(session_folder)` reads this one, but
        going on after a crash does not depend on it: the ledger says where the session stands, and
        an iteration that was cut short begins again.
        """
        if not path.name.endswith(f"_{self.steps[-1]}"):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, _signed_pickle(self))
        for older in self.session_folder.glob("*/*"):
            if older != path:
                older.unlink()
        for folder in self.session_folder.iterdir():
            if folder != path.parent:
                folder.rmdir()

    def _forget(self, before: int) -> None:
        """Drop what the loop keeps of earlier iterations."""
        for kept in (self.step_idx, self.loop_prev_out, self.loop_trace):
            for li in [li for li in kept if li < before]:
                del kept[li]


class LeanLoop(_SmallLoop, RDLoop):
    """RDLoop without its constructor.

    That one logs the settings, with the keys in them, and takes over Qlib's ALPHA20 features.
    """

    def __init__(self) -> None:
        LoopBase.__init__(self)
        # `direct_exp_gen` copies these two onto every experiment.
        self.plan: dict[str, Any] = {"features": {}, "feature_codes": {}}
