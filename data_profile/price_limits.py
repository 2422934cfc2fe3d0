"""The price limits of A shares: which one applies, the exact price, and what a day did with it.

`RULES` and `OPENINGS` are the tables; `limit_of` looks one stock-day up, `limit_prices` gives its
prices by the Decimal rule; `limits_of` and `limit_ticks` are the same two for whole arrays, in
ticks. Nothing here tests a percentage: a stock at 1.03 reaches its limit at +9.71%.

The prices that the rule is applied to must be the ones that were traded. Front-adjusted bars are
not: see limit_events.py and docs/data.md.
"""

import datetime
import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Literal, get_args

import numpy as np

from data_profile.errors import DataError

Board = Literal["main", "chinext", "star", "bse"]
Status = Literal["normal", "st", "unreformed", "delisting"]
BOARDS: tuple[Board, ...] = get_args(Board)
STATUSES: tuple[Status, ...] = get_args(Status)
TICK = Decimal("0.01")
_NONE = -1  # in arrays: no limit
_CODE = re.compile(r"[0-9]{6}")
_PREFIXES: tuple[tuple[str, Board], ...] = (
    ("60", "main"), ("00", "main"),
    ("300", "chinext"), ("301", "chinext"), ("302", "chinext"),
    ("688", "star"), ("689", "star"),
    ("43", "bse"), ("8", "bse"), ("92", "bse"),
)  # fmt: skip


class PriceLimitError(DataError):
    """A stock, a day or a price that the rules of price limits cannot be applied to."""


@dataclass(frozen=True)
class Limit:
    """How far a price may go in a session, in whole percent of the previous close.

    Parameters
    ----------
    up, down
        Percent up and down; None where there is no limit.
    """

    up: int | None
    down: int | None


NO_LIMIT = Limit(None, None)


@dataclass(frozen=True)
class Rule:
    """The daily limit of a board and status from a session on, both ways alike."""

    board: Board
    status: Status
    start: datetime.date
    percent: int


@dataclass(frozen=True)
class Opening:
    """The first sessions after an event, for the stocks whose event falls on `start` or later.

    Parameters
    ----------
    board
        Where.
    event
        "listing", or "delisting": the start of the delisting period (退市整理期).
    start
        The first date of the event to which it applies, until the next one of the table.
    sessions
        How many sessions it lasts, the event's own included.
    limit
        What holds in them.
    """

    board: Board
    event: Literal["listing", "delisting"]
    start: datetime.date
    sessions: int
    limit: Limit


_day = datetime.date
RULES: tuple[Rule, ...] = (
    Rule("main", "normal", _day(1996, 12, 16), 10),
    Rule("main", "st", _day(1998, 4, 22), 5),
    Rule("main", "st", _day(2026, 7, 6), 10),
    Rule("main", "unreformed", _day(2007, 1, 8), 5),
    Rule("chinext", "normal", _day(2009, 10, 30), 10),
    Rule("chinext", "normal", _day(2020, 8, 24), 20),
    Rule("star", "normal", _day(2019, 7, 22), 20),
    Rule("bse", "normal", _day(2021, 11, 15), 30),
)
"""In order of date; a status that a board does not name has the board's normal limit."""

OPENINGS: tuple[Opening, ...] = (
    Opening("main", "listing", _day(1996, 12, 16), 1, NO_LIMIT),
    Opening("main", "listing", _day(2014, 1, 1), 1, Limit(44, 36)),
    Opening("main", "listing", _day(2023, 4, 10), 5, NO_LIMIT),
    Opening("main", "delisting", _day(2020, 12, 31), 1, NO_LIMIT),
    Opening("chinext", "listing", _day(2009, 10, 30), 1, NO_LIMIT),
    Opening("chinext", "listing", _day(2014, 1, 1), 1, Limit(44, 36)),
    Opening("chinext", "listing", _day(2020, 8, 24), 5, NO_LIMIT),
    Opening("chinext", "delisting", _day(2020, 8, 24), 1, NO_LIMIT),
    Opening("star", "listing", _day(2019, 7, 22), 5, NO_LIMIT),
    Opening("star", "delisting", _day(2019, 7, 22), 1, NO_LIMIT),
    Opening("bse", "listing", _day(2021, 11, 15), 1, NO_LIMIT),
    Opening("bse", "delisting", _day(2021, 11, 15), 1, NO_LIMIT),
)
"""On day 1 of a listing with a limit, the previous close is the issue price."""


