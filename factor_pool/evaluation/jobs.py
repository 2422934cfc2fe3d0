"""What an isolated worker runs: a job in, numbers out, both plain JSON.

This module and all it imports need only numpy, numba and the standard library beside this
project: the sandbox image holds nothing else.
"""

import datetime as dt
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError, FactorError
from factor_pool.evaluation import labels
from factor_pool.evaluation.backtest import Market, rules_of
from factor_pool.evaluation.windows import Window
from factor_pool.evaluation.yardstick import Yardstick
from factor_pool.expression import Expression, parse, stream

DETAILED = (0.02, 3.0)
"""Sizes of `added_rank_ic` and `added_t_hac` from which on a factor gets all figures and an account
in the simulator. They take longer than all before them, few factors come so far, and no gate that
is asked before that of strength reads them."""

_KEPT = 4
_yardsticks: OrderedDict[tuple[str, str, tuple[str, ...]], Yardstick] = OrderedDict()
_markets: OrderedDict[str, Market | None] = OrderedDict()


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
        `Yardstick.figures` with `DETAILED`, and for a factor of that strength ``account``, the
        figures of its portfolio in the simulator (`Curve.figures`), oriented by its sign. Confirm:
        ``{"daily": [...]}``, what the expression as written adds to baseline and pool in each
        session of the window, None where undefined. Either may be ``{"error": text}`` for an
        expression that cannot be evaluated.

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
    return {
        "results": [
            _result(expression, values, yardstick, rows)
            for expression, values in _values(texts, panel)
        ]
    }


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
        figures = yardstick.figures(expression, values, least=DETAILED)
    except EvaluationError as error:
        return {"error": str(error)}
    return {"figures": figures | _account(figures, values, yardstick.panel)}


def _account(figures: Mapping[str, Any], values: np.ndarray, panel: Panel) -> dict[str, Any]:
    """The portfolio's figures of a factor that is strong enough; nothing where none has prices."""
    market = _market(panel)
    if market is None or "hit_rate_at_5" not in figures:
        return {}
    first = panel.sessions[np.argmax(np.isfinite(values).any(axis=1))]
    return {"account": market.simulate(figures["sign"] * values, first).figures()}


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


def _values(
    texts: Sequence[str], panel: Panel
) -> Iterator[tuple[Expression | None, np.ndarray | str]]:
    """(expression, its values), or (None, what is wrong) for each text, in order."""
    parsed = [_parsed(text, panel) for text in texts]
    arrays = stream([one for one in parsed if not isinstance(one, str)], panel)
    for one in parsed:
        yield (None, one) if isinstance(one, str) else (one, next(arrays))


def _parsed(text: str, panel: Panel) -> Expression | str:
    try:
        expression = parse(text)
    except FactorError as error:
        return str(error)
    missing = sorted(set(expression.fields) - set(panel.values))
    return f"the panel has no field ${missing[0]}" if missing else expression


def _market(panel: Panel) -> Market | None:
    """Where a panel's factors are traded, with its kernel compiled; None without prices."""
    if panel.snapshot_id not in _markets:
        try:
            market = Market(panel, rules_of(panel))
            market.simulate(np.zeros(panel.shape), panel.sessions[-1])
        except EvaluationError:
            market = None
        _markets[panel.snapshot_id] = market
    while len(_markets) > _KEPT:
        _markets.popitem(last=False)
    return _markets[panel.snapshot_id]


def _yardstick(panel: Panel, label: str, pool: tuple[str, ...]) -> Yardstick:
    """The yardstick of a panel, label and pool; the last few are kept between jobs."""
    key = (panel.snapshot_id, label, pool)
    if key in _yardsticks:
        _yardsticks.move_to_end(key)
        return _yardsticks[key]
    arrays = []
    for text, (_, values) in zip(pool, _values(pool, panel), strict=True):
        if isinstance(values, str):
            raise EvaluationError(f"pool member {text} cannot be evaluated: {values}")
        arrays.append(values)
    _market(panel)
    yardstick = _yardsticks[key] = Yardstick(panel, label, pool=pool, pool_values=arrays)
    while len(_yardsticks) > _KEPT:
        _yardsticks.popitem(last=False)
    return yardstick
