"""The archive holds the fittest of each cell, whatever the order in which it met them."""

from hypothesis import given
from hypothesis import strategies as st

from factor_pool.expression import parse
from scenario.proposers.archive import NODE_COST, Archive

TEXTS = ("$close", "Mean($close, 5)", "Mean($close, 5) / $close", "$one_word_count", "$turnover")
ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from(TEXTS),
        st.floats(-9, 9),
        st.sampled_from([0.1, 0.4, 0.9]),
        st.sampled_from([0.0, 0.3]),
    ),
    max_size=30,
)


def fitness(text: str, added_t: float) -> float:
    return abs(added_t) - NODE_COST * parse(text).nodes


@given(ATTEMPTS)
def test_an_elite_is_the_fittest_of_its_cell(
    attempts: list[tuple[str, float, float, float]],
) -> None:
    together = Archive()
    best: dict[object, float] = {}
    for text, added_t, pace, exposure in attempts:
        figures = {
            "added_t_hac": added_t,
            "rank_autocorrelation": pace,
            "persistence_exposure": exposure,
        }
        together.add(text, figures)
        alone = Archive()
        alone.add(text, figures)
        (cell,) = alone.cells
        best[cell] = max(best.get(cell, -100.0), fitness(text, added_t))
    assert {cell: elite.fitness for cell, elite in together.cells.items()} == best
