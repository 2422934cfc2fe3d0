"""Evaluation of expressions on a dense panel, in pieces that fit the memory they may use.

A panel of few instruments is one sheet. A wide one is cut into sheets of some hundred instruments,
so that everything between the fields and the results stays small; what looks across a session is
computed for all instruments first and then counts as a field.
"""

import difflib
from collections.abc import Iterator, Sequence

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.expression.buffers import BUFFERS
from factor_pool.expression.graph import SINGLE, Graph, Sheet, session
from factor_pool.expression.kernels import LANES
from factor_pool.expression.language import Expression
from factor_pool.expression.nodes import Call, Node
from factor_pool.expression.operators import OPERATORS

_WHOLE_CELLS = 2**20
"""A panel of no more cells is not cut."""
_SHEET_CELLS = 2**18
"""Cells of a sheet, if it can be that narrow: its intermediate values fit a core's cache."""
_GROUP_BYTES = 64 * 2**20
"""Results of a wide panel that are computed together and share their parts."""


def run(expressions: Sequence[Expression], panel: Panel) -> Iterator[np.ndarray]:
    """Yield the values of each expression in turn; see `factor_pool.expression.evaluate`."""
    for expression in expressions:
        _check_fields(expression, panel)
    return _results([expression.node for expression in expressions], panel)


def _check_fields(expression: Expression, panel: Panel) -> None:
    for name in sorted(expression.fields):
        if name not in panel.values:
            close = difflib.get_close_matches(name, list(panel.values), n=1)
            hint = f"; did you mean ${close[0]}?" if close else ""
            raise EvaluationError(f"the panel has no field ${name}, read by {expression}{hint}")


def _results(roots: Sequence[Node], panel: Panel) -> Iterator[np.ndarray]:
    rows, columns = panel.shape
    width = max(LANES, _SHEET_CELLS // max(rows, 1) // LANES * LANES)
    whole = rows * columns <= _WHOLE_CELLS or columns <= width
    pieces = _one_sheet(roots, panel) if whole else _sheets(roots, panel, width)
    try:
        yield from pieces
    finally:
        BUFFERS.trim()


def _one_sheet(roots: Sequence[Node], panel: Panel) -> Iterator[np.ndarray]:
    graph = Graph(roots, Sheet(panel, 0, len(panel.instruments), {}))
    for part in graph.roots:
        with np.errstate(all="ignore"):
            result = graph.result(part)
        yield result
        del result


def _sheets(roots: Sequence[Node], panel: Panel, width: int) -> Iterator[np.ndarray]:
    size = max(1, _GROUP_BYTES // (panel.listed.size * SINGLE.itemsize))
    outside = np.flatnonzero(~panel.listed)
    for start in range(0, len(roots), size):
        group = roots[start : start + size]
        known: dict[Node, np.ndarray] = {}
        for node in _cross_sections(group):
            (operand,) = _assembled(node.args, panel, width, known, exact=True)
            known[node] = session(node.operator, operand, outside)
        results = _assembled(group, panel, width, known, exact=False)
        while results:
            yield results.pop(0)


def _cross_sections(roots: Sequence[Node]) -> list[Call]:
    """Distinct cross-sectional parts, inner ones first."""
    found: dict[Call, None] = {}

    def visit(node: Node) -> None:
        if isinstance(node, Call):
            for child in node.args:
                visit(child)
            if OPERATORS[node.operator].kind == "cross_section":
                found[node] = None

    for root in roots:
        visit(root)
    return list(found)


def _assembled(
    roots: Sequence[Node], panel: Panel, width: int, known: dict[Node, np.ndarray], exact: bool
) -> list[np.ndarray]:
    """Values of each root for all instruments; as float32 unless `exact`."""
    wholes: list[np.ndarray] = []
    columns = len(panel.instruments)
    for lo in range(0, columns, width):
        sheet = Sheet(panel, lo, min(lo + width, columns), known)
        graph = Graph(roots, sheet)
        for number, part in enumerate(graph.roots):
            with np.errstate(all="ignore"):
                values = graph.value(part) if exact else graph.result(part)
            if lo == 0:
                wholes.append(BUFFERS.take(panel.shape, values.dtype))
            wholes[number][:, lo : sheet.hi] = values
    return wholes
