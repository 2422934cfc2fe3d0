"""The runner of a real search: `factor_pool.evaluation.jobs.run`, and what its jobs share.

A job's process is a copy of its worker. So label, baseline and pool are computed, and every
compiled kernel is loaded, once in the worker and not again in each job.
"""

import itertools
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.evaluation.jobs import run
from factor_pool.expression.operators import OPERATORS

__all__ = ["every_operator", "prepare", "run"]

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


def every_operator(
    one: str, other: str, operators: Collection[str] = tuple(OPERATORS)
) -> list[str]:
    """Calls of each of these operators, on fields (float32) and on rolling results (float64).

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
        for operator in map(OPERATORS.__getitem__, operators)
        for chosen in itertools.product(*(examples[kind] for kind in operator.arguments))
        if len(set(chosen)) == len(chosen)
    ]
