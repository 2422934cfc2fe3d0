"""One text for equivalent expressions, and the same numbers as before."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factor_pool.expression import (
    Call,
    Expression,
    ExpressionError,
    Field,
    Node,
    Number,
    evaluate,
    parse,
)
from factor_pool.expression.nodes import to_text
from factor_pool.expression.operators import OPERATORS, Operator
from tests.factor_pool.expression.oracle import nasty_panel

_PANEL = nasty_panel(120)
np.copyto(_PANEL.values["rate"], np.nan, where=np.isinf(_PANEL.values["rate"]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$a + $b", "$b + $a"),
        ("Mul($b, $a)", "$a * $b"),
        ("Corr($b, $a, 5)", "Corr($a, $b, 5)"),
        ("And($b > 0, $a > 0)", "And($a > 0, $b > 0)"),
        ("Greater($b, $a)", "Greater($a, $b)"),
        ("2 * 3 * $a", "$a * 6"),
        ("$a * (1 + 2)", "3 * $a"),
        ("Log(2) * $a", "$a * 0.6931471805599453"),
        ("Neg(Neg($a))", "$a"),
        ("--$a", "$a"),
        ("Neg($b - $a)", "$a - $b"),
        ("0 - ($b - $a)", "$a - $b"),
        ("$a - Neg($b)", "$a + $b"),
        ("$a + Neg($b)", "$a - $b"),
        ("Neg($a) + $b", "$b - $a"),
        ("Neg($a) - $b", "-($a + $b)"),
        ("Neg($a) - Neg($b)", "$b - $a"),
        ("-1 * $a", "Neg($a)"),
        ("$a / -1", "-$a"),
        ("-$a * -$b", "$a * $b"),
        ("-$a / $b", "$a / -$b"),
        ("-2 * $a", "-(2 * $a)"),
        ("-1 / $a", "-(1 / $a)"),
        ("1 / -$a", "-(1 / $a)"),
        ("-1 - $a", "-($a + 1)"),
        ("$a - -1", "$a + 1"),
        ("$a + -1", "$a - 1"),
        ("1 - $a", "-$a + 1"),
        ("Mean($a, 1)", "$a"),
        ("Sum($a, 1)", "$a"),
        ("Max(Mean($a / $b, 5), 1)", "Mean($a / $b, 5)"),
        ("$a * 1 + 0", "$a"),
        ("$a / 1 - 0", "$a"),
        ("$a ** 1", "$a"),
        ("$a - Ref($a, 5)", "Delta($a, 5)"),
        ("Ref($a, 5) - $a", "-Delta($a, 5)"),
        ("Ref(Ref($a, 2), 3)", "Ref($a, 5)"),
        ("Mean(-$a, 5)", "-Mean($a, 5)"),
        ("Std(-$a, 5)", "Std($a, 5)"),
        ("Max(-$a, 5)", "-Min($a, 5)"),
        ("IdxMax(-$a, 5)", "IdxMin($a, 5)"),
        ("Corr(-$a, $b, 5)", "-Corr($a, $b, 5)"),
        ("Corr(-$a, -$b, 5)", "Corr($a, $b, 5)"),
        ("Abs($b - $a)", "Abs($a - $b)"),
        ("Abs(Abs($a))", "Abs(-$a)"),
        ("Sign(-$a)", "-Sign($a)"),
        ("$a > $b", "$b < $a"),
        ("Ge($a, $b)", "Le($b, $a)"),
        ("5 > $a", "$a < 5"),
        ("Not(Not($a > $b))", "$a > $b"),
        ("Not($a == $b)", "$a != $b"),
        ("Or($a > 0, $a > 0)", "$a > 0"),
        ("CSZScore(-$a)", "-CSZScore($a)"),
        ("CSRank(CSRank($a))", "CSRank($a)"),
        ("CSDemean(CSDemean($a))", "CSDemean($a)"),
        ("CSDemean(-CSDemean($a))", "-CSDemean($a)"),
        ("CSZScore(CSZScore($a))", "CSZScore($a)"),
        ("CSZScore(CSZScore(CSZScore(-$a)))", "-CSZScore($a)"),
        ("Greater($b, Greater($a, $b))", "Greater($a, $b)"),
        ("Less(Less($a, $b), $a)", "Less($a, $b)"),
        ("And(And($a > 0, $b > 0), $b > 0)", "And($a > 0, $b > 0)"),
        ("ts_mean(delay($a, 1), 5)", "Mean(Ref($a, 1), 5)"),
    ],
)
def test_equivalent_texts_are_one(one: str, other: str) -> None:
    assert parse(one) == parse(other)
    assert str(parse(one)) == str(parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$a - $b", "$b - $a"),
        ("$a / $b", "$b / $a"),
        ("($a + $b) + $c", "$a + ($b + $c)"),
        ("Mean($a / $b, 1)", "$a / $b"),
        ("EMA($a, 1)", "$a"),
        ("Rank(-$a, 5)", "Rank($a, 5)"),
        ("CSRank(-$a)", "CSRank($a)"),
        ("CSRank(CSDemean($a))", "CSRank($a)"),
        ("CSZScore(CSRank($a))", "CSRank($a)"),
        ("CSDemean(CSZScore($a))", "CSZScore($a)"),
        ("Not($a > $b)", "$a <= $b"),
        ("Ref(Ref($a, 200), 100)", "Ref($a, 250)"),
        ("($a > 0) * 1", "$a > 0"),
        ("$a / 3", "$a * 0.3333333333333333"),
    ],
)
def test_what_differs_in_a_bit_stays_apart(one: str, other: str) -> None:
    assert parse(one) != parse(other)


def _operands(operator: Operator, of: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    numbers = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]).map(Number)
    kinds = {
        "series": of,
        "operand": st.one_of(of, of, numbers),
        "condition": st.builds(lambda x, y: Call("Gt", (x, y)), of, st.one_of(of, numbers)),
        "fraction": st.sampled_from([0.1, 0.5]).map(Number),
    }
    args = st.tuples(*(kinds[kind] for kind in operator.arguments if kind != "window"))
    args = args.filter(lambda given: not all(isinstance(node, Number) for node in given))
    least = max(operator.smallest, 2)
    windows = st.integers(least, 12) if operator.windowed else st.none()
    return st.builds(Call, st.just(operator.name), args, windows)


def _trees(without: tuple[str, ...] = ()) -> st.SearchStrategy[Node]:
    leaves = st.sampled_from(list(_PANEL.values)).map(Field)
    signs = ["Neg", "Sub", "Add", "Mul", "Div", "Abs", "Delta", "Ref", "Mean", "Max", "Corr"]
    names = st.sampled_from([n for n in [*OPERATORS, *signs * 4] if n not in without])
    return st.recursive(
        leaves, lambda of: names.flatmap(lambda n: _operands(OPERATORS[n], of)), max_leaves=6
    )


_SLOW_START = settings(
    deadline=None, max_examples=300, suppress_health_check=list(HealthCheck), derandomize=True
)


@given(_trees())
@_SLOW_START
def test_canonical_text_reads_back_as_itself(tree: Node) -> None:
    try:
        expression = Expression.of(tree)
    except ExpressionError:
        return
    assert parse(str(expression)) == expression
    assert parse(str(expression)).node == expression.node
    assert Expression.of(expression.node) == expression


@pytest.mark.parametrize("name", ["Mean", "Sum", "Max", "Min", "Med"])
@pytest.mark.parametrize("field", list(_PANEL.values))
def test_a_window_of_one_session_is_the_value(name: str, field: str) -> None:
    tree = Call(name, (Field(field),), 1)
    written, canonical = evaluate([Expression(tree), Expression.of(tree)], _PANEL)
    assert np.array_equal(written, canonical, equal_nan=True)


@pytest.mark.parametrize("name", ["Corr", "Cov"])
def test_pairs_commute_up_to_the_last_bit(name: str) -> None:
    swapped = Call(name, (Field("open"), Field("close")), 10)
    written, canonical = evaluate([Expression(swapped), Expression.of(swapped)], _PANEL)
    np.testing.assert_allclose(written, canonical, rtol=1e-6)


@given(_trees(), st.sampled_from(["CSRank", "CSDemean", "CSZScore"]))
@_SLOW_START
def test_a_second_one_across_the_session_does_nothing(inner: Node, name: str) -> None:
    """Ranks of ranks are the same to the last bit; distances from a mean of zero nearly so."""
    twice = Call(name, (Call(name, (inner,)),))
    try:
        expression = Expression.of(twice)
    except ExpressionError:
        return
    once, again, x = evaluate(
        [Expression(twice.args[0]), Expression(twice), Expression(inner)],  # type: ignore[arg-type]
        _PANEL,
    )
    assert expression == Expression.of(twice.args[0])  # type: ignore[arg-type]
    if name == "CSRank":
        assert np.array_equal(once, again, equal_nan=True), to_text(twice)
        return
    known = np.where(np.isfinite(x), x.astype(np.float64), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # sessions without a value
        largest = np.nanmax(np.abs(known), axis=1)
        rows = np.nanmax(known, axis=1) - np.nanmin(known, axis=1) > 1e-5 * largest
    once, again, largest = once[rows], again[rows], largest[rows, None]
    step = 1e-6 * (largest if name == "CSDemean" else np.ones_like(largest))
    both = np.isfinite(once) & np.isfinite(again)
    assert np.array_equal(np.isnan(once), np.isnan(again)), to_text(twice)
    assert (np.abs(once - again) <= step)[both].all(), to_text(twice)


@given(_trees(without=("Corr", "Cov")))
@_SLOW_START
def test_the_canonical_tree_has_the_values_of_the_tree(tree: Node) -> None:
    try:
        expression = Expression.of(tree)
    except ExpressionError:
        return
    written, canonical = evaluate([Expression(tree), expression], _PANEL)
    assert np.array_equal(np.isnan(written), np.isnan(canonical)), to_text(tree)
    # A quotient by zero may change its sign with the sign of that zero.
    both = np.isfinite(written) & np.isfinite(canonical)
    assert np.array_equal(np.isinf(written), np.isinf(canonical)), to_text(tree)
    assert np.array_equal(written[both], canonical[both]), to_text(tree)
