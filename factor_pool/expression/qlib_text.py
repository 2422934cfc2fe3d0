"""The text that stock Qlib evaluates to the same numbers as our engine."""

from factor_pool.expression.nodes import Call, Node, Number, to_text
from factor_pool.expression.operators import OPERATORS

_POINTED = frozenset({"If"})
"""Qlib makes integers of `If(x, 1, 0)`, which cannot be raised to a negative power."""


def qlib_text(node: Node) -> str:
    """Write a canonical tree for `D.features`.

    Two things differ from our own text. `Neg(x)` becomes `0 - x`, as Qlib has no sign. And a
    condition `c` that meets anything but a series of numbers becomes `If(c, 1.0, 0.0)`, because
    Qlib would add two conditions as `or`, subtract them not at all, and shift them into objects.
    """
    return to_text(_rewritten(node), _POINTED)


def _rewritten(node: Node) -> Node:
    if not isinstance(node, Call):
        return node
    args = tuple(
        Call("If", (_rewritten(child), Number(1.0), Number(0.0))) if as_number(node, place)
        else _rewritten(child)
        for place, child in enumerate(node.args)
    )  # fmt: skip
    if node.operator == "Neg":
        return Call("Sub", (Number(0.0), *args))
    return Call(node.operator, args, node.window)


def is_condition(node: Node) -> bool:
    """Whether Qlib gives a series of bools."""
    return isinstance(node, Call) and OPERATORS[node.operator].gives_condition


def as_number(node: Call, place: int) -> bool:
    """Whether the condition at this place of a call is turned into a series of float64."""
    kind = OPERATORS[node.operator].kind
    if not is_condition(node.args[place]) or kind in ("logic", "comparison"):
        return False
    if kind in ("rolling", "pair_rolling"):
        return node.operator in ("Ref", "Delta")
    if kind == "ternary" and place == 0:
        return False
    beside = [child for side, child in enumerate(node.args) if side != place]
    if kind == "ternary":
        beside = beside[1:]
    return all(isinstance(child, Number) or is_condition(child) for child in beside)
