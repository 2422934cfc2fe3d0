"""The factor language: `parse` a text, `evaluate` expressions on a panel.

Importing this package costs no more than the standard library; NumPy and Numba are imported by the
first `evaluate`.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from factor_pool.expression.errors import ExpressionError
from factor_pool.expression.language import Expression, parse
from factor_pool.expression.nodes import Call, Field, Node, Number

if TYPE_CHECKING:
    import numpy as np

    from data_profile.panel import Panel

__all__ = [
    "Call",
    "Expression",
    "ExpressionError",
    "Field",
    "Node",
    "Number",
    "evaluate",
    "parse",
    "stream",
]


def evaluate(expressions: Sequence[Expression], panel: "Panel") -> "list[np.ndarray]":
    """Values of factors on a panel.

    Parameters
    ----------
    expressions
        Factors; parts they share are computed once.
    panel
        The data, T sessions of S instruments.

    Returns
    -------
    list of numpy.ndarray
        One float32 (T, S) for each expression, in order; NaN where there is no value and outside
        an instrument's listing. A value of session t uses sessions up to t only.

    Raises
    ------
    EvaluationError
        The panel lacks a field.
    """
    return list(stream(expressions, panel))


def stream(expressions: Sequence[Expression], panel: "Panel") -> "Iterator[np.ndarray]":
    """Yield what `evaluate` returns, one array at a time, holding none that was yielded."""
    from factor_pool.expression.engine import run

    return run(expressions, panel)
