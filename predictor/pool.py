"""The pool as the predictor uses it: checked, then its version and its members in use."""

from dataclasses import asdict, dataclass
from typing import Any

from data_profile.home import Home
from factor_pool import decay
from factor_pool.errors import FactorError
from factor_pool.ledger import Ledger
from factor_pool.pool import Pool
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


@dataclass(frozen=True)
class Change:
    """A member whose status the check changed.

    Parameters
    ----------
    member
        Its id.
    before, after
        "active", "watch" or "retired".
    reason
        A sentence for people.
    """

    member: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True)
class PoolCheck:
    """How the members stood when the decay monitor looked at them.

    Parameters
    ----------
    checked
        Members looked at.
    changes
        Those whose status changed.
    trouble
        Why the check, or its publication, could not be made; None where it was. The members are
        then used with the statuses they have.
    """

    checked: int
    changes: tuple[Change, ...]
    trouble: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"changes": [asdict(change) for change in self.changes]}


def check_pool(home: Home) -> PoolCheck:
    """Run the decay monitor, as `tide pool monitor` does, and publish what it changed.

    A factor that has stopped working should not be trained on. But a check that cannot be made,
    or an MLflow that is away, is no reason not to train: that is said in `trouble`.

    Raises
    ------
    data_profile.errors.StoreError
        There is no store.
    """
    before = _statuses(home)
    checked, trouble = 0, None
    try:
        checked = len(decay.monitor(home))
        Pool(home).publish_pending()
    except FactorError as error:
        trouble = str(error)
    after = _statuses(home)
    changes = tuple(
        Change(name, before[name][0], status, reason)
        for name, (status, reason) in after.items()
        if status != before[name][0]
    )
    return PoolCheck(checked, changes, trouble)


def _statuses(home: Home) -> dict[str, tuple[str, str]]:
    """Member -> its status, and the reason of its last change."""
    if not home.ledger.exists():
        return {}
    with Ledger(home.ledger, readonly=True) as ledger:
        return {
            member.id: (member.status, ledger.history(member.id)[-1][2])
            for member in ledger.members(status=None)
        }
