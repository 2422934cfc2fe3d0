"""Files about single stocks: what kind one is, told by its columns, and its checked rows.

Five kinds are known: daily bars, the map of stocks, the dragon-tiger list, its seats, and the
stock-days at a price limit. Only the columns named here pass: what a vendor adds about the days
after a listing (上榜后1日, 上榜后5日...) is the session's FUTURE and is dropped at this door, named
among the ignored.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from data_profile.errors import SourceError
from data_profile.sources.table_file import (
    TableFile,
    check_finite,
    check_sessions,
    dates_of,
    first_of_each,
    numbers_of,
    text_of,
)

HAND = 100.0  # shares
WAN = 1e4  # 万
FUTURE = "上榜后"
_SLACK = 1.0001  # adjusted prices are rounded
_NEVER_NEGATIVE = ("volume", "turnover", "buy", "sell", "float_shares", "total_shares")
_TRUE, _FALSE = {"true", "1", "yes"}, {"false", "0", "no"}


@dataclass(frozen=True)
class Cell:
    """A column of ours, and how files spell it.

    Parameters
    ----------
    name
        Ours.
    kind
        number (float64), flag (0.0 or 1.0), text (None is missing), code (six digits) or day
        (datetime64, missing where empty).
    spelled
        Name in a file -> what its numbers are multiplied by to become ours.
    needed
        Whether a file without it is refused.
    """

    name: str
    kind: Literal["number", "flag", "text", "code", "day"]
    spelled: Mapping[str, float]
    needed: bool = False


@dataclass(frozen=True)
class StockFile:
    """A kind of file; the cells of the map stand in the order of `StockStore.map`.

    Parameters
    ----------
    table
        The table of `StockStore` that it becomes.
    marks
        A file that has a column of each of these groups is of this kind.
    cells
        What is taken from it, beside `session`.
    key
        Columns that name a row; () where rows may repeat.
    dated
        Whether rows have a session, in the file's column `date` (or 上榜日).
    tolerated
        Share of rows whose prices may contradict each other (open above high): single days of
        otherwise sound files do.
    """

    table: str
    marks: Sequence[Collection[str]]
    cells: Sequence[Cell]
    key: tuple[str, ...] = ()
    dated: bool = True
    tolerated: float = 0.0


@dataclass(frozen=True)
class StockTable:
    """The checked rows of a file.

    Parameters
    ----------
    table
        "bars", "map", "list_rows", "seat_rows" or "limit_events".
    frame
        Column `session` (datetime64) where the kind is dated, then the columns of the kind; amounts
        in yuan, volumes in shares, rates as ratios. In the file's order.
    ignored
        Columns of the file that were left out; those of the future among them.
    source
        Name of the file.
    """

    table: str
    frame: pd.DataFrame
    ignored: tuple[str, ...]
    source: str
    future: tuple[str, ...] = field(default=())


def _number(name: str, needed: bool = False, **spelled: float) -> Cell:
    return Cell(name, "number", MappingProxyType({name: 1.0, **spelled}), needed)


def _other(kind: Literal["flag", "text", "code", "day"], name: str, *also: str,
           needed: bool = False) -> Cell:  # fmt: skip
    return Cell(name, kind, MappingProxyType(dict.fromkeys((name, *also), 1.0)), needed)


_CODE = _other("code", "code", "代码", needed=True)
_PRICES = tuple(_number(name, True) for name in ("open", "high", "low", "close"))

KINDS: Sequence[StockFile] = (
    StockFile(
        "limit_events",
        ({"touched_limit_up"}, {"broken"}, {"date"}, {"code"}),
        (
            _CODE,
            _other("text", "name", "name_latest"),
            *_PRICES,
            _number("ret"),
            _number("volume"),
            *(_other("flag", name, needed=True)
              for name in ("limit_up", "limit_down", "touched_limit_up", "broken", "one_word")),
            _number("streak", True),
        ),
        ("session", "code"),
        tolerated=0.001,
    ),
    StockFile(
        "seat_rows",
        ({"department", "seat", "交易营业部名称"}, {"side"}, {"date"}, {"code"}),
        (
            _CODE,
            _other("text", "reason"),
            _other("text", "side", needed=True),
            _number("rank", True),
            _other("text", "seat", "department", "交易营业部名称", needed=True),
            _number("buy", True, buy_wan=WAN),
            _number("sell", True, sell_wan=WAN),
        ),
    ),
    StockFile(
        "list_rows",
        ({"list_reason", "reason", "上榜原因"}, {"date", "上榜日"}, {"code", "代码"}),
        (
            _CODE,
            _other("text", "name", "名称"),
            _other("text", "reason", "list_reason", "上榜原因", needed=True),
            _number("close", 收盘价=1.0),
            _number("ret", pct_change=0.01, 涨跌幅=0.01),
            _number("volume", volume_wan_shares=WAN),
            _number("turnover", amount_wan=WAN, 市场总成交额=1.0),
            _number("turnover_rate", 换手率=0.01),
            _number("float_value", 流通市值=1.0),
            _number("net_buy", 龙虎榜净买额=1.0),
        ),
    ),
    StockFile(
        "bars",
        ({"open"}, {"close"}, {"volume", "volume_hand"}, {"date"}, {"code"}),
        (
            _CODE,
            *_PRICES,
            _number("volume", True, volume_hand=HAND),
            _other("flag", "limit_up"),
            _other("flag", "limit_down"),
            _number("streak"),
            _number("turnover"),
            _number("turnover_rate"),
            _number("float_value"),
            _number("main_net_inflow"),
            _number("large_order_turnover"),
        ),
        ("session", "code"),
    ),
    StockFile(
        "map",
        ({"list_date"}, {"board"}, {"code"}),
        (
            _CODE,
            _other("text", "name", needed=True),
            _other("text", "board", needed=True),
            _other("text", "sector", needed=True),
            _other("day", "list_date", needed=True),
            _number("float_shares", True, float_share=1.0),
            _number("total_shares", total_share=1.0),
        ),
        ("code",),
        dated=False,
    ),
)  # fmt: skip
"""Every kind, the more telling first."""


def recognise(table: TableFile) -> StockFile | None:
    """The kind of a file, or None where it is no file about stocks."""
    for kind in KINDS:
        if all(set(table.columns) & set(names) for names in kind.marks):
            return kind
    return None


def parse(table: TableFile, kind: StockFile) -> StockTable:
    """Check every cell of a file and give its rows our names and units.

    Raises
    ------
    SourceError
        Names file, row and column of the first thing that cannot be taken, and what to do.
    """
    data: dict[str, object] = {}
    names = {}  # ours -> the file's
    if kind.dated:
        column = "date" if "date" in table.columns else "上榜日"
        days = dates_of(table, column)
        check_sessions(table, days)
        data["session"] = days.astype("datetime64[s]")
        names["session"] = column
    for cell in kind.cells:
        name = next((name for name in cell.spelled if name in table.columns), None)
        if name is not None:
            data[cell.name] = _values(table, name, cell)
            names[cell.name] = name
        elif cell.needed:
            raise SourceError(
                f"{table.path}: column {' or '.join(map(repr, cell.spelled))} missing from the "
                f"header; it has {', '.join(table.columns)}"
            )
    frame = pd.DataFrame(data)
    _check(table, kind, frame, names)
    ignored = tuple(name for name in table.columns if name not in names.values())
    future = tuple(name for name in ignored if name.startswith(FUTURE))
    return StockTable(kind.table, frame, ignored, table.path.name, future)


def _values(table: TableFile, name: str, cell: Cell) -> np.ndarray:
    if cell.kind == "number":
        values = numbers_of(table, name, True)
        assert values is not None  # a known number is read as one, or refused
        check_finite(table, name, values)
        return values * cell.spelled[name]
    text = text_of(table.columns[name])
    if cell.kind == "code":
        return _codes(table, name, text)
    if cell.kind == "flag":
        return _flags(table, name, text)
    if cell.kind == "day":
        return dates_of(table, name).astype("datetime64[s]")
    return np.array([None if not one or not one.strip() else one.strip() for one in text])


def _codes(table: TableFile, name: str, text: np.ndarray) -> np.ndarray:
    for row in first_of_each(text):
        code = text[row]
        if not (isinstance(code, str) and len(code) == 6 and code.isascii() and code.isdigit()):
            raise table.refuse(
                name, row,
                f"{code!r} is no code; six digits as text, leading zeros included, such as 000001",
            )  # fmt: skip
    return text


def _flags(table: TableFile, name: str, text: np.ndarray) -> np.ndarray:
    known: dict[object, float] = {}
    for row in first_of_each(text):
        word = str(text[row]).strip().lower()
        if word not in _TRUE | _FALSE:
            raise table.refuse(name, row, f"{text[row]!r} is no flag; write true or false")
        known[text[row]] = float(word in _TRUE)
    return np.array([known[cell] for cell in text])


def _check(
    table: TableFile, kind: StockFile, frame: pd.DataFrame, names: Mapping[str, str]
) -> None:
    """Relations between the cells of a row, and no row twice; `names` are the file's, by ours."""
    if kind.key and (again := frame.duplicated(list(kind.key)).to_numpy()).any():
        row = int(np.argmax(again))
        raise table.refuse(
            ", ".join(names[name] for name in kind.key), row,
            f"{_shown(frame, row, kind.key)} stands already further up; keep one of them",
        )  # fmt: skip
    if kind.table in ("bars", "limit_events"):
        _check_prices(table, frame, kind.tolerated)
    if kind.table == "seat_rows":
        _check_seats(table, frame, names)
    for name in _NEVER_NEGATIVE:
        if name in frame and (below := frame[name].to_numpy() < 0).any():
            row = int(np.argmax(below))
            raise table.refuse(names[name], row, f"{frame[name][row]:g} cannot be negative")


