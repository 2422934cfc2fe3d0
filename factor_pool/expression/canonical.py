"""One tree for all equivalent trees.

Negations move outwards and cancel; commutative operands stand in one order (numbers last);
constants are folded. Nothing is reassociated, and no division becomes a multiplication, so that
each rule keeps every bit of the result, with four exceptions: the sign of a zero; the last bit of
`Corr` and `Cov`, whose arguments change places; a window of one session, which vanishes where its
operand cannot be infinite (rolling operators take an infinite value as missing), so that what was
float64 arithmetic on it becomes float32; and a second `CSDemean` or `CSZScore` in a row, which adds
nothing but its own rounding (all that `CSZScore` shows of a session whose values differ by rounding
alone).
"""

import math
from collections.abc import Callable
from functools import partial

from factor_pool.expression.nodes import Call, Node, Number, to_text
from factor_pool.expression.operators import MAX_WINDOW, OPERATORS

_MIRRORED = {"Gt": "Lt", "Ge": "Le", "Lt": "Gt", "Le": "Ge"}
_OPPOSITE = {"Max": "Min", "Min": "Max", "IdxMax": "IdxMin", "IdxMin": "IdxMax"}
_IDENTITY_AT_ONE = frozenset({"Mean", "Sum", "Max", "Min", "Med", "Quantile"})
_IDEMPOTENT = frozenset({"Greater", "Less", "And", "Or"})
_ONCE = frozenset({"CSRank", "CSDemean", "CSZScore", "Sign"})
_MAKES_INFINITE = frozenset({"Div", "Log", "Power"})
_PASSES_INFINITE = frozenset(
    {"Neg", "Abs", "Add", "Sub", "Mul", "Greater", "Less", "If", "Ref", "Delta"}
)


class ConstantError(ArithmeticError):
    """A constant part has no finite value."""


def call(operator: str, args: tuple[Node, ...], window: int | None = None) -> Node:
    """Return the one tree that stands for every tree equivalent to this call.

    Parameters
    ----------
    operator, args, window
        As of a `Call`; the arguments are canonical.

    Raises
    ------
    ConstantError
        A part without fields has no finite value.

    Examples
    --------
    >>> from factor_pool.expression.nodes import Field
    >>> to_text(call("Neg", (call("Sub", (Field("close"), Field("open"))),)))
    '$open - $close'
    """
    if all(isinstance(child, Number) for child in args):
        return Number(_fold(operator, [child.value for child in args]))  # type: ignore[union-attr]
    if OPERATORS[operator].kind == "rolling":
        simple = _rolling(operator, args, window)
    else:
        simple = _RULES.get(operator, _unchanged)(args)
    if simple is not None:
        return simple
    moved = _negation(operator, args, window)
    if moved is not None:
        return moved
    return Call(operator, _ordered(operator, args), window)


def _unchanged(args: tuple[Node, ...]) -> Node | None:
    return None


def _fold(operator: str, values: list[float]) -> float:
    try:
        result = _CONSTANT[operator](*values)
    except (ArithmeticError, ValueError) as error:
        raise ConstantError(f"{operator} of {', '.join(map(str, values))}") from error
    if isinstance(result, complex) or not math.isfinite(result):
        raise ConstantError(f"{operator} of {', '.join(map(str, values))}")
    return float(result) + 0.0


_CONSTANT: dict[str, Callable[..., float]] = {
    "Neg": lambda x: -x,
    "Abs": abs,
    "Sign": lambda x: (x > 0) - (x < 0),
    "Log": math.log,
    "Add": lambda x, y: x + y,
    "Sub": lambda x, y: x - y,
    "Mul": lambda x, y: x * y,
    "Div": lambda x, y: x / y,
    "Power": lambda x, y: x**y,
    "Greater": max,
    "Less": min,
}


def _is(node: Node, operator: str) -> bool:
    return isinstance(node, Call) and node.operator == operator


def _negated(node: Node) -> bool:
    """Whether the node is a negation that may move; that of a condition makes it a number."""
    return isinstance(node, Call) and node.operator == "Neg" and not _is_condition(node.args[0])


def _inner(node: Node) -> Node:
    """Return the operand of a call that has one."""
    assert isinstance(node, Call)
    return node.args[0]


def _is_condition(node: Node) -> bool:
    return isinstance(node, Call) and OPERATORS[node.operator].gives_condition


def _ordered(operator: str, args: tuple[Node, ...]) -> tuple[Node, ...]:
    """Commutative operands by text, numbers last."""
    if not OPERATORS[operator].commutative:
        return args
    return tuple(sorted(args, key=_order))


def _order(node: Node) -> tuple[bool, str]:
    return isinstance(node, Number), to_text(node)


# --- cell by cell ---------------------------------------------------------------------------------


def _neg(args: tuple[Node, ...]) -> Node | None:
    (x,) = args
    if _negated(x):
        return _inner(x)
    if isinstance(x, Call) and x.operator == "Sub":
        return call("Sub", (x.args[1], x.args[0]))
    if isinstance(x, Call) and x.operator in ("Mul", "Div"):
        for place, child in enumerate(x.args):
            if isinstance(child, Number) and child.value != 0:
                flipped = list(x.args)
                flipped[place] = Number(-child.value)
                return call(x.operator, tuple(flipped))
    return None


def _add(args: tuple[Node, ...]) -> Node | None:
    x, y = sorted(args, key=_order)
    if isinstance(y, Number):
        if y.value == 0 and not _is_condition(x):
            return x
        if _negated(x):
            return call("Sub", (y, _inner(x)))
        return call("Sub", (x, Number(-y.value))) if y.value < 0 else None
    if _negated(x):
        if _negated(y):
            return call("Neg", (call("Add", (_inner(x), _inner(y))),))
        return call("Sub", (y, _inner(x)))
    return call("Sub", (x, _inner(y))) if _negated(y) else None


