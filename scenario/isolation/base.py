"""The contract of a sandbox: jobs go in, validated numbers or typed failures come out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self


@dataclass(frozen=True)
class Failure:
    """A job that failed by its own fault; its sandbox is as good as new.

    Parameters
    ----------
    kind
        `timeout`: it ran past `Limits.seconds`. `memory`: it wanted more than `Limits.memory`.
        `crash`: it raised or died. `invalid`: it answered with something that is no reply.
    message
        One line for people; never more than 500 characters.
    """

    kind: Literal["timeout", "memory", "crash", "invalid"]
    message: str


@dataclass(frozen=True)
class Limits:
    """What one job may take, and how often a worker is replaced.

    Parameters
    ----------
    seconds
        Wall clock of one job.
    memory
        Bytes one job may allocate beside the panels, which are mapped, not copied.
    reply
        Bytes of one job's JSON reply.
    recycle
        Jobs after which a worker is replaced by a fresh one, which takes about three seconds. Each
        job has a process of its own, so that a worker itself hardly grows.
    attempts
        How often in all a job is started when the infrastructure fails under it.
    """

    seconds: float = 60.0
    memory: int = 2 << 30
    reply: int = 4 << 20
    recycle: int = 2_000
    attempts: int = 4


@dataclass(frozen=True)
class Runner:
    """The function `(job, panels) -> reply` that a worker calls for every job.

    Parameters
    ----------
    target
        `module:function`. If the module also has `prepare(job, panels)`, a worker calls it before
        it forks: what that computes and keeps is there for every later job, and must depend only
        on what all jobs of a run share (label, pool), never on a job's own expressions.
    folder
        The folder that holds the module, if it is not one of this project's.
    image
        Which image holds what it imports: a name in `image.RECIPES`.
    """

    target: str = "scenario.isolation.evaluator:run"
    folder: Path | None = None
    image: Literal["evaluator", "backtest"] = "evaluator"


class Isolation(ABC):
    """A set of workers that run jobs apart from this process.

    A job is a JSON object; a reply is a JSON object. Each job runs in its own process, forked from
    a worker that holds nothing but the panels: no key, no network, no other job's data. It cannot
    outlive its deadline, and what it says is checked here before anyone sees it.

    The life of a sandbox is `start`, any number of `run`, `close`; as a context manager it closes
    itself. Faults of a job come back as `Failure`; faults of the infrastructure (a dead daemon, a
    container killed from outside) are retried on a fresh worker, then raised as `IsolationError`.
    """

    #: "docker", "process" or "cluster"; recorded with every result.
    name: str

    #: How many jobs run at the same time; for a cluster, once it is started.
    workers: int = 1

    @property
    @abstractmethod
    def identity(self) -> str:
        """What exactly ran the jobs: the image's id, or "process"."""

    @abstractmethod
    def start(self, panels: Mapping[str, Path]) -> None:
        """Start the workers, ready for jobs.

        Parameters
        ----------
        panels
            Window name (lower-case letters, digits and underscores) -> folder of a saved `Panel`.
            Nothing else of the disk's data is given to the workers. A second call replaces the
            panels.

        Raises
        ------
        IsolationError
            The workers cannot be started; the message says why and what to do.
        """

    @abstractmethod
    def run(self, jobs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | Failure]:
        """Run all jobs and return their results in the order of `jobs`.

        Which worker served a job, and when, has no influence on the result. A job that loses its
        worker twice by its own doing is a `Failure`. Several threads may call this at a time; if
        it raises for one, the sandbox is closed and it raises for all.

        Raises
        ------
        IsolationError
            Not started, a job that is no JSON, a label or pool that cannot be computed, or
            infrastructure that failed `Limits.attempts` times under one job.
        """

    @abstractmethod
    def self_check(self) -> dict[str, bool]:
        """Try from within a worker what a job must not be able to do.

        Returns
        -------
        dict
            Protection -> whether it holds: `network` (cut), `files` (nothing can be written),
            `processes` (none can be started), `memory` (bounded), `unprivileged`.

        Raises
        ------
        IsolationError
            A protection that this kind of sandbox promises does not hold.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop every worker and wait for its end; further calls do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
