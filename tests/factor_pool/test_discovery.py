"""The online false-discovery rule: its levels are the formula's, and its state the ledger's."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from online_fdr.p_values import Addis

from factor_pool.discovery import RULES, OnlineRule, next_test
from factor_pool.errors import LedgerError
from factor_pool.gates import Settings
from factor_pool.records import Test


def past(*p_values: float, settings: Settings) -> list[Test]:
    tests: list[Test] = []
    for k, p in enumerate(p_values):
        level, discovery = next_test(tests, p, settings)
        tests.append(Test(k + 1, k + 1, settings.rule_name, p, level, discovery))
    return tests


def test_lord_levels_are_those_of_the_formula() -> None:
    """LORD++ of Ramdas et al. (2017), worked out here from its definition."""
    settings = Settings(rule="lord")
    p_values = (0.3, 0.0001, 0.2, 0.6, 0.0002, 0.01, 0.5)
    tests = past(*p_values, settings=settings)

    def gamma(j: int) -> float:
        return 0.07720838 * np.log(max(j, 2)) / (j * np.exp(np.sqrt(np.log(j))))

    found: list[int] = []
    for t, (test, p) in enumerate(zip(tests, p_values, strict=True), start=1):
        level = 0.025 * gamma(t)
        level += sum((0.025 if k == 0 else 0.05) * gamma(t - tau) for k, tau in enumerate(found))
        assert test.level == pytest.approx(level)
        if p <= level:
            found.append(t)
    assert [t.position for t in tests if t.discovery] == found == [2, 5]


def test_addis_levels_are_those_of_the_formula_and_capped() -> None:
    """ADDIS of Tian and Ramdas (2019) with lambda 1/4 and tau 1/2."""
    settings = Settings()
    p_values = (0.3, 0.0005, 0.9, 0.1, 0.45, 0.0004, 0.003, 0.3)
    tests = past(*p_values, settings=settings)

    def gamma(j: int) -> float:
        return 0.4374901658 / j**1.6

    found: list[int] = []
    for t, test in enumerate(tests):

        def counted(since: int, until: int = t) -> int:
            return sum(0.25 < p <= 0.5 for p in p_values[since:until])

        level = 0.25 * 0.025 * gamma(1 + counted(0))
        for k, tau in enumerate(found):
            level += 0.25 * (0.025 if k == 0 else 0.05) * gamma(1 + counted(tau + 1))
        assert test.level == pytest.approx(min(level, settings.max_p))
        if test.p_value <= test.level:
            found.append(t)
    assert len(found) >= 2
    assert max(test.level for test in tests) <= settings.max_p


@pytest.mark.parametrize("name", ["addis", "lord"])
def test_a_rule_takes_tests_in_as_they_come(name: str) -> None:
    """The same levels as one that is restored from the first test on each time."""
    settings = Settings(rule=name)
    p_values = np.random.default_rng(0).beta(0.3, 1.0, 60).tolist()
    tests = past(*p_values, settings=settings)
    assert any(test.discovery for test in tests)
    rule = OnlineRule(settings)
    for test, p in zip(tests, p_values, strict=True):
        assert rule.next(0.5)[0] == test.level  # asking takes nothing in
        assert rule.next(p) == (test.level, test.discovery)
        rule.replay([test])
        assert rule.position == test.position


def test_one_ledger_has_one_rule() -> None:
    tests = past(0.3, 0.001, settings=Settings())
    with pytest.raises(LedgerError, match=r"made under addis.*now lord"):
        next_test(tests, 0.01, Settings(rule="lord"))
    forged = [replace(tests[0], level=0.04), tests[1]]
    with pytest.raises(LedgerError, match="the ledger was changed"):
        next_test(forged, 0.01, Settings())


def test_false_discoveries_of_useless_candidates_stay_within_the_budget() -> None:
    """500 streams of 60 uniform p-values: fewer than 5% hold any discovery (wealth 2.5%)."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(500):
        rule = Addis(alpha=0.05, wealth=0.025, lambda_=0.25, tau=0.5)
        hits += any(rule.test_one(p) for p in rng.random(60))
    assert hits <= 25


@pytest.mark.parametrize("name", RULES)
@given(st.lists(st.floats(0.011, 1), max_size=60))
def test_without_a_discovery_no_level_rises(name: str, p_values: list[float]) -> None:
    """So a budget whose level no p-value reaches stays spent (`Acceptance.spent`)."""
    rule = RULES[name](Settings(rule=name))
    levels = [rule.test_one_detail(p).test_level for p in p_values]
    assert levels == sorted(levels, reverse=True)
