"""From a text to a tree, by hand; nowhere is anything evaluated by Python.

This is a Pratt parser over one regular expression of ASCII tokens. It is written by hand because
the grammar is small (names, numbers, calls, fourteen infix symbols), because every error must carry
a column and a hint, and because its cost on hostile text must be bounded by what is written here:
no back-tracking, no recursion deeper than `MAX_NESTING`.

Precedence is Python's, since stock Qlib hands its text to Python: `**` binds tightest, then the
sign, `* /`, `+ -`, `&`, `|`, and last the comparisons, which do not chain.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, NoReturn

from factor_pool.expression.nodes import strength
from factor_pool.expression.operators import (
    LEFT_OUT,
    OPERATORS,
    SYMBOLS,
    Operator,
    find,
    known_names,
)
from factor_pool.expression.rules import MAX_NESTING, Item, Rules, nearest, shown

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<field>\$[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<symbol>\*\*|>=|<=|==|!=|[-+*/><&|(),])"
    r"|(?P<end>\Z)|(?P<bad>.))",
    re.ASCII | re.DOTALL,
)
_INSTEAD = {
    "(": "(", ")": ")", ",": ",", "、": ",", "＋": "+", "－": "-", "−": "-", "–": "-", "×": "*",
    "·": "*", "÷": "/", "／": "/", "＊": "*", "＄": "$", "￥": "$", "＞": ">", "＜": "<", "≥": ">=",
    "≤": "<=", "≠": "!=", "＝": "==", "=": "==", "^": "**", "!": "Not(...)", "~": "Not(...)",
    "（": "(", "）": ")", "，": ",", "“": "", "”": "", "'": "", '"': "", "\u3000": " ", "\xa0": " ",
}  # fmt: skip


class Token(NamedTuple):
    """A piece of the text: `kind` is field, name, number, symbol, end or bad."""

    kind: str
    text: str
    column: int


class Parser(Rules):
    """One text on its way to a tree; `whole` reads it.

    Parameters
    ----------
    text
        What is parsed.
    fields
        Unit of each field that may be used; None for any field, units unchecked.
    """

    def __init__(self, text: str, fields: Mapping[str, str] | None) -> None:
        super().__init__(fields, text)
        self.nesting = 0
        self.tokens = _tokens(text)
        self.token = Token("end", "", 1)
        self.take()

    def refuse(self, message: str, hint: str = "") -> NoReturn:
        """Raise the error of this text at the next token."""
        self.fail(message, self.token.column, hint)

    # --- tokens -----------------------------------------------------------------------------------

    def bad_sign(self) -> NoReturn:
        """Refuse a character that begins no token."""
        sign = self.token.text
        seen = sign if sign.isprintable() and not sign.isspace() else f"U+{ord(sign):04X}"
        instead = _INSTEAD.get(sign)
        if sign == "$":
            hint = "a field is $ and a name of letters, digits and _"
        elif instead:
            hint = f"write {instead}"
        else:
            hint = "names, numbers, $fields and + - * / ** > >= < <= == != & | ( ) , are allowed"
        self.refuse(f"unexpected {seen}", hint)

    def take(self) -> Token:
        """Return the token in view and move on."""
        token = self.token
        self.token = next(self.tokens)
        if self.token.kind == "bad":
            self.bad_sign()
        return token

    def at(self, symbol: str) -> bool:
        """Whether a symbol comes next."""
        return self.token.text == symbol and self.token.kind == "symbol"

    def expect(self, symbol: str, where: str) -> None:
        """Take a symbol, or refuse whatever stands there."""
        if not self.at(symbol):
            found = shown(self.token.text) if self.token.kind != "end" else "the end"
            self.refuse(f"expected {symbol} {where}, found {found}")
        self.take()

    # --- grammar ----------------------------------------------------------------------------------

    def whole(self) -> Item:
        """Read the whole text."""
        if self.token.kind == "end":
            self.fail("the expression is empty", 1, "write for example Mean($close, 5) / $close")
        item = self.infix(0)
        if self.token.kind != "end":
            hint = "one ) too many" if self.token.text == ")" else "an operator is missing before"
            self.refuse(f"unexpected {shown(self.token.text)}", hint)
        return item

    def infix(self, weakest: int) -> Item:
        """Parse operands joined by symbols that bind at least as tightly as `weakest`."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.refuse(f"nested more than {MAX_NESTING} levels deep")
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
                self.refuse("comparisons do not chain", "write And(a > b, b > c) with parentheses")
        self.nesting -= 1
        return left

    def compares(self) -> bool:
        """Whether a comparison comes next."""
        found = SYMBOLS.get(self.token.text) if self.token.kind == "symbol" else None
        return found is not None and found.kind == "comparison"

    def operand(self) -> Item:
        """Read a number, a field, a call, something in parentheses, or a negation of it."""
        kind, text, column = self.token
        if kind == "field":
            self.take()
            return self.field(text[1:], column)
        if kind == "name":
            return self.named(self.take())
        if kind == "number":
            self.take()
            return self.number(text, column)
        if self.at("-"):
            self.take()
            inner = self.infix(strength("Power"))
            return self.call(OPERATORS["Neg"], [inner], None, column)
        if self.at("("):
            self.take()
            inner = self.infix(0)
            self.expect(")", f"to close the ( of column {column}")
            return inner
        found = f"found {text}" if kind == "symbol" else "found the end"
        self.refuse(f"expected a field, a number or an operator, {found}")

    def named(self, token: Token) -> Item:
        """Read a call."""
        operator = find(token.text)
        if operator is None:
            self.unknown(token, self.at("("))
        if not self.at("("):
            hint = f"write {operator.signature}"
            self.fail(f"{shown(token.text)} needs its arguments", token.column, hint)
        self.take()
        return self.arguments(operator, token)

    def unknown(self, token: Token, calls: bool) -> NoReturn:
        """Refuse a name that is no operator."""
        name = shown(token.text)
        reason = LEFT_OUT.get(token.text)
        if reason is not None:
            self.fail(f"{name} is left out of this language", token.column, reason)
        if not calls and (self.fields is None or token.text in self.fields):
            self.fail(f"unknown name {name}", token.column, f"a field is written ${name}")
        hint = nearest(token.text, known_names(), "")
        self.fail(f"unknown operator {name}", token.column, hint)

    def arguments(self, operator: Operator, token: Token) -> Item:
        """Read what stands between the parentheses of a call."""
        items: list[Item] = []
        window: int | None = None
        for place, kind in enumerate(operator.arguments):
            if self.at(")"):
                self.wrong_count(operator, token, place)
            if place:
                self.comma(operator)
            if kind == "window":
                window = self.window(operator)
            else:
                items.append(self.infix(0))
        if self.at(","):
            self.wrong_count(operator, token, None)
        self.expect(")", f"to close {operator.name}(")
        return self.call(operator, items, window, token.column)

    def comma(self, operator: Operator) -> None:
        """Take the comma between two arguments."""
        if self.at(","):
            self.take()
        else:
            self.expect(",", f"in {operator.signature}")

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
            self.refuse(f"the window of {operator.name} is a whole number, written out", hint)
        digits = self.take().text.lstrip("0") or "0"
        value = int(digits) if len(digits) <= 4 else 10**4
        return self.length(operator, value, token.column, negative)


def _tokens(text: str) -> Iterator[Token]:
    """The tokens of a text, one after the other."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        assert kind is not None
        yield Token(kind, match[kind], match.start(kind) + 1)
