"""A run that dies between any two gates goes on to the same ledger, byte for byte."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from factor_pool import acceptance, gates
from factor_pool.discovery import OnlineRule, next_test
from factor_pool.gates import Gate, Settings
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt, Member
from tests.draws import drawn_once
from tests.factor_pool import fake_night

GATES = (
    "validity", "novelty", "complexity", "coverage", "baseline_copy", "correlation", "strength",
    "power", "stability", "halves", "turnover",
)  # fmt: skip
AFTER = ("kin", "opened", "confirm", "rule", "written")
INSTANTS = {"recorded_at", "judged_at", "tested_at", "accepted_at", "at"}
ITERATIONS = 3


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


class Switch:
    """Kills at the n-th passing of one place."""

    def __init__(self, place: str = "", nth: int = 0) -> None:
        self.place, self.left = place, nth

    def passing(self, place: str) -> None:
        if place == self.place:
            self.left -= 1
            if self.left == 0:
                raise Killed(place)


class Watched(Gate):
    """A gate after whose answer the switch may kill."""

    def __init__(self, gate: Gate, switch: Switch) -> None:
        self._gate, self._switch, self.name = gate, switch, gate.name

    def objection(
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        answer = self._gate.objection(attempt, figures, pool)
        self._switch.passing(self.name)
        return answer


def after(function: Callable[..., Any], switch: Switch, place: str) -> Callable[..., Any]:
    def watched(*args: Any, **options: Any) -> Any:
        answer = function(*args, **options)
        switch.passing(place)
        return answer

    return watched


def run(path: Path, switch: Switch) -> None:
    """A night in which the switch is asked after each gate and each step of the test."""

    def watched_gates(*args: Any) -> tuple[Gate, ...]:
        # `Correlation` is told apart by its class: keep it one.
        return tuple(
            type("Watched", (Watched, type(gate)), {})(gate, switch)
            for gate in gates.gates_of(*args)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acceptance, "bootstrap_p", drawn_once)
        patch.setattr(acceptance, "gates_of", watched_gates)
        patch.setattr(OnlineRule, "next", after(OnlineRule.next, switch, "rule"))
        patch.setattr(fake_night, "_confirm", after(fake_night._confirm, switch, "confirm"))
        patch.setattr(Ledger, "opened", after(Ledger.opened, switch, "opened"))
        for name in ("judge", "judged", "accept"):
            patch.setattr(Ledger, name, after(getattr(Ledger, name), switch, "written"))
        own = acceptance.Acceptance._kin
        patch.setattr(acceptance.Acceptance, "_kin", after(own, switch, "kin"))
        fake_night.run(path, iterations=ITERATIONS)


def content(path: Path) -> list[tuple[str, tuple[Any, ...]]]:
    """Every row of every table but the log of openings, without instants.

    A look into the confirm window that a kill cut short stays in the log of openings, as it must.
    """
    rows: list[tuple[str, tuple[Any, ...]]] = []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as raw:
        for table in ("attempts", "tests", "members", "member_events", "borders", "state"):
            found = raw.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
            names = [column[0] for column in found.description]
            kept = [k for k, name in enumerate(names) if name not in INSTANTS]
            rows += [(table, tuple(row[k] for k in kept)) for row in found]
    return rows


def budget(path: Path) -> float:
    """The level that the next test would get: the whole state of the error budget."""
    with Ledger(path, readonly=True) as ledger:
        return next_test(ledger.tests(), 1.0, Settings())[0]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calm") / "ledger.db"
    run(path, Switch())
    return path


def test_the_night_passes_every_place(tmp_path: Path) -> None:
    passed: set[str] = set()

    class Noting(Switch):
        def passing(self, place: str) -> None:
            passed.add(place)

    run(tmp_path / "ledger.db", Noting())
    assert passed == {*GATES, *AFTER}


@pytest.mark.parametrize("nth", [1, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("place", [*GATES, *AFTER])
def test_killed_after_it_and_resumed(calm: Path, tmp_path: Path, place: str, nth: int) -> None:
    path = tmp_path / "ledger.db"
    with pytest.raises(Killed, match=place):
        run(path, Switch(place, nth))
    assert content(path) != content(calm)
    run(path, Switch())
    assert content(path) == content(calm)
    assert budget(path) == budget(calm)


def test_killed_after_every_gate_in_turn(calm: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    for place in (*GATES, *AFTER):
        with pytest.raises(Killed):
            run(path, Switch(place, 2))
    run(path, Switch())
    assert content(path) == content(calm)
    assert budget(path) == budget(calm)
