"""The syntax tree: three immutable kinds of node, and how they are written.

A tree is plain data. To change one (mutation, crossover, hoist), build new nodes and hand the root
to `Expression.of`, which checks and canonicalises it exactly as if its text had been parsed.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from factor_pool.expression.operators import OPERATORS


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the panel: `$name`."""

    name: str
    depth: ClassVar[int] = 1
    size: ClassVar[int] = 1
    lookback: ClassVar[int] = 0

    @property
    def fields(self) -> frozenset[str]:
        """Its own name."""
        return frozenset((self.name,))


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float
    depth: ClassVar[int] = 1
    size: ClassVar[int] = 1
    lookback: ClassVar[int] = 0
    fields: ClassVar[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """An operator applied to its arguments.

    A tree asks its nodes for what they know of themselves, so that nothing is worked out twice
    of a part that many trees share.

    Parameters
    ----------
    operator
        Name of a row of `operators.OPERATORS`.
    args
        Expression arguments in order. `Quantile(x, N, q)` has two: x and the number q.
    window
        The window of an operator that has one, else None.

    Attributes
    ----------
    depth
        Levels of the tree; a field or a number has 1.
    size
        Number of fields, numbers and operators.
    lookback
        Earlier sessions that one value depends on; see `Expression.lookback`.
    fields
        Names of the fields that are read.
    """

    operator: str
    args: "tuple[Node, ...]"
    window: int | None = None
    depth: int = field(init=False, repr=False, compare=False)
    size: int = field(init=False, repr=False, compare=False)
    lookback: int = field(init=False, repr=False, compare=False)
    fields: frozenset[str] = field(init=False, repr=False, compare=False)
    _text: str | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        depth = size = lookback = 0
        fields: frozenset[str] = frozenset()
        for child in self.args:
            size += child.size
            depth = max(depth, child.depth)
            lookback = max(lookback, child.lookback)
            fields = fields | child.fields if fields else child.fields
        know = object.__setattr__  # the one way to write to what is frozen
        know(self, "depth", depth + 1)
        know(self, "size", size + 1)
        know(self, "lookback", lookback + _reach(self.operator, self.window))
        know(self, "fields", fields)


Node = Field | Number | Call


def _reach(operator: str, window: int | None) -> int:
    """Earlier sessions of its argument that an operator looks at."""
    if window is None:
        return 0
    if operator in ("Ref", "Delta"):
        return window
    return ema_memory(window) if operator == "EMA" else window - 1


@functools.cache
def ema_memory(span: int) -> int:
    """Sessions after which a value has less than 1e-6 of the weight of an `EMA` of this span."""
    return math.ceil(math.log(1e-6) / math.log(1 - 2 / (span + 1))) if span > 1 else 0


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
    if not pointed:
        return _plain_text(node)
    args = [
        repr(child.value)
        if isinstance(child, Number) and node.operator in pointed
        else to_text(child, pointed)
        for child in node.args
    ]
    return _joined(node, args)


def _plain_text(node: Call) -> str:
    """Text of a call, written once."""
    text = node._text
    if text is None:
        text = _joined(node, [to_text(child) for child in node.args])
        object.__setattr__(node, "_text", text)
    return text


def _joined(node: Call, args: list[str]) -> str:
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
