"""The engine on single stocks: 100 factors with their daily rank IC, all cores, beside Qlib.

    python -m benchmarks.stocks [--stocks 5500] [--sessions 1250] [--expressions 100] [--sample 3]

The panel is made up (random walks, every cell has a value), the expressions are every other one of
Alpha158 without VWAP, topped up in order. Wall time is of all cores, CPU time of all threads
together; on a machine with other work only the second says something. Memory is what the process
peaked at above what it held before, panel and label included. Of Qlib `--sample` expressions are
asked for, one at a time and once, then `calc_ic` of one factor: both CPU time.
"""

import argparse
import os
import resource
import tempfile
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.engine import market
from data_profile.panel import Panel
from factor_pool.evaluation.metrics import RankIC
from factor_pool.expression import parse, stream
from tests.factor_pool.expression.alpha import features
from tests.factor_pool.expression.oracle import Oracle


def texts(count: int) -> list[str]:
    """The first `count` of every other expression of the set, then of the rest."""
    every = list(features())
    return [*every[::2], *every[1::2]][:count]


def peak_mb() -> float:
    """The most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(panel: Panel, wanted: Sequence[str]) -> tuple[float, float]:
    """Wall and CPU seconds of all values and their daily rank ICs."""
    label = np.random.default_rng(1).poisson(1.0, panel.shape).astype(np.float32)
    rank_ic = RankIC(label)
    cores = os.cpu_count() or 1
    size = -(-len(wanted) // (4 * cores))
    chunks = [wanted[start : start + size] for start in range(0, len(wanted), size)]

    def measure(chunk: Sequence[str]) -> None:
        for values in stream([parse(text) for text in chunk], panel):
            rank_ic(values)

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(measure, [wanted[:1]] * cores))  # kernels are loaded
        wall, spent = time.perf_counter(), time.process_time()
        list(pool.map(measure, chunks))
        return time.perf_counter() - wall, time.process_time() - spent


def qlib(panel: Panel, wanted: Sequence[str]) -> tuple[float, float]:
    """CPU seconds of Qlib, an expression, and of its `calc_ic`, a factor."""
    from qlib.contrib.eva.alpha import calc_ic
    from qlib.data import D
    from qlib.data.cache import H

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        Oracle(panel, Path(folder) / "store").start()
        names, began = list(panel.instruments), time.process_time()
        for text in wanted:
            H.clear()
            frame = D.features(names, [text], freq="day")
        values = (time.process_time() - began) / len(wanted)
        factor = frame.iloc[:, 0]
        began = time.process_time()
        calc_ic(factor, factor.groupby("instrument").shift(-1))
        return values, time.process_time() - began


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stocks", type=int, default=5_500)
    options.add_argument("--sessions", type=int, default=1_250)
    options.add_argument("--expressions", type=int, default=100)
    options.add_argument("--sample", type=int, default=3)
    chosen = options.parse_args()
    wanted = texts(chosen.expressions)
    before = peak_mb()
    panel = market(chosen.stocks, chosen.sessions)
    held = sum(matrix.nbytes for matrix in panel.values.values()) / 2**20
    made = peak_mb()
    wall, spent = ours(panel, wanted)
    print(f"{chosen.stocks} x {chosen.sessions}, {len(wanted)} factors with rank IC")
    print(f"ours: {wall:.1f} s on {os.cpu_count()} cores, {spent:.1f} s of CPU")
    print(f"panel {held:.0f} MB; peak {peak_mb() - before:.0f} MB, {made - before:.0f} to make it")
    if chosen.sample:
        sample = wanted[:: len(wanted) // chosen.sample][: chosen.sample]
        values, ic = qlib(panel, sample)
        print(f"Qlib: {values:.1f} s an expression, {ic:.1f} s a calc_ic, CPU")
        print(f"ratio {(values + ic) * len(wanted) / spent:.0f} in CPU time")


if __name__ == "__main__":
    main()
