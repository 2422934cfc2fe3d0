"""What may stand where: the checks of a call, and the canonical tree that comes out.

Who reads a text and who puts trees together both ask here, call by call from the leaves up, so that
they accept the same.
"""

import difflib
import functools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

from factor_pool.expression import units
from factor_pool.expression.canonical import ConstantError, call
from factor_pool.expression.errors import ExpressionError
from factor_pool.expression.nodes import Field, Node, Number
from factor_pool.expression.operators import MAX_WINDOW, OPERATORS, Operator

MAX_NESTING = 64
"""Levels of parentheses, calls and chained symbols."""
MAX_NAME = 64
_LARGEST, _SMALLEST = 1e30, 1e-30
_KINDS = {
    name: tuple(kind for kind in operator.arguments if kind != "window")
    for name, operator in OPERATORS.items()
}


class Item(NamedTuple):
    """A checked part.

    Parameters
    ----------
    node
        Its canonical tree.
    unit
        Its unit; a number stands for itself; None where no units are known.
    column
        Where it was written.
    depth
        Levels as written.
    condition
        Whether a condition was written; its canonical tree may be one without that.
    """

    node: Node
    unit: str | float | None
    column: int = 1
    depth: int = 1
    condition: bool = False


class Rules:
    """Checks parts of one text, or of trees that have none.

    Parameters
    ----------
    fields
        Unit of each field that may be used; None for any field, units unchecked.
    text
        What errors show.
    """

    def __init__(self, fields: Mapping[str, str] | None, text: str = "") -> None:
        self.fields = fields
        self.text = text

    def fail(self, message: str, column: int, hint: str = "") -> NoReturn:
        """Raise the error of this text, at a column."""
        raise ExpressionError(message, self.text, column, hint)

    def number(self, text: str, column: int = 1) -> Item:
        """Check a literal."""
        value = float(text) if len(text) <= MAX_NAME else math.inf
        if value and not _SMALLEST <= value <= _LARGEST:
            self.fail(f"{shown(text)} is out of range", column, "use 1e-30 to 1e30")
        return Item(Number(value), value, column)

    def field(self, name: str, column: int = 1) -> Item:
        """Check a field: it is known where the fields are."""
        if len(name) > MAX_NAME:
            self.fail(f"a field name has at most {MAX_NAME} characters", column)
        if self.fields is None:
            return Item(Field(name), None, column)
        if name not in self.fields:
            hint = nearest(name, list(self.fields), "$") or f"known: {_listed(self.fields)}"
            self.fail(f"unknown field ${name}", column, hint)
        return Item(Field(name), str(self.fields[name]), column)

    def length(
        self, operator: Operator, value: int, column: int = 1, negative: bool = False
    ) -> int:
        """Check the length of a window."""
        shifts = operator.name in ("Ref", "Delta")
        if negative or value < operator.smallest:
            what = "shift" if shifts else "window"
            hint = "a shift below 1 would read the future" if shifts and negative else ""
            self.fail(
                f"the {what} of {operator.name} is at least {operator.smallest}", column, hint
            )
        if value > MAX_WINDOW:
            self.fail(f"a window has at most {MAX_WINDOW} sessions", column)
        return value

    def call(
        self, operator: Operator, items: Sequence[Item], window: int | None, column: int = 1
    ) -> Item:
        """Check a call and build it."""
        comparison = operator.kind == "comparison"
        if all(type(item.node) is Number for item in items):
            if not comparison:
                return self._constant(operator, items, window, column)
            self.fail(f"{operator.name} compares two numbers", column, "use a $field")
        depth = 0
        for kind, item in zip(_KINDS[operator.name], items, strict=True):
            if kind != "operand":
                self._check_kind(kind, item, operator)
            depth = max(depth, item.depth)
        if depth >= MAX_NESTING:
            self.fail(f"nested more than {MAX_NESTING} levels deep", column)
        node = call(operator.name, tuple([item.node for item in items]), window)
        unit = self._unit(operator, items, column)
        return Item(node, unit, column, depth + 1, comparison or operator.kind == "logic")

    def _constant(
        self, operator: Operator, items: Sequence[Item], window: int | None, column: int
    ) -> Item:
        """Fold an operator of numbers."""
        if window is not None or operator.kind in ("logic", "cross_section", "ternary"):
            self.fail(f"{operator.name} takes a series, not a number", items[0].column)
        try:
            folded = call(operator.name, tuple([item.node for item in items]))
        except ConstantError as error:
            self.fail(f"{error} is no finite number", column)
        assert isinstance(folded, Number)
        if folded.value and not _SMALLEST <= abs(folded.value) <= _LARGEST:
            self.fail(f"{folded.value:g} is out of range", column, "use 1e-30 to 1e30")
        return Item(folded, folded.value, column)

    def _check_kind(self, kind: str, item: Item, operator: Operator) -> None:
        """Refuse an argument that may not stand at its place."""
        if kind == "series" and isinstance(item.node, Number):
            self.fail(f"{operator.name} takes a series, not a number", item.column)
        if kind == "condition" and not item.condition:
            self.fail(
                f"{operator.name} takes conditions such as $close > 0",
                item.column,
                "put each comparison in parentheses" if operator.symbol else "",
            )
        if kind == "fraction" and not (isinstance(item.node, Number) and 0 < item.node.value < 1):
            self.fail(f"the last argument of {operator.name} is a number between 0 and 1",
                      item.column)  # fmt: skip

    def _unit(self, operator: Operator, items: Sequence[Item], column: int) -> str | None:
        """Find the unit of a call."""
        if self.fields is None:
            return None
        try:
            return _unit_of(operator.name, tuple([item.unit for item in items]))
        except units.UnitError as error:
            self.fail(
                f"cannot take {error} together in {operator.name}",
                column,
                "divide one by a series of its own unit first, or rank both with CSRank",
            )


@functools.lru_cache(maxsize=4_096)
def _unit_of(operator: str, given: tuple[str | float, ...]) -> str:
    return OPERATORS[operator].unit(given)


def shown(text: str) -> str:
    """A name as errors show it: hostile ones are long."""
    return text if len(text) <= MAX_NAME else f"{text[:MAX_NAME]}..."


def nearest(name: str, known: list[str], prefix: str) -> str:
    """The hint that names what was probably meant; empty if nothing is near."""
    lower = {candidate.lower(): candidate for candidate in reversed(known)}
    close = difflib.get_close_matches(name[:MAX_NAME].lower(), list(lower), n=1, cutoff=0.6)
    return f"did you mean {prefix}{lower[close[0]]}?" if close else ""


def _listed(names: Mapping[str, str]) -> str:
    few = [f"${name}" for name in list(names)[:8]]
    return ", ".join(few) + (", ..." if len(names) > len(few) else "")
