"""Whatever the text, there is an expression or an `ExpressionError`, and nothing runs."""

import gc
import sys
import tracemalloc

import pytest

from factor_pool.expression import ExpressionError, parse
from tests.factor_pool.expression.hostile import texts

_FIELDS = {"close": "points", "open": "points", "turnover": "yuan", "net_inflow": "yuan"}


def _try(text: str, fields: dict[str, str] | None) -> bool:
    """Whether the text is refused; anything but an `ExpressionError` is raised."""
    refusal = None
    try:
        expression = parse(text, fields)
    except ExpressionError as error:
        refusal = error
    if refusal is None:
        assert parse(str(expression)).node == expression.node
        return False
    assert 1 <= refusal.column <= len(text) + 1
    assert len(str(refusal)) < 2_000
    return True


def test_100_000_hostile_texts_raise_nothing_else() -> None:
    watched: list[str] = []
    sys.addaudithook(lambda event, _: watched.append(event) if watching else None)
    watching = False
    refused = 0
    for number, text in enumerate(texts(100_000, seed=3)):
        fields = _FIELDS if number % 2 else None
        watching = True
        refused += _try(text, fields)
        watching = False
    assert set(watched) <= {"object.__getattr__"}
    assert 50_000 < refused < 100_000


def test_memory_stays_flat() -> None:
    def held_after(seed: int) -> int:
        for text in texts(3_000, seed=seed):
            _try(text, _FIELDS)
        gc.collect()  # a refusal is in a cycle with its traceback until then
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = held_after(4)
        assert held_after(5) - first < 200_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text", ["Ref($close, -1)", "Delta($close, -1)", "Ref($close, 1-2)", "Ref($close, 0)",
             "Mean($close, 0)", "Ref($close, -(1))", "Ref($close, - 1)"],
)  # fmt: skip
def test_the_future_cannot_be_written(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)
