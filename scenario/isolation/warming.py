"""Compiling every kernel of a search before the first job, in processes side by side.

Each share of the kernels is compiled by a process of its own, into a cache of its own. Which was
faster decides nothing: what is inlined where, and with it the last bit of a sum, depends on the
share alone, which is the same on every machine.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import caching

from data_profile.panel import Panel
from factor_pool.expression import evaluate, parse
from factor_pool.expression.operators import OPERATORS
from scenario.isolation import evaluator, kernel_files

_SESSIONS, _INSTRUMENTS = 300, 30

# The operators that take longest to compile are one share, all others another; the kernels of the
# figures, without any operator's, take about as long as either.
_LONG = ("Corr", "Cov", "Kurt", "Mad", "Skew")
_SHARES = {
    "figures": (),
    "long": _LONG,
    "others": tuple(name for name in OPERATORS if name not in _LONG),
}


def warm(share: str | None = None) -> None:
    """Compile one share of the kernels into `NUMBA_CACHE_DIR`; without one, all of them.

    Raises
    ------
    SystemExit
        A share could not be compiled; its process said why.
    """
    _name_files(share or "rest")
    if share is None:
        _compile_shares(Path(os.environ["NUMBA_CACHE_DIR"]))
        # Completes what two shares had a part of, such as the kernels of arguments.
        for job, panels in _jobs():
            evaluator.prepare(job, panels)
    elif operators := _SHARES[share]:
        texts = evaluator.every_operator("close", "company_count", operators)
        evaluate([parse(text) for text in texts], _panel())
    else:
        for job, panels in _jobs():
            evaluator.run({**job, "expressions": ["$close"]}, panels)


def _jobs() -> Iterator[tuple[dict[str, Any], dict[str, Panel]]]:
    """A job without expressions, and its panels, of each kind."""
    panel = _panel()
    bounds = {"start": str(panel.sessions[_SESSIONS // 2]), "end": str(panel.sessions[-1])}
    for kind in ("search", "confirm"):
        yield {"kind": kind, "expressions": [], "pool": ["$open"], **bounds}, {kind: panel}


def _panel() -> Panel:
    """A market in which `$close` says much of the next session: a strong factor's figures, too."""
    generator = np.random.default_rng(0)
    shape = (_SESSIONS, _INSTRUMENTS)
    names = ("close", "open", "company_count", "limit_up_count")
    values = {name: generator.poisson(9.0, shape).astype(np.float32) + 1 for name in names}
    values["limit_up_count"][1:] += values["close"][:-1]
    days = np.datetime64("2024-01-01") + np.arange(_SESSIONS)
    return Panel(days, tuple(map(str, range(_INSTRUMENTS))), values, np.ones(shape, dtype=bool))


def _compile_shares(cache: Path) -> None:
    """Compile every share aside, then bring them together in the order of `_SHARES`."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as aside:
        folders = [Path(aside, share) for share in _SHARES]
        processes = [
            subprocess.Popen(
                [sys.executable, "-P", "-m", "scenario.isolation.worker", "--warm", folder.name],
                env=os.environ | {"NUMBA_CACHE_DIR": str(folder)},
            )
            for folder in folders
        ]
        for status in [process.wait() for process in processes]:
            if status:
                sys.exit(f"ended by signal {-status}" if status < 0 else status)
        for folder in folders:
            kernel_files.link(folder, cache)


def _name_files(share: str) -> None:
    """Have numba name its files after the share.

    It numbers the files of a kernel, and would give one name to different code in two caches.
    """
    numbered = caching.IndexDataCacheFile._data_name

    def named(self: caching.IndexDataCacheFile, number: int) -> str:
        return str(numbered(self, number)).removesuffix(".nbc") + f"-{share}.nbc"

    caching.IndexDataCacheFile._data_name = named
