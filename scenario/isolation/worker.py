"""What runs inside a sandbox: reads jobs as JSON lines, forks once a job, answers in JSON lines.

    {"panels": {...}, "target": ..., "folder": ..., "limits": {...}}  ->  {"ready": true}
    {"id": 7, "job": {...}}     ->  {"id": 7, "prepared": true}  (from here the job's time runs)
                                    {"id": 7, "said": "<what the job's process wrote>"}
                                or  {"id": 7, "failure": ["timeout", "..."]}
                                or, instead of both, {"id": 7, "unprepared": "..."}
    {"id": 8, "probe": true}    ->  as a job, with what the job's process was able to do

The worker trusts its host and not its jobs. It never reads what a job says: the text travels as
one JSON string, so that no job can forge a line, and is judged on the host. The protocol's two
files are closed in a job's process. The worker ends when its input does.

It imports the standard library, `confine`, `syscalls`, and whatever the runner imports.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from scenario.isolation import confine, syscalls

Job = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
Verdict = dict[str, Any]  # {"said": text} or {"failure": [kind, message]}


def main() -> None:
    """Serve standard input until it ends; with `--warm`, only compile the kernels of a search."""
    if sys.argv[1:2] == ["--warm"]:
        importlib.import_module("scenario.isolation.warming").warm(*sys.argv[2:])
        return
    source, sink = os.dup(0), os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0)  # from here on a stray print cannot reach the protocol
    os.dup2(quiet, 1)
    confine.cut_network()
    confine.die_with(os.getppid())
    confine.hide()
    lines = _lines(source)
    try:
        hello = json.loads(next(lines))
        service = _Service(hello, source)
    except StopIteration:
        return
    except Exception as error:
        _answer(sink, {"fatal": f"{type(error).__name__}: {error}"[:500]})
        raise
    _answer(sink, {"ready": True})
    for line in lines:
        message = json.loads(line)
        number = {"id": message["id"]}
        problem = service.prepare(message)
        if problem:
            _answer(sink, {**number, "unprepared": problem})
            continue
        _answer(sink, {**number, "prepared": True})
        _answer(sink, {**number, **service.serve(message)})
        service.bury()


def _lines(fd: int) -> Iterator[bytes]:
    """Whole lines from an unbuffered file."""
    held = b""
    while chunk := os.read(fd, 1 << 16):
        held += chunk
        *whole, held = held.split(b"\n")
        yield from whole


def _answer(fd: int, message: Mapping[str, Any]) -> None:
    data = json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(fd, data) :]


class _Service:
    """Panels and runner, loaded once; every job is forked from here."""

    def __init__(self, hello: Mapping[str, Any], source: int) -> None:
        self._source = source
        self._child = 0
        _use_shipped_kernels()
        if hello["folder"]:
            sys.path.append(hello["folder"])
        name, _, function = hello["target"].partition(":")
        module = importlib.import_module(name)
        self._run: Job = getattr(module, function)
        self._prepare = getattr(module, "prepare", None)
        self._limits = hello["limits"]
        from data_profile.panel import Panel

        self._panels = {name: Panel.open(Path(at)) for name, at in hello["panels"].items()}
        gc.freeze()  # what is loaded now is never collected, so a fork copies none of its pages

    def prepare(self, message: Mapping[str, Any]) -> str | None:
        """Compute what the job shares with others; what is wrong if that cannot be done."""
        if self._prepare is None or "job" not in message:
            return None
        try:
            self._prepare(message["job"], self._panels)
        except Exception as error:  # noqa: BLE001 - the host raises it
            return _describe(error)
        return None

    def serve(self, message: Mapping[str, Any]) -> Verdict:
        """Run one job, or the probe, in a process of its own."""
        if "probe" in message:
            return self._fork(_probe, {"memory": self._limits["memory"]})
        return self._fork(self._run, message["job"])

    def _fork(self, run: Job, job: Mapping[str, Any]) -> Verdict:
        deadline = time.monotonic() + self._limits["seconds"]
        readable, writable = os.pipe()
        worker = os.getpid()
        self._child = os.fork()
        if self._child == 0:
            self._become_job(worker, writable, run, job)
        os.close(writable)
        heard = None
        try:
            heard = self._collect(readable, deadline)
            return heard or self._post_mortem(self._child, deadline)
        finally:
            os.close(readable)
            if heard is None or "said" not in heard:
                self.bury()

    def bury(self) -> None:
        """Make sure that the last job's process is gone.

        It takes some milliseconds to give back a process's memory, and the host has an orderly
        job's answer by then.
        """
        if self._child:
            _end(self._child)
        self._child = 0

    def _collect(self, pipe: int, deadline: float) -> Verdict | None:
        """All that a job writes until it closes its pipe; None if it closes it without a word."""
        said = bytearray()
        while self._wait([pipe], deadline - time.monotonic()):
            chunk = os.read(pipe, 1 << 16)
            if not chunk:
                return {"said": said.decode("utf-8", "replace")} if said else None
            said += chunk
            if len(said) > self._limits["reply"]:
                return _failure("invalid", f"a reply of more than {self._limits['reply']:,} bytes")
        return _late()

    def _post_mortem(self, child: int, deadline: float) -> Verdict:
        """Why a job ended without a word."""
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > deadline:
                return _late()
            self._wait([], 0.002)
        killer = -os.waitstatus_to_exitcode(ended[1])
        if killer == signal.SIGXCPU:
            return _late()
        if killer == signal.SIGKILL:  # not by this worker: by the kernel, which had no memory left
            return _failure("memory", "killed by the kernel: out of memory")
        how = f"signal {signal.Signals(killer).name}" if killer > 0 else f"exit status {-killer}"
        return _failure("crash", f"ended without a reply ({how})")

    def _wait(self, pipes: list[int], seconds: float) -> list[int]:
        """Those of `pipes` that can be read within `seconds`; ends the worker if its host is gone.

        While a job runs the host says nothing, so input can only be its end.
        """
        ready = select.select([*pipes, self._source], [], [], max(0.0, seconds))[0]
        if self._source in ready:
            raise SystemExit(0)
        return ready

    def _become_job(self, worker: int, pipe: int, run: Job, job: Mapping[str, Any]) -> NoReturn:
        """In the forked process: give up everything, run, write the outcome, end."""
        try:
            os.setsid()
            os.dup2(0, 2)
            os.dup2(pipe, 3)
            os.closerange(4, 4096)
            confine.die_with(worker)
            confine.hide()
            confine.limit(self._limits["seconds"], self._limits["memory"])
            _keep_no_kernels()
            syscalls.restrict()
            try:
                outcome = json.dumps({"reply": run(job, self._panels)}, allow_nan=False)
            except MemoryError:
                outcome = json.dumps(_failure("memory", "wanted more memory than its limit"))
            except BaseException as error:  # noqa: BLE001 - nothing is above: the process ends
                outcome = json.dumps(_failure("crash", _describe(error)))
            with os.fdopen(3, "wb") as file:  # its end is the end of what is said
                file.write(outcome.encode())
        finally:
            os._exit(0)


def _end(child: int) -> None:
    """Make sure that a job's process, and whatever it started, is gone."""
    for kill, target in ((os.killpg, child), (os.kill, child)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(target, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


def _late() -> Verdict:
    return _failure("timeout", "ran past its deadline")


def _failure(kind: str, message: str) -> Verdict:
    return {"failure": [kind, message]}


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _keep_no_kernels() -> None:
    """Let a job use compiled kernels, and compile its own, without writing any.

    numba otherwise refuses to compile for a cache that it cannot write.
    """
    if "numba" in sys.modules:
        from numba.core import caching

        caching._CacheLocator.ensure_cache_path = lambda _: None
        caching.Cache.save_overload = lambda *_: None


def _use_shipped_kernels() -> None:
    """Copy the image's compiled kernels to where numba may write; it uses no read-only cache."""
    shipped, cache = os.environ.get("TIDE_SHIPPED_KERNELS"), os.environ.get("NUMBA_CACHE_DIR")
    if shipped and cache:
        for file in Path(shipped).rglob("*.nb[ci]"):
            target = Path(cache) / file.relative_to(shipped)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())


def _probe(job: Mapping[str, Any], panels: Mapping[str, Any]) -> dict[str, bool]:
    """In a job's process: which of the things that no job may do are impossible."""
    return {
        "network": _impossible(_reach),
        "files": all(_impossible(partial(_write, at)) for at in ("/", "/tmp", "/dev/shm")),
        "processes": _impossible(_start_process),
        "memory": _impossible(lambda: bytearray(2 * job["memory"])),
        "unprivileged": os.getuid() != 0,
    }


def _impossible(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, MemoryError):
        return True
    return False


def _reach() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("192.0.2.1", 9))  # looks up a route; sends nothing


def _write(folder: str) -> None:
    path = Path(folder) / f"tide-probe-{os.getpid()}"
    try:
        path.write_bytes(b"x")
    finally:
        path.unlink(missing_ok=True)


def _start_process() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
