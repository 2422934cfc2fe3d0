"""Evaluations a second in process, in worker processes and in containers.

    python benchmarks/isolation.py [--workers N] [--batches 16 32 64 128] [--docker]

The same jobs (kind `search`, a pool of 20) on the synthetic market; the first of each is not
measured. One worker by default, so that every figure is of one core and the ratio is the cost of
isolation.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.panel import Panel
from scenario.isolation import Failure, Isolation, choose

FIELDS = ("close", "limit_up_count", "net_inflow", "turnover", "up_count", "volume")
TEMPLATES = (
    "Mean(${a}, {n})",
    "Std(${a}, {n})",
    "CSRank(Delta(${a}, {n}))",
    "Corr(${a}, ${b}, {n})",
    "Div(${a}, Mean(${a}, {n}))",
    "CSZScore(Sub(Mean(${a}, {n}), Mean(${b}, {n})))",
    "Rank(${a}, {n})",
    "Slope(${a}, {n})",
)


def expressions(panel: Panel) -> Iterator[str]:
    """Distinct expressions of the usual kinds, endlessly over growing windows."""
    fields = [name for name in FIELDS if name in panel.values] or list(panel.fields)[:6]
    for n in itertools.count(3):
        for template, a, b in itertools.product(TEMPLATES, fields, fields[1:]):
            if ("{b}" in template) != (a != b and "{b}" in template):
                continue
            if "{b}" not in template and b != fields[1]:
                continue
            yield template.format(a=a, b=b, n=n)


def jobs(panel: Panel, batch: int, count: int) -> list[dict[str, Any]]:
    """`count` jobs of `batch` distinct expressions each."""
    source = expressions(panel)
    pool = list(itertools.islice(source, 20))
    return [
        {
            "kind": "search",
            "label": "limit_up_count",
            "pool": pool,
            "expressions": list(itertools.islice(source, batch)),
        }
        for _ in range(count)
    ]


def rates(
    runs: Sequence[Callable[[Sequence[dict[str, Any]]], Any]],
    work: list[dict[str, Any]],
    rounds: int,
) -> list[float]:
    """Expressions a second of each; the best of some rounds, taken in turn."""
    best = [0.0] * len(runs)
    for run in runs:
        run(work[:1])
    for _ in range(rounds):
        for place, run in enumerate(runs):
            began = time.perf_counter()
            results = run(work)
            elapsed = time.perf_counter() - began
            failed = [result for result in results if isinstance(result, Failure)]
            if failed:
                raise SystemExit(f"a job failed: {failed[0]}")
            done = sum(len(job["expressions"]) for job in work)
            best[place] = max(best[place], done / elapsed)
    return best


def in_process(folder: Path) -> Callable[[Sequence[dict[str, Any]]], Any]:
    from scenario.isolation import evaluator

    panels = {"search": Panel.open(folder)}

    def run(work: Sequence[dict[str, Any]]) -> list[Any]:
        evaluator.prepare(work[0], panels)
        return [json.loads(json.dumps(evaluator.run(job, panels))) for job in work]

    return run


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--batches", type=int, nargs="+", default=[16, 32, 64, 128])
    options.add_argument("--expressions", type=int, default=256, help="for each figure")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--sectors", type=int, default=90)
    options.add_argument("--sessions", type=int, default=1500)
    options.add_argument("--docker", action="store_true", help="fail if there is no engine")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(os.environ.get("TIDE_HOME", folder)))
        market = synthetic(1, sectors=chosen.sectors, sessions=chosen.sessions)
        panel = Panel.from_frame(market.frame)
        panel.save(Path(folder, "panel"))
        report(chosen, home, panel, Path(folder, "panel"))


def report(chosen: argparse.Namespace, home: Home, panel: Panel, folder: Path) -> None:
    kinds: list[Isolation] = [choose("process", chosen.workers, home, print)]
    kinds.append(choose("docker" if chosen.docker else "auto", chosen.workers, home, print))
    direct = in_process(folder)
    print(f"\n{panel.shape[1]} x {panel.shape[0]}, {chosen.workers} workers; evaluations/s")
    print(f"{'batch':>6} {'in process':>11}", *(f"{kind.name:>10} {'ratio':>6}" for kind in kinds))
    for kind in kinds:
        began = time.perf_counter()
        kind.start({"search": folder})
        print(f"       start of {kind.name}: {time.perf_counter() - began:.2f} s", file=sys.stderr)
    for batch in chosen.batches:
        work = jobs(panel, batch, max(2, chosen.expressions // batch))
        base, *isolated = rates([direct, *(kind.run for kind in kinds)], work, chosen.rounds)
        row = [f"{speed:>10,.0f} {speed / base:>6.2f}" for speed in isolated]
        print(f"{batch:>6} {base:>11,.0f}", *row)
    for kind in kinds:
        kind.close()


if __name__ == "__main__":
    main()
