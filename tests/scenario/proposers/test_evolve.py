"""The built-in search: valid, new, deterministic, and it goes where the skill is."""

import numpy as np
import pytest

from data_profile.profile import STOCK_FIELDS, Profile
from factor_pool.expression import parse
from scenario.checks import check
from scenario.proposers.base import Context
from scenario.proposers.evolve import Evolve
from scenario.proposers.grammar import Grammar
from scenario.proposers.memory import Memory
from scenario.proposers.stock_themes import STOCK_THEMES
from scenario.proposers.themes import LONG, SHORT, THEMES
from tests.scenario.proposers.test_llm import attempt

UNITS = {
    "close": "points",
    "high": "points",
    "low": "points",
    "turnover": "yuan",
    "net_inflow": "yuan",
    "limit_up_count": "count",
    "one_word_count": "count",
    "broken_limit_count": "count",
    "company_count": "count",
}


def context(iteration: int, memory: Memory, size: int = 40, seed: int = 3) -> Context:
    return Context(iteration, seed, size, UNITS, memory, (), "")


def night(loops: int, seed: int = 3, evolve: Evolve | None = None) -> list[str]:
    """Some loops in which an expression is good if it reads one_word_count."""
    texts: list[str] = []
    memory = Memory()
    for iteration in range(loops):
        proposer = evolve or Evolve()
        given = context(iteration, memory, seed=seed)
        fresh = proposer.expressions(proposer.idea(given), given, ())
        for number, text in enumerate(fresh, start=len(texts)):
            t = 6.0 if "$one_word_count" in text else 0.5
            figures = {"added_t_hac": t, "rank_autocorrelation": 0.5}
            memory.add(attempt(number, text, figures=figures))
        texts += fresh
    return texts


def test_what_it_proposes_is_valid_canonical_and_new() -> None:
    texts = night(12)
    assert len(texts) == 12 * 40
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert str(parse(text, UNITS)) == text


def test_nothing_that_it_proposes_is_refused_by_the_checks() -> None:
    refused = [text for text in night(25) if check(text, UNITS, lambda known: False).message]
    assert refused == []


def test_a_seed_gives_the_same_night_whatever_object_proposes() -> None:
    kept = night(8, evolve=Evolve())
    assert night(8) == kept
    assert night(8, seed=4) != kept


def test_the_first_iterations_go_through_the_themes() -> None:
    said = {Evolve().idea(context(i, Memory())).hypothesis for i in range(len(THEMES))}
    assert len(said) == len([t for t in THEMES if set(t.fields) & set(UNITS)])


def test_it_goes_where_the_skill_is() -> None:
    texts = night(20)
    early, late = texts[:200], texts[-200:]

    def share(some: list[str]) -> float:
        return sum("$one_word_count" in text for text in some) / len(some)

    assert share(late) > 1.2 * share(early)


@pytest.mark.parametrize("seed", range(3))
def test_random_expressions_mostly_fit_their_units(seed: int) -> None:
    """The grammar avoids nonsense; what it cannot avoid the parser refuses."""
    from factor_pool.expression import ExpressionError

    rng = np.random.default_rng(seed)
    grammar = Grammar(UNITS)
    valid = 0
    for _ in range(300):
        try:
            parse(str(grammar.random(rng)), UNITS)
            valid += 1
        except ExpressionError:
            continue
    assert valid > 210


@pytest.mark.parametrize(
    "operation", ["mutate", "jitter_window", "swap_operator", "wrap", "hoist", "crossover"]
)
def test_variation_keeps_to_the_language(operation: str) -> None:
    rng = np.random.default_rng(5)
    grammar = Grammar(UNITS)
    tree = grammar.tree("Corr($close, Mean($turnover, 5), 20) / Std($close, 10)")
    for _ in range(50):
        arguments = (tree, rng) if operation != "crossover" else (tree, tree, rng)
        varied = getattr(grammar, operation)(*arguments)
        parse(str(varied))


@pytest.mark.parametrize("seed", range(3))
def test_a_tree_put_together_is_what_its_text_says(seed: int) -> None:
    """Trees are checked part by part, from memory where they can be; `parse` says the same."""
    from factor_pool.expression import ExpressionError, language

    rng = np.random.default_rng(seed)
    grammar = Grammar(UNITS)
    trees = [grammar.tree("-3 * Quantile($close, 5, 0.2) + If($close > 2, 0, $high)")]
    for _ in range(400):
        tree, other = (trees[int(k)] for k in rng.integers(len(trees), size=2))
        varied = (
            grammar.random(rng),
            grammar.mutate(tree, rng),
            grammar.crossover(tree, other, rng),
            grammar.swap_operator(tree, rng),
            grammar.jitter_window(tree, rng),
            grammar.wrap(tree, rng),
            grammar.hoist(tree, rng),
        )
        trees.append(varied[int(rng.integers(len(varied)))])
    for tree in trees:
        built = grammar.assembled(tree)
        language._read.clear()
        try:
            read = parse(tree.text, UNITS)
        except ExpressionError:
            assert built is None
            continue
        assert built is not None
        assert (built.node, built.unit) == (read.node, read.unit)
        assert (built.depth, built.nodes, built.lookback) == (read.depth, read.nodes, read.lookback)
        language._read.clear()
        assert parse(str(built), UNITS).node == built.node


def test_every_seed_of_stocks_is_an_expression_of_their_fields() -> None:
    profile = Profile.load(STOCK_FIELDS)
    units = {name: field.unit for name, field in profile.fields.items()}
    for theme in STOCK_THEMES:
        assert set(theme.fields) <= set(units)
        for template in theme.templates:
            for short, long in zip(SHORT, LONG, strict=True):
                parse(template.format(w=short, v=long), units)


def test_on_stocks_its_ideas_are_of_stocks() -> None:
    units = {"close": "points", "turnover": "yuan", "lhb_institution_net_buy": "yuan"}
    for iteration in range(8):
        given = Context(iteration, 3, 20, units, Memory("stock"), (), "", universe="stock")
        idea = Evolve().idea(given)
        assert idea.hypothesis in [theme.hypothesis for theme in STOCK_THEMES]
        assert Evolve().expressions(idea, given, ())
