"""How often each phase of the market's mood occurs, how long it lasts, and what followed.

    python -m benchmarks.phase PANEL

PANEL is a panel file as `tide data import` takes it. docs/report.md has the figures.
"""

import argparse
from pathlib import Path

import numpy as np

from data_profile.panel import Panel
from data_profile.sources.panel_file import read
from predictor.holdout import Bootstrap, Interval
from predictor.report.market import breadth
from predictor.report.phase import PHASES, aftermath, phases


def shown(found: Interval | None, scale: float = 1.0, digits: int = 0, unit: str = "") -> str:
    """A mean with its interval."""
    if found is None:
        return "–"
    mean, low, high = (f"{scale * x:.{digits}f}" for x in (found.mean, found.low, found.high))
    return f"{mean}{unit} [{low}, {high}]"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("panel", type=Path)
    market = breadth(Panel.from_frame(read(parser.parse_args().panel).frame))
    judged = phases(market)
    after = aftermath(judged, market)
    names = np.array(judged.names[:-1], dtype=object)
    before = np.where(market.limit_ups[:-1] > 0, market.limit_ups[:-1], np.nan)
    change = market.limit_ups[1:] / before - 1
    bootstrap = Bootstrap(len(names), seed=1)
    known = after[None].sessions
    print(f"{market.sessions[0]}..{market.sessions[-1]}, {known} sessions with a phase")
    print("| phase | sessions | share | mean length | limit-ups next | change to them | "
          "promotion next | sector return next |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for phase in (*PHASES, None):
        if phase not in after:
            continue
        one = after[phase]
        where = names != None if phase is None else names == phase  # noqa: E711
        length = f"{one.sessions / one.spells:.1f}" if one.spells else "–"
        moved = bootstrap.interval(np.where(where, change, np.nan))
        print(
            f"| {phase or 'any'} | {one.sessions} | {one.sessions / known:.0%} | {length} | "
            f"{shown(one.next_limit_ups)} | {shown(moved, 100, 0, '%')} | "
            f"{shown(one.next_promotion, 100, 1, '%')} | {shown(one.next_return, 100, 2, '%')} |"
        )
    print("\nfrom, to: sessions")
    order = [*PHASES]
    for phase in order:
        rows = [t for t in range(len(names) - 1) if names[t] == phase and names[t + 1] != phase]
        to = {other: sum(names[t + 1] == other for t in rows) for other in order if other != phase}
        print(f"{phase}: {', '.join(f'{other} {n}' for other, n in to.items() if n)}")


if __name__ == "__main__":
    main()
