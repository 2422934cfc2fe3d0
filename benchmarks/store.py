"""How long the store takes: an import, a day put in, and the panel as known at 15:45.

    python -m benchmarks.store [--sectors 400] [--sessions 1500] [--fields 30] [--folder DIR]

Bar: a day in under 5 s for 400 sectors x 1,500 sessions. A version holds 12,000 files of Qlib's;
the first two days create theirs, from the third on a build writes over those of a version that is
no longer needed.
"""

import argparse
import datetime
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from data_profile.sessions import sessions
from data_profile.store import Store
from data_profile.verify import verify

DAYS = 5


def measured(what: str, act: Callable[[], object]) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    act()
    print(
        f"{what:<34}{time.perf_counter() - wall:8.2f} s {time.process_time() - processor:8.2f} s "
        "of processor",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sectors", type=int, default=400)
    parser.add_argument("--sessions", type=int, default=1500)
    parser.add_argument("--fields", type=int, default=30)
    parser.add_argument("--folder", type=Path, help="where the store is made, for a while")
    options = parser.parse_args()
    days = sessions("2015-01-05", "2026-10-30")[-options.sessions :]
    ids = [f"BK{number:04d}" for number in range(1, options.sectors + 1)]
    rng = np.random.default_rng(1)

    def rows(count: int) -> pd.DataFrame:
        cells = rng.standard_normal((count * len(ids), options.fields))
        named = pd.DataFrame(cells, columns=[f"f{n}" for n in range(options.fields)])
        return named.assign(instrument=ids * count)

    history = rows(len(days) - DAYS).assign(date=np.repeat(np.array(days[:-DAYS]), len(ids)))
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        store = Store(Path(folder))
        measured("import", lambda: store.build(history, {}, source="history"))
        for day in days[-DAYS:]:
            seen = datetime.datetime.combine(day, datetime.time(7, 36), datetime.UTC)
            told = rows(1)
            measured(
                f"a day, {len(ids)} x {len(days)}",
                partial(store.append, told, session=day, observed_at=seen, state="complete"),
            )
        measured("panel()", store.panel)
        measured('panel(cutoff="15:45")', lambda: store.panel(cutoff="15:45"))
        measured("verify", lambda: verify(store.folder))


if __name__ == "__main__":
    main()
