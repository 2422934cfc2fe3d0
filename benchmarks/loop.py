"""What the loop itself costs, and what a night brings: time, memory and state over many iterations.

    python -m benchmarks.loop                      # overhead over 2,000 iterations, some minutes
    python -m benchmarks.loop --iterations 200
    python -m benchmarks.loop --night 60           # evaluations/s with real workers for 60 s
    python -m benchmarks.loop --night 60 --planted # the same where many factors are accepted

The overhead is measured with the default proposer and everything else that a night has (RD-Agent's
loop, the coder's checks, ledger, gates), and an evaluator that answers at once with figures drawn
from the expression's text. Figures are medians over 20 iterations.
"""

import argparse
import contextlib
import cProfile
import hashlib
import os
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.store import Store
from scenario import loop
from scenario.isolation.base import Failure, Isolation
from scenario.loop import MineOptions, Progress, Summary, mine

MARKS = (10, 100, 500, 1_000, 2_000)
AROUND = 20
PARTS = {
    # Two iterations are under way: what the main thread waits for beside a test is in `selectors`.
    "evaluation": (
        "isolation/pool.py",
        "isolation/channel.py",
        "isolation/docker.py",
        "selectors.py",
    ),
    "ledger": ("factor_pool/ledger",),
    "MLflow": ("factor_pool/pool.py",),
    "proposer and checks": ("scenario/proposers", "scenario/checks.py"),
}


class Instant(Isolation):
    """Answers each job at once: figures that depend on the text alone, and that no gate accepts."""

    name = "instant"
    identity = "instant"

    def start(self, panels: Mapping[str, Path]) -> None:
        """Nothing to start."""

    def run(self, jobs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | Failure]:
        """Figures for every expression."""
        return [
            {"results": [{"figures": _figures(text)} for text in job["expressions"]]}
            for job in jobs
        ]

    def self_check(self) -> dict[str, bool]:
        """Nothing to check."""
        return {}

    def close(self) -> None:
        """Nothing to close."""


def _figures(text: str) -> dict[str, Any]:
    draw = np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))
    return {
        "sessions": 400,
        "coverage": 1.0,
        "explained": 0.3,
        "correlations": {"ewm10_count": float(draw.uniform(-0.5, 0.5)), "companies": 0.1},
        "persistence_exposure": float(draw.uniform(-0.6, 0.6)),
        "size_exposure": float(draw.uniform(-0.6, 0.6)),
        "rank_ic": float(draw.normal(0, 0.05)),
        "marginal_rank_ic": float(draw.normal(0, 0.01)),
        "added_rank_ic": float(draw.normal(0, 0.01)),
        "added_t_hac": float(draw.normal(0, 1.2)),
        "sign": 1,
        "max_pool_correlation": 0.0,
        "closest_member": None,
        "same_sign_share": 1.0,
        "rank_autocorrelation": float(draw.uniform()),
    }


class Watch:
    """A display that takes the time, and the memory, after every iteration."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.memory: list[float] = []
        self.last: Progress | None = None

    def progress(self, progress: Progress) -> None:
        """Keep the instant and the resident memory."""
        self.ends.append(time.thread_time())  # other work, here or elsewhere, does not count
        self.memory.append(_resident())
        self.last = progress

    def say(self, line: str) -> None:
        """Show the line on stderr."""
        print(line, file=sys.stderr)


def _resident() -> float:
    """Resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def overhead(iterations: int) -> None:
    """Print time, memory and state at some iterations of a night with an instant evaluator."""
    with tempfile.TemporaryDirectory() as folder:
        home = _home(folder, sectors=30, sessions=640)
        watch = Watch()
        with _evaluator(Instant()):
            mine(home, MineOptions(loops=iterations, proposer="evolve"), watch)
        state = sum(p.stat().st_size for p in home.sessions.rglob("*") if p.is_file())
        kept = home.ledger.stat().st_size / 1e6
    steps = np.diff(watch.ends) * 1e3
    print("the loop without evaluation, 64 attempts an iteration")
    print(f"{'iteration':>10} {'ms':>8} {'ratio':>6} {'MB':>7}")
    first = None
    for mark in (mark for mark in MARKS if mark <= iterations):
        around = steps[max(0, mark - AROUND) : mark]
        ms = statistics.median(around)
        first = first or ms
        print(f"{mark:>10,} {ms:>8.1f} {ms / first:>6.2f} {watch.memory[mark - 1]:>7.0f}")
    print(f"session folder at the end {state / 1e6:.2f} MB (1); ledger {kept:.0f} MB on disk")


def night(seconds: float, isolation: str, planted: bool) -> None:
    """Print evaluations/s of a real night at 90 x 1,500, and where the time goes.

    Workers are started and kernels compiled in a first short night, which does not count; the
    shares come from a third night, since a profiler slows what it watches.
    """
    market = "with planted factors" if planted else "without factors"
    with tempfile.TemporaryDirectory() as folder:
        home = _home(folder, sectors=90, sessions=1_500, null=not planted)
        _night(home, 20, isolation, seed=1)
        summary, watch = _night(home, seconds, isolation, seed=2)
        with cProfile.Profile() as profile:
            _night(home, seconds / 2, isolation, seed=3)
    print(f"a night at 90 x 1,500 with {isolation}, a market {market}: {summary.to_dict()}")
    assert watch.last is not None
    print(f"  {watch.last.rate:.0f} evaluations/s (500), {summary.accepted} accepted")
    stats = pstats.Stats(profile)
    total = stats.total_tt  # type: ignore[attr-defined]
    spent = {name: _outermost(stats, files) / total for name, files in PARTS.items()}
    for name, share in (spent | {"the rest of the loop": 1 - sum(spent.values())}).items():
        print(f"  {name:<20} {share:>5.0%}")


def _night(home: Home, seconds: float, isolation: Any, seed: int) -> tuple[Summary, Watch]:
    watch = Watch()
    options = MineOptions(
        hours=seconds / 3600, proposer="evolve", new=True, isolation=isolation, seed=seed
    )
    return mine(home, options, watch), watch


def _outermost(stats: pstats.Stats, files: Sequence[str]) -> float:
    """Seconds below functions of these files, counted where they are called from elsewhere."""
    spent = 0.0
    for (path, _, _), (*_, callers) in stats.stats.items():  # type: ignore[attr-defined]
        if not any(part in path for part in files):
            continue
        for (caller, _, _), (*_, below) in callers.items():
            if not any(part in caller for part in files):
                spent += below
    return spent


def _home(folder: str, sectors: int, sessions: int, null: bool = False) -> Home:
    home = Home(Path(folder) / "home").create()
    market = synthetic(1, sectors=sectors, sessions=sessions, null=null)
    Store(home.store).build(market.frame, market.names, source="synthetic-1")
    return home


@contextlib.contextmanager
def _evaluator(isolation: Isolation) -> Any:
    """Let `mine` take this evaluator."""
    before = loop.choose
    loop.choose = lambda *args: isolation
    try:
        yield
    finally:
        loop.choose = before


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--iterations", type=int, default=2_000)
    options.add_argument("--night", type=float, metavar="SECONDS")
    options.add_argument("--isolation", default="docker", choices=("docker", "process"))
    options.add_argument("--planted", action="store_true", help="a market with true factors")
    given = options.parse_args()
    if given.night is not None:
        night(given.night, given.isolation, given.planted)
    else:
        overhead(given.iterations)


if __name__ == "__main__":
    main()
