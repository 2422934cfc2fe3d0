"""The pool as the predictor sees it: its active members, and the version they make up."""

from data_profile.home import Home
from factor_pool.ledger import Ledger
from predictor.features import Member


def members_of(home: Home) -> tuple[Member, ...]:
    """The pool's active members, in the order of their acceptance; none before any mining."""
    if not home.ledger.exists():
        return ()
    return tuple(Ledger(home.ledger).members())


def version_of(members: tuple[Member, ...]) -> str:
    return str(len(members))
