"""Random and varied expressions over the operator table, of fitting units.

Everything here is made as a tree of names; the language's own rules have the last word on whether
it is an expression. Trees that they refuse for their units are avoided, not repaired.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from factor_pool.expression import Expression, ExpressionError, parse
from factor_pool.expression.language import MAX_LENGTH, assemble
from factor_pool.expression.nodes import Call, Node, to_text
from factor_pool.expression.operators import OPERATORS, Operator
from factor_pool.expression.rules import Item, Rules

_Thing = TypeVar("_Thing")
Path = tuple[int, ...]
"""The way to a sub-tree: numbers of arguments, from the root down."""

WINDOWS = (2, 3, 5, 8, 10, 15, 20, 30, 40, 60)
FRACTIONS = ("0.2", "0.5", "0.8")
DEPTH = 3
"""Deepest random expression; variation may go deeper."""

# How often an operator kind is drawn: most factors that work are smoothed ratios and ranks.
_WEIGHTS = {
    "unary": 0.6,
    "binary": 3.0,
    "ternary": 0.1,
    "comparison": 0.2,
    "logic": 0.0,
    "rolling": 3.0,
    "pair_rolling": 0.6,
    "cross_section": 1.0,
}
# Constant on series without holes: no factor.
_USELESS = frozenset({"Count", "Power", "Eq", "Ne"})
_WINDOWED = frozenset(o.name for o in OPERATORS.values() if o.windowed)
_SAME_UNIT = frozenset({"Add", "Sub", "Greater", "Less", "Div"})


class Tree:
    """A name and its arguments: an operator's, or `$field`, or a number, without any.

    Immutable; trees are equal if their texts are.

    Parameters
    ----------
    head
        The name.
    args
        The arguments.
    """

    def __init__(self, head: str, args: tuple["Tree", ...] = ()) -> None:
        self.head = head
        self.args = args
        self.text: str = f"{head}({', '.join([arg.text for arg in args])})" if args else head

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    @functools.cached_property
    def places(self) -> tuple[tuple[Path, "Tree"], ...]:
        """All sub-trees that are expressions (windows and numbers are not), and the way to each."""
        found: list[tuple[Path, Tree]] = [((), self)]
        for index, child in enumerate(self.args):
            if child.args or child.head.startswith("$"):
                found += [((index, *path), part) for path, part in child.places]
        return tuple(found)

    def put(self, path: Path, tree: "Tree") -> "Tree":
        """The same with another sub-tree at a place."""
        if not path:
            return tree
        changed = self.args[path[0]].put(path[1:], tree)
        return Tree(self.head, (*self.args[: path[0]], changed, *self.args[path[0] + 1 :]))


class Grammar:
    """Makes and varies trees over some fields.

    Parameters
    ----------
    units
        Field -> unit: the fields that may be used.
    focus
        Fields that are drawn six times as often as the others.
    """

    def __init__(self, units: Mapping[str, str], focus: Sequence[str] = ()) -> None:
        self._units = dict(units)
        self._rules = _rules(frozenset(units.items()))
        self._fields = sorted(units)
        weight = np.array([6.0 if name in focus else 1.0 for name in self._fields])
        self._field_shares = _cumulated(weight)
        usable = [o for o in OPERATORS.values() if o.name not in _USELESS]
        self._operators = [o for o in usable if _WEIGHTS[o.kind]]
        kinds = [o.kind for o in self._operators]
        share = np.array([_WEIGHTS[kind] / kinds.count(kind) for kind in kinds])
        self._operator_shares = _cumulated(share)

    def tree(self, text: str) -> Tree:
        """The tree of an expression's text."""
        return _parsed(text)

    def part(self, tree: Tree) -> Item | None:
        """The tree as a checked part of an expression; None where the language refuses it."""
        return _part(tree, self._rules)

    def assembled(self, tree: Tree) -> Expression | None:
        """What `parse` makes of the tree's text; None where it refuses it."""
        part = self.part(tree)
        if part is None or len(tree.text) > MAX_LENGTH:
            return None
        try:
            return assemble(part, self._rules)
        except ExpressionError:
            return None

    def random(self, rng: np.random.Generator, depth: int = DEPTH) -> Tree:
        """A fresh expression of at most `depth` operators above a field."""
        if depth == 0:
            return self._field(rng)
        return self._call(_weighted(self._operators, self._operator_shares, rng), rng, depth)

    def mutate(self, tree: Tree, rng: np.random.Generator) -> Tree:
        """Another random sub-tree at a random place."""
        path, _ = _draw(tree.places, rng)
        fresh = self.random(rng, depth=int(rng.integers(0, 3)))
        return tree.put(path, fresh)

    def crossover(self, tree: Tree, other: Tree, rng: np.random.Generator) -> Tree:
        """A sub-tree of `other` at a random place."""
        path, _ = _draw(tree.places, rng)
        _, part = _draw(other.places, rng)
        return tree.put(path, part)

    def hoist(self, tree: Tree, rng: np.random.Generator) -> Tree:
        """A sub-tree alone: the remedy against growth."""
        _, part = _draw(tree.places, rng)
        return part

    def jitter_window(self, tree: Tree, rng: np.random.Generator) -> Tree:
        """One window longer or shorter; a mutation where there is none."""
        windowed = [place for place in tree.places if place[1].head in _WINDOWED]
        if not windowed:
            return self.mutate(tree, rng)
        path, call = _draw(windowed, rng)
        place = OPERATORS[call.head].arguments.index("window")
        return tree.put(path, call.put((place,), _window(rng)))

    def swap_operator(self, tree: Tree, rng: np.random.Generator) -> Tree:
        """One operator replaced by another of the same arguments; a mutation where none has."""
        calls = [place for place in tree.places if place[1].args]
        if not calls:
            return self.mutate(tree, rng)
        path, call = _draw(calls, rng)
        taken = OPERATORS[call.head].arguments
        alike = [o.name for o in self._operators if o.arguments == taken and o.name != call.head]
        if not alike:
            return self.mutate(tree, rng)
        return tree.put(path, Tree(alike[int(rng.integers(len(alike)))], call.args))

    def wrap(self, tree: Tree, rng: np.random.Generator) -> Tree:
        """The tree inside another operator: smoothed, ranked, compared with its own past."""
        draw = rng.random()
        if draw < 0.45:
            smoother = ("Mean", "EMA", "Max", "Std", "Slope", "Delta", "Rank")
            return Tree(smoother[int(rng.integers(len(smoother)))], (tree, _window(rng)))
        if draw < 0.75:
            past = Tree("Mean", (tree, _window(rng)))
            return Tree("Sub" if rng.random() < 0.5 else "Div", (tree, past))
        ranked = (Tree("CSRank", (tree,)), Tree("CSRank", (self.random(rng, depth=2),)))
        return Tree("Add" if rng.random() < 0.5 else "Mul", ranked)

    def _field(self, rng: np.random.Generator) -> Tree:
        return Tree(f"${_weighted(self._fields, self._field_shares, rng)}")

    def _call(self, operator: Operator, rng: np.random.Generator, depth: int) -> Tree:
        args: list[Tree] = []
        for kind in operator.arguments:
            if kind == "window":
                args.append(_window(rng))
            elif kind == "fraction":
                args.append(Tree(FRACTIONS[int(rng.integers(len(FRACTIONS)))]))
            elif kind == "condition":
                args.append(self._call(OPERATORS["Gt"], rng, depth - 1))
            elif args and (operator.name in _SAME_UNIT or operator.kind == "comparison"):
                args.append(self._alike(args[0], rng))
            else:
                args.append(self.random(rng, int(rng.integers(0, depth))))
        return Tree(operator.name, tuple(args))

    def _alike(self, tree: Tree, rng: np.random.Generator) -> Tree:
        """Something of the same unit: its own past, or a field of that unit."""
        part = self.part(tree)
        unit = None if part is None else part.unit
        fields = [name for name in self._fields if self._units[name] == unit]
        if not fields or rng.random() < 0.5:
            smoother = ("Mean", "Ref", "Max", "Min")[int(rng.integers(4))]
            return Tree(smoother, (tree, _window(rng)))
        field = Tree(f"${fields[int(rng.integers(len(fields)))]}")
        return field if rng.random() < 0.6 else Tree("Mean", (field, _window(rng)))


