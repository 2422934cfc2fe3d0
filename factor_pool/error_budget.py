"""What is left of the false-discovery budget: the level that the next candidate must reach."""

from collections.abc import Sequence
from dataclasses import dataclass

from factor_pool.discovery import next_test
from factor_pool.gates import Settings
from factor_pool.records import Test


@dataclass(frozen=True)
class ErrorBudget:
    """Where the online false-discovery rule of a ledger stands.

    Parameters
    ----------
    tests, discoveries
        Confirm tests so far, and how many of them were discoveries.
    fdr
        Target false-discovery rate over all of them.
    first_level, next_level
        Levels of the first test and of the next: a p-value at or below is a discovery. Tests that
        find nothing lower the level, discoveries raise it.
    """

    tests: int
    discoveries: int
    fdr: float
    first_level: float
    next_level: float

    @property
    def left(self) -> float:
        """Next level as a share of the first; above 1 where discoveries have earned more."""
        return self.next_level / self.first_level


def error_budget(past: Sequence[Test], settings: Settings) -> ErrorBudget:
    """The budget after these tests.

    Parameters
    ----------
    past
        Tests of one ledger from the first, in order (`Ledger.tests`).
    settings
        The rule and its parameters.

    Raises
    ------
    LedgerError
        The tests were made under another rule.

    Examples
    --------
    >>> error_budget([], Settings()).left
    1.0
    """
    return ErrorBudget(
        tests=len(past),
        discoveries=sum(test.discovery for test in past),
        fdr=settings.fdr,
        first_level=next_test([], 1.0, settings)[0],
        next_level=next_test(past, 1.0, settings)[0],
    )