def board_of(code: str) -> Board:
    """The board of a six-digit A-share code.

    Raises
    ------
    PriceLimitError
        It is no code of an A share: B shares, funds, bonds, a lost leading zero.

    Examples
    --------
    >>> board_of("600519"), board_of("300750"), board_of("688981"), board_of("920002")
    ('main', 'chinext', 'star', 'bse')
    """
    if _CODE.fullmatch(code):
        for prefix, board in _PREFIXES:
            if code.startswith(prefix):
                return board
    raise PriceLimitError(
        f"{code!r} is no code of an A share; give six digits as text, such as 000001 or 688981"
    )


def is_share(code: str) -> bool:
    """Whether a code is of an A share: convertible bonds, funds and B shares are not.

    Examples
    --------
    >>> is_share("600519"), is_share("900901"), is_share("110059")
    (True, False, False)
    """
    try:
        board_of(code)
    except PriceLimitError:
        return False
    return True


def status_of(name: str) -> Status:
    """The status that a stock's short name of the day announces.

    "*ST", "ST" (special treatment), "S佳通" and "SST" (share reform not done), "退市…" and "…退"
    (delisting period); marks of the day such as XD or N before it are skipped.

    Examples
    --------
    >>> status_of("*ST西旅"), status_of("S佳通"), status_of("云创退"), status_of("平安银行")
    ('st', 'unreformed', 'delisting', 'normal')
    """
    text = unicodedata.normalize("NFKC", name).replace(" ", "").upper()
    text = re.sub(r"^(XD|XR|DR|N(?=[*S])|C(?=[*S]))", "", text)
    if text.startswith("退市") or re.search(r"退$|\(退\)$", text):
        return "delisting"
    if re.match(r"S(\*?ST|[^\x00-\x7f])", text):
        return "unreformed"
    return "st" if re.match(r"\*?ST", text) else "normal"


def limit_of(
    board: Board,
    day: datetime.date,
    status: Status = "normal",
    *,
    listed_on: datetime.date | None = None,
    delisting_on: datetime.date | None = None,
) -> Limit:
    """The limit of one stock on one session.

    Parameters
    ----------
    board, day, status
        Which stock, when.
    listed_on, delisting_on
        First session of its listing, and of its delisting period; None where unknown or never.

    Raises
    ------
    PriceLimitError
        The day lies before the board existed (the main board: before its limits of 1996).

    Examples
    --------
    >>> limit_of("main", datetime.date(2026, 7, 3), "st")
    Limit(up=5, down=5)
    >>> limit_of("chinext", datetime.date(2020, 8, 21))
    Limit(up=10, down=10)
    """
    for event, start in (("listing", listed_on), ("delisting", delisting_on)):
        opening = _opening(board, event, start) if start is not None else None
        if opening is not None and 0 < _ordinal(start, day) <= opening.sessions:
            return opening.limit
    for kind in (status, "normal"):
        in_force = [r for r in RULES if r.board == board and r.status == kind and r.start <= day]
        if in_force:
            return Limit(in_force[-1].percent, in_force[-1].percent)
    raise PriceLimitError(f"there is no price limit of board {board} on {day}: it begins later")


def _opening(board: Board, event: str, start: datetime.date) -> Opening | None:
    held = [o for o in OPENINGS if o.board == board and o.event == event and o.start <= start]
    return held[-1] if held else None


