"""What proposers are told of the past is a digest, and it does not grow."""

import pickle

from scenario.proposers.memory import Memory
from tests.scenario.proposers.test_llm import attempt, memory


def test_it_holds_the_latest_the_strongest_and_the_counts() -> None:
    told = memory(attempt(number, f"Mean($close, {number})") for number in range(1, 300))
    assert told.gates == {"strength": 299}
    assert told.fields == {"close": 299}
    assert next(told.ideas()).hypothesis == "idea 299"
    assert [one.text for one in told.strongest[:2]] == ["Mean($close, 299)", "Mean($close, 298)"]
    assert told.tried("Mean($close, 7)")
    assert not told.tried("Mean($close, 300)")


def test_an_idea_that_comes_again_is_counted_on() -> None:
    told = memory(attempt(n, f"Mean($close, {n})", hypothesis="flow leads") for n in range(2, 5))
    (idea,) = told.ideas()
    assert (idea.tried, idea.accepted) == (3, 0)


def test_what_has_too_few_values_is_no_elite() -> None:
    figures = {"added_t_hac": 6.0, "rank_autocorrelation": 0.5}
    assert memory([attempt(1, "$close", figures=figures, gate="coverage")]).archive.cells == {}
    assert len(memory([attempt(1, "$close", figures=figures)]).archive.cells) == 1


def test_one_lesson_for_each_kind_of_mistake() -> None:
    wrong = {"stage": "invalid", "canonical": None, "figures": {}, "gate": "validity"}
    told = memory(attempt(n, f"bad {n}", **wrong, reason=f"reason {n % 3}") for n in range(9))
    assert told.lessons() == [("bad 8", "reason 2"), ("bad 7", "reason 1"), ("bad 6", "reason 0")]


def test_it_does_not_grow() -> None:
    def size(attempts: int) -> int:
        texts = (f"Mean($close, {n % 200 + 1}) + {n}" for n in range(attempts))
        told: Memory = memory(attempt(n, text) for n, text in enumerate(texts))
        told._tried.clear()  # eight bytes an attempt
        return len(pickle.dumps(told.__dict__))

    assert size(3_000) < 1.2 * size(600)
