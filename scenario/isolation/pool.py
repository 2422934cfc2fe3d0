"""A sandbox of long-lived local workers: hands out jobs, replaces workers, retries faults."""

import contextlib
import itertools
import json
import queue
import re
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from scenario.errors import IsolationError
from scenario.isolation import replies
from scenario.isolation.base import Failure, Isolation, Limits, Runner
from scenario.isolation.channel import Channel, Lost

_START_SECONDS = 120.0  # importing the engine
_PREPARE_SECONDS = 900.0  # compiling it where no kernels are cached; label and pool of a big panel
_GRACE_SECONDS = 5.0  # the worker keeps the job's deadline; this is for its answer to arrive
_KINDS = ("timeout", "memory", "crash", "invalid")
_WINDOW = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass
class _Seat:
    """One of the sandbox's workers, or the place of one that is gone."""

    channel: Channel | None = None
    served: int = 0

    def clear(self) -> None:
        if self.channel is not None:
            self.channel.close()
        self.channel, self.served = None, 0


class WorkerPool(Isolation):
    """Everything but how a worker is started; `docker` and `process` say that.

    Parameters
    ----------
    workers
        How many jobs run at the same time.
    limits
        Of one job.
    runner
        What a worker calls for a job.
    """

    #: What `self_check` insists on.
    promises: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, workers: int, limits: Limits | None = None, runner: Runner | None = None
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers}")
        self.limits = limits or Limits()
        self.runner = runner or Runner()
        self.workers = workers
        self._panels: dict[str, Path] = {}
        self._seats: list[_Seat] = []
        self._free: queue.SimpleQueue[_Seat] = queue.SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None
        self._ids = itertools.count(1)
        self._broken: BaseException | None = None  # what closed it

    @abstractmethod
    def _spawn(self) -> Channel:
        """Start one worker and return the line to it; called in the sandbox's own threads."""

    @abstractmethod
    def _inside(self, window: str, folder: Path) -> str:
        """Where a worker finds the panel of `window`."""

    @abstractmethod
    def _runner_folder(self) -> str | None:
        """Where a worker finds the runner's module, if it is not this project's."""

    def start(self, panels: Mapping[str, Path]) -> None:
        """Start the workers; see `Isolation.start`."""
        self.close()
        self._broken = None
        self._panels = saved(panels)
        self._seats = [_Seat() for _ in range(self.workers)]
        self._free = queue.SimpleQueue()
        for seat in self._seats:
            self._free.put(seat)
        # Workers are started from these threads only: where the kernel kills a worker with its
        # parent, it means the thread that started it, and these live as long as the sandbox.
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="isolation")
        with self._closed_on_error():
            try:
                list(self._threads.map(self._occupy, self._seats))
            except Lost as lost:
                raise IsolationError(f"{self.name}: no worker can be started: {lost}") from lost

    def run(self, jobs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | Failure]:
        """Run all jobs, results in their order; see `Isolation.run`."""
        return self._all([{"job": dict(job)} for job in jobs])

    def self_check(self) -> dict[str, bool]:
        """Probe from within a worker; see `Isolation.self_check`."""
        (found,) = self._all([{"probe": True}])
        if isinstance(found, Failure):
            raise IsolationError(f"{self.name}: the self-check failed: {found.message}")
        broken = [name for name in self.promises if found.get(name) is not True]
        if broken:
            raise IsolationError(f"{self.name}: not enforced here: {', '.join(broken)}")
        return {str(name): bool(holds) for name, holds in found.items()}

    def close(self) -> None:
        """Stop every worker."""
        threads, self._threads = self._threads, None
        for seat in self._seats:
            if seat.channel is not None:
                seat.channel.kill()  # a thread that waits for its answer sees the end and stops
        if threads is not None:
            threads.shutdown(cancel_futures=True)
        for seat in self._seats:
            seat.clear()
        self._seats = []

    @contextlib.contextmanager
    def _closed_on_error(self) -> Any:
        try:
            yield
        except BaseException as error:
            self._broken = self._broken or error
            self.close()
            raise

    def _all(self, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any] | Failure]:
        threads = self._threads
        if threads is None:
            raise self._closed()
        texts = [as_json(request) for request in requests]
        with self._closed_on_error():
            try:
                return list(threads.map(self._serve, texts))
            except (CancelledError, RuntimeError) as error:  # the second if it had been shut down
                if self._threads is not None:
                    raise
                raise self._closed() from error

    def _closed(self) -> IsolationError:
        """Why there are no workers; where another thread's error closed it, that one's reason."""
        return IsolationError(
            str(self._broken or "") or "the sandbox is not started: call start(panels) first"
        )

    def _serve(self, request: str) -> dict[str, Any] | Failure:
        """One job, on whichever worker is free, as often as its rules allow."""
        seat = self._free.get()
        try:
            faults: list[Lost] = []
            while True:
                try:
                    return self._ask(seat, request)
                except Lost as lost:
                    seat.clear()
                    faults.append(lost)
                own = [fault.failure for fault in faults if fault.failure is not None]
                if len(own) == 2:
                    return own[-1]
                if len(faults) - len(own) >= self.limits.attempts:
                    raise IsolationError(f"{self.name}: {faults[-1]}") from faults[-1]
                time.sleep(0.2 * 6 ** (len(faults) - 1))  # a daemon may be restarting
        finally:
            self._free.put(seat)

    def _ask(self, seat: _Seat, request: str) -> dict[str, Any] | Failure:
        if seat.served >= self.limits.recycle:
            seat.clear()
        channel = self._occupy(seat)
        if self._threads is None:
            raise self._closed()
        number = next(self._ids)
        channel.send(f'{{"id": {number}, {request[1:]}'.encode())
        answer = self._receive(channel, _PREPARE_SECONDS, Lost("a worker did not get ready"))
        if "unprepared" in answer:
            raise IsolationError(f"what all jobs share cannot be computed: {answer['unprepared']}")
        if answer != {"id": number, "prepared": True}:
            raise Lost("a worker broke the protocol")
        seconds = self.limits.seconds + _GRACE_SECONDS
        late = Failure("timeout", f"its worker did not answer within {seconds:.0f} s")
        answer = self._receive(channel, seconds, Lost(late.message, late))
        seat.served += 1
        if answer.get("id") != number:
            raise Lost("a worker broke the protocol")
        result = judge(answer)
        if isinstance(result, Failure) and result.kind in ("timeout", "memory"):
            seat.clear()
        return result

    def _occupy(self, seat: _Seat) -> Channel:
        """The seat's worker, started and greeted if there is none."""
        if seat.channel is None:
            try:
                seat.channel = self._spawn()
            except IsolationError as error:
                raise Lost(str(error)) from error
            self._greet(seat.channel)
        return seat.channel

    def _greet(self, channel: Channel) -> None:
        hello = {
            "panels": {name: self._inside(name, at) for name, at in self._panels.items()},
            "target": self.runner.target,
            "folder": self._runner_folder(),
            "limits": asdict(self.limits),
        }
        channel.send(json.dumps(hello).encode())
        answer = self._receive(channel, _START_SECONDS, Lost("it did not answer in time"))
        if "ready" not in answer:
            raise Lost(str(answer.get("fatal", "no greeting")))

    def _receive(self, channel: Channel, seconds: float, late: Lost) -> dict[str, Any]:
        # A job's text arrives as a JSON string, where every byte may take six.
        line = channel.receive(seconds, 6 * self.limits.reply + 4096)
        if line is None:
            raise late
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise Lost("a worker broke the protocol") from None
        if not isinstance(answer, dict):
            raise Lost("a worker broke the protocol")
        return answer