def _sub(args: tuple[Node, ...]) -> Node | None:
    x, y = args
    if isinstance(y, Number):
        if y.value == 0 and not _is_condition(x):
            return x
        return call("Add", (x, Number(-y.value))) if y.value < 0 else _minus_sum(x, y)
    if isinstance(x, Number) and x.value == 0:
        return call("Neg", (y,))
    if isinstance(x, Number) and x.value < 0:
        return call("Neg", (call("Add", (y, Number(-x.value))),))
    if _negated(y):
        return call("Add", (x, _inner(y)))
    if isinstance(y, Call) and y.operator == "Ref" and y.args[0] == x:
        return Call("Delta", (x,), y.window)
    if isinstance(x, Call) and x.operator == "Ref" and x.args[0] == y:
        return call("Neg", (Call("Delta", (y,), x.window),))
    return _minus_sum(x, y)


def _minus_sum(x: Node, y: Node) -> Node | None:
    return call("Neg", (call("Add", (_inner(x), y)),)) if _negated(x) else None


def _mul(args: tuple[Node, ...]) -> Node | None:
    x, y = sorted(args, key=_order)
    if isinstance(y, Number) and not _is_condition(x):
        if y.value == 1:
            return x
        if y.value == -1:
            return call("Neg", (x,))
        if _negated(x):
            return call("Mul", (_inner(x), Number(-y.value)))
    return None


def _div(args: tuple[Node, ...]) -> Node | None:
    x, y = args
    if isinstance(y, Number):
        if y.value == 1 and not _is_condition(x):
            return x
        if y.value == -1 and not _is_condition(x):
            return call("Neg", (x,))
        if _negated(x) and y.value != 0:
            return call("Div", (_inner(x), Number(-y.value)))
    if isinstance(x, Number) and _negated(y):
        return call("Div", (Number(-x.value + 0.0), _inner(y)))
    return None


def _power(args: tuple[Node, ...]) -> Node | None:
    x, y = args
    return x if y == Number(1.0) and not _is_condition(x) else None


def _abs(args: tuple[Node, ...]) -> Node | None:
    (x,) = args
    if _is(x, "Abs"):
        return x
    if isinstance(x, Call) and x.operator == "Sub":
        return Call("Abs", (Call("Sub", tuple(sorted(x.args, key=_order))),))
    return None


def _not(args: tuple[Node, ...]) -> Node | None:
    (x,) = args
    if _is(x, "Not"):
        return _inner(x)
    if isinstance(x, Call) and x.operator in ("Eq", "Ne"):
        return Call("Ne" if x.operator == "Eq" else "Eq", x.args)
    return None


def _idempotent(operator: str, args: tuple[Node, ...]) -> Node | None:
    """`Greater(x, x)` is x, and `Greater(Greater(x, y), y)` is `Greater(x, y)`."""
    for one, other in (args, args[::-1]):
        if one == other or (_is(one, operator) and other in one.args):  # type: ignore[union-attr]
            return one
    return None


def _once(operator: str, args: tuple[Node, ...]) -> Node | None:
    """The second of two in a row does nothing."""
    return args[0] if _is(args[0], operator) else None


def _compare(operator: str, args: tuple[Node, ...]) -> Node | None:
    if _order(args[0]) <= _order(args[1]):
        return None
    return Call(_MIRRORED[operator], (args[1], args[0]))


_RULES: dict[str, Callable[[tuple[Node, ...]], Node | None]] = {
    "Neg": _neg,
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Power": _power,
    "Abs": _abs,
    "Not": _not,
    **{name: partial(_once, name) for name in _ONCE},
    **{name: partial(_idempotent, name) for name in _IDEMPOTENT},
    "Gt": lambda args: _compare("Gt", args),
    "Ge": lambda args: _compare("Ge", args),
    "Lt": lambda args: _compare("Lt", args),
    "Le": lambda args: _compare("Le", args),
}


# --- over time ------------------------------------------------------------------------------------


def _rolling(operator: str, args: tuple[Node, ...], window: int | None) -> Node | None:
    x = args[0]
    assert window is not None
    if window == 1 and operator in _IDENTITY_AT_ONE and not _may_be_infinite(x):
        return x if not _is_condition(x) else None
    if operator == "Ref" and isinstance(x, Call) and x.operator == "Ref":
        assert x.window is not None
        if x.window + window <= MAX_WINDOW:
            return Call("Ref", x.args, x.window + window)
    if operator in _OPPOSITE and _negated(x):
        flipped = Call(_OPPOSITE[operator], (_inner(x),), window)
        return flipped if operator.startswith("Idx") else call("Neg", (flipped,))
    return None


def _may_be_infinite(node: Node) -> bool:
    """Whether a cell can hold an infinity; a value that a store holds is finite or missing."""
    if not isinstance(node, Call):
        return False
    if node.operator in _MAKES_INFINITE:
        return True
    return node.operator in _PASSES_INFINITE and any(map(_may_be_infinite, node.args))


# --- signs ----------------------------------------------------------------------------------------


def _negation(operator: str, args: tuple[Node, ...], window: int | None) -> Node | None:
    """Move negations out of an odd operator, drop them in an even one."""
    parity = OPERATORS[operator].parity
    if parity is None or operator == "Neg":
        return None
    negated = [_negated(child) for child in args]
    if not any(negated):
        return None
    bare = tuple(_inner(child) if _negated(child) else child for child in args)
    result = call(operator, bare, window)
    return call("Neg", (result,)) if parity == "odd" and sum(negated) % 2 else result
