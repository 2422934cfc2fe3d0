"""What the parser takes, how it writes it back, and how it refuses the rest."""

import pickle
import subprocess
import sys

import pytest

from factor_pool.errors import FactorError
from factor_pool.expression import Call, Expression, ExpressionError, Field, Node, Number, parse
from factor_pool.expression.language import MAX_DEPTH, MAX_LENGTH, MAX_NODES
from factor_pool.expression.operators import LEFT_OUT, MAX_WINDOW, OPERATORS

_FIELDS = {"close": "points", "open": "points", "turnover": "yuan", "limit_up_count": "count"}


def _refused(text: str, fields: dict[str, str] | None = None) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse(text, fields)
    return caught.value


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("$a + $b * 2", "$a + $b * 2"),
        ("($a + $b) * 2", "($a + $b) * 2"),
        ("$a - ($b - $c)", "$a - ($b - $c)"),
        ("$a - $b - $c", "$a - $b - $c"),
        ("$a / $b / $c", "$a / $b / $c"),
        ("$a ** $b ** $c", "$a ** $b ** $c"),
        ("($a ** $b) ** $c", "($a ** $b) ** $c"),
        ("-$a ** 2", "Neg($a ** 2)"),
        ("(-$a) ** 2", "Neg($a) ** 2"),
        ("2 ** -$a", "2 ** Neg($a)"),
        ("-$a * $b", "Neg($a * $b)"),
        ("($a > 1) & ($b > 1) | ($a < 0)", "Or($a < 0, And($a > 1, $b > 1))"),
        ("Add($a, Mul($b, 2))", "$a + $b * 2"),
        ("Mean ( $a ,5 )", "Mean($a, 5)"),
        ("Quantile($a, 20, .80)", "Quantile($a, 20, 0.8)"),
        ("$a * 1e-12", "$a * 1e-12"),
        ("$a * 007", "$a * 7"),
        ("\t$a\n+\r\n$b ", "$a + $b"),
        ("($a > $b) == ($b > 0)", "($a > $b) == ($b > 0)"),
    ],
)
def test_text_is_read_with_the_precedence_of_python(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("alias", "canonical"),
    [
        ("ts_rank($a, 5)", "Rank($a, 5)"),
        ("delay($a, 5)", "Ref($a, 5)"),
        ("Delay($a, 5)", "Ref($a, 5)"),
        ("correlation($a, $b, 5)", "Corr($a, $b, 5)"),
        ("Correlation($a, $b, 5)", "Corr($a, $b, 5)"),
        ("Ts_Argmax($a, 5)", "IdxMax($a, 5)"),
        ("ts_arg_min($a, 5)", "IdxMin($a, 5)"),
        ("mean($a, 5)", "Mean($a, 5)"),
        ("stddev($a, 5)", "Std($a, 5)"),
        ("rank($a)", "CSRank($a)"),
        ("zscore($a)", "CSZScore($a)"),
        ("reverse($a)", "Neg($a)"),
        ("if_else($a > 0, 1, 0)", "If($a > 0, 1, 0)"),
    ],
)
def test_other_dialects_canonicalise(alias: str, canonical: str) -> None:
    assert str(parse(alias)) == canonical


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("Men($close, 5)", 1, "unknown operator Men", "did you mean Mean?"),
        ("Rank($close)", 1, "Rank takes 2 arguments, got 1", "across instruments it is CSRank(x)"),
        ("Mean($close)", 1, "Mean takes 2 arguments, got 1", "Mean(x, N)"),
        ("Abs($close, 5)", 1, "Abs takes 1 argument, got more than 1", "Abs(x)"),
        ("Ref($close, -1)", 13, "the shift of Ref is at least 1", "read the future"),
        ("Delta($close, -5)", 15, "the shift of Delta is at least 1", "read the future"),
        ("Ref($close, 0)", 13, "the shift of Ref is at least 1", ""),
        ("Mean($close, 0)", 14, "the window of Mean is at least 1", ""),
        ("Mean($close, 0.5)", 14, "whole number", ""),
        ("Mean($close, $open)", 14, "whole number", ""),
        ("Mean($close, 251)", 14, f"at most {MAX_WINDOW}", ""),
        ("Mean($close, 99999999999999999999)", 14, f"at most {MAX_WINDOW}", ""),
        ("Std($close, 1)", 13, "at least 2", ""),
        ("Kurt($close, 3)", 14, "at least 4", ""),
        ("Max($close, $open)", 13, "whole number", "Greater and Less"),
        ("Quantile($close, 5, 1.5)", 21, "between 0 and 1", ""),
        ("$close + ", 10, "found the end", ""),
        ("$close $open", 8, "unexpected $open", "an operator is missing"),
        ("($close", 8, "to close the ( of column 1", ""),
        ("$close)", 7, "unexpected )", "one ) too many"),
        ("close / 2", 1, "unknown name close", "$close"),
        ("Mean / 2", 1, "Mean needs its arguments", "Mean(x, N)"),
        ("", 1, "empty", ""),
        ("   ", 1, "empty", ""),
        ("5", 1, "a number alone", "$field"),
        ("1 > 2", 3, "compares two numbers", ""),
        ("Mean(5, 3)", 6, "takes a series", ""),
        ("CSRank(1 + 2)", 10, "takes a series", ""),
        ("$close > $open > 1", 16, "do not chain", "And"),
        ("And($close, $open)", 5, "takes conditions", ""),
        ("$close > 1 & $open > 2", 10, "takes conditions", "parentheses"),
        ("$close * (1 / 0)", 13, "no finite number", ""),
        ("1e31 * $close", 1, "out of range", ""),
        ("$close（1)", 7, "unexpected （", "write ("),
        ("$close，5", 7, "unexpected ，", "write ,"),
        ("$close − 1", 8, "unexpected −", "write -"),
        ("$clоse", 4, "unexpected о", ""),
        ("$", 1, "unexpected $", "a field is $"),
        ("$$close", 1, "unexpected $", "a field is $"),
        ("WMA($close, 5)", 1, "left out", "EMA"),
        ("$close\x00", 7, "unexpected U+0000", ""),
    ],
)
def test_errors_say_what_where_and_what_to_do(
    text: str, column: int, message: str, hint: str
) -> None:
    error = _refused(text)
    assert (error.column, message in error.message, hint in error.hint) == (column, True, True)
    assert error.text == text