def _check_prices(table: TableFile, frame: pd.DataFrame, tolerated: float) -> None:
    prices = {name: frame[name].to_numpy() for name in ("open", "high", "low", "close")}
    for name, values in prices.items():
        wrong = ~(values > 0)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise table.refuse(
                name, row, f"{values[row]:g} is no price; leave the whole row out if none was made"
            )
    top = np.maximum(prices["open"], prices["close"])
    bottom = np.minimum(prices["open"], prices["close"])
    wrong = (prices["high"] < top / _SLACK) | (prices["low"] > bottom * _SLACK)
    if wrong.sum() > tolerated * len(frame):
        row = int(np.argmax(wrong))
        shown = ", ".join(f"{name} {values[row]:g}" for name, values in prices.items())
        raise table.refuse("high", row, f"{shown} contradict each other; look for swapped columns")


def _check_seats(table: TableFile, frame: pd.DataFrame, names: Mapping[str, str]) -> None:
    for row in first_of_each(frame["side"].to_numpy()):
        if frame["side"][row] not in ("buy", "sell"):
            shown = repr(frame["side"][row])
            raise table.refuse(names["side"], row, f"{shown} is neither buy nor sell")
    unnamed = frame["seat"].isna().to_numpy()
    if unnamed.any():
        raise table.refuse(names["seat"], int(np.argmax(unnamed)), "the seat has no name")


def _shown(frame: pd.DataFrame, row: int, key: Sequence[str]) -> str:
    cells = (frame[name][row] for name in key)
    return ", ".join(str(c.date()) if isinstance(c, pd.Timestamp) else str(c) for c in cells)
