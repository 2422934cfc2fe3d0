"""The factor language: `parse` a text to an `Expression`."""

import functools
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from factor_pool.expression.errors import ExpressionError
from factor_pool.expression.nodes import Call, Node, Number, to_text, walk
from factor_pool.expression.operators import OPERATORS, Operator
from factor_pool.expression.parser import Parser
from factor_pool.expression.qlib_text import qlib_text
from factor_pool.expression.rules import Item, Rules

MAX_LENGTH = 4000
"""Characters of a text, and of its canonical form."""
MAX_DEPTH = 32
"""Levels of a canonical tree."""
MAX_NODES = 256
"""Fields, numbers and operators of a canonical tree."""


@dataclass(frozen=True)
class Expression:
    """A factor: a checked, canonical syntax tree. Immutable, hashable, picklable.

    Expressions are equal if their canonical texts are. Make one with `parse` (from a text) or
    `Expression.of` (from nodes).

    Parameters
    ----------
    node
        Root of the canonical tree (`nodes.Field`, `nodes.Call`).
    unit
        Unit of the values, None where the fields' units were not given.

    Examples
    --------
    >>> e = parse("Mean($volume, 5) / Delay($volume, 1)")
    >>> str(e), sorted(e.fields), e.lookback, e.depth, e.nodes
    ('Mean($volume, 5) / Ref($volume, 1)', ['volume'], 4, 3, 5)
    >>> e.operator.name, [str(child) for child in e.children]
    ('Div', ['Mean($volume, 5)', 'Ref($volume, 1)'])
    """

    node: Node
    unit: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, node: Node, fields: Mapping[str, str] | None = None) -> "Expression":
        """Check and canonicalise a tree, exactly as if its text had been parsed.

        This is how a tree is changed: take `expression.node`, build new nodes around or inside
        it, and hand over the new root.

        Raises
        ------
        ExpressionError
            As `parse`; the column refers to the text of the tree.

        Examples
        --------
        >>> from factor_pool.expression.nodes import Field
        >>> old = parse("Mean($close, 5)")
        >>> str(Expression.of(Call("Div", (old.node, Field("close")))))
        'Mean($close, 5) / $close'
        """
        try:
            text = to_text(node)
        except RecursionError as error:
            raise ExpressionError("the tree is nested far too deep") from error
        return parse(text, fields)

    def __str__(self) -> str:
        return to_text(self.node)

    def __repr__(self) -> str:
        return f"parse({str(self)!r})"

    def qlib(self) -> str:
        """Text that stock Qlib evaluates to the same numbers.

        Where `custom_operators` is not empty, Qlib must be started with
        `custom_ops=factor_pool.expression.custom_ops.OPERATORS`.
        """
        return qlib_text(self.node)

    @functools.cached_property
    def custom_operators(self) -> tuple[str, ...]:
        """Names in `qlib()` that stock Qlib does not know, or defines differently."""
        used = {node.operator for node in walk(self.node) if isinstance(node, Call)}
        return tuple(sorted(n for n in used if OPERATORS[n].custom and n != "Neg"))

    @property
    def operator(self) -> Operator | None:
        """The operator at the root; None for a field."""
        return OPERATORS[self.node.operator] if isinstance(self.node, Call) else None

    @property
    def children(self) -> "tuple[Expression, ...]":
        """The arguments of the root that are expressions; numbers and the window are left out.

        Their units are not carried over: parse `str(child)` with the fields' units for them.
        """
        if not isinstance(self.node, Call):
            return ()
        return tuple(Expression(child) for child in self.node.args if not isinstance(child, Number))

    @property
    def fields(self) -> frozenset[str]:
        """Names of the fields that are read."""
        return self.node.fields

    @property
    def lookback(self) -> int:
        """Number of earlier sessions that one value depends on.

        An `EMA` reaches back for ever; counted are the sessions before which less than 1e-6 of
        its weight lies (Qlib's own convention for exponential means).
        """
        return self.node.lookback

    @property
    def depth(self) -> int:
        """Levels of the tree; a field alone has 1."""
        return self.node.depth

    @property
    def nodes(self) -> int:
        """Number of fields, numbers and operators; windows do not count."""
        return self.node.size