def test_the_caret_points_at_the_column() -> None:
    lines = str(_refused("Mean($close, 5) / Men($open, 5)")).splitlines()
    assert lines[1].index("Men(") == lines[2].index("^")
    assert lines[3] == "did you mean Mean?"


def test_a_long_text_is_shown_around_the_column() -> None:
    error = _refused(("$" + "a" * 60 + " + ") * 30 + "?")
    assert all(len(line) < 120 for line in str(error).splitlines())
    assert "?" in str(error)


def test_unknown_fields_are_refused_with_the_nearest() -> None:
    error = _refused("Mean($clsoe, 5)", _FIELDS)
    assert (error.column, error.hint) == (6, "did you mean $close?")
    assert "$open" in _refused("Mean($xyz, 5)", _FIELDS).hint


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_what_is_left_out_is_refused_with_a_reason(name: str) -> None:
    assert _refused(f"{name}($close, 5)").hint == LEFT_OUT[name]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "$a" + ")" * 10_000,
        "Abs(" * 100 + "$a" + ")" * 100,
        "-" * 3_000 + "$a",
        "$a" + " ** $a" * 500,
        "$a + $b" * MAX_LENGTH,
        "Log(" * MAX_DEPTH + "$a" + ")" * MAX_DEPTH,
        " + ".join(["Log($a)"] * (MAX_DEPTH + 2)),
        "$" + "a" * 100,
    ],
)
def test_size_is_bounded(text: str) -> None:
    assert isinstance(_refused(text), FactorError)


def test_many_nodes_are_refused() -> None:
    level = ["$a"] * 2 * MAX_NODES
    while len(level) > 1:
        level = [f"({x}+{y})" for x, y in zip(level[::2], level[1::2], strict=True)]
    assert "nodes" in _refused(level[0]).message


@pytest.mark.parametrize("given", [None, 5, b"$close", ["$close"], object()])
def test_only_text_is_parsed(given: object) -> None:
    with pytest.raises(ExpressionError, match="is a text"):
        parse(given)  # type: ignore[arg-type]


def test_an_expression_knows_its_parts() -> None:
    e = parse("Mean($turnover, 5) / Ref($turnover + $limit_up_count, 7) > 1")
    assert e.fields == {"turnover", "limit_up_count"}
    assert (e.lookback, e.depth, e.nodes) == (7, 5, 9)
    assert e.operator is OPERATORS["Gt"]
    assert [str(child) for child in e.children] == [
        "Mean($turnover, 5) / Ref($limit_up_count + $turnover, 7)"
    ]
    assert (parse("$a").operator, parse("$a").children, parse("$a").depth) == (None, (), 1)


