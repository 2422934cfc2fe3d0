"""The built-in search: valid, new, deterministic, and it goes where the skill is."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from factor_pool.expression import parse
from scenario.proposers.base import Context
from scenario.proposers.evolve import Evolve
from scenario.proposers.grammar import Grammar
from scenario.proposers.themes import THEMES

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


@dataclass(frozen=True)
class Tried:
    """As much of a ledger row as a proposer reads."""

    canonical: str
    figures: dict[str, Any] = field(default_factory=dict)


def context(iteration: int, attempts: list[Tried], size: int = 40, seed: int = 3) -> Context:
    return Context(iteration, seed, size, UNITS, attempts, (), "")  # type: ignore[arg-type]


def night(loops: int, seed: int = 3, evolve: Evolve | None = None) -> list[Tried]:
    """Some loops in which an expression is good if it reads one_word_count."""
    attempts: list[Tried] = []
    for iteration in range(loops):
        proposer = evolve or Evolve()
        given = context(iteration, attempts, seed=seed)
        for text in proposer.expressions(proposer.idea(given), given, ()):
            t = 6.0 if "$one_word_count" in text else 0.5
            attempts.append(Tried(text, {"added_t_hac": t, "rank_autocorrelation": 0.5}))
    return attempts


def test_what_it_proposes_is_valid_canonical_and_new() -> None:
    texts = [attempt.canonical for attempt in night(12)]
    assert len(texts) == 12 * 40
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert str(parse(text, UNITS)) == text


def test_a_seed_gives_the_same_night_with_or_without_a_cache() -> None:
    kept = night(8, evolve=Evolve())
    assert [a.canonical for a in night(8)] == [a.canonical for a in kept]
    assert [a.canonical for a in night(8, seed=4)] != [a.canonical for a in kept]


def test_the_first_iterations_go_through_the_themes() -> None:
    said = {Evolve().idea(context(i, [])).hypothesis for i in range(len(THEMES))}
    assert len(said) == len([t for t in THEMES if set(t.fields) & set(UNITS)])


def test_it_goes_where_the_skill_is() -> None:
    texts = [attempt.canonical for attempt in night(20)]
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