def saved(panels: Mapping[str, Path]) -> dict[str, Path]:
    """Window name -> folder of its panel, absolute.

    Raises
    ------
    IsolationError
        A name that is none, or a folder without a panel.
    """
    for window, folder in panels.items():
        if not _WINDOW.fullmatch(window):
            raise IsolationError(f"{window!r} is no window name: lower-case letters, digits, _")
        if not (Path(folder) / "panel.json").is_file():
            raise IsolationError(f"{folder} holds no saved panel (window {window})")
    return {window: Path(folder).resolve() for window, folder in panels.items()}


def as_json(request: Mapping[str, Any]) -> str:
    """A job as text.

    Raises
    ------
    IsolationError
        It is no JSON.
    """
    try:
        return json.dumps(request, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise IsolationError(f"a job that is no JSON: {error}") from error


def judge(answer: Mapping[str, Any]) -> dict[str, Any] | Failure:
    """What a worker reported of one job, checked."""
    outcome: Mapping[str, Any] = answer
    if "said" in answer:
        try:
            outcome = replies.parse(answer["said"])
        except replies.InvalidReply as error:
            return Failure("invalid", str(error))
    match outcome:
        case {"reply": dict(reply)}:
            return reply
        case {"failure": [str(kind), str(message)]} if kind in _KINDS:
            plain = "".join(letter if letter.isprintable() else " " for letter in message)
            return Failure(kind, plain[:500])  # type: ignore[arg-type]
    return Failure("invalid", "neither a reply nor a failure")
