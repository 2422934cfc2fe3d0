"""Which windows hold for a ledger: placed once, written down, moved only forward and on purpose.

Placed anew by fractions each time, the borders would creep forward with every session collected:
what was sealed yesterday would judge today, and nobody would have decided it. So the first run
writes them into the ledger, and every later one reads them there. New sessions lengthen the sealed
window. `TIDE_SEARCH_END` and `TIDE_CONFIRM_END` (dates, YYYY-MM-DD) place them first, or move them.
"""

import datetime as dt
import getpass
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.windows import LOOKBACK, Windows, place
from factor_pool.ledger import Ledger
from factor_pool.records import Borders, Opening

SETTINGS = ("TIDE_SEARCH_END", "TIDE_CONFIRM_END")


@dataclass(frozen=True)
class Settled:
    """The windows that hold.

    Parameters
    ----------
    windows
        On the panel at hand.
    borders
        As last written in the ledger; None where nothing is written yet.
    moved
        Whether the settings ask for other borders than the ledger holds.
    """

    windows: Windows
    borders: Borders | None
    moved: bool = False


def current(path: Path, panel: Panel, core_fields: Iterable[str]) -> Settled:
    """The windows that the next run would use; nothing is written.

    Parameters
    ----------
    path
        The ledger's file; need not exist.
    panel
        The whole store.
    core_fields
        See `windows.place`.

    Raises
    ------
    EvaluationError
        The borders do not fit the data, or a setting is no date.
    LedgerError
        The ledger cannot be read.
    """
    if not path.exists():
        return _settled([], panel, core_fields)
    with Ledger(path, readonly=True) as ledger:
        return _settled(ledger.borders(), panel, core_fields)


def settle(ledger: Ledger, panel: Panel, core_fields: Iterable[str]) -> tuple[Windows, Borders]:
    """The windows that hold from now on, written into the ledger.

    Raises
    ------
    EvaluationError
        The borders do not fit the data, or a setting is no date.
    LedgerError
        A setting asks for a border to move back.
    """
    found = _settled(ledger.borders(), panel, core_fields)
    wished = " ".join(f"{name}={os.environ[name]}" for name in SETTINGS if os.environ.get(name))
    written = ledger.set_borders(
        found.windows.search.end,
        found.windows.confirm.end,
        lookback=LOOKBACK,
        who=person(),
        why=wished or "placed by the default fractions of the sessions with every core field",
        snapshot=panel.snapshot_id,
    )
    return found.windows, written


def spent(ledger: Ledger, windows: Windows) -> list[Opening]:
    """Openings of a sealed window that reached into what is now confirm."""
    confirm = windows.confirm
    return [
        one
        for one in ledger.openings("sealed")
        if one.first and one.last and one.first <= confirm.end and one.last >= confirm.start
    ]


def person() -> str:
    """Who runs this program, as the operating system says."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may know no name for its user
        return f"user {os.getuid()}"


def _settled(written: list[Borders], panel: Panel, core_fields: Iterable[str]) -> Settled:
    last = written[-1] if written else None
    search_end, confirm_end = (_date(name) for name in SETTINGS)
    asked = search_end is not None or confirm_end is not None
    if last is not None:
        search_end = search_end or last.search_end
        confirm_end = confirm_end or last.confirm_end
    try:
        windows = place(panel, core_fields, search_end=search_end, confirm_end=confirm_end)
    except EvaluationError as error:
        if last is None or asked:
            raise
        raise EvaluationError(
            f"the windows of this home's ledger (search until {last.search_end}, confirm until "
            f"{last.confirm_end}) do not fit this data: {error}. Set {' and '.join(SETTINGS)} to "
            "later dates, or take another --home"
        ) from error
    ends = (windows.search.end, windows.confirm.end)
    moved = last is not None and ends != (last.search_end, last.confirm_end)
    return Settled(windows, last, moved)


def _date(name: str) -> dt.date | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise EvaluationError(f"{name} must be a date such as 2024-12-31, not {text!r}") from None
