"""From a text to a tree, by hand; nowhere is anything evaluated by Python.

This is a Pratt parser over one regular expression of ASCII tokens. It is written by hand because
the grammar is small (names, numbers, calls, fourteen infix symbols), because every error must carry
a column and a hint, and because its cost on hostile text must be bounded by what is written here:
no back-tracking, no recursion deeper than `MAX_NESTING`.

Precedence is Python's, since stock Qlib hands its text to Python: `**` binds tightest, then the
sign, `* /`, `+ -`, `&`, `|`, and last the comparisons, which do not chain.
"""

import difflib
import math
import re
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from factor_pool.expression import units
from factor_pool.expression.canonical import ConstantError, canonical
from factor_pool.expression.errors import ExpressionError
from factor_pool.expression.nodes import Call, Field, Node, Number, strength
from factor_pool.expression.operators import (
    LEFT_OUT,
    MAX_WINDOW,
    OPERATORS,
    SYMBOLS,
    Operator,
    find,
    known_names,
)

MAX_NESTING = 64
"""Levels of parentheses, calls and chained symbols."""
_MAX_NAME = 64
_LARGEST, _SMALLEST = 1e30, 1e-30

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<field>\$[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<symbol>\*\*|>=|<=|==|!=|[-+*/><&|(),])"
    r"|(?P<end>\Z))",
    re.ASCII,
)
_INSTEAD = {
    "(": "(", ")": ")", ",": ",", "、": ",", "＋": "+", "－": "-", "−": "-", "–": "-", "×": "*",
    "·": "*", "÷": "/", "／": "/", "＊": "*", "＄": "$", "￥": "$", "＞": ">", "＜": "<", "≥": ">=",
    "≤": "<=", "≠": "!=", "＝": "==", "=": "==", "^": "**", "!": "Not(...)", "~": "Not(...)",
    "（": "(", "）": ")", "，": ",", "“": "", "”": "", "'": "", '"': "", "\u3000": " ", "\xa0": " ",
}  # fmt: skip


class Token(NamedTuple):
    """A piece of the text: `kind` is field, name, number, symbol or end."""

    kind: str
    text: str
    column: int


class Item(NamedTuple):
    """A parsed part: its tree, its unit (a number stands for itself), where it was written."""

    node: Node
    unit: str | float | None
    column: int
    depth: int = 1


