"""The runner of an accepted factor's backtest: Qlib's engine, and the simulator beside it.

    Runner("scenario.isolation.backtest_runner:run", image="backtest")

It needs pyqlib, which the evaluator's image does not hold and the backtest's does. A sandbox of it
is started with panels that end where their window does: a job whose panel reaches further is
refused, so that no sealed session can be traded or even read.
"""

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.backtest import Curve, Market, Rules, rules_of
from factor_pool.evaluation.qlib_backtest import QlibBacktest
from factor_pool.expression import evaluate, parse

__all__ = ["prepare", "run"]

_WINDOWS = ("search", "confirm")
_engines: dict[tuple[str, Rules], QlibBacktest] = {}


def prepare(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> None:
    """Write Qlib's tree in the worker, and have Qlib and the compiler do what they do late.

    A job can neither write a file nor start a thread, as some of that does.

    Raises
    ------
    EvaluationError
        The job is malformed, or the window's panel is missing, lacks prices or reaches too far.
    """
    _engine(job, panels)


def run(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> dict[str, Any]:
    """Trade one factor.

    Parameters
    ----------
    job
        ``{"kind": "backtest", "window": "search" | "confirm", "expression": text, "sign": 1 | -1,
        "start": "YYYY-MM-DD", "end": ..., "rules": {...}}``. The dates are the first and last
        session traded; `rules` may give any of `Rules`' fields.
    panels
        The panel of the window, which may begin before it and must end with it.

    Returns
    -------
    dict
        ``figures`` and ``curve`` of Qlib's account (`Curve.figures`, `Curve.to_dict`), ``rules`` as
        they were applied, and ``difference``: the largest between Qlib's account and the
        simulator's, as a share of the account.

    Raises
    ------
    FactorError
        The expression cannot be evaluated, or the dates leave no session.
    """
    engine = _engine(job, panels)
    (values,) = evaluate([parse(job["expression"])], engine.panel)
    scores = np.asarray(values, dtype=np.float64) * job.get("sign", 1)
    bounds = job["start"], job["end"]
    curve = engine.simulate(scores, *bounds)
    fast = Market(engine.panel, engine.rules).simulate(scores, *bounds)
    return {
        "figures": curve.figures(),
        "curve": curve.to_dict(),
        "rules": dataclasses.asdict(engine.rules),
        "difference": _difference(curve, fast),
    }


def _difference(one: Curve, other: Curve) -> float:
    return float(np.abs(one.account / other.account - 1).max())


def _engine(job: Mapping[str, Any], panels: Mapping[str, Panel]) -> QlibBacktest:
    window = job.get("window")
    if window not in _WINDOWS or window not in panels:
        raise EvaluationError(f"a backtest is of the window 'search' or 'confirm', not {window!r}")
    panel = panels[window]
    _check_bounds(job, panel)
    try:
        rules = dataclasses.replace(rules_of(panel), **job.get("rules", {})).on(panel)
    except TypeError as error:
        raise EvaluationError(f"unknown rules of a backtest: {error}") from error
    key = (window, rules)
    if key not in _engines:
        _engines[key] = _built(panel, rules)
    return _engines[key]


def _check_bounds(job: Mapping[str, Any], panel: Panel) -> None:
    """Refuse a job without bounds, and a panel that knows more than its window."""
    try:
        first, last = (np.datetime64(job[name], "D") for name in ("start", "end"))
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(f"a backtest needs 'start' and 'end' as dates: {error}") from error
    if np.isnat(first) or np.isnat(last) or first > last:
        raise EvaluationError(f"a backtest cannot go from {first} to {last}")
    if panel.sessions[-1] > last:
        raise EvaluationError(
            f"the panel reaches to {panel.sessions[-1]}, beyond the window's end {last}: cut it"
        )


def _built(panel: Panel, rules: Rules) -> QlibBacktest:
    """The engine on a tree of its own in the worker's scratch folder, which goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="qlib-", dir=os.environ["TIDE_SCRATCH"]))
    try:
        engine = QlibBacktest(panel, rules, folder / "tree")
        last = panel.sessions[[-2, -1]]
        engine.simulate(np.zeros(panel.shape), *last)
        Market(panel, rules).simulate(np.zeros(panel.shape), *last)
        return engine
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
