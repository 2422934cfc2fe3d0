"""Where the factor search may look, where acceptance judges, and what stays sealed.

::

    first session                                                       last session
    | search ................................ | purge | confirm .. | purge | sealed |

Search feeds the proposers with every figure. Confirm yields one p-value a candidate, of which
only accept or reject is told. Sealed is not read by any loop.
"""

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError

FRACTIONS = (0.60, 0.25, 0.15)
HORIZON = 1
LOOKBACK = 20
MIN_SEARCH_SESSIONS = 250
MIN_CONFIRM_SESSIONS = 60
LEAST_SESSIONS = math.ceil(MIN_SEARCH_SESSIONS / FRACTIONS[0]) + 2 * (HORIZON + LOOKBACK)
"""Of a panel: with fewer, its default windows leave too short a search."""


@dataclass(frozen=True)
class Window:
    """A range of sessions.

    Parameters
    ----------
    name
        "search", "confirm", "sealed" or "all".
    start, end
        First and last session, both inclusive; dates in Asia/Shanghai.
    sessions
        How many sessions it holds; 0 where that was not counted.
    """

    name: str
    start: dt.date
    end: dt.date
    sessions: int = 0

    def mask(self, sessions: np.ndarray) -> np.ndarray:
        """Bool (T,): which of the `sessions` (datetime64[D]) lie in the window."""
        return (sessions >= np.datetime64(self.start)) & (sessions <= np.datetime64(self.end))


@dataclass(frozen=True)
class Windows:
    """The three windows of a panel, and the purged sessions between them.

    Parameters
    ----------
    search, confirm, sealed
        In this order, without overlap.
    purge
        Sessions left out at each of the two borders.
    first_core
        First session in which every core field exists; None where nothing was asked of fields.
    late
        Core fields that begin too late to be counted: with them, search would be too short.
    """

    search: Window
    confirm: Window
    sealed: Window
    purge: int
    first_core: dt.date | None = None
    late: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        edges = [w for x in (self.search, self.confirm, self.sealed) for w in (x.start, x.end)]
        if any(a > b for a, b in itertools.pairwise(edges)) or any(
            a >= b for a, b in zip(edges[1::2], edges[2::2], strict=False)
        ):
            raise EvaluationError(
                "windows must follow one another: search, confirm, sealed; got "
                + ", ".join(f"{w.name} {w.start}..{w.end}" for w in self)
            )

    def __iter__(self) -> Iterator[Window]:
        """Search, confirm, sealed."""
        return iter((self.search, self.confirm, self.sealed))

    def search_panel(self, panel: Panel) -> Panel:
        """The panel as proposers may see it: physically without any row after search.

        Nor does it know of an instrument that begins later, or whether one goes on: see `known`.
        """
        return known(panel, self.search.end)

    def confirm_panel(self, panel: Panel) -> Panel:
        """The panel that acceptance hands to the evaluator.

        It ends with the confirm window, so that no label reaches past it, and keeps every earlier
        row: look-backs and full-history averages need them. Figures must be limited to the
        sessions of `confirm`.
        """
        return known(panel, self.confirm.end)

    def to_dict(self) -> dict[str, object]:
        """Dates as ISO text, for records."""
        return {
            **{w.name: {"start": w.start.isoformat(), "end": w.end.isoformat()} for w in self},
            "purge": self.purge,
            "first_core": self.first_core.isoformat() if self.first_core else None,
            "late": list(self.late),
        }

    def bar(self, width: int = 60) -> str:
        """One line, the windows to scale: S search, C confirm, X sealed, a dot purged."""
        total = self.search.sessions + self.confirm.sessions + self.sealed.sessions + 2 * self.purge
        marks = "S" * round(width * self.search.sessions / total)
        for letter, window in (("C", self.confirm), ("X", self.sealed)):
            marks += "." * max(1, round(width * self.purge / total))
            marks += letter * max(1, round(width * window.sessions / total))
        return marks


def known(panel: Panel, end: dt.date) -> Panel:
    """The panel as it stood after a session: no later row, and nothing that only later rows tell.

    An instrument whose first value comes later is left out. `listed` is worked out again from the
    values that remain, since in the whole panel it also says whether an instrument goes on.

    Parameters
    ----------
    panel
        The whole store.
    end
        Last session kept.
    """
    cut = panel.between(None, end)
    present = np.zeros(cut.shape, dtype=bool)
    for matrix in cut.values.values():
        present |= np.isfinite(matrix)
    listed = np.logical_or.accumulate(present) & np.logical_or.accumulate(present[::-1])[::-1]
    there = np.flatnonzero(listed.any(axis=0))
    if len(there) == cut.shape[1]:
        return Panel(cut.sessions, cut.instruments, cut.values, listed)
    return Panel(
        cut.sessions,
        tuple(cut.instruments[column] for column in there),
        {name: np.ascontiguousarray(matrix[:, there]) for name, matrix in cut.values.items()},
        np.ascontiguousarray(listed[:, there]),
    )


