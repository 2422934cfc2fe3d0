"""One call in a process of its own: what leaks, hangs or crashes there ends with it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from data_profile.errors import DataError
from data_profile.fetching import end_with_parent


class FreshError(DataError):
    """The process gave no result: it crashed, was killed, or took too long."""


def run_fresh(function: Callable[..., Any], *arguments: Any, patience: float) -> Any:
    """Call a function in a new process and return what it returns.

    Parameters
    ----------
    function
        Importable by name, as everything in `arguments` and the result must be picklable.
    arguments
        Handed on.
    patience
        Seconds it may take, the start of the process included.

    Raises
    ------
    FreshError
        It gave no result; a traceback of the process, if there was one, is on standard error.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, function, arguments), name="step")
    process.start()
    there.close()
    try:
        if not here.poll(patience):
            raise FreshError(f"it gave no result within {patience / 60:.0f} minutes and was ended")
        return here.recv()
    except EOFError:
        process.join(timeout=5)
        raise FreshError(
            f"its process ended with status {process.exitcode}; its last words are in the log"
        ) from None
    finally:
        here.close()
        process.kill()
        process.join()


def _work(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.dup2(2, 1)  # standard output belongs to `--json`
    pipe.send(function(*arguments))
