"""The pool's health as of a session: each factor against what its acceptance promised."""

import datetime as dt
from dataclasses import dataclass

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.sessions import as_date
from factor_pool.decay import Check, examine
from factor_pool.errors import EvaluationError
from factor_pool.expression import ExpressionError
from factor_pool.ledger import Ledger


@dataclass(frozen=True)
class Health:
    """How the factors in use stand.

    Parameters
    ----------
    checks
        Each factor with its expression, in the order of acceptance.
    later
        Factors accepted on data from after the session: nothing can be said of them then.
    trouble
        Why they could not be checked; "" where they were.
    """

    checks: tuple[tuple[Check, str], ...]
    later: int
    trouble: str = ""


def health(home: Home, panel: Panel) -> Health:
    """Check the pool on a panel; nothing is written.

    Parameters
    ----------
    home
        Whose ledger is read.
    panel
        As known; only its sessions count.

    Raises
    ------
    factor_pool.errors.FactorError
        The ledger cannot be read.
    """
    if not home.ledger.exists():
        return Health((), 0)
    with Ledger(home.ledger, readonly=True) as ledger:
        members, tests = ledger.members(), {test.attempt_id: test for test in ledger.tests()}
    last = as_date(panel.sessions[-1])
    known = [
        member for member in members
        if _data_end(tests[member.attempt_id].figures.get("data_end")) <= last
    ]  # fmt: skip
    later = len(members) - len(known)
    try:
        checks = examine(panel, known, tests)
    except (EvaluationError, ExpressionError) as error:  # the page names it and goes on
        return Health((), later, str(error))
    pairs = zip(checks, known, strict=True)
    return Health(tuple((check, member.expression) for check, member in pairs), later)


def _data_end(text: str | None) -> dt.date:
    return dt.date.fromisoformat(text) if text else dt.date.min
