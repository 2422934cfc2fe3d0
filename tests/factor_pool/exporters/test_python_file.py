"""The exported functions against our engine, on data full of everything that breaks arithmetic."""

import datetime as dt
import types
import warnings

import numpy as np

from factor_pool.exporters.python_file import source
from factor_pool.expression import evaluate, parse
from factor_pool.expression.nodes import Call, walk
from factor_pool.expression.operators import OPERATORS
from factor_pool.records import Member
from tests.factor_pool.expression.oracle import mismatch, nasty_panel
from tests.factor_pool.expression.test_parity import shared_texts


def _members(texts: list[str]) -> list[Member]:
    now = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    facts = ("idea", "evolve", "snapshot", "limit_up_count", "night", None)
    return [
        Member(f"F{number:04d}", number, text, 1, "active", now, 0.01, {}, *facts)
        for number, text in enumerate(texts, start=1)
    ]


def test_every_operator_has_the_engines_values() -> None:
    panel = nasty_panel()
    parsed = [parse(text) for text in shared_texts()]
    # Scatter of a series whose mean is all but zero decides the two infinite values by rounding.
    parsed = [e for e in parsed if str(e) != "Rsquare(CSDemean($net_inflow), 20)"]
    used = {node.operator for e in parsed for node in walk(e.node) if isinstance(node, Call)}
    assert used == set(OPERATORS)
    members = _members([str(e) for e in parsed])
    module = types.ModuleType("exported")
    exec(compile(source(members), "exported.py", "exec"), module.__dict__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        frame = module.values(panel.to_frame())
    row = np.searchsorted(panel.sessions, frame["date"].to_numpy().astype("datetime64[D]"))
    column = np.searchsorted(panel.instruments, frame["instrument"].to_numpy(dtype=str))
    different = []
    for member, ours in zip(members, evaluate(parsed, panel), strict=True):
        theirs = np.full(panel.shape, np.nan, dtype=np.float32)
        theirs[row, column] = frame[member.id]
        if mismatch(ours, theirs).any():
            different.append(member.expression)
    assert different == []
