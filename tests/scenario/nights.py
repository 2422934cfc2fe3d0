"""What the tests of the loop share: a small market, and workers without a process of their own."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.store import Store
from factor_pool.evaluation import jobs
from factor_pool.ledger import Ledger
from scenario.isolation.base import Failure, Isolation
from scenario.session import Progress
from tests.commands import give_kernels

SECTORS, SESSIONS = 30, 640


class Here(Isolation):
    """Runs jobs in this process: for tests of what is above the sandbox."""

    name = "here"
    identity = "here"

    def __init__(self) -> None:
        self.jobs: list[Mapping[str, Any]] = []
        self._one = threading.Lock()

    def start(self, panels: Mapping[str, Path]) -> None:
        self._panels = {name: Panel.open(folder) for name, folder in panels.items()}

    def run(self, jobs_: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | Failure]:
        with self._one:
            self.jobs += jobs_
            return [jobs.run(job, self._panels) for job in jobs_]

    def self_check(self) -> dict[str, bool]:
        return {}

    def close(self) -> None:
        pass


class Silent:
    """A display that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shown: list[Progress] = []

    def progress(self, progress: Progress) -> None:
        self.shown.append(progress)

    def say(self, line: str) -> None:
        self.lines.append(line)


def build_store(folder: Path, *, null: bool = False) -> Path:
    """A store of a small synthetic market; its folder."""
    market = synthetic(1, sectors=SECTORS, sessions=SESSIONS, **({"null": True} if null else {}))
    Store(folder).build(market.frame, market.names, source="synthetic-1")
    return folder


def home_with(store: Path, root: Path, kernels: Path | None = None) -> Home:
    """A fresh home on a store, which mining only reads, and on compiled kernels."""
    root.mkdir(parents=True)
    if kernels is not None:
        give_kernels(root, kernels)
    home = Home(root).create()
    home.store.symlink_to(store)
    return home


def ledger_of(home: Home) -> dict[str, list[Any]]:
    """What a ledger says, without instants and names of sessions."""
    with Ledger(home.ledger, readonly=True) as ledger:
        return {
            "attempts": [
                (a.id, a.iteration, a.position, a.proposer, a.hypothesis, a.text, a.canonical,
                 a.stage, dict(a.figures), a.gate, a.reason, a.duplicate_of)
                for a in ledger.attempts()
            ],
            "tests": [(t.position, t.attempt_id, t.p_value, t.level) for t in ledger.tests()],
            "members": [(m.id, m.attempt_id, m.expression, m.sign) for m in ledger.members(None)],
        }  # fmt: skip