def parse(text: str, fields: Mapping[str, str] | None = None) -> Expression:
    """Read a factor.

    Parameters
    ----------
    text
        The factor in Qlib's spelling, or with the aliases of `operators`.
    fields
        Unit of each field that may be used. None allows any name and leaves units unchecked.

    Raises
    ------
    ExpressionError
        Whatever is wrong with the text. Nothing else is ever raised, whatever the text holds.

    Examples
    --------
    >>> str(parse("correlation($close + 0, $turnover, 10) * -1"))
    'Neg(Corr($close, $turnover, 10))'
    >>> parse("$turnover + $limit_up_count", {"turnover": "yuan", "limit_up_count": "count"})
    Traceback (most recent call last):
        ...
    factor_pool.expression.errors.ExpressionError: cannot take yuan and count together in Add...
    """
    if not isinstance(text, str):
        raise ExpressionError(f"an expression is a text, not {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"the text has {len(text)} characters, more than {MAX_LENGTH}", text, MAX_LENGTH + 1
        )
    found = _read.get(_key(text, fields))
    return found or _parse(text, fields)


_Key = tuple[str, tuple[tuple[str, str | None], ...] | None]
_read: dict[_Key, Expression] = {}
"""The latest texts: proposed, checked, scored and judged, a night reads each many times. With a
text goes what it says in canonical form, with the same units and without any."""
_KEPT = 2_048
_keeping = threading.Lock()
_NAMES = re.compile(r"\$(\w+)")


def _key(text: str, fields: Mapping[str, str] | None) -> _Key:
    """The text with the units of the fields that it names: what `_parse` depends on."""
    if fields is None:
        return text, None
    return text, tuple((name, fields.get(name)) for name in _NAMES.findall(text))


def _parse(text: str, fields: Mapping[str, str] | None) -> Expression:
    parser = Parser(text, fields)
    written = _whole(parser.whole(), parser)
    _keep(text, fields, written)
    return written


def assemble(root: Item, rules: Rules) -> Expression:
    """Make a factor of a part that was put together, and checked, call by call.

    It is what `parse` makes of the text of those calls, and the next `parse` of its canonical text
    finds it.

    Parameters
    ----------
    root
        The part.
    rules
        What checked it.

    Raises
    ------
    ExpressionError
        The part is a number, or too large.

    Examples
    --------
    >>> rules = Rules({"close": "points"})
    >>> mean = rules.call(OPERATORS["Mean"], [rules.field("close")], 5)
    >>> str(assemble(rules.call(OPERATORS["Div"], [rules.field("close"), mean], None), rules))
    '$close / Mean($close, 5)'
    """
    written = _whole(root, rules)
    _keep(str(written), rules.fields, written)
    return written


def _whole(root: Item, rules: Rules) -> Expression:
    if isinstance(root.unit, float):
        rules.fail("a number alone is no factor", root.column, "use at least one $field")
    written = Expression(root.node, root.unit)
    for what, size, most in (
        ("levels", written.depth, MAX_DEPTH),
        ("nodes", written.nodes, MAX_NODES),
        ("characters of canonical text", len(str(written)), MAX_LENGTH),
    ):
        if size > most:
            rules.fail(f"the tree has {size} {what}; at most {most}", root.column)
    return written


def _keep(text: str, fields: Mapping[str, str] | None, written: Expression) -> None:
    short = str(written)
    with _keeping:
        if text != short:
            key = _key(text, fields)
            if fields is None or written.fields <= dict(key[1] or ()).keys():  # in no other letters
                _read.setdefault(key, written)
        _read.setdefault(_key(short, fields), written)
        _read.setdefault((short, None), Expression(written.node))
        while len(_read) > _KEPT:
            del _read[next(iter(_read))]
