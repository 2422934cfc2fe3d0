"""Random expressions, typed by the operator table."""

import numpy as np

from factor_pool.expression import Call, Expression, ExpressionError, Field, Node, Number
from factor_pool.expression.operators import OPERATORS, Operator

UNITS = {
    "close": "points",
    "open": "points",
    "high": "points",
    "low": "points",
    "turnover": "yuan",
    "net_inflow": "yuan",
    "limit_up_count": "count",
    "rate": "ratio",
}
_WINDOWS = (2, 3, 5, 10, 20, 60)
_NUMBERS = (-2.0, -1.0, 0.0, 0.1, 0.5, 1.0, 2.0, 3.0)
_CONDITIONS = [op for op in OPERATORS.values() if op.gives_condition]
_ANY = list(OPERATORS.values())


def expressions(count: int, seed: int, depth: int = 4) -> list[Expression]:
    """Distinct random expressions whose units fit, none deeper than `depth`."""
    rng = np.random.default_rng(seed)
    found: dict[Expression, None] = {}
    while len(found) < count:
        try:
            expression = Expression.of(_tree(rng, depth), UNITS)
        except ExpressionError:
            continue
        if expression.depth <= depth:
            found[expression] = None
    return list(found)


def _tree(rng: np.random.Generator, depth: int, condition: bool = False) -> Node:
    if depth <= 1 or (not condition and rng.random() < 0.15):
        return Field(str(rng.choice(list(UNITS))))
    allowed = _CONDITIONS if condition else _ANY
    if condition and depth <= 2:
        allowed = [op for op in _CONDITIONS if op.kind == "comparison"]
    return _call(rng, allowed[rng.integers(len(allowed))], depth)


def _call(rng: np.random.Generator, operator: Operator, depth: int) -> Node:
    args: list[Node] = []
    for kind in operator.arguments:
        if kind == "fraction":
            args.append(Number(float(rng.choice([0.1, 0.5, 0.8]))))
        elif kind == "condition":
            args.append(_tree(rng, depth - 1, condition=depth > 2))
        elif kind == "operand" and rng.random() < 0.2:
            args.append(Number(float(rng.choice(_NUMBERS))))
        elif kind != "window":
            args.append(_tree(rng, depth - 1))
    window = max(int(rng.choice(_WINDOWS)), operator.smallest) if operator.windowed else None
    return Call(operator.name, tuple(args), window)