@pytest.mark.parametrize(
    ("text", "lookback"),
    [
        ("$a", 0),
        ("CSRank($a)", 0),
        ("Mean($a, 5)", 4),
        ("Ref($a, 5)", 5),
        ("Delta(Mean($a, 5), 3)", 7),
        ("Corr(Mean($a, 5), Std($b, 20), 10)", 28),
        ("EMA($a, 1)", 0),
    ],
)
def test_lookback_counts_earlier_sessions(text: str, lookback: int) -> None:
    assert parse(text).lookback == lookback


def test_an_exponential_mean_looks_back_until_its_weight_is_gone() -> None:
    lookback = parse("EMA($a, 20)").lookback
    assert (1 - 2 / 21) ** lookback < 1e-6 < (1 - 2 / 21) ** (lookback - 1)


def test_expressions_are_values() -> None:
    one, other = parse("$a + $b"), parse("$b + $a")
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301
    assert len({one, other, parse("$a")}) == 2
    assert parse("$close", _FIELDS) == parse("$close")
    with pytest.raises(AttributeError):
        one.unit = "yuan"  # type: ignore[misc]
    assert repr(one) == "parse('$a + $b')"


def test_trees_are_rebuilt_through_the_same_checks() -> None:
    old = parse("Mean($close, 5)", _FIELDS)
    built = Expression.of(Call("Div", (old.node, Field("close"))), _FIELDS)
    assert (str(built), built.unit) == ("Mean($close, 5) / $close", "dimensionless")
    with pytest.raises(ExpressionError, match="points and yuan"):
        Expression.of(Call("Add", (old.node, Field("turnover"))), _FIELDS)
    with pytest.raises(ExpressionError, match="at least 1"):
        Expression.of(Call("Ref", (old.node,), -1))
    assert str(Expression.of(Call("Mul", (Field("a"), Number(-1.0))))) == "Neg($a)"
    bomb: Node = Field("a")
    for _ in range(5_000):
        bomb = Call("Abs", (bomb,))
    with pytest.raises(ExpressionError, match="deep"):
        Expression.of(bomb)


@pytest.mark.parametrize(
    ("text", "qlib"),
    [
        ("-$a", "0 - $a"),
        ("2 ** -$a", "2 ** (0 - $a)"),
        ("-(-$a - $b)", "$a + $b"),
        ("($a > 0) + ($b > 0)", "If($a > 0, 1.0, 0.0) + If($b > 0, 1.0, 0.0)"),
        ("$b * ($a > 0)", "($a > 0) * $b"),
        ("Ref($a > 0, 1)", "Ref(If($a > 0, 1.0, 0.0), 1)"),
        ("Mean($a > 0, 5)", "Mean($a > 0, 5)"),
        ("If($a > 0, 1, 0)", "If($a > 0, 1.0, 0.0)"),
        ("CSRank($a)", "CSRank($a)"),
    ],
)
def test_qlib_text(text: str, qlib: str) -> None:
    assert parse(text).qlib() == qlib


def test_custom_operators_are_named() -> None:
    assert parse("CSRank(EMA(-$a, 5)) + Mean($b, 3)").custom_operators == ("CSRank", "EMA")
    assert parse("-Mean($b, 3)").custom_operators == ()


def test_parsing_needs_neither_numpy_nor_numba() -> None:
    program = (
        "import sys, factor_pool.expression as e; e.parse('CSRank(Mean($a, 5))');"
        "print([m for m in ('numpy', 'numba', 'pandas', 'scipy', 'yaml') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_evaluating_needs_no_more_than_numpy_and_numba() -> None:
    program = """
import sys
absent = ("pandas", "scipy", "yaml", "qlib")
sys.modules.update(dict.fromkeys(absent))  # as in the sandbox image
import numpy as np
from data_profile.panel import Panel
from factor_pool.expression import parse, evaluate
values = {"a": np.ones((3, 2), np.float32)}
days = np.arange("2025-01-01", 3, dtype="datetime64[D]")
panel = Panel(days, ("x", "y"), values, np.ones((3, 2), bool))
print(evaluate([parse("CSRank($a) + Mean($a, 2)")], panel)[0].tolist())
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[[1.75, 1.75], [1.75, 1.75], [1.75, 1.75]]"
