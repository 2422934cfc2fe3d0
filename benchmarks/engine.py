"""How fast factors are evaluated, beside the engines that others use, in one run on one machine.

    python -m benchmarks.engine            # all of it, about fifteen minutes
    python -m benchmarks.engine --quick    # 90 instruments only, fewer repetitions

The set is Alpha158 without VWAP, 157 expressions (`tests/factor_pool/expression/alpha.py`). Times
of one thread are CPU time, so that other work on the machine does not count; those of all cores
are wall time. Every figure is a median of at least five (with `--quick`: of three). KunQuant and
polars are left out, and named, where they are not installed.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import pandas as pd

from data_profile.panel import Panel
from factor_pool.evaluation.metrics import Projection, RankIC
from factor_pool.expression import (
    ExpressionError,
    evaluate,
    kernels,
    kernels_moments,
    kernels_order,
    parse,
    stream,
)
from factor_pool.expression.nodes import Field, Node, Number
from tests.factor_pool.expression.alpha import features
from tests.factor_pool.expression.hostile import texts as hostile_texts
from tests.factor_pool.expression.oracle import Oracle

SESSIONS = 1500
SAMPLE = 8
"""Qlib one at a time: every eighth expression, as each takes a fifth of a second or more."""


def market(instruments: int, sessions: int = SESSIONS) -> Panel:
    """Random walks with a volume; every cell has a value."""
    rng = np.random.default_rng(0)
    shape = (sessions, instruments)
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    volume = rng.lognormal(15, 1, shape)
    values = {
        "close": close,
        "open": close * np.exp(rng.normal(0, 0.01, shape)),
        "high": close * 1.02,
        "low": close * 0.98,
        "volume": volume,
        "amount": volume * close,
    }
    days = np.arange("1960-01-01", 100_000, dtype="datetime64[D]")
    days = days[np.is_busday(days)][:sessions]
    single = {name: matrix.astype(np.float32) for name, matrix in values.items()}
    ids = tuple(f"C{i:05d}" for i in range(instruments))
    return Panel(days, ids, single, np.ones(shape, dtype=bool))


def median(
    work: Callable[[], object], repeat: int, clock: Callable[[], float] = time.process_time
) -> float:
    """Median time of `work` in ms, after one run that is not counted."""
    work()
    times = []
    for _ in range(repeat):
        start = clock()
        work()
        times.append((clock() - start) * 1e3)
    return statistics.median(times)


def drain(results: Iterator[object]) -> None:
    for _ in results:
        pass


# --- the others -----------------------------------------------------------------------------------


def qlib_times(panel: Panel, texts: Sequence[str], repeat: int) -> dict[str, float]:
    """CPU ms an expression of `D.features`, and of `calc_ic` for one factor."""
    import warnings

    from qlib.contrib.eva.alpha import calc_ic
    from qlib.data import D
    from qlib.data.cache import H

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        oracle = Oracle(panel, Path(folder) / "store")
        oracle.start()
        names = list(panel.instruments)

        def ask(wanted: Sequence[str]) -> pd.DataFrame:
            H.clear()
            return D.features(names, list(wanted), freq="day")

        few = texts[::SAMPLE]
        single = sum(median(partial(ask, [t]), repeat) for t in few) / len(few)
        batch = median(lambda: ask(texts), repeat) / len(texts)
        factor = ask([texts[40]]).iloc[:, 0]
        label = factor.groupby("instrument").shift(-1)
        ic = median(lambda: calc_ic(factor, label), repeat)
    return {"one at a time": single, "in a batch": batch, "calc_ic": ic}


def kunquant_time(panel: Panel, repeat: int) -> tuple[float, int] | None:
    """CPU ms a factor of KunQuant's own Alpha158 in float32, or None where it is absent."""
    try:
        from KunQuant.Driver import KunCompilerConfig
        from KunQuant.jit import cfake
        from KunQuant.Op import Builder, Input, Output
        from KunQuant.predefined import Alpha158
        from KunQuant.runner import KunRunner
        from KunQuant.Stage import Function
    except ImportError:
        return None
    builder = Builder()
    with builder:
        data = Alpha158.AllData(**{name: Input(name) for name in panel.values})
        factors, names = data.build({"kbar": {}, "price": {"windows": [0]}, "rolling": {}})
        for factor, name in zip(factors, names, strict=True):
            Output(factor, name)
    config = KunCompilerConfig(partition_factor=4, input_layout="TS", output_layout="TS")
    compiler = cfake.CppCompilerConfig(machine=cfake.NativeCPUFlags())
    library = cfake.compileit([("alpha", Function(builder.ops), config)], "alpha", compiler)
    module = library.getModule("alpha")
    executor = KunRunner.createSingleThreadExecutor()
    inputs = dict(panel.values)
    total = median(lambda: KunRunner.runGraph(executor, module, inputs, 0, SESSIONS), repeat)
    return total / len(names), len(names)


