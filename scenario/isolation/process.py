"""Workers as separate processes: the fall-back for machines without a container engine."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from scenario.errors import IsolationError
from scenario.isolation.base import Failure, Limits, Runner
from scenario.isolation.channel import Channel, Lost
from scenario.isolation.pool import WorkerPool

_PROJECT = Path(__file__).resolve().parents[2]

# No key and no setting of the user reaches a worker, only what makes the interpreter run.
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "NUMBA_CPU_NAME")
SINGLE_THREADED = {
    "OMP_NUM_THREADS": "1",  # kernels are single-threaded; a fork would lose other threads anyway
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}


class ProcessIsolation(WorkerPool):
    """Workers that are processes of this machine, with limits but without walls around files.

    A job cannot reach the network where the kernel allows the worker to leave it (Linux with user
    namespaces, or root); `self_check` tells.

    Parameters
    ----------
    workers, limits, runner
        As in `WorkerPool`.
    kernels
        Folder where compiled kernels are kept between runs.
    """

    name = "process"
    identity = "process"

    def __init__(
        self,
        workers: int,
        kernels: Path,
        limits: Limits | None = None,
        runner: Runner | None = None,
    ) -> None:
        super().__init__(workers, limits, runner)
        self._kernels = kernels

    def _spawn(self) -> Channel:
        self._kernels.mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment = (
            kept
            | SINGLE_THREADED
            | {
                "PYTHONPATH": str(_PROJECT),
                "PYTHONDONTWRITEBYTECODE": "1",
                "LANG": "C.UTF-8",
                "NUMBA_CACHE_DIR": str(self._kernels.resolve()),
            }
        )
        try:
            return _ProcessChannel(environment)
        except OSError as error:
            raise IsolationError(f"process: no worker can be started: {error.strerror}") from error

    def _inside(self, window: str, folder: Path) -> str:
        return str(folder)

    def _runner_folder(self) -> str | None:
        return None if self.runner.folder is None else str(self.runner.folder.resolve())


class _ProcessChannel(Channel):
    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "scenario.isolation.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=environment,
            start_new_session=True,
        )

    def kill(self) -> None:
        # The worker's jobs end with it (they asked the kernel to); on other systems this does it.
        if self._process.poll() is None:  # else its number may be another's by now
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        while data:
            data = data[self._process.stdin.write(data) :]

    def _read(self, seconds: float) -> bytes | None:
        assert self._process.stdout is not None
        ready = select.poll()  # not select(), which knows no file beyond the first 1,024
        ready.register(self._process.stdout, select.POLLIN)
        if not ready.poll(seconds * 1000):
            return None
        return self._process.stdout.read(1 << 16)

    def _obituary(self) -> Lost:
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return Lost("a worker closed its line and went on")
        if status in (-signal.SIGKILL, -signal.SIGTERM):
            return Lost(f"a worker was killed from outside ({signal.Signals(-status).name})")
        message = f"a worker died with status {status}"
        return Lost(message, Failure("crash", message))
