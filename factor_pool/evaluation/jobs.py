"""What an isolated worker runs: a job in, numbers out, both plain JSON.

This module and all it imports need only numpy, numba and the standard library beside this
project: the sandbox image holds nothing else.
"""

import datetime as dt
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError, FactorError
from factor_pool.evaluation import labels
from factor_pool.evaluation.windows import Window
from factor_pool.evaluation.yardstick import Yardstick
from factor_pool.expression import Expression, evaluate, parse

_CHUNK = 64
_KEPT = 4
_yardsticks: OrderedDict[tuple[str, str, tuple[str, ...]], Yardstick] = OrderedDict()


def run(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> dict[str, Any]:
    """Do one job.

    Parameters
    ----------
    job
        ``{"kind": "search", "expressions": [text, ...], "pool": [text, ...], "label": name}``, or
        ``{"kind": "confirm", ..., "start": "YYYY-MM-DD", "end": "YYYY-MM-DD"}`` with the confirm
        window's bounds, both inclusive.
    panels
        "search": the search window, cut after its last session. "confirm": everything up to the
        end of the confirm window.

    Returns
    -------
    dict
        ``{"results": [...]}`` in the order of the expressions. Search: ``{"figures": {...}}`` as
        `Yardstick.figures`. Confirm: ``{"daily": [...]}``, what the expression as written adds
        to baseline and pool in each session of the window, None where undefined. Either may be
        ``{"error": text}`` for an expression that cannot be evaluated.

    Raises
    ------
    EvaluationError
        The job itself is malformed, a pool member cannot be evaluated, or the panel it needs is
        missing.
    """
    kind = job.get("kind")
    if kind not in ("search", "confirm"):
        raise EvaluationError(f"a job is of kind 'search' or 'confirm', not {kind!r}")
    if kind not in panels:
        raise EvaluationError(f"this worker has no {kind} panel; it has {', '.join(panels)}")
    panel = panels[kind]
    texts = _texts(job, "expressions")
    yardstick = _yardstick(panel, job.get("label", labels.DEFAULT_LABEL), _texts(job, "pool"))
    rows = _window(job).mask(panel.sessions) if kind == "confirm" else None
    results: list[dict[str, Any]] = []
    for start in range(0, len(texts), _CHUNK):
        for expression, values in _values(texts[start : start + _CHUNK], panel):
            results.append(_result(expression, values, yardstick, rows))
    return {"results": results}


def _result(
    expression: Expression | None,
    values: np.ndarray | str,
    yardstick: Yardstick,
    rows: np.ndarray | None,
) -> dict[str, Any]:
    if expression is None or isinstance(values, str):
        return {"error": str(values)}
    if rows is not None:
        added = yardstick.daily(values).added[rows]
        return {"daily": [float(x) if np.isfinite(x) else None for x in added]}
    try:
        return {"figures": yardstick.figures(expression, values)}
    except EvaluationError as error:
        return {"error": str(error)}


def _texts(job: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = job.get(name, ())
    if not isinstance(texts, list | tuple) or not all(isinstance(one, str) for one in texts):
        raise EvaluationError(f"{name!r} of a job must be a list of texts")
    return tuple(texts)


def _window(job: Mapping[str, Any]) -> Window:
    try:
        start, end = (dt.date.fromisoformat(job[name]) for name in ("start", "end"))
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(f"a confirm job needs 'start' and 'end' as dates: {error}") from error
    return Window("confirm", start, end)


def _values(texts: Sequence[str], panel: Panel) -> list[tuple[Expression | None, np.ndarray | str]]:
    """(expression, its values), or (None, what is wrong) for each text, in order."""
    results: list[tuple[Expression | None, np.ndarray | str]] = []
    good = []
    for text in texts:
        try:
            expression = parse(text)
            missing = sorted(set(expression.fields) - set(panel.values))
            if missing:
                raise EvaluationError(f"the panel has no field {missing[0]!r}")
        except FactorError as error:
            results.append((None, str(error)))
            continue
        good.append((len(results), expression))
        results.append((expression, ""))
    if good:
        arrays = evaluate([expression for _, expression in good], panel)
        for (place, expression), values in zip(good, arrays, strict=True):
            results[place] = (expression, values)
    return results


def _yardstick(panel: Panel, label: str, pool: tuple[str, ...]) -> Yardstick:
    """The yardstick of a panel, label and pool; the last few are kept between jobs."""
    key = (panel.snapshot_id, label, pool)
    if key in _yardsticks:
        _yardsticks.move_to_end(key)
        return _yardsticks[key]
    members = _values(pool, panel)
    for text, (expression, values) in zip(pool, members, strict=True):
        if expression is None:
            raise EvaluationError(f"pool member {text} cannot be evaluated: {values}")
    arrays = [values for _, values in members if isinstance(values, np.ndarray)]
    yardstick = _yardsticks[key] = Yardstick(panel, label, pool=pool, pool_values=arrays)
    while len(_yardsticks) > _KEPT:
        _yardsticks.popitem(last=False)
    return yardstick
