"""Does mining fool its owner? Where there is nothing, where the truth is known, on real data.

    python benchmarks/release.py null [--quick] [--json FILE]
    python benchmarks/release.py planted [--quick] [--json FILE]
    python benchmarks/release.py real [FILE] [--open-sealed] [--json FILE]

null: the default proposer on synthetic markets in which nothing predicts beyond the baseline, and
on the real panel with tomorrow's counts shuffled among the sectors of each day. At most 1 factor
may be accepted in all of either.

planted: on synthetic markets with six true factors. Found is one with which an accepted factor's
ranks correlate above 0.7 in size. The pool's and the oracles' marginal rank IC are measured on
sessions after the end of the store, each combined by one ridge regression of ranks on the search
window. The oracle is the six factors themselves. Beside it stands all that can be known: the
expectation from which the market drew its counts, which holds the curvature of persistence too.

real: the factors accepted on a real panel, with their marginal rank IC in the search, the confirm
and, with --open-sealed, the sealed window. Looking is not free: who chooses by what the sealed
window said has none left.

Every night is the loop that users run (`scenario.loop.mine`), evaluated in one process instead of
in containers. Exit status 1 means that a bar was missed.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import nights
from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.sources.panel_file import read
from factor_pool.evaluation.baselines import design
from factor_pool.evaluation.inference import hac_error
from factor_pool.evaluation.labels import label
from factor_pool.evaluation.metrics import Projection, rank_ic
from factor_pool.expression import evaluate, parse

SECTORS, SESSIONS, AFTER = 70, 1000, 400
ATTEMPTS, REAL_ATTEMPTS = 3_000, 5_000
FOUND = 0.7
MOST_FALSE = 1
LEAST_FOUND, LEAST_SHARE = 4, 0.75
LEAST_POSITIVE = 0.8
PANEL = "sector_day_panel.parquet"

Row = dict[str, Any]


# ---------------------------------------------------------------- null


def null_night(task: tuple[int, int, tuple[int, int]]) -> Row:
    """One night on a synthetic market in which there is nothing to find."""
    seed, attempts, (sectors, sessions) = task
    market = synthetic(seed, sectors=sectors, sessions=sessions, null=True)
    night = nights.mined(market.frame, market.names, evaluations=attempts, seed=seed)
    return {"market": "synthetic", "seed": seed, **_summary(night)}


def shuffled_night(task: tuple[int, int, Path]) -> Row:
    """One night on the real panel, its labels shuffled within each day."""
    seed, attempts, path = task
    imported = read(path)
    night = nights.mined(
        imported.frame, imported.names, evaluations=attempts, seed=seed,
        label=nights.shuffled(seed),
    )  # fmt: skip
    return {"market": "real, shuffled", "seed": seed, **_summary(night)}


def _summary(night: nights.Night) -> Row:
    return {
        "attempts": night.attempts,
        "tests": len(night.tests),
        "smallest_p": min((test.p_value for test in night.tests), default=None),
        "accepted": len(night.members),
        "factors": [member.expression for member in night.members],
        "funnel": night.funnel,
    }


def null(chosen: argparse.Namespace) -> tuple[list[Row], bool]:
    """Both kinds of market without factors; whether few enough were accepted."""
    quick = chosen.quick
    attempts = chosen.attempts or (320 if quick else ATTEMPTS)
    shape = (40, 640) if quick else (SECTORS, SESSIONS)
    seeds = _seeds(chosen, 2 if quick else 20)
    tasks = [(seed, attempts, shape) for seed in seeds]
    columns = ("market", "seed", "attempts", "tests", "smallest_p", "accepted")
    rows = list(_shown(columns, nights.in_processes(null_night, tasks, chosen.workers)))
    path = chosen.data / PANEL
    if not quick and path.exists():
        real_tasks = [(seed, attempts, path) for seed in seeds[:10]]
        nightly = nights.in_processes(shuffled_night, real_tasks, chosen.workers)
        rows += _shown(columns, nightly, head=False)
    elif not quick:
        print(f"no {path}: the shuffled nights are left out")
    good = True
    for kind in dict.fromkeys(row["market"] for row in rows):
        counts = [row["accepted"] for row in rows if row["market"] == kind]
        good &= sum(counts) <= MOST_FALSE
        print(f"{kind}: {sum(counts)} accepted in {len(counts)} nights (bar: {MOST_FALSE})")
    return rows, good


# ---------------------------------------------------------------- planted


def planted_night(task: tuple[int, int, tuple[int, int], int]) -> Row:
    """One night on a market with six true factors, and what its pool is worth afterwards."""
    seed, attempts, (sectors, sessions), after = task
    market = synthetic(seed, sectors=sectors, sessions=sessions + after)
    panel = Panel.from_frame(market.frame)
    end = panel.sessions[sessions - 1]
    frame = market.frame[market.frame["date"] <= end]
    night = nights.mined(frame, market.names, evaluations=attempts, seed=seed)
    pool = [member.expression for member in night.members]
    values = evaluate([parse(text) for text in (*pool, *market.planted)], panel)
    accepted, true = values[: len(pool)], values[len(pool) :]
    fit = night.windows.search.mask(panel.sessions)
    unseen = panel.sessions > end

    beyond = Projection(label(panel), design(panel))

    def worth(factors: Sequence[np.ndarray]) -> float:
        if not factors:
            return 0.0
        combined = nights.combine(factors, label(panel), design(panel), fit)
        return _mean(beyond.marginal_rank_ic(combined)[unseen])

    everything = nights.less_baseline(
        nights.expected_rank(market.expected, label(panel), fit), design(panel)
    )
    best = [_best(accepted, one, fit) for one in true]
    return {
        "seed": seed,
        "attempts": night.attempts,
        "tests": len(night.tests),
        "accepted": len(pool),
        "found": sum(value > FOUND for value in best),
        "pool_ic": worth(accepted),
        "oracle_ic": worth(true),
        "all_ic": _mean(beyond.marginal_rank_ic(everything)[unseen]),
        "correlations": dict(zip(market.planted, best, strict=True)),
        "factors": pool,
        "funnel": night.funnel,
    }


def _best(accepted: Sequence[np.ndarray], true: np.ndarray, rows: np.ndarray) -> float:
    """Largest mean rank correlation, in size, of a true factor with an accepted one."""
    return max((abs(_mean(rank_ic(one[rows], true[rows]))) for one in accepted), default=0.0)


def planted(chosen: argparse.Namespace) -> tuple[list[Row], bool]:
    """Markets with true factors; whether enough of them were found."""
    quick = chosen.quick
    attempts = chosen.attempts or (640 if quick else ATTEMPTS)
    shape, after = ((40, 640), 200) if quick else ((SECTORS, SESSIONS), AFTER)
    tasks = [(seed, attempts, shape, after) for seed in _seeds(chosen, 1 if quick else 10)]
    columns = ("seed", "attempts", "tests", "accepted", "found", "pool_ic", "oracle_ic")
    nightly = nights.in_processes(planted_night, tasks, chosen.workers)
    rows = list(_shown((*columns, "all_ic"), nightly))
    found = statistics.median(row["found"] for row in rows)
    share = statistics.median(row["pool_ic"] / row["oracle_ic"] for row in rows)
    most = statistics.median(row["pool_ic"] / row["all_ic"] for row in rows)
    least, part = (LEAST_FOUND / 2, LEAST_SHARE / 2) if quick else (LEAST_FOUND, LEAST_SHARE)
    print(
        f"median: {found:g} of 6 found (bar: {least:g}); the pool's marginal rank IC after the "
        f"store's end is {share:.0%} of the oracle's (bar: {part:.0%}), {most:.0%} of what the "
        "market's own expectation has"
    )
    return rows, found >= least and share >= part


# ---------------------------------------------------------------- real


def real_night(task: tuple[int, int, Path, bool]) -> Row:
    """One night on a real panel; figures of its pool in each window."""
    seed, attempts, path, sealed = task
    imported = read(path)
    night = nights.mined(imported.frame, imported.names, evaluations=attempts, seed=seed)
    panel, windows = night.panel, night.windows
    shown = [windows.search, windows.confirm] + [windows.sealed] * sealed
    beyond = Projection(label(panel), design(panel))
    texts = [member.expression for member in night.members]
    values = [
        member.sign * one
        for member, one in zip(night.members, evaluate([parse(t) for t in texts], panel),
                               strict=True)
    ]  # fmt: skip
    if values:
        rows = windows.search.mask(panel.sessions)
        values.append(nights.combine(values, label(panel), design(panel), rows))
    table = []
    for text, one in zip([*texts, "all of them, by ridge on search"], values, strict=False):
        daily = beyond.marginal_rank_ic(one)
        table.append(
            {"factor": text}
            | {w.name: _interval(daily[w.mask(panel.sessions)]) for w in shown}
        )  # fmt: skip
    return {
        "seed": seed,
        "file": path.name,
        "windows": {w.name: [str(w.start), str(w.end), w.sessions] for w in shown},
        **_summary(night),
        "table": table,
    }


def _interval(daily: np.ndarray) -> dict[str, float]:
    """Mean marginal rank IC with its 95% interval, Newey-West."""
    mean, error = _mean(daily), hac_error(daily)
    return {"ic": mean, "low": mean - 1.96 * error, "high": mean + 1.96 * error}


def real(chosen: argparse.Namespace) -> tuple[list[Row], bool]:
    """The real panel; whether enough accepted factors are positive in the sealed window."""
    path = chosen.file or chosen.data / PANEL
    attempts = chosen.attempts or REAL_ATTEMPTS
    task = (_seeds(chosen, 1)[0], attempts, path, chosen.open_sealed)
    (row,) = nights.in_processes(real_night, [task], 1)
    print(f"{row['file']}: {row['attempts']} attempts, {row['tests']} tests, "
          f"{row['accepted']} accepted")  # fmt: skip
    for name, (start, end, sessions) in row["windows"].items():
        print(f"{name}: {start} to {end}, {sessions} sessions")
    print("\nmarginal rank IC with its 95% interval")
    for line in row["table"]:
        cells = [f"{x['ic']:+.3f} [{x['low']:+.3f}, {x['high']:+.3f}]"
                 for x in (line[name] for name in row["windows"])]  # fmt: skip
        print(" | ".join([*cells, line["factor"]]))
    if not chosen.open_sealed or not row["accepted"]:
        return [row], True
    positive = [line["sealed"]["ic"] > 0 for line in row["table"][: row["accepted"]]]
    share = sum(positive) / len(positive)
    print(f"positive in the sealed window: {share:.0%} (bar: {LEAST_POSITIVE:.0%})")
    return [row], share >= LEAST_POSITIVE


# ---------------------------------------------------------------- common


def _mean(daily: np.ndarray) -> float:
    return float(np.nanmean(daily))


def _seeds(chosen: argparse.Namespace, count: int) -> list[int]:
    return [chosen.first_seed + k for k in range(chosen.nights or count)]


def _shown(columns: Sequence[str], rows: Iterable[Row], head: bool = True) -> Iterator[Row]:
    """Print rows as they come; without `head` they go on with the table above."""
    if head:
        print("  ".join(f"{name:>14}" for name in columns))
    for row in rows:
        print("  ".join(f"{_cell(row[name]):>14}" for name in columns), flush=True)
        yield row


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Run the nights that are asked for and print what they found."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("what", choices=["null", "planted", "real"])
    options.add_argument("file", nargs="?", type=Path, help="real: a panel file")
    options.add_argument("--quick", action="store_true", help="a reduced form, for CI")
    options.add_argument("--open-sealed", action="store_true", help="real: look at it")
    options.add_argument("--first-seed", type=int, default=1001)
    options.add_argument("--nights", type=int, help="how many seeds")
    options.add_argument("--attempts", type=int, help="a night")
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options.add_argument("--data", type=Path, default=nights.REAL_DATA, help="real panels")
    options.add_argument("--json", type=Path, help="write the results there, too")
    chosen = options.parse_args()
    began = time.monotonic()
    rows, good = {"null": null, "planted": planted, "real": real}[chosen.what](chosen)
    print(f"{time.monotonic() - began:.0f} s")
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