def polars_time(panel: Panel, texts: Sequence[str], repeat: int) -> tuple[float, int] | None:
    """CPU ms an expression of polars `.over`, of those it can express; None where it is absent."""
    try:
        import polars as pl
    except ImportError:
        return None
    frame = pl.from_pandas(panel.to_frame()).sort("instrument", "date")
    queries = []
    for number, text in enumerate(texts):
        query = _polars(parse(text).node, pl)
        if query is not None:
            queries.append(query.over("instrument").alias(str(number)))
    total = median(lambda: frame.select(queries), repeat)
    return total / len(queries), len(queries)


def _constant(node: Node) -> float:
    assert isinstance(node, Number)
    return node.value


def _polars(node: Node, pl: Any) -> Any:
    if isinstance(node, Field):
        return pl.col(node.name)
    if isinstance(node, Number):
        return pl.lit(node.value)
    args = [_polars(child, pl) for child in node.args]
    if any(arg is None for arg in args):
        return None
    x, n = args[0], node.window or 0
    infix = {"Add": "__add__", "Sub": "__sub__", "Mul": "__mul__", "Div": "__truediv__",
             "Gt": "__gt__", "Lt": "__lt__", "Ge": "__ge__", "Le": "__le__"}  # fmt: skip
    rolling = {"Mean": "mean", "Sum": "sum", "Std": "std", "Max": "max", "Min": "min",
               "Rank": "rank", "Med": "median"}  # fmt: skip
    if node.operator in infix:
        return getattr(x, infix[node.operator])(args[1])
    if node.operator in rolling:
        named = getattr(x.cast(pl.Float64), f"rolling_{rolling[node.operator]}")
        return named(n, min_samples=1)
    simple = {
        "Neg": lambda: -x,
        "Abs": lambda: x.abs(),
        "Log": lambda: x.log(),
        "Ref": lambda: x.shift(n),
        "Delta": lambda: x - x.shift(n),
        "Greater": lambda: pl.max_horizontal(x, args[1]),
        "Less": lambda: pl.min_horizontal(x, args[1]),
        "Corr": lambda: pl.rolling_corr(x, args[1], window_size=n, min_samples=2),
        "Quantile": lambda: x.rolling_quantile(
            _constant(node.args[1]), "linear", window_size=n, min_samples=1
        ),
    }
    return simple[node.operator]() if node.operator in simple else None


# --- ours -----------------------------------------------------------------------------------------


