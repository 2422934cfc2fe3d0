"""The syntax tree: three immutable kinds of node, and how they are written.

A tree is plain data. To change one (mutation, crossover, hoist), build new nodes and hand the root
to `Expression.of`, which checks and canonicalises it exactly as if its text had been parsed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from factor_pool.expression.operators import OPERATORS


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the panel: `$name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True, slots=True)
class Call:
    """An operator applied to its arguments.

    Parameters
    ----------
    operator
        Name of a row of `operators.OPERATORS`.
    args
        Expression arguments in order. `Quantile(x, N, q)` has two: x and the number q.
    window
        The window of an operator that has one, else None.
    """

    operator: str
    args: "tuple[Node, ...]"
    window: int | None = None


Node = Field | Number | Call

_COMPARISON, _OR, _AND, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(8)
_STRENGTH = {
    "Gt": _COMPARISON, "Ge": _COMPARISON, "Lt": _COMPARISON, "Le": _COMPARISON,
    "Eq": _COMPARISON, "Ne": _COMPARISON, "Or": _OR, "And": _AND, "Add": _SUM, "Sub": _SUM,
    "Mul": _PRODUCT, "Div": _PRODUCT, "Power": _POWER,
}  # fmt: skip
_CALLED = frozenset({"And", "Or"})


def strength(operator: str) -> int:
    """How tightly an infix operator binds: Python's order, since Qlib reads Python."""
    return _STRENGTH[operator]


def walk(node: Node) -> Iterator[Node]:
    """Every node of the tree, parents before children."""
    yield node
    if isinstance(node, Call):
        for child in node.args:
            yield from walk(child)


def number_text(value: float) -> str:
    """Shortest text that reads back as the same number; whole numbers without a point."""
    if value == math.floor(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def to_text(node: Node, pointed: frozenset[str] = frozenset()) -> str:
    """Write a tree: infix where there is a symbol, with the fewest parentheses.

    Parameters
    ----------
    node
        Root of the tree.
    pointed
        Operators whose numbers are always written with a decimal point.
    """
    if isinstance(node, Field):
        return f"${node.name}"
    if isinstance(node, Number):
        return number_text(node.value)
    args = [
        repr(child.value)
        if isinstance(child, Number) and node.operator in pointed
        else to_text(child, pointed)
        for child in node.args
    ]
    return _infix(node, args) if is_infix(node) else _call(node, args)


def is_infix(node: Node) -> bool:
    """Whether the node is written between its arguments; `And` and `Or` are written as calls."""
    return isinstance(node, Call) and node.operator in _STRENGTH and node.operator not in _CALLED


def _call(node: Call, args: list[str]) -> str:
    rest = iter(args)
    operator = OPERATORS[node.operator]
    places = [str(node.window) if kind == "window" else next(rest) for kind in operator.arguments]
    return f"{operator.name}({', '.join(places)})"


def _infix(node: Call, args: list[str]) -> str:
    """Write `left symbol right`, with parentheses only where Python's order needs them."""
    own = strength(node.operator)
    sides = []
    for side, (child, text) in enumerate(zip(node.args, args, strict=True)):
        tight = _tightness(child)
        free = tight > own or (tight == own and side == _associates(own))
        sides.append(text if free else f"({text})")
    return f"{sides[0]} {OPERATORS[node.operator].symbol} {sides[1]}"


def _associates(own: int) -> int:
    """Return the side (0 left, 1 right) on which equal strength needs no parentheses."""
    if own == _COMPARISON:
        return -1
    return 1 if own == _POWER else 0


def _tightness(node: Node) -> int:
    if isinstance(node, Number):
        return _SIGN if node.value < 0 else _ATOM
    return strength(node.operator) if isinstance(node, Call) and is_infix(node) else _ATOM
