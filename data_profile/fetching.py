"""Fetching in a fresh process: what hangs, leaks, caches or crashes there ends with it.

akshare keeps board lists in `lru_cache`, reads the local clock, writes to standard output, and
almost none of its calls has a time-out. So each run asks its sources in a process of its own, which
has China's time zone and an empty working directory; one that hangs is ended at its deadline and
the sources after it go on in another process.
"""

import datetime
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from data_profile.errors import SourceError
from data_profile.sources.base import Observation, Source, SourceUnreachable

Sources = Mapping[str, Callable[[], Source]]
Answer = Observation | SourceError
DEADLINE = 900.0  # seconds a source; board members need one request a board
_GRACE = 60.0  # seconds a new process may take to import its libraries


@dataclass(frozen=True)
class Job:
    """One question to one source.

    Parameters
    ----------
    name
        What the answer is told by; distinct among the jobs of one call.
    make
        Makes the source; must be importable by name (no lambda).
    session
        Date in Asia/Shanghai.
    """

    name: str
    make: Callable[[], Source]
    session: datetime.date


def fetch(
    jobs: Sequence[Job], scratch: Path, *, deadline: float = DEADLINE
) -> Iterator[tuple[str, Answer]]:
    """Ask sources, one after the other, in a fresh process.

    Parameters
    ----------
    jobs
        What to ask, in order.
    scratch
        Folder below which the process gets an empty working directory.
    deadline
        Seconds that one source may take.

    Yields
    ------
    tuple of str and (Observation or SourceError)
        Each job's name once, with its table or with why there is none. Nothing is raised for a
        source that fails, hangs or ends the process.
    """
    waiting = list(jobs)
    while waiting:
        with _process(waiting, scratch) as (process, pipe):
            patience = deadline + _GRACE
            while waiting:
                answer = _receive(process, pipe, patience)
                name = waiting.pop(0).name
                if answer is None:
                    yield name, _ended(name, process, patience)
                    break
                patience = deadline
                yield name, answer


@contextmanager
def _process(jobs: Sequence[Job], scratch: Path) -> Iterator[tuple[BaseProcess, Connection]]:
    context = multiprocessing.get_context("spawn")
    scratch.mkdir(parents=True, exist_ok=True)
    here, there = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as folder:
        process = context.Process(
            target=_work, args=(there, tuple(jobs), folder), daemon=True, name="fetch"
        )
        process.start()
        there.close()
        try:
            yield process, here
        finally:
            here.close()
            process.kill()
            process.join()


def _receive(process: BaseProcess, pipe: Connection, patience: float) -> Answer | None:
    """The next answer, or None where the process ended or time ran out."""
    if not pipe.poll(patience):
        return None
    try:
        return pipe.recv()
    except EOFError:
        process.join(timeout=5)
        return None


def _ended(name: str, process: BaseProcess, patience: float) -> SourceError:
    if process.is_alive():
        return SourceUnreachable(f"{name} gave no answer within {patience:.0f} s and was ended")
    return SourceError(
        f"{name} ended its process with status {process.exitcode}; its last words are in the log"
    )


def _work(pipe: Connection, jobs: Sequence[Job], folder: str) -> None:
    """What the fetching process does: ask each source, send what it says."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.environ |= {"TZ": "Asia/Shanghai", "TQDM_DISABLE": "1"}
    time.tzset()
    os.chdir(folder)
    os.dup2(2, 1)  # standard output belongs to `--json`
    for job in jobs:
        answer: Answer
        try:
            answer = job.make().fetch(job.session)
        except SourceError as error:
            answer = error
        except Exception as error:
            fault = f"a fault in this program: {type(error).__name__}: {error}"
            pipe.send(SourceError(fault))
            raise  # the traceback goes to the log; what it left behind ends with this process
        pipe.send(answer)


def end_with_parent() -> None:
    """End this process when the one that started it ends; for a thread of its own."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