def limit_prices(
    board: Board, previous_close: Decimal | str, limit: Limit
) -> tuple[Decimal | None, Decimal | None]:
    """The upper and the lower limit price, yuan.

    Previous close x (1 +/- limit), rounded half up to the tick of 0.01; the Beijing exchange takes
    the last tick within the limit instead (a price beyond 30% is invalid there). If that is not a
    tick away from the previous close, one tick is the limit; no price is below one tick.

    Parameters
    ----------
    board
        Decides the rounding.
    previous_close
        The exchange's own: adjusted for the rights that left the stock that day.
    limit
        As `limit_of` says.

    Returns
    -------
    tuple
        (up, down); None where there is no limit.

    Raises
    ------
    PriceLimitError
        `previous_close` is no positive number of whole ticks.

    Examples
    --------
    >>> limit_prices("main", "1.15", Limit(10, 10))  # round(1.15 * 1.1, 2) would give 1.26
    (Decimal('1.27'), Decimal('1.04'))
    >>> limit_prices("bse", "5.33", Limit(30, 30))
    (Decimal('6.92'), Decimal('3.74'))
    """
    try:
        close = Decimal(previous_close)
        whole = close > 0 and close % TICK == 0
    except (InvalidOperation, TypeError) as error:
        raise PriceLimitError(f"previous close {previous_close!r} is no price") from error
    if not whole:
        raise PriceLimitError(
            f"previous close {previous_close} is no positive number of ticks of {TICK}; "
            "adjusted prices have no limit price"
        )
    inward = board == "bse"
    up = down = None
    if limit.up is not None:
        price = (close * (100 + limit.up) / 100).quantize(
            TICK, ROUND_FLOOR if inward else ROUND_HALF_UP
        )
        up = max(price, close + TICK)
    if limit.down is not None:
        price = (close * (100 - limit.down) / 100).quantize(
            TICK, ROUND_CEILING if inward else ROUND_HALF_UP
        )
        down = max(min(price, close - TICK), TICK)
    return up, down


def limit_ticks(
    previous: np.ndarray, up: np.ndarray, down: np.ndarray, inward: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`limit_prices` for arrays: all in whole ticks, -1 for none.

    Parameters
    ----------
    previous
        int64 (N,), previous close in ticks, positive.
    up, down
        int (N,), percent; -1 where there is no limit.
    inward
        bool (N,), the Beijing exchange's rounding.
    """
    previous = previous.astype(np.int64)
    high, low = previous * (100 + up), previous * (100 - down)
    upper = np.where(inward, high // 100, (high + 50) // 100)
    lower = np.where(inward, -(-low // 100), (low + 50) // 100)
    upper = np.maximum(upper, previous + 1)
    lower = np.maximum(np.minimum(lower, previous - 1), 1)
    return np.where(up < 0, _NONE, upper), np.where(down < 0, _NONE, lower)


def limits_of(
    board: np.ndarray,
    day: np.ndarray,
    status: np.ndarray,
    listed_on: np.ndarray,
    delisting_on: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """`limit_of` for arrays.

    Parameters
    ----------
    board, status
        int (N,), positions in `BOARDS` and `STATUSES`.
    day, listed_on, delisting_on
        datetime64[D] (N,); the last two NaT where unknown or never.

    Returns
    -------
    tuple
        Percent up, percent down: int64 (N,), -1 where there is no limit.

    Raises
    ------
    PriceLimitError
        A day before its board existed.
    """
    percent = np.full(len(day), _NONE, dtype=np.int64)
    for rule in sorted(RULES, key=lambda rule: rule.status != "normal"):
        at = (board == BOARDS.index(rule.board)) & (day >= np.datetime64(rule.start))
        if rule.status != "normal":
            at &= status == STATUSES.index(rule.status)
        percent[at] = rule.percent
    if (early := percent < 0).any():
        first = int(np.argmax(early))
        raise PriceLimitError(
            f"there is no price limit of board {BOARDS[int(board[first])]} on {day[first]}: "
            "it begins later"
        )
    up, down = percent.copy(), percent
    longest = max(opening.sessions for opening in OPENINGS)
    for event, start in (("delisting", delisting_on), ("listing", listed_on)):
        ordinal = _ordinal(start, day)
        for at in np.flatnonzero((ordinal > 0) & (ordinal <= longest)):  # a few rows a stock
            opening = _opening(BOARDS[int(board[at])], event, start[at].item())
            if opening is not None and ordinal[at] <= opening.sessions:
                up[at] = _NONE if opening.limit.up is None else opening.limit.up
                down[at] = _NONE if opening.limit.down is None else opening.limit.down
    return up, down


def _ordinal(start: object, day: object) -> np.ndarray:
    """Which session since `start` a day is: 1 for the first, 0 before it and where it is NaT."""
    from data_profile.sessions import calendar

    begin, end = (np.asarray(dates, dtype="datetime64[D]") for dates in (start, day))
    days = np.array(calendar().days, dtype="datetime64[D]")
    passed = np.searchsorted(days, end, side="right") - np.searchsorted(days, begin)
    return np.where(np.isnat(begin), 0, np.maximum(passed, 0))
