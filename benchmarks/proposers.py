"""Is the built-in search worth its code? Against typed random search, at equal evaluations.

    python benchmarks/proposers.py [--nights 10] [--attempts 1000] [--json FILE]

Both mine the same synthetic markets with six true factors through the same loop and the same
acceptance; only who proposes differs. The random proposer draws fresh expressions of fitting units
from the same grammar over all fields; what was tried before costs no evaluation. Compared is the
marginal rank IC of each pool, combined by ridge on the search window, on sessions after the store's
end. The p-value is of a one-sided sign test.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from math import comb
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.release import AFTER, Row, planted_night
from scenario.proposers.base import Context, Idea, Proposer
from scenario.proposers.grammar import Grammar

SECTORS, SESSIONS = 60, 700


class TypedRandom(Proposer):
    """Draws expressions of fitting units, and learns nothing."""

    name = "random"

    def idea(self, context: Context) -> Idea:
        """Always the same."""
        return Idea(self.name, "Some expression may foretell limit-ups.", "None is favoured.")

    def expressions(
        self, idea: Idea, context: Context, failures: Sequence[tuple[str, str]]
    ) -> list[str]:
        """Fresh random expressions."""
        rng = np.random.default_rng([context.seed, context.iteration, len(failures)])
        grammar = Grammar(context.units)
        fresh = dict.fromkeys(str(grammar.random(rng)) for _ in range(4 * context.size))
        return list(fresh)[: context.size]


def night(task: tuple[int, int, str]) -> Row:
    """One market mined by one of the two."""
    seed, attempts, who = task
    if who == TypedRandom.name:
        from scenario.proposers import evolve

        evolve.Evolve = TypedRandom  # type: ignore[assignment,misc]  # what `mine` will ask
    row = planted_night((seed, attempts, (SECTORS, SESSIONS), AFTER))
    return {"proposer": who, **row}


def main() -> None:
    """Run the nights and print what they found."""
    from benchmarks import nights

    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--first-seed", type=int, default=1001)
    options.add_argument("--nights", type=int, default=10)
    options.add_argument("--attempts", type=int, default=1000)
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    began = time.monotonic()
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.nights)
    tasks = [(seed, chosen.attempts, who) for seed in seeds for who in ("evolve", "random")]
    print(f"{'seed':>6} {'proposer':>9} {'accepted':>9} {'found':>6} {'pool IC':>8} {'all':>7}")
    rows: list[Row] = []
    for row in nights.in_processes(night, tasks, chosen.workers):
        rows.append(row)
        print(f"{row['seed']:>6} {row['proposer']:>9} {row['accepted']:>9} {row['found']:>6} "
              f"{row['pool_ic']:>8.4f} {row['all_ic']:>7.4f}", flush=True)  # fmt: skip
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    worth = {who: [r["pool_ic"] for r in rows if r["proposer"] == who]
             for who in ("evolve", "random")}  # fmt: skip
    wins = sum(a > b for a, b in zip(worth["evolve"], worth["random"], strict=True))
    count = chosen.nights
    p = sum(comb(count, k) for k in range(wins, count + 1)) / 2**count
    medians = {who: statistics.median(values) for who, values in worth.items()}
    print(f"median {medians['evolve']:.4f} against {medians['random']:.4f}; better in {wins} of "
          f"{count} (p = {p:.3f}); {time.monotonic() - began:.0f} s")  # fmt: skip
    sys.exit(0 if medians["evolve"] > medians["random"] and p < 0.05 else 1)


if __name__ == "__main__":
    main()
