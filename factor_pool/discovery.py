"""The online false-discovery rule over every confirm test of a ledger.

A kept library (`online-fdr`) does the arithmetic; this restores its state from the ledger and
checks that the past adds up.
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

from factor_pool.errors import LedgerError
from factor_pool.gates import Settings
from factor_pool.records import Test


def _addis(settings: Settings) -> Any:
    from online_fdr.p_values import Addis

    class CappedAddis(Addis):
        """ADDIS at no level above `max_p`. Any smaller level than it allows keeps its promise."""

        def calc_alpha_t(self) -> float:
            return min(settings.max_p, super().calc_alpha_t())

    wealth = settings.fdr * settings.wealth
    return CappedAddis(alpha=settings.fdr, wealth=wealth, lambda_=0.25, tau=0.5)


def _lord(settings: Settings) -> Any:
    from online_fdr.p_values import LordPlusPlus

    return LordPlusPlus(alpha=settings.fdr, wealth=settings.fdr * settings.wealth)


RULES: dict[str, Callable[[Settings], Any]] = {"addis": _addis, "lord": _lord}


class OnlineRule:
    """The online rule where a ledger's tests have brought it.

    It keeps no state beside the ledger: it is restored by replaying every test, once, and takes in
    later ones as they come.

    Parameters
    ----------
    settings
        The rule and its parameters.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rule = RULES[settings.rule](settings)
        self.position = 0
        """Of the last test that was taken in."""

    def replay(self, tests: Sequence[Test]) -> None:
        """Take in the tests that follow those taken in so far, in order.

        Raises
        ------
        LedgerError
            They were made under another rule, or replaying them gives other levels than were
            written: error budgets of two rules cannot be joined.
        """
        for test in tests:
            if test.rule != self._settings.rule_name:
                raise LedgerError(
                    f"test {test.position} was made under {test.rule}, now "
                    f"{self._settings.rule_name} is set: the error budget of one ledger belongs "
                    "to one rule; use the same, or another home"
                )
            level = self._rule.test_one_detail(test.p_value).test_level
            if not math.isclose(level, test.level, rel_tol=1e-9, abs_tol=1e-15):
                raise LedgerError(
                    f"test {test.position} has level {test.level} in the ledger, replaying it "
                    f"gives {level}: the ledger was changed, or the online-fdr library was"
                )
            self.position = test.position

    def next(self, p_value: float) -> tuple[float, bool]:
        """(level, discovery) of the next p-value, which is not taken in."""
        outcome = copy.deepcopy(self._rule).test_one_detail(p_value)
        return float(outcome.test_level), bool(outcome.rejected)


def next_test(past: Sequence[Test], p_value: float, settings: Settings) -> tuple[float, bool]:
    """(level, discovery) that the online rule gives the next p-value, after all those before it.

    Raises
    ------
    LedgerError
        As `OnlineRule.replay`.
    """
    rule = OnlineRule(settings)
    rule.replay(past)
    return rule.next(p_value)