def place(
    panel: Panel,
    core_fields: Iterable[str] = (),
    *,
    fractions: tuple[float, float, float] = FRACTIONS,
    lookback: int = LOOKBACK,
    search_end: dt.date | None = None,
    confirm_end: dt.date | None = None,
) -> Windows:
    """Place the windows on a panel.

    Fields start at different dates, so the borders divide the sessions in which EVERY core field
    has a value; search then reaches back to the first session of the panel, for factors whose
    fields reach back. A core field that begins so late that no search window would be left is not
    counted (`Windows.late`).

    This is where the borders of a ledger come from the first time; from then on the ledger keeps
    them: see `factor_pool.borders`.

    Parameters
    ----------
    panel
        The whole store.
    core_fields
        Fields a factor may be expected to use; those missing from the panel are not counted.
    fractions
        Shares of search, confirm and sealed among the core sessions left after purging.
    lookback
        Sessions purged at each border beyond the label's horizon. See Notes.
    search_end, confirm_end
        Last session of search and of confirm. Where given, they replace the fractions; a date
        that is no session counts as the last session before it.

    Raises
    ------
    EvaluationError
        Too few sessions, or dates that leave a window empty.

    Notes
    -----
    The label of a session is known one session later (`HORIZON`), so one purged session already
    keeps every search label out of confirm; and since the search panel is cut after its last
    session, its last label is missing rather than borrowed. A look-back that crosses the border
    is no leak by itself: a factor's value at a confirm session uses only its past. What it does
    is tie the first confirm sessions to the last search sessions, on which the factor was
    selected. A full purge of the longest look-back (250) would leave nothing of a young field's
    history, and such a tie fades with the serial correlation of daily rank correlations, which
    is gone after about a month; hence `lookback` = 20 sessions, 21 purged with the horizon.
    """
    sessions = panel.sessions
    starts = _starts(panel, core_fields)
    # The latest beginning that still leaves a search window: a field that begins later than that
    # (one whose collection has just begun) must not bring all mining to an end.
    for first in sorted(set(starts.values()) or {0}, reverse=True):
        rows = _rows(sessions, first, fractions, lookback, search_end, confirm_end)
        if _searched(rows, first) >= MIN_SEARCH_SESSIONS:
            break
    _check_lengths(rows, len(sessions) - first, first)
    search, confirm, sealed = (
        Window(name, _date(sessions[a]), _date(sessions[b]), b - a + 1)
        for name, (a, b) in zip(("search", "confirm", "sealed"), rows, strict=True)
    )
    late = tuple(name for name, row in starts.items() if row > first)
    return Windows(search, confirm, sealed, HORIZON + lookback, _date(sessions[first]), late)


_Rows = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def _rows(
    sessions: np.ndarray,
    first: int,
    fractions: tuple[float, float, float],
    lookback: int,
    search_end: dt.date | None,
    confirm_end: dt.date | None,
) -> _Rows:
    """First and last row of each window, core fields beginning at row `first`."""
    purge = HORIZON + lookback
    if search_end is None:
        usable = len(sessions) - first - 2 * purge
        last_search = first + round(usable * fractions[0]) - 1
    else:
        last_search = _last_row(sessions, search_end)
    if confirm_end is None:
        left = len(sessions) - (last_search + 1) - 2 * purge
        share = fractions[1] / (fractions[1] + fractions[2])
        last_confirm = last_search + purge + round(left * share)
    else:
        last_confirm = _last_row(sessions, confirm_end)
    return (
        (0, last_search),
        (last_search + purge + 1, last_confirm),
        (last_confirm + purge + 1, len(sessions) - 1),
    )


def _starts(panel: Panel, core_fields: Iterable[str]) -> dict[str, int]:
    """Core field -> first row with a value, of those that the panel has."""
    starts = {}
    for name in core_fields:
        if name not in panel.values:
            continue
        has = np.isfinite(panel.values[name]).any(axis=1)
        if not has.any():
            raise EvaluationError(f"core field {name!r} has no value in the whole panel")
        starts[name] = int(has.argmax())
    return starts


def _searched(rows: _Rows, first: int) -> int:
    """Sessions of search in which the core fields exist."""
    return max(rows[0][1] - first + 1, 0)


def _last_row(sessions: np.ndarray, day: dt.date) -> int:
    return int(np.searchsorted(sessions, np.datetime64(day), side="right")) - 1


def _date(session: np.datetime64) -> dt.date:
    return dt.date.fromisoformat(str(session))


def _check_lengths(rows: _Rows, core: int, first: int) -> None:
    lengths = [b - a + 1 for a, b in rows]
    search = _searched(rows, first)
    if search < MIN_SEARCH_SESSIONS:
        raise EvaluationError(
            f"the search window would hold {search} sessions with every core field, at "
            f"least {MIN_SEARCH_SESSIONS} are needed; the panel has {core} such sessions in all: "
            "import a longer history, or place search_end later"
        )
    if lengths[1] < MIN_CONFIRM_SESSIONS or lengths[2] < 1:
        raise EvaluationError(
            f"confirm would hold {max(lengths[1], 0)} sessions (at least {MIN_CONFIRM_SESSIONS} "
            f"needed) and sealed {max(lengths[2], 0)}: place search_end or confirm_end earlier, "
            "or import a longer history"
        )
