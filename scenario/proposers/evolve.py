"""The built-in search: genetic programming over typed expressions, with a MAP-Elites archive.

It needs no key and no network, and is the default. An iteration names a theme as its idea, then
writes seeds of that theme that were not tried yet, offspring of the archive's elites, and
immigrants: fresh random expressions.
"""

from collections.abc import Sequence

import numpy as np

from factor_pool.expression import Call, Expression, ExpressionError, Node, parse
from factor_pool.expression.nodes import to_text
from scenario.checks import oversize
from scenario.proposers.archive import Archive
from scenario.proposers.base import Context, Idea, Proposer
from scenario.proposers.grammar import Grammar, Tree
from scenario.proposers.stock_themes import BY_UNIVERSE
from scenario.proposers.themes import LONG, SHORT, Theme, true_to

IMMIGRANTS = 0.2
"""Share of fresh random expressions in an iteration."""

SEEDS = 0.5
"""Most of an iteration that a theme's own seeds may fill."""

_SAME_RANKING = frozenset({"Neg", "CSRank", "CSZScore", "CSDemean"})
"""At the root these leave the day's ranking as it is, or turn it round: nothing new to test."""

_TRIES = 40
_IDEA, _EXPRESSIONS = 0, 1


class Evolve(Proposer):
    """Evolutionary search without a language model."""

    name = "evolve"

    def idea(self, context: Context) -> Idea:
        """Each theme in turn first, then themes in proportion to the rank of their best elite."""
        rng = np.random.default_rng([context.seed, context.iteration, _IDEA])
        themes = [
            theme
            for theme in BY_UNIVERSE[context.universe]
            if set(theme.fields) & set(context.units)
        ]
        theme = themes[self._choose(context, themes, rng)]
        return Idea(self.name, theme.hypothesis, theme.reason)

    def expressions(
        self, idea: Idea, context: Context, failures: Sequence[tuple[str, str]]
    ) -> list[str]:
        """Untried seeds of the theme, offspring of elites, and immigrants, none tried before."""
        rng = np.random.default_rng([context.seed, context.iteration, _EXPRESSIONS, len(failures)])
        theme = next(
            one for one in BY_UNIVERSE[context.universe] if one.hypothesis == idea.hypothesis
        )
        grammar = Grammar(context.units, focus=theme.fields)
        batch = _Batch(context, theme, grammar)
        for text in _seeds(theme):
            if len(batch.texts) >= SEEDS * context.size:
                break
            batch.add_seed(text)
        immigrants = round(IMMIGRANTS * context.size)
        parents = _Parents(context.memory.archive, theme.name, rng)
        for _ in range(_TRIES * context.size):
            missing = context.size - len(batch.texts)
            if missing <= 0:
                break
            if missing <= immigrants or not parents:
                batch.add(grammar.random(rng))
            else:
                batch.add(_offspring(grammar, parents, rng))
        return batch.texts

    def _choose(self, context: Context, themes: list[Theme], rng: np.random.Generator) -> int:
        if context.iteration < len(themes):
            order = np.random.default_rng([context.seed, _IDEA]).permutation(len(themes))
            return int(order[context.iteration])
        best = dict.fromkeys((theme.name for theme in themes), 0.0)
        for cell, elite in context.memory.archive.cells.items():
            if cell.family in best:
                best[cell.family] = max(best[cell.family], elite.fitness)
        rank = np.argsort(np.argsort([best[theme.name] for theme in themes])) + 1.0
        return int(rng.choice(len(themes), p=rank / rank.sum()))


class _Batch:
    """Expressions of this iteration, each new: within the checks and true to the theme."""

    def __init__(self, context: Context, theme: Theme, grammar: Grammar) -> None:
        self._known = context.memory.tried
        self._units = context.units
        self._theme = theme
        self._grammar = grammar
        self._new: set[str] = set()
        self.texts: list[str] = []

    def add_seed(self, text: str) -> None:
        """Take in a text of the theme."""
        if self._known(text):
            return
        try:
            canonical = self._fresh(parse(text, self._units).node)
        except ExpressionError:  # the store lacks a field
            return
        if canonical is not None:
            self._take(canonical)

    def add(self, tree: Tree) -> None:
        """Take in a random or varied tree."""
        if self._known(tree.text):  # late in a night most are
            return
        part = self._grammar.part(tree)
        canonical = None if part is None else self._fresh(part.node)
        if canonical is not None and self._grammar.assembled(tree) is not None:
            self._take(canonical)

    def _fresh(self, node: Node) -> str | None:
        """Canonical text less what leaves the day's ranking as it is; None where it is not new.

        Nor is what strays from the theme, or is larger than the checks allow.
        """
        while isinstance(node, Call) and node.operator in _SAME_RANKING:
            node = node.args[0]
        if oversize(Expression(node)) is not None:
            return None
        canonical = to_text(node)
        if canonical in self._new or self._known(canonical):
            return None
        return canonical if true_to(self._theme, canonical) else None

    def _take(self, canonical: str) -> None:
        self._new.add(canonical)
        self.texts.append(canonical)


class _Parents:
    """Draws elites: half the time of the iteration's own theme, half the time of any cell."""

    def __init__(self, archive: Archive, family: str, rng: np.random.Generator) -> None:
        self._all = [elite for elite in archive.cells.values() if elite.fitness > 0]
        self._own = [
            elite
            for cell, elite in archive.cells.items()
            if cell.family == family and elite.fitness > 0
        ]
        self._rng = rng

    def __bool__(self) -> bool:
        return bool(self._all)

    def draw(self) -> str:
        choice = self._own if self._own and self._rng.random() < 0.5 else self._all
        a, b = (choice[int(self._rng.integers(len(choice)))] for _ in range(2))
        return (a if a.fitness >= b.fitness else b).text


def _seeds(theme: Theme) -> list[str]:
    texts = [
        template.format(w=short, v=long)
        for short, long in zip(SHORT, LONG, strict=True)
        for template in theme.templates
    ]
    return list(dict.fromkeys(texts))


def _offspring(grammar: Grammar, parents: _Parents, rng: np.random.Generator) -> Tree:
    parent = grammar.tree(parents.draw())
    draw = rng.random()
    if draw < 0.30:
        return grammar.mutate(parent, rng)
    if draw < 0.50:
        return grammar.crossover(parent, grammar.tree(parents.draw()), rng)
    if draw < 0.70:
        return grammar.jitter_window(parent, rng)
    if draw < 0.82:
        return grammar.swap_operator(parent, rng)
    if draw < 0.94:
        return grammar.wrap(parent, rng)
    return grammar.hoist(parent, rng)
