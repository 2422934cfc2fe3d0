"""The table of operators is complete and contradicts itself nowhere."""

from collections import Counter

import pytest

from factor_pool.expression import Call, Field, Node, Number, parse
from factor_pool.expression.nodes import to_text
from factor_pool.expression.operators import OPERATORS, SYMBOLS, Operator, find


def test_every_operator_of_stock_qlib_is_taken_or_left_out() -> None:
    from qlib.data.ops import OpsList

    from factor_pool.expression.operators import LEFT_OUT

    stock = {operator.__name__ for operator in OpsList} - {"Rolling"}
    assert stock <= set(OPERATORS) | set(LEFT_OUT)
    own = {op.name for op in OPERATORS.values() if op.custom}
    assert set(OPERATORS) - stock == own - {"EMA"}


def test_no_name_means_two_operators() -> None:
    names = Counter(alias for op in OPERATORS.values() for alias in op.aliases)
    names.update(op.name.lower() for op in OPERATORS.values())
    assert [name for name, count in names.items() if count > 1] == ["rank"]
    assert find("rank") is OPERATORS["CSRank"]
    assert find("Rank") is OPERATORS["Rank"]


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=lambda op: op.name)
def test_every_operator_parses_from_its_table_row(operator: Operator) -> None:
    letters = iter(("a", "b", "c"))
    args: list[Node] = []
    for kind in operator.arguments:
        if kind == "condition":
            args.append(Call("Gt", (Field(next(letters)), Number(0.0))))
        elif kind != "window":
            args.append(Number(0.5) if kind == "fraction" else Field(next(letters)))
    assert len(args) == operator.arity
    window = max(operator.smallest, 5) if operator.windowed else None
    text = to_text(Call(operator.name, tuple(args), window))
    assert parse(text).operator is operator
    assert operator.signature.startswith(f"{operator.name}(")
    assert operator.meaning


def test_symbols_are_python_s() -> None:
    assert " ".join(SYMBOLS) == "+ - * / ** > >= < <= == != & |"