def _cumulated(weights: np.ndarray) -> np.ndarray:
    shares = (weights / weights.sum()).cumsum()
    return shares / shares[-1]


def _weighted(things: Sequence[_Thing], shares: np.ndarray, rng: np.random.Generator) -> _Thing:
    """What `rng.choice(things, p=...)` draws, ten times as fast."""
    return things[int(shares.searchsorted(rng.random(), side="right"))]


@functools.lru_cache(maxsize=4_096)  # parents are drawn again and again
def _parsed(text: str) -> Tree:
    return _tree(parse(text).node)


def _tree(node: Node) -> Tree:
    if not isinstance(node, Call):
        return Tree(to_text(node))
    args = [_tree(arg) for arg in node.args]
    if node.window is not None:
        args.insert(OPERATORS[node.operator].arguments.index("window"), Tree(str(node.window)))
    return Tree(node.operator, tuple(args))


@functools.lru_cache(maxsize=8)
def _rules(units: frozenset[tuple[str, str]]) -> Rules:
    return Rules(dict(units))


@functools.lru_cache(maxsize=16_384)  # trees share most of their parts, and come again and again
def _part(tree: Tree, rules: Rules) -> Item | None:
    """A tree checked as its text would be."""
    try:
        if tree.head in OPERATORS:
            return _checked_call(tree, rules)
        if tree.head.startswith("$"):
            return rules.field(tree.head[1:])
        number = rules.number(tree.head.removeprefix("-"))
        signed = tree.head.startswith("-")
        return rules.call(OPERATORS["Neg"], [number], None) if signed else number
    except ExpressionError:
        return None


def _checked_call(tree: Tree, rules: Rules) -> Item | None:
    operator = OPERATORS[tree.head]
    items: list[Item] = []
    window = None
    for kind, arg in zip(operator.arguments, tree.args, strict=True):
        if kind == "window":
            window = rules.length(operator, int(arg.head))
            continue
        item = _part(arg, rules)
        if item is None:
            return None
        items.append(item)
    return rules.call(operator, items, window)


def _window(rng: np.random.Generator) -> Tree:
    return Tree(str(WINDOWS[int(rng.integers(len(WINDOWS)))]))


def _draw(things: Sequence[_Thing], rng: np.random.Generator) -> _Thing:
    return things[int(rng.integers(len(things)))]
