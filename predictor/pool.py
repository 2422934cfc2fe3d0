"""The pool as the predictor uses it: its version, and its members in use."""

from dataclasses import dataclass

from data_profile.home import Home
from factor_pool.ledger import Ledger
from factor_pool.records import Member


@dataclass(frozen=True)
class PoolState:
    """The pool at one moment.

    Parameters
    ----------
    version
        Number of changes of the pool so far; 0 before any mining.
    members
        Members in use, in the order of their acceptance.
    """

    version: int = 0
    members: tuple[Member, ...] = ()


def read_pool(home: Home) -> PoolState:
    """Read the pool from the home's ledger.

    Raises
    ------
    factor_pool.errors.LedgerError
        The ledger cannot be read.
    """
    if not home.ledger.exists():
        return PoolState()
    with Ledger(home.ledger, readonly=True) as ledger:
        return PoolState(ledger.pool_version(), tuple(ledger.members()))
