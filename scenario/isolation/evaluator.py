"""The runner of a real search: `factor_pool.evaluation.jobs.run`, and what its jobs share.

A job's process is a copy of its worker. So label, baseline and pool are computed, and every
compiled kernel is loaded, once in the worker and not again in each job.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.evaluation.jobs import run
from factor_pool.expression.operators import OPERATORS

__all__ = ["prepare", "run", "warm"]

_SESSIONS = 300  # enough to take every kernel through its paces
_exercised: set[str] = set()


def prepare(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> None:
    """Compute in the worker what every job of this kind, label and pool needs.

    A job's own expressions are never evaluated here.

    Raises
    ------
    EvaluationError
        The job is malformed.
    """
    run({**job, "expressions": []}, panels)
    kind = job["kind"]
    if kind not in _exercised:
        _exercise(job, panels[kind])
        _exercised.add(kind)


def _exercise(job: Mapping[str, Any], panel: Panel) -> None:
    """Load every kernel: the operators', and those that only a strong factor's figures need."""
    last = panel.between(panel.sessions[-_SESSIONS:][0])
    one, other = sorted(last.fields, key=lambda name: int(np.isnan(last.values[name]).sum()))[:2]
    both = {"search": last, "confirm": last}
    days = {"start": str(last.sessions[0]), "end": str(last.sessions[-1])}
    run({**job, **days, "expressions": every_operator(one, other)}, both)
    run({**job, **days, "kind": "confirm", "expressions": [f"${one}"]}, both)


def warm() -> None:
    """Compile every kernel on made-up data, for the image to keep."""
    generator = np.random.default_rng(0)
    shape = (_SESSIONS, 30)
    fields = ("close", "limit_up_count", "company_count")
    values = {name: generator.poisson(9.0, shape).astype(np.float32) + 1 for name in fields}
    days = np.datetime64("2024-01-01") + np.arange(_SESSIONS)
    panel = Panel(days, tuple(map(str, range(shape[1]))), values, np.ones(shape, dtype=bool))
    bounds = {"start": str(days[_SESSIONS // 2]), "end": str(days[-1])}
    for kind in ("search", "confirm"):
        job = {"kind": kind, "expressions": [], "pool": ["$close"], **bounds}
        prepare(job, {kind: panel})


def every_operator(one: str, other: str) -> list[str]:
    """Calls of each operator, on fields (float32) and on rolling results (float64).

    Where two arguments may change places they are sorted by their text, so that a rolling result
    comes first only where its text does: `first * Mean(...)` before `second`.
    """
    first, second = sorted((one, other))
    numbers = (f"${first}", f"${second}", f"Mean(${second}, 5)", f"${first} * Mean(${second}, 5)")
    examples = {
        "series": numbers,
        "operand": numbers,
        "condition": (f"${first} > ${second}",),
        "window": ("5",),
        "fraction": ("0.3",),
    }
    return [
        f"{operator.name}({', '.join(chosen)})"
        for operator in OPERATORS.values()
        for chosen in itertools.product(*(examples[kind] for kind in operator.arguments))
        if len(set(chosen)) == len(chosen)
    ]
