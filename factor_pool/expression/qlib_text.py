"""The text that stock Qlib evaluates to the same numbers as our engine."""

from factor_pool.expression.nodes import Call, Node, Number, call_text, infix_text, to_text
from factor_pool.expression.operators import OPERATORS

_TAKES_CONDITIONS = frozenset({"And", "Or", "Not"})


def qlib_text(node: Node) -> str:
    """Write a canonical tree for `D.features`.

    Two things differ from our own text. `Neg(x)` becomes `0 - x`, as Qlib has no sign. And a
    condition that meets anything but a series of numbers is multiplied by 1.0 first, because
    Qlib would add two conditions as `or`, subtract them not at all, and shift them into objects.
    """
    if not isinstance(node, Call):
        return to_text(node)
    if node.operator == "Neg":
        return qlib_text(Call("Sub", (Number(0.0), node.args[0])))
    args = [_argument(node, place) for place in range(len(node.args))]
    if OPERATORS[node.operator].symbol is None or node.operator in _TAKES_CONDITIONS:
        return call_text(node, args)
    return infix_text(node, args)


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
    others = [child for side, child in enumerate(node.args) if side != place and (
        kind != "ternary" or side > 0)]  # fmt: skip
    return all(isinstance(child, Number) or is_condition(child) for child in others)


def _argument(node: Call, place: int) -> str:
    child = node.args[place]
    if as_number(node, place):
        return f"Mul({qlib_text(child)}, 1.0)"
    if isinstance(child, Number) and node.operator == "If":
        return repr(float(child.value))
    return qlib_text(child)