def our_times(panel: Panel, texts: Sequence[str], repeat: int) -> dict[str, float]:
    """Ms an expression: one at a time, in a batch, on all cores, with rank ICs."""
    parsed = [parse(text) for text in texts]
    count = len(parsed)
    rng = np.random.default_rng(1)
    label = rng.poisson(1.0, panel.shape).astype(np.float32)
    rank_ic = RankIC(label)
    beyond = Projection(label, [rng.poisson(2.0, panel.shape).astype(np.float32) for _ in range(5)])
    (values,) = evaluate([parsed[40]], panel)
    cores = os.cpu_count() or 1

    def single() -> None:
        for expression in parsed:
            evaluate([expression], panel)

    def scored() -> None:
        for expression in parsed:
            (result,) = evaluate([expression], panel)
            rank_ic(result)

    def parallel() -> None:
        # Chunks, not every n-th: neighbours share their parts.
        size = -(-count // (4 * cores))
        chunks = [parsed[start : start + size] for start in range(0, count, size)]
        drain(pool.map(lambda chunk: drain(stream(chunk, panel)), chunks))

    times = {
        "one at a time": median(single, repeat) / count,
        "in a batch": median(lambda: evaluate(parsed, panel), repeat) / count,
        "in a batch, one result kept": median(lambda: drain(stream(parsed, panel)), repeat) / count,
        "values and rank IC": median(scored, repeat) / count,
        "rank IC": median(lambda: rank_ic(values), 3 * repeat),
        "marginal rank IC": median(lambda: beyond.marginal_rank_ic(values), 3 * repeat),
    }
    with ThreadPoolExecutor(cores) as pool:
        times["all cores"] = median(parallel, repeat, time.perf_counter) / count
    return times


def bandwidth(repeat: int) -> Iterator[tuple[str, float, float]]:
    """Yield name, ms and GB/s: a copy larger than the caches, then kernels at 500 x 1,500."""
    source = np.ones(2**26, dtype=np.float32)
    target = np.empty_like(source)
    ms = median(lambda: np.copyto(target, source), repeat)
    yield "copy of 256 MB", ms, 2 * source.nbytes / ms / 1e6
    rng = np.random.default_rng(0)
    x, y = rng.lognormal(size=(2, SESSIONS, 500)).astype(np.float32)
    out = np.empty(x.shape)
    for name, kernel, args, extras in (
        ("Mean, 20", kernels.rolling_sum, (x,), (1,)),
        ("Std, 20", kernels.rolling_var, (x,), (1,)),
        ("Corr, 20", kernels_moments.rolling_cov, (x, y), (1, np.zeros(500, dtype=np.int64))),
        ("Rank, 20", kernels_order.rolling_rank, (x,), ()),
    ):
        run = kernels.compiled(kernel, "f" * len(args), "iw"[: len(extras)])
        ms = median(partial(run, *args, 20, *extras, out), repeat)
        yield name, ms, (sum(arg.nbytes for arg in args) + out.nbytes) / ms / 1e6


def growth(repeat: int) -> Iterator[tuple[str, float]]:
    """Yield ms an expression on panels of ten times the instruments, or sessions."""
    parsed = [parse(text) for text in features()[::4]]

    def evaluate(panel: Panel) -> None:
        drain(stream(parsed, panel))

    for sessions, instruments in ((1500, 90), (1500, 900), (15_000, 90), (1500, 550), (1500, 5500)):
        panel = market(instruments, sessions)
        ms = median(partial(evaluate, panel), repeat) / len(parsed)
        yield f"{instruments:,} x {sessions:,}", ms


def peak_memory() -> tuple[float, float, float]:
    """MB of a panel of 5,500 x 1,500, at the peak of one expression, and of a stream of 40."""
    panel = market(5500)
    size = sum(matrix.nbytes for matrix in panel.values.values())
    parsed = [parse(text) for text in features()]
    widest = max(parsed, key=lambda expression: expression.nodes)
    peaks = []
    for batch in ([widest], parsed[::4]):
        # A new thread has no buffers from before.
        thread = threading.Thread(target=lambda batch=batch: drain(stream(batch, panel)))
        tracemalloc.start()
        thread.start()
        thread.join()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return size / 1e6, peaks[0] / 1e6, peaks[1] / 1e6


_PROGRAM = """
import numpy as np
from data_profile.panel import Panel
from factor_pool.expression import evaluate, parse
from tests.factor_pool.expression.alpha import features
values = {name: np.random.lognormal(size=(1500, 90)).astype(np.float32)
          for name in ("open", "high", "low", "close", "volume")}
days = np.arange("2019-01-01", 1500, dtype="datetime64[D]")
panel = Panel(days, tuple(map(str, range(90))), values, np.ones((1500, 90), dtype=bool))
evaluate([parse(text) for text in features()], panel)
"""


def starts() -> list[float]:
    """Seconds of a new process that evaluates the whole set: nothing compiled, then compiled."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            start = time.perf_counter()
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, check=True)
            seconds.append(time.perf_counter() - start)
    return seconds


def slowest_refusal() -> tuple[float, float]:
    """Slowest and mean time in ms to parse 100,000 hostile texts."""
    times = []
    for text in hostile_texts(100_000, seed=3):
        start = time.perf_counter()
        with contextlib.suppress(ExpressionError):
            parse(text)
        times.append((time.perf_counter() - start) * 1e3)
    return max(times), statistics.mean(times)


# --- the report -----------------------------------------------------------------------------------


def compare(instruments: int, repeat: int) -> None:
    """Print the table of one panel size."""
    panel = market(instruments)
    texts = features()
    print(f"\n{instruments} instruments x {SESSIONS} sessions, {len(texts)} expressions")
    ours = our_times(panel, texts, repeat)
    qlib = qlib_times(panel, texts, repeat)
    kun = kunquant_time(panel, repeat)
    frames = polars_time(panel, texts, repeat)
    rows = [(f"Qlib, {name}", ms) for name, ms in qlib.items()]
    rows += [(f"polars .over ({frames[1]} of them)", frames[0])] if frames else []
    rows += [(f"KunQuant float32 ({kun[1]})", kun[0])] if kun else []
    rows += [(f"ours, {name}", ms) for name, ms in ours.items()]
    for name, ms in rows:
        print(f"  {name:<38} {ms:>10.3f} ms")
    for name, found in (("polars", frames), ("KunQuant", kun)):
        if found is None:
            print(f"  {name} is not installed: not measured")
    scored = qlib["one at a time"] + qlib["calc_ic"]
    print("  times faster than")
    print(
        f"    Qlib, one at a time      {qlib['one at a time'] / ours['one at a time']:>6.0f}  (300)"
    )
    print(f"    Qlib, in a batch         {qlib['in a batch'] / ours['in a batch']:>6.0f}  (100)")
    print(f"    Qlib and calc_ic         {scored / ours['values and rank IC']:>6.0f}  (800)")
    if kun:
        print(f"    KunQuant, in a batch     {kun[0] / ours['in a batch']:>6.1f}  (4 at 90)")
    marginal = ours["marginal rank IC"] / ours["rank IC"]
    print(f"  marginal rank IC costs {marginal:.1f} rank ICs  (3)")


def main() -> None:
    """Measure and print everything."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--quick", action="store_true", help="90 instruments only")
    given = options.parse_args()
    repeat = 3 if given.quick else 5
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, NumPy {np.__version__}")
    for instruments in (90,) if given.quick else (90, 500):
        compare(instruments, repeat)
    print("\nkernels at 500 x 1,500, float32 in, float64 out, one thread")
    copy = 0.0
    for name, ms, rate in bandwidth(15):
        copy = copy or rate
        print(f"  {name:<16} {ms:>8.3f} ms {rate:>8.1f} GB/s {rate / copy:>5.0%} of a copy")
    print("\ngrowth, ms an expression, one thread")
    for name, ms in growth(3):
        print(f"  {name:<16} {ms:>8.3f} ms")
    size, one, many = peak_memory()
    print(f"\n5,500 x 1,500: panel {size:.0f} MB, peak of the widest expression {one:.0f} MB,")
    print(f"  of a stream of 40 expressions {many:.0f} MB  ({3 * size + 200:.0f})")
    cold, warm = starts()
    print(f"\nnew process, all 157: {cold:.1f} s with nothing compiled, {warm:.1f} s compiled  (2)")
    slowest, mean = slowest_refusal()
    print(f"\n100,000 hostile texts: slowest {slowest:.1f} ms, mean {mean:.3f} ms  (100)")


if __name__ == "__main__":
    main()
