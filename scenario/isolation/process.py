"""Workers as separate processes: the fall-back for machines without a container engine."""

import contextlib
import hashlib
import importlib.metadata
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_profile.files import exclusive
from scenario.errors import IsolationError
from scenario.isolation import kernel_files, sources
from scenario.isolation.base import Failure, Limits, Runner
from scenario.isolation.channel import Channel, Lost
from scenario.isolation.pool import WorkerPool

_COMMAND = (sys.executable, "-P", "-m", "scenario.isolation.worker")
_COMPILERS = ("numba", "llvmlite", "numpy")
_SCRATCH, _LOCK = "scratch-", ".lock"
_YOUNG_SECONDS = 60.0  # a scratch folder may exist for a moment before it is locked

# No key and no setting of the user reaches a worker, only what makes the interpreter run.
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "NUMBA_CPU_NAME")
_SINGLE_THREADED = {
    "OMP_NUM_THREADS": "1",  # kernels are single-threaded; a fork would lose other threads anyway
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
# A job's process touches all its memory for the first time: large pages save 4% to 10% of its
# whole time. Without glibc, or with an older one, this says nothing. As in the Dockerfile.
_LARGE_PAGES = ":".join(
    f"glibc.malloc.{name}"
    for name in (
        "hugetlb=1",
        "top_pad=67108864",
        "mmap_threshold=33554432",
        "trim_threshold=2000000000",
    )
)


class ProcessIsolation(WorkerPool):
    """Workers that are processes of this machine, with limits but without walls around files.

    A job cannot reach the network where the kernel allows the worker to leave it (Linux with user
    namespaces, or root); `self_check` tells.

    Parameters
    ----------
    workers, limits, runner
        As in `WorkerPool`.
    kernels
        Folder where compiled kernels are kept between runs; numba's own cache in this process.
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
        self._scratch = contextlib.ExitStack()
        self._place: Path | None = None
        self._placing = threading.Lock()

    def start(self, panels: Mapping[str, Path]) -> None:
        """Compile the kernels if that was not done, then start; see `Isolation.start`."""
        if self.runner == Runner():
            self.compile()
        super().start(panels)

    def close(self) -> None:
        """Stop every worker, and remove what they wrote."""
        super().close()
        self._scratch.close()
        self._place = None

    @property
    def compiled(self) -> bool:
        """Whether the kernels are there already; else `start` takes a minute longer."""
        return self._cache.exists()

    def compile(self) -> None:
        """Compile every kernel once, as the image's build does, for the workers and this process.

        Were each worker to compile what it finds missing, what is inlined where, and with it the
        last bit of a sum, would depend on which was first.

        Raises
        ------
        IsolationError
            They cannot be compiled.
        """
        if self.compiled:
            return
        self._kernels.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=self._kernels))
        try:
            done = subprocess.run(
                [*_COMMAND, "--warm"],
                env=_environment(aside, aside),
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                words = done.stderr.strip().rpartition("\n")[2][:300]
                raise IsolationError(f"process: the kernels cannot be compiled: {words}")
            with contextlib.suppress(OSError):  # another run was faster
                aside.rename(self._cache)
            with contextlib.suppress(OSError):  # no hard links: this process compiles its own
                kernel_files.link(self._cache, self._kernels)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    @property
    def _cache(self) -> Path:
        """Where the workers' kernels are kept; the search's apart, which `compile` makes whole."""
        cache = current_kernels(self._kernels)
        return cache if self.runner.image == "evaluator" else cache.with_name(f"{cache.name}-qlib")

    def _workspace(self) -> Path:
        """Where this sandbox's workers, not their jobs, may write; it goes when it is closed."""
        with self._placing:
            if self._place is None:
                self._kernels.mkdir(parents=True, exist_ok=True)
                self._place = self._scratch.enter_context(_scratch_folder(self._kernels.resolve()))
            return self._place

    def _spawn(self) -> Channel:
        try:
            return _ProcessChannel(_environment(self._cache, self._workspace()))
        except OSError as error:
            raise IsolationError(f"process: no worker can be started: {error.strerror}") from error

    def _inside(self, window: str, folder: Path) -> str:
        return str(folder)

    def _runner_folder(self) -> str | None:
        return None if self.runner.folder is None else str(self.runner.folder.resolve())


def current_kernels(folder: Path) -> Path:
    """Where the kernels of today's sources and compilers are kept."""
    versions = [sys.version, *(importlib.metadata.version(name) for name in _COMPILERS)]
    digest = hashlib.sha256(" ".join([*versions, sources.digest()]).encode()).hexdigest()
    return folder.resolve() / f"workers-{digest[:16]}"


@contextlib.contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """A folder that is removed at the end; by a later run, if this one is killed."""
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=parent))
    with exclusive(folder / _LOCK):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove the scratch folders whose owner is dead: nobody holds their lock."""
    for folder in parent.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            if time.time() - folder.stat().st_mtime > _YOUNG_SECONDS:
                with exclusive(folder / _LOCK):
                    shutil.rmtree(folder, ignore_errors=True)


def _environment(kernels: Path, scratch: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return (
        kept
        | _SINGLE_THREADED
        | {
            "PYTHONPATH": str(sources.PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            "GLIBC_TUNABLES": _LARGE_PAGES,
            "NUMBA_CACHE_DIR": str(kernels),
            "TIDE_SCRATCH": str(scratch),
            "HOME": str(scratch),
        }
    )


class _ProcessChannel(Channel):
    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__()
        self._process = subprocess.Popen(
            _COMMAND,
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
