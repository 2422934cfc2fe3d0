"""Compiled kernels that are taken over: whole ones only, and none is compiled again."""

import os
import subprocess
import sys
from pathlib import Path

from scenario.isolation import kernel_files
from scenario.isolation.process import current_kernels

_COMPILED_AGAIN = """
import gc

from numba.core.dispatcher import Dispatcher

from data_profile.market import synthetic
from data_profile.panel import Panel
from scenario.isolation import evaluator

panel = Panel.from_frame(synthetic(3, sectors=20, sessions=320).frame)
evaluator.prepare({"kind": "search", "pool": ["$close"]}, {"search": panel})
ours = [
    one for one in gc.get_objects()
    if isinstance(one, Dispatcher) and one.py_func.__module__.startswith("factor_pool.")
]
print(sum(sum(one.stats.cache_hits.values()) for one in ours))
print([one.py_func.__name__ for one in ours if one.stats.cache_misses and one.stats.cache_path])
"""


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_process_that_is_given_them_compiles_none_again(kernels: Path, tmp_path: Path) -> None:
    kernel_files.link(current_kernels(kernels), tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _COMPILED_AGAIN],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded, compiled = done.stdout.splitlines()
    assert int(loaded) > 50
    assert compiled == "[]"


def test_a_kernel_that_is_there_keeps_its_files(tmp_path: Path) -> None:
    compiled, cache = tmp_path / "compiled", tmp_path / "cache"
    for folder, content in ((compiled / "a", "theirs"), (cache / "a", "ours")):
        folder.mkdir(parents=True)
        (folder / "m.sum-3.py311.nbi").write_text(content)
        (folder / "m.sum-3.py311.1.nbc").write_text(content)
    (compiled / "a" / "m.sum-3.py311.1-others.nbc").write_text("theirs")
    (compiled / "b").mkdir()
    (compiled / "b" / "m.mean-9.py311.nbi").write_text("theirs")
    kernel_files.link(compiled, cache)
    kernel_files.link(compiled, cache)
    assert files(cache) == {
        "a/m.sum-3.py311.1.nbc": "ours",
        "a/m.sum-3.py311.nbi": "ours",
        "b/m.mean-9.py311.nbi": "theirs",
    }
