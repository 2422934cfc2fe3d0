"""Nights of mining for the benchmarks: the loop that users run, evaluated in this process."""

import contextlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.profile import Profile
from data_profile.store import Store
from factor_pool.evaluation import jobs, labels
from factor_pool.evaluation.metrics import ranks
from factor_pool.evaluation.windows import Windows, place
from factor_pool.ledger import Ledger
from factor_pool.records import Member, Test
from scenario.isolation import Failure, Isolation
from scenario.session import MineOptions, Progress

if TYPE_CHECKING:
    import pandas as pd

Task = TypeVar("Task")
Answer = TypeVar("Answer")
REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


class InProcess(Isolation):
    """Runs jobs here: a benchmark's factors come from the built-in search, not from outside."""

    name = "in-process"
    identity = "in-process"

    def __init__(self) -> None:
        self._one = threading.Lock()

    def start(self, panels: Mapping[str, Path]) -> None:
        """Open the panels."""
        self._panels = {name: Panel.open(folder) for name, folder in panels.items()}

    def run(self, jobs_: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | Failure]:
        """Run one job after the other."""
        with self._one:
            return [jobs.run(job, self._panels) for job in jobs_]

    def self_check(self) -> dict[str, bool]:
        """Nothing is promised."""
        return {}

    def close(self) -> None:
        """Nothing to stop."""


class Silent:
    """A display for nobody."""

    def progress(self, progress: Progress) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Night:
    """What a night left behind.

    Parameters
    ----------
    attempts
        Factors evaluated.
    members, tests
        Of its ledger.
    funnel
        Gate -> factors that ended there.
    panel, windows
        What it mined, and where it looked.
    """

    attempts: int
    members: list[Member]
    tests: list[Test]
    funnel: dict[str, int]
    panel: Panel = field(repr=False)
    windows: Windows


def mined(
    frame: "pd.DataFrame",
    names: Mapping[str, str],
    *,
    evaluations: int,
    seed: int,
    label: str = labels.DEFAULT_LABEL,
) -> Night:
    """Mine a market in a home of its own, which is gone afterwards.

    Call it in a process of its own: rdagent keeps one workspace a process.
    """
    from factor_pool.pool import Pool
    from scenario import loop

    logging.disable(logging.WARNING)
    # What MLflow shows is made from the ledger, decides nothing, and would take a quarter of it;
    # nor do backtests decide.
    setattr(Pool, "publish_night", lambda *args: None)  # noqa: B010
    loop.backtest_accepted = lambda *args: 0
    with tempfile.TemporaryDirectory() as folder, _quiet():
        home = Home(Path(folder)).create()
        Store(home.store).build(frame, names, source="benchmark")
        options = MineOptions(evaluations=evaluations, seed=seed, proposer="evolve", label=label)
        loop.mine(home, options, Silent(), isolation=InProcess())
        panel = Panel.from_frame(frame)
        with Ledger(home.ledger, readonly=True) as ledger:
            return Night(
                attempts=sum(ledger.count(stage=s) for s in ("failed", "rejected", "accepted")),
                members=ledger.members(),
                tests=ledger.tests(),
                funnel=ledger.funnel(),
                panel=panel,
                windows=place(panel, Profile.load().core(panel)),
            )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Libraries print; a benchmark prints tables."""
    with open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink):
        yield


def shuffled(seed: int) -> str:
    """Register a label that is tomorrow's count, shuffled among the sectors of each day.

    The shuffle of a day depends on the seed and the date alone: every window sees the same.
    """

    def label(panel: Panel) -> np.ndarray:
        after = labels.label(panel, labels.DEFAULT_LABEL).astype(np.float64)
        for t, day in enumerate(panel.sessions.astype(int)):
            there = np.flatnonzero(np.isfinite(after[t]))
            after[t, there] = after[t, np.random.default_rng([seed, day]).permutation(there)]
        return after

    labels.LABELS["shuffled"] = labels.Label(label)
    return "shuffled"


def in_processes(
    work: Callable[[Task], Answer], tasks: Sequence[Task], workers: int
) -> Iterator[Answer]:
    """Results in the order of the tasks, each from a process of its own."""
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        yield from pool.map(work, tasks)


def centred_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of each session from -0.5 to 0.5; 0 where missing."""
    found = ranks(values)
    count = np.isfinite(found).sum(axis=1, keepdims=True)
    return np.nan_to_num((found - (count + 1) / 2) / np.maximum(count - 1, 1))


def less_baseline(values: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """What a least-squares projection of each session on the baseline's ranks leaves of values.

    Parameters
    ----------
    values
        (T, S); NaN is missing.
    baseline
        (K, T, S), as `baselines.design` gives it.

    Returns
    -------
    numpy.ndarray
        (T, S); NaN where missing, and in sessions with fewer than 10 values.
    """
    result = np.full(values.shape, np.nan)
    known = np.stack([np.ones(values.shape), *(centred_ranks(one) for one in baseline)], axis=-1)
    for t in np.flatnonzero(np.isfinite(values).sum(axis=1) >= 10):
        there = np.isfinite(values[t])
        x, y = known[t, there], values[t, there]
        result[t, there] = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return result


def combine(
    factors: Sequence[np.ndarray], label: np.ndarray, baseline: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """The factors' ranks, less the baseline, weighted by a ridge regression of the label's.

    Parameters
    ----------
    factors
        (T, S) each, at least one.
    label
        (T, S).
    baseline
        (K, T, S).
    rows
        Bool (T,): sessions that the weights are fitted on.

    Returns
    -------
    numpy.ndarray
        (T, S).
    """
    target = less_baseline(ranks(label), baseline)
    rests = np.array([np.nan_to_num(less_baseline(centred_ranks(one), baseline))
                      for one in factors])  # fmt: skip
    there = np.isfinite(target) & rows[:, None]
    x, y = rests[:, there].T, target[there]
    gram = x.T @ x
    gram += 0.01 * np.trace(gram) / len(gram) * np.eye(len(gram))
    return np.tensordot(np.linalg.solve(gram, x.T @ y), rests, axes=1)


def expected_rank(expected: np.ndarray, label: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The label's mean rank as a function of what the market expects, by 50 bins of `rows`.

    Parameters
    ----------
    expected, label
        (T, S).
    rows
        Bool (T,).
    """
    shares = centred_ranks(label)
    there = np.isfinite(expected) & np.isfinite(label) & rows[:, None]
    order = np.argsort(expected[there])
    bins = np.array_split(order, 50)
    x = [expected[there][one].mean() for one in bins]
    return np.interp(expected, x, [shares[there][one].mean() for one in bins])
