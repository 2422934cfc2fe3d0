"""Who proposes next."""

import numpy as np
import pytest

from scenario.proposers import bandit
from scenario.session import Tally


def draws(rates: dict[str, float], count: int, seed: int) -> list[str]:
    """Play: each turn costs 64 evaluations and brings factors at the proposer's rate."""
    random = np.random.default_rng(seed)
    tallies: dict[str, Tally] = {}
    chosen = []
    for turn in range(count):
        name = bandit.choose(list(rates), tallies, seed, turn)
        known = tallies.get(name, Tally())
        tallies[name] = Tally(
            known.iterations + 1, known.accepted + random.poisson(rates[name]), known.cost + 64
        )
        chosen.append(name)
    return chosen


def test_a_clearly_better_one_is_picked() -> None:
    share = [
        np.mean([name == "good" for name in draws({"good": 0.5, "bad": 0.05}, 400, seed)[200:]])
        for seed in range(10)
    ]
    assert np.mean(share) >= 0.9


def test_none_starves() -> None:
    chosen = draws({"good": 1.0, "bad": 0.0, "worse": 0.0}, 1_000, seed=1)
    assert min(chosen.count(name) for name in ("bad", "worse")) >= 15


def test_the_same_turn_gives_the_same_choice() -> None:
    tallies = {"evolve": Tally(10, 1, 640.0)}
    names = ["evolve", "llm"]
    first = [bandit.choose(names, tallies, 7, turn) for turn in range(50)]
    assert first == [bandit.choose(names, tallies, 7, turn) for turn in range(50)]
    assert set(first) == set(names)


def test_cost_counts_replies_and_money() -> None:
    assert bandit.cost(64, 0, 0.0) == 64.0
    assert bandit.cost(5, 2, 0.01) == pytest.approx(5 + 400 + 200)
