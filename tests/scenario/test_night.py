"""Working ahead: the next batch is written while this one is measured."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from data_profile.home import Home
from factor_pool.ledger import Ledger
from scenario.isolation.base import Failure
from scenario.loop import MineOptions, mine
from scenario.proposers.base import Context, Idea, Proposer
from scenario.proposers.evolve import Evolve
from tests.scenario.nights import Here, Silent

LOOPS = 4


class Numbers(Proposer):
    """Writes numbered factors and keeps what it was told."""

    name = "evolve"
    batch = 3
    ahead = True

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.known: list[tuple[int, bool]] = []
        """Attempts with a known end, and whether the texts of the batch before are known."""
        self.written = threading.Semaphore(0)

    def idea(self, context: Context) -> Idea:
        return Idea(self.name, "numbers", "why not")

    def expressions(
        self, idea: Idea, context: Context, failures: Sequence[tuple[str, str]]
    ) -> list[str]:
        memory = context.memory
        self.asked.append(context.iteration)
        before = self._texts(context.iteration - 1) if context.iteration else []
        self.known.append((sum(memory.gates.values()), all(map(memory.tried, before))))
        self.written.release()
        return self._texts(context.iteration)

    def _texts(self, iteration: int) -> list[str]:
        # Constant for each sector: no factor at all, so that every attempt ends at a gate.
        return [f"Sign(${name}) + {iteration + 1}" for name in ("close", "high", "low")]


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Numbers:
    proposer = Numbers()
    monkeypatch.setattr("scenario.loop._proposers", lambda *args: [proposer])
    return proposer


@pytest.fixture
def workers(here: object, monkeypatch: pytest.MonkeyPatch) -> Callable[[Here], None]:
    def use(isolation: Here) -> None:
        monkeypatch.setattr("scenario.loop.choose", lambda *args: isolation)

    return use


def test_the_next_batch_is_written_while_this_one_is_measured(
    home: Home, numbers: Numbers, workers: Callable[[Here], None]
) -> None:
    """The workers wait here for the proposer, who in turn would wait for them."""

    class Waiting(Here):
        batches = 0

        def run(self, jobs_: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | Failure]:
            self.batches += 1
            needed = 2 if self.batches == 1 else 1  # its own batch and the next
            if self.batches < LOOPS:
                assert all(numbers.written.acquire(timeout=30) for _ in range(needed))
            return super().run(jobs_)

    workers(Waiting())
    assert mine(home, MineOptions(loops=LOOPS), Silent()).end == "target"
    assert numbers.asked == list(range(LOOPS))


def test_what_becomes_of_the_batch_under_way_is_not_known(
    home: Home, here: object, numbers: Numbers
) -> None:
    mine(home, MineOptions(loops=LOOPS), Silent())
    with Ledger(home.ledger, readonly=True) as ledger:
        ended = [len(ledger.attempts(iteration=k)) for k in range(LOOPS)]
    assert [texts for _, texts in numbers.known] == [True] * LOOPS
    assert [count for count, _ in numbers.known] == [
        sum(ended[: max(0, k - 1)]) for k in range(LOOPS)
    ]


def test_who_does_not_work_ahead_knows_all(home: Home, here: object, numbers: Numbers) -> None:
    numbers.ahead = False
    mine(home, MineOptions(loops=LOOPS), Silent())
    assert [count for count, _ in numbers.known] == [3 * k for k in range(LOOPS)]


@pytest.mark.parametrize("evaluations", [7, 9, 10])
def test_a_night_ends_at_its_target_to_the_factor(
    home: Home, here: object, numbers: Numbers, evaluations: int
) -> None:
    """And nothing is written ahead that is not asked for."""
    summary = mine(home, MineOptions(evaluations=evaluations), Silent())
    assert summary.evaluated == evaluations
    assert numbers.asked == list(range(-(-evaluations // 3)))


def test_nothing_too_large_is_proposed(home: Home, here: object) -> None:
    """Such texts would be refused, and a tenth of the night with them."""
    mine(home, MineOptions(evaluations=4 * Evolve.batch, seed=2), Silent())
    with Ledger(home.ledger, readonly=True) as ledger:
        assert ledger.count(stage="invalid") == 0
