"""What may be added to what, and what comes out."""

import pytest

from factor_pool.expression import Call, Expression, ExpressionError, Field, language, parse
from factor_pool.expression.operators import OPERATORS
from tests.factor_pool.expression.generate import UNITS, expressions

_FIELDS = {
    "close": "points",
    "open": "points",
    "turnover": "yuan",
    "count": "count",
    "share": "ratio",
    "volume": "shares",
    "beta": "dimensionless",
}


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("$close", "points"),
        ("$close + $open", "points"),
        ("$close + 1", "points"),
        ("1 - $share", "ratio"),
        ("$close / $open", "dimensionless"),
        ("$turnover / $count", "yuan/count"),
        ("$turnover / $count / $count", "yuan/count^2"),
        ("$turnover / $volume * $volume", "yuan"),
        ("1 / $turnover", "1/yuan"),
        ("$close * $volume", "points*shares"),
        ("$close ** 2", "points^2"),
        ("$close ** 0.5", "points^0.5"),
        ("$share ** $beta", "dimensionless"),
        ("$share + $beta", "dimensionless"),
        ("CSRank($turnover) + CSRank($count)", "dimensionless"),
        ("CSZScore($turnover) - Rank($count, 5)", "dimensionless"),
        ("CSDemean($turnover)", "yuan"),
        ("Log($turnover + 1)", "dimensionless"),
        ("Std($turnover, 5)", "yuan"),
        ("Var($turnover, 5)", "yuan^2"),
        ("Cov($turnover, $count, 5)", "count*yuan"),
        ("Corr($turnover, $count, 5)", "dimensionless"),
        ("If($count > 2, $close, $open)", "points"),
        ("If($count > 2, $close, 0)", "points"),
        ("Sum($count > 2, 5)", "dimensionless"),
        ("Greater($turnover, 0)", "yuan"),
        ("Delta($turnover, 5)", "yuan"),
        ("Sign($turnover) * $count", "count"),
        ("IdxMax($close, 5)", "dimensionless"),
        ("Quantile($close, 5, 0.5)", "points"),
    ],
)
def test_units_come_out(text: str, unit: str) -> None:
    assert parse(text, _FIELDS).unit == unit


@pytest.mark.parametrize(
    ("text", "column", "both"),
    [
        ("$turnover + $count", 11, "yuan and count"),
        ("$close - $turnover", 8, "points and yuan"),
        ("$close > $count", 8, "points and count"),
        ("Greater($close, $volume)", 1, "points and shares"),
        ("If($count > 1, $close, $turnover)", 1, "points and yuan"),
        ("$turnover / $count + $turnover", 20, "yuan/count and yuan"),
        ("$share + $close", 8, "ratio and points"),
        ("$close ** $count", 8, "points raised to an exponent in count"),
        ("Mean($close, 5) + Var($close, 5)", 17, "points and points^2"),
    ],
)
def test_nonsense_is_refused_and_says_so(text: str, column: int, both: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, _FIELDS)
    assert both in caught.value.message
    assert caught.value.column == column
    assert caught.value.hint


def test_without_units_nothing_is_checked() -> None:
    assert parse("$turnover + $count").unit is None


def test_a_unit_that_cannot_be_read_is_a_unit_of_its_own() -> None:
    fields = {"x": "a^b", "y": "a^b", "z": "元/股"}
    assert parse("$x + $y", fields).unit == "a^b"
    assert parse("$x / $y", fields).unit == "dimensionless"
    with pytest.raises(ExpressionError, match="a\\^b and 元/股"):
        parse("$x + $z", fields)


def test_every_operator_gives_a_unit() -> None:
    for operator in OPERATORS.values():
        given = [
            0.5 if kind == "fraction" else "dimensionless"
            for kind in operator.arguments
            if kind != "window"
        ]
        assert operator.unit(given) in ("dimensionless", "ratio")


def test_canonical_text_read_anew_is_what_was_kept_beside_the_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for written in expressions(300, seed=5):
        text = str(Expression.of(Call("Mul", (written.node, Field("rate"))), UNITS))
        kept = parse(text, UNITS), parse(text)
        monkeypatch.setattr(language, "_read", {})
        anew = parse(text, UNITS)
        monkeypatch.setattr(language, "_read", {})
        without = parse(text)
        assert [(one.node, one.unit) for one in kept] == [
            (anew.node, anew.unit),
            (without.node, None),
        ]