class Parser:
    """One text on its way to a tree; `whole` reads it.

    Parameters
    ----------
    text
        What is parsed.
    fields
        Unit of each field that may be used; None for any field, units unchecked.
    """

    def __init__(self, text: str, fields: Mapping[str, str] | None) -> None:
        self.text = text
        self.fields = fields
        self.position = 0
        self.nesting = 0
        self.token = self.next_token()

    def fail(self, message: str, column: int | None = None, hint: str = "") -> NoReturn:
        """Raise the error of this text, at a column or at the next token."""
        at = self.token.column if column is None else column
        raise ExpressionError(message, self.text, at, hint)

    # --- tokens -----------------------------------------------------------------------------------

    def next_token(self) -> Token:
        """Read one token."""
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            self.bad_sign()
        assert match.lastgroup is not None
        self.position = match.end()
        return Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1)

    def bad_sign(self) -> NoReturn:
        """Refuse a character that begins no token."""
        rest = self.text[self.position :]
        start = self.position + len(rest) - len(rest.lstrip(" \t\r\n"))
        sign = self.text[start]
        shown = sign if sign.isprintable() and not sign.isspace() else f"U+{ord(sign):04X}"
        instead = _INSTEAD.get(sign)
        if sign == "$":
            hint = "a field is $ and a name of letters, digits and _"
        elif instead:
            hint = f"write {instead}"
        else:
            hint = "names, numbers, $fields and + - * / ** > >= < <= == != & | ( ) , are allowed"
        raise ExpressionError(f"unexpected {shown}", self.text, start + 1, hint)

    def take(self) -> Token:
        """Return the token in view and move on."""
        token = self.token
        self.token = self.next_token()
        return token

    def expect(self, symbol: str, where: str) -> None:
        """Take a symbol, or refuse whatever stands there."""
        if self.token.text != symbol or self.token.kind != "symbol":
            found = _shown(self.token.text) if self.token.kind != "end" else "the end"
            self.fail(f"expected {symbol} {where}, found {found}")
        self.take()

    # --- grammar ----------------------------------------------------------------------------------

    def whole(self) -> Item:
        """Read the whole text."""
        if self.token.kind == "end":
            self.fail("the expression is empty", 1, "write for example Mean($close, 5) / $close")
        item = self.infix(0)
        if self.token.kind != "end":
            hint = "one ) too many" if self.token.text == ")" else "an operator is missing before"
            self.fail(f"unexpected {_shown(self.token.text)}", None, hint)
        if isinstance(item.unit, float):
            self.fail("a number alone is no factor", item.column, "use at least one $field")
        return item

    def infix(self, weakest: int) -> Item:
        """Parse operands joined by symbols that bind at least as tightly as `weakest`."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail(f"nested more than {MAX_NESTING} levels deep")
        left = self.operand()
        while self.token.kind == "symbol" and self.token.text in SYMBOLS:
            operator = SYMBOLS[self.token.text]
            own = strength(operator.name)
            if own < weakest:
                break
            symbol = self.take()
            right = self.infix(own if operator.name == "Power" else own + 1)
            left = self.call(operator, [left, right], None, symbol.column)
            if operator.kind == "comparison" and self.compares():
                self.fail(
                    "comparisons do not chain", None, "write And(a > b, b > c) with parentheses"
                )
        self.nesting -= 1
        return left

    def compares(self) -> bool:
        """Whether a comparison comes next."""
        found = SYMBOLS.get(self.token.text) if self.token.kind == "symbol" else None
        return found is not None and found.kind == "comparison"

    def operand(self) -> Item:
        """Read a number, a field, a call, something in parentheses, or a negation of it."""
        token = self.token
        if token.kind == "symbol" and token.text == "-":
            self.take()
            inner = self.infix(strength("Power"))
            return self.call(OPERATORS["Neg"], [inner], None, token.column)
        if token.kind == "symbol" and token.text == "(":
            self.take()
            inner = self.infix(0)
            self.expect(")", f"to close the ( of column {token.column}")
            return inner
        if token.kind == "number":
            return self.number(self.take())
        if token.kind == "field":
            return self.field(self.take())
        if token.kind == "name":
            return self.named(self.take())
        found = f"found {token.text}" if token.kind == "symbol" else "found the end"
        self.fail(f"expected a field, a number or an operator, {found}")

    def number(self, token: Token) -> Item:
        """Read a literal."""
        value = float(token.text) if len(token.text) <= _MAX_NAME else math.inf
        if value and not _SMALLEST <= value <= _LARGEST:
            self.fail(f"{_shown(token.text)} is out of range", token.column, "use 1e-30 to 1e30")
        return Item(Number(value), value, token.column)

    def field(self, token: Token) -> Item:
        """Read a field, known where the fields are."""
        name = token.text[1:]
        if len(name) > _MAX_NAME:
            self.fail(f"a field name has at most {_MAX_NAME} characters", token.column)
        if self.fields is None:
            return Item(Field(name), None, token.column)
        if name not in self.fields:
            hint = _nearest(name, list(self.fields), "$") or f"known: {_listed(self.fields)}"
            self.fail(f"unknown field ${name}", token.column, hint)
        return Item(Field(name), str(self.fields[name]), token.column)

    def named(self, token: Token) -> Item:
        """Read a call."""
        shown = _shown(token.text)
        operator = find(token.text)
        calls = self.token.kind == "symbol" and self.token.text == "("
        if operator is None:
            self.unknown(token, calls)
        if not calls:
            self.fail(f"{shown} needs its arguments", token.column, f"write {operator.signature}")
        self.take()
        return self.arguments(operator, token)

    def unknown(self, token: Token, calls: bool) -> NoReturn:
        """Refuse a name that is no operator."""
        shown = _shown(token.text)
        reason = LEFT_OUT.get(token.text)
        if reason is not None:
            self.fail(f"{shown} is left out of this language", token.column, reason)
        if not calls and (self.fields is None or token.text in self.fields):
            self.fail(f"unknown name {shown}", token.column, f"a field is written ${shown}")
        hint = _nearest(token.text, known_names(), "")
        self.fail(f"unknown operator {shown}", token.column, hint)

    def arguments(self, operator: Operator, token: Token) -> Item:
        """Read what stands between the parentheses of a call."""
        items: list[Item] = []
        window: int | None = None
        for place, kind in enumerate(operator.arguments):
            if self.token.kind == "symbol" and self.token.text == ")":
                self.wrong_count(operator, token, place)
            if place:
                self.expect(",", f"in {operator.signature}")
            if kind == "window":
                window = self.window(operator)
            else:
                items.append(self.infix(0))
        if self.token.kind == "symbol" and self.token.text == ",":
            self.wrong_count(operator, token, None)
        self.expect(")", f"to close {operator.name}(")
        return self.call(operator, items, window, token.column)

    def wrong_count(self, operator: Operator, token: Token, found: int | None) -> NoReturn:
        """Refuse a call with too few or too many arguments."""
        hint = f"write {operator.signature}"
        if operator.name == "Rank":
            hint = "Rank(x, N) ranks a series in its own past; across instruments it is CSRank(x)"
        wanted = len(operator.arguments)
        got = f"more than {wanted}" if found is None else str(found)
        self.fail(
            f"{operator.name} takes {wanted} argument{'s' * (wanted > 1)}, got {got}",
            token.column,
            hint,
        )

    def window(self, operator: Operator) -> int:
        """Read a window: an integer, written out."""
        token = self.token
        negative = token.kind == "symbol" and token.text == "-"
        if negative:
            self.take()
        if self.token.kind != "number" or not self.token.text.isdigit():
            hint = "Greater and Less compare two series" if operator.name in ("Max", "Min") else ""
            self.fail(f"the window of {operator.name} is a whole number, written out", None, hint)
        digits = self.take().text.lstrip("0") or "0"
        value = int(digits) if len(digits) <= 4 else 10**4
        shifts = operator.name in ("Ref", "Delta")
        if negative or value < operator.smallest:
            what = "shift" if shifts else "window"
            hint = "a shift below 1 would read the future" if shifts and negative else ""
            self.fail(
                f"the {what} of {operator.name} is at least {operator.smallest}",
                token.column,
                hint,
            )
        if value > MAX_WINDOW:
            self.fail(f"a window has at most {MAX_WINDOW} sessions", token.column)
        return value

    # --- checks -----------------------------------------------------------------------------------

    def call(self, operator: Operator, items: list[Item], window: int | None, column: int) -> Item:
        """Build a call, checked."""
        if operator.kind != "comparison" and all(isinstance(i.node, Number) for i in items):
            return self.constant(operator, items, window, column)
        kinds = [kind for kind in operator.arguments if kind != "window"]
        for kind, item in zip(kinds, items, strict=True):
            self.check_kind(kind, item, operator)
        if all(isinstance(item.node, Number) for item in items):
            self.fail(f"{operator.name} compares two numbers", column, "use a $field")
        depth = 1 + max(item.depth for item in items)
        if depth > MAX_NESTING:
            self.fail(f"nested more than {MAX_NESTING} levels deep", column)
        node = Call(operator.name, tuple(item.node for item in items), window)
        return Item(node, self.unit(operator, items, column), column, depth)

    def constant(
        self, operator: Operator, items: list[Item], window: int | None, column: int
    ) -> Item:
        """Fold an operator of numbers."""
        if window is not None or operator.kind in ("logic", "cross_section", "ternary"):
            self.fail(f"{operator.name} takes a series, not a number", items[0].column)
        try:
            folded = canonical(Call(operator.name, tuple(item.node for item in items)))
        except ConstantError as error:
            self.fail(f"{error} is no finite number", column)
        assert isinstance(folded, Number)
        if folded.value and not _SMALLEST <= abs(folded.value) <= _LARGEST:
            self.fail(f"{folded.value:g} is out of range", column, "use 1e-30 to 1e30")
        return Item(folded, folded.value, column)

    def check_kind(self, kind: str, item: Item, operator: Operator) -> None:
        """Refuse an argument that may not stand at its place."""
        if kind == "series" and isinstance(item.node, Number):
            self.fail(f"{operator.name} takes a series, not a number", item.column)
        if kind == "condition" and not (
            isinstance(item.node, Call) and OPERATORS[item.node.operator].gives_condition
        ):
            self.fail(
                f"{operator.name} takes conditions such as $close > 0",
                item.column,
                "put each comparison in parentheses" if operator.symbol else "",
            )
        if kind == "fraction" and not (isinstance(item.node, Number) and 0 < item.node.value < 1):
            self.fail(f"the last argument of {operator.name} is a number between 0 and 1",
                      item.column)  # fmt: skip

    def unit(self, operator: Operator, items: list[Item], column: int) -> str | None:
        """Find the unit of a call."""
        if self.fields is None:
            return None
        try:
            return operator.unit([item.unit for item in items])  # type: ignore[misc]
        except units.UnitError as error:
            self.fail(
                f"cannot take {error} together in {operator.name}",
                column,
                "divide one by a series of its own unit first, or rank both with CSRank",
            )


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_NAME else f"{text[:_MAX_NAME]}..."


def _nearest(name: str, known: list[str], prefix: str) -> str:
    lower = {candidate.lower(): candidate for candidate in reversed(known)}
    close = difflib.get_close_matches(name[:_MAX_NAME].lower(), list(lower), n=1, cutoff=0.6)
    return f"did you mean {prefix}{lower[close[0]]}?" if close else ""


def _listed(names: Mapping[str, str]) -> str:
    shown = [f"${name}" for name in list(names)[:8]]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
