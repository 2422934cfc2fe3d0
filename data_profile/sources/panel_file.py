"""A panel of sectors by day from one Parquet or CSV file, checked row by row.

The first thing wrong ends the reading with one SourceError that names file, column and row as a
person counts them: the line of a CSV file, the row of a Parquet file from 1.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_profile.errors import CalendarError, SourceError
from data_profile.identifiers import (
    FIELD_RULE,
    INSTRUMENT_RULE,
    is_field,
    is_instrument,
    same_but_case,
)
from data_profile.profile import Profile
from data_profile.sessions import is_session

REQUIRED = ("close", "turnover", "company_count", "limit_up_count")
IDS = ("sector_id", "instrument")
NAMES = ("sector", "name")
_MISSING = {"", "nan", "na", "n/a", "null", "none", "<na>"}
_DATE = re.compile(r"(\d{4})([-/]?)(\d{2})\2(\d{2})(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Imported:
    """A checked panel file.

    Parameters
    ----------
    frame
        Columns `date` (datetime64), `instrument`, then the file's other columns in order: numbers
        as float64 (NaN is missing), text as it stood. Rows in the file's order.
    names
        Instrument id -> display name, the latest by date; the id itself where there is none.
    ignored
        Columns that hold text or flags, which no factor can use; the names' column apart.
    source
        Name of the file.
    """

    frame: pd.DataFrame
    names: dict[str, str]
    ignored: tuple[str, ...]
    source: str

    def renamed(self, ids: Mapping[str, str]) -> "Imported":
        """The same under other ids: id in the file -> id (`Sectors.adopt`)."""
        frame = self.frame.assign(instrument=self.frame["instrument"].map(ids))
        names = {ids[code]: name for code, name in self.names.items()}
        return replace(self, frame=frame, names=names)


def read(path: Path) -> Imported:
    """Read and check a panel file.

    Parameters
    ----------
    path
        `.parquet` (or `.pq`) or `.csv` (UTF-8, comma, with a header). Columns `date`
        (YYYY-MM-DD, YYYYMMDD or YYYY/MM/DD), `sector_id` or `instrument`, `close`, `turnover`,
        `company_count`, `limit_up_count`; optionally `sector` or `name`, and any other fields.
        The rows of each sector stand in date order; sectors may follow each other or alternate.

    Raises
    ------
    SourceError
        The file cannot be read, or anything in it cannot be taken; the message says what to do.
    """
    path = Path(path)
    table = _open(path)
    key = _check_columns(table)
    ids = _instruments(table, key)
    days = _dates(table, "date")
    _check_rows(table, key, ids, days)
    _check_sessions(table, days)
    data: dict[str, object] = {"date": days.astype("datetime64[s]"), "instrument": ids}
    shown = next((name for name in NAMES if name in table.columns), None)
    ignored = []
    known = Profile.load().fields
    for name in table.columns:
        if name in ("date", key):
            continue
        values = None if name in NAMES else _numbers(table, name, name in known)
        if values is None:
            ignored += [name] * (name != shown)
            data[name] = _text(table.columns[name])
        else:
            count = name in known and known[name].unit == "count"
            data[name] = _check_numbers(table, name, values, count)
    names = _display_names(ids, days, None if shown is None else _text(table.columns[shown]))
    return Imported(pd.DataFrame(data), names, tuple(ignored), path.name)


@dataclass(frozen=True)
class _Table:
    """Columns of a file, and how to say where one of its rows stands."""

    path: Path
    columns: Mapping[str, pa.ChunkedArray]
    lines: Sequence[int] | None  # of a CSV file: the line on which each row begins

    def place(self, row: int) -> str:
        """Where row `row` (from 0) stands in the file."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def refuse(self, column: str, row: int, problem: str) -> SourceError:
        """The error for one cell."""
        return SourceError(f"{self.path}, {self.place(row)}, column {column!r}: {problem}")


def _open(path: Path) -> _Table:
    suffix = path.suffix.lower()
    if path.is_dir():
        raise SourceError(f"{path} is a folder; give the Parquet or CSV file inside it")
    if not path.exists():
        raise SourceError(f"{path} does not exist")
    if suffix not in (".parquet", ".pq", ".csv"):
        raise SourceError(f"{path} must end in .parquet or .csv; convert it, or rename it")
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{path} is empty")
        table = _open_csv(path) if suffix == ".csv" else _open_parquet(path)
    except OSError as error:  # pyarrow's errors of reading are OSErrors too
        raise SourceError(f"{path} cannot be read: {_line(error)}") from error
    if not max(map(len, table.columns.values()), default=0):
        raise SourceError(f"{path} has no rows")
    return table


def _open_parquet(path: Path) -> _Table:
    try:
        content = pq.read_table(path, use_pandas_metadata=False, partitioning=None)
        content.validate(full=True)  # offsets and UTF-8
        header = content.column_names
    except (pa.ArrowException, ValueError) as error:
        raise SourceError(f"{path} is no readable Parquet file: {_line(error)}") from error
    _check_header(path, header)
    return _Table(path, dict(zip(header, content.columns, strict=True)), None)


def _open_csv(path: Path) -> _Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        begin = 1
        header: list[str] = []
        rows: list[list[str]] = []
        lines: list[int] = []
        try:
            for cells in reader:
                if not header:
                    header = [cell.strip() for cell in cells]
                    _check_header(path, header)
                elif cells:
                    if len(cells) != len(header):
                        raise SourceError(
                            f"{path}, line {begin}: {len(cells)} cells where the header has "
                            f"{len(header)}; look for a missing or an extra comma"
                        )
                    rows.append(cells)
                    lines.append(begin)
                begin = reader.line_num + 1
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{path} is not UTF-8 text after line {reader.line_num}; save it as UTF-8"
            ) from error
        except csv.Error as error:
            raise SourceError(f"{path}, line {reader.line_num}: {error}") from error
    if not rows:
        raise SourceError(f"{path} has no rows")
    columns = {
        name: pa.chunked_array([pa.array(cells, pa.string())])
        for name, cells in zip(header, zip(*rows, strict=True), strict=True)
    }
    return _Table(path, columns, lines)


def _check_header(path: Path, header: Sequence[str]) -> None:
    for position, name in enumerate(header, 1):
        if not name:
            raise SourceError(f"{path}: column {position} has no name; name it or remove it")
        if header.index(name) != position - 1:
            raise SourceError(f"{path}: column {name!r} stands twice; remove or rename one")


def _check_columns(table: _Table) -> str:
    """The columns that must be there are; returns the one that holds the ids."""
    keys = [name for name in IDS if name in table.columns]
    if len(keys) == 2:
        raise SourceError(f"{table.path} has both {IDS[0]!r} and {IDS[1]!r}; keep one of them")
    missing = [name for name in ("date", *REQUIRED) if name not in table.columns]
    if not keys:
        missing.insert(0, "sector_id")
    if missing:
        word = "column" if len(missing) == 1 else "columns"
        raise SourceError(
            f"{table.path}: {word} {', '.join(map(repr, missing))} missing from the header; "
            f"it has {', '.join(map(_printable, table.columns))}"
        )
    clash = same_but_case(table.columns)
    if clash:
        raise SourceError(
            f"{table.path}: columns {clash[0]!r} and {clash[1]!r} differ only in case; rename one"
        )
    return keys[0]


def _text(column: pa.ChunkedArray) -> np.ndarray:
    """Cells as text, None where missing; an object array."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = pc.local_timestamp(column.cast(pa.timestamp(kind.unit, "Asia/Shanghai")))
    try:
        return np.array(column.cast(pa.string()).to_pylist(), dtype=object)
    except pa.ArrowException:  # lists, structures and the like
        return np.array([None if v is None else str(v) for v in column.to_pylist()], dtype=object)


def _instruments(table: _Table, key: str) -> np.ndarray:
    kind = table.columns[key].type
    if pa.types.is_floating(kind):
        raise SourceError(f"{table.path}: column {key!r} holds {kind}; ids must be text or integer")
    ids = _text(table.columns[key])
    for row in _first_of_each(ids):
        if not isinstance(ids[row], str) or not is_instrument(ids[row]):
            raise table.refuse(key, row, f"{ids[row]!r} is no id; use {INSTRUMENT_RULE}")
    clash = same_but_case(dict.fromkeys(ids))
    if clash:
        row = int(np.flatnonzero(ids == clash[1])[0])
        raise table.refuse(key, row, f"{clash[1]!r} and {clash[0]!r} differ only in case")
    return ids


def _dates(table: _Table, column: str) -> np.ndarray:
    """Column as datetime64[D]."""
    text = _text(table.columns[column])
    known: dict[object, np.datetime64] = {}
    for row in _first_of_each(text):
        known[text[row]] = _date(table, column, row, text[row])
    return np.array([known[cell] for cell in text], dtype="datetime64[D]")


def _date(table: _Table, column: str, row: int, cell: str | None) -> np.datetime64:
    match = _DATE.fullmatch(cell.strip()) if cell else None
    try:
        if match:
            return np.datetime64(f"{match[1]}-{match[3]}-{match[4]}", "D")
    except ValueError:  # such as 30 February
        pass
    shown = "missing" if cell is None else repr(cell)
    raise table.refuse(column, row, f"{shown} is no date; write it like 2025-12-31")


def _first_of_each(cells: np.ndarray) -> list[int]:
    """Position of the first of each distinct cell, in order."""
    return sorted(dict(zip(reversed(cells), range(len(cells) - 1, -1, -1), strict=True)).values())


def _check_rows(table: _Table, key: str, ids: np.ndarray, days: np.ndarray) -> None:
    """Each (date, sector) once, and the rows of each sector in date order."""
    codes, names = pd.factorize(ids)
    pairs = pd.Series(days.astype(np.int64) * len(names) + codes)
    again = pairs.duplicated().to_numpy()
    if again.any():
        row = int(np.argmax(again))
        first = int(np.argmax((pairs == pairs[row]).to_numpy()))
        raise table.refuse(
            f"date, {key}", row,
            f"({days[row]}, {ids[row]}) stands already in {table.place(first)}; keep one of them",
        )  # fmt: skip
    before = pd.Series(days.astype(np.int64)).groupby(codes).shift().to_numpy()
    back = days.astype(np.int64) < before
    if back.any():
        row = int(np.argmax(back))
        previous = np.int64(before[row]).astype("datetime64[D]")
        raise table.refuse(
            "date", row,
            f"{days[row]} of {ids[row]} comes after its {previous}; sort the file by date",
        )  # fmt: skip


def _check_sessions(table: _Table, days: np.ndarray) -> None:
    for row in np.sort(np.unique(days, return_index=True)[1]):
        try:
            open_ = is_session(days[row])
        except CalendarError as error:
            raise table.refuse("date", int(row), str(error)) from error
        if not open_:
            raise table.refuse(
                "date", int(row),
                f"{days[row]} is no trading day in Shanghai; remove its rows or correct the date",
            )  # fmt: skip


def _numbers(table: _Table, name: str, known: bool) -> np.ndarray | None:
    """A column as float64, or None where it holds text or flags.

    Text is read as numbers if the field is known to be one, or if at least half of its cells are.
    """
    column = table.columns[name]
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    text = _text(column)
    there = np.array([cell is not None and cell.strip().lower() not in _MISSING for cell in text])
    values = np.full(len(text), np.nan)
    values[there] = pd.to_numeric(pd.Series(text[there], dtype=object), errors="coerce")
    wrong = there & np.isnan(values)
    if not known and (not there.any() or 2 * wrong.sum() > there.sum()):
        return None
    if wrong.any():
        row = int(np.argmax(wrong))
        raise table.refuse(
            name, row, f"{text[row][:80]!r} is no number; write digits only, or leave it empty"
        )
    return values


def _check_numbers(table: _Table, name: str, values: np.ndarray, count: bool) -> np.ndarray:
    if not is_field(name):
        raise SourceError(
            f"{table.path}: column {name!r} holds numbers, but a field is named with {FIELD_RULE}; "
            "rename or remove it"
        )
    if name in REQUIRED and np.isnan(values).all():
        raise SourceError(f"{table.path}: column {name!r} holds no number at all")
    endless = np.abs(values) > _LARGEST
    if endless.any():
        row = int(np.argmax(endless))
        raise table.refuse(
            name, row, f"{values[row]} is not finite; leave it empty where there is no value"
        )
    if count and (values < 0).any():
        row = int(np.argmax(values < 0))
        raise table.refuse(name, row, f"{values[row]:g} is no count; it cannot be negative")
    return values


def _display_names(ids: np.ndarray, days: np.ndarray, shown: np.ndarray | None) -> dict[str, str]:
    names = {str(name): str(name) for name in sorted(set(ids))}
    if shown is not None:
        for row in np.argsort(days, kind="stable"):
            if shown[row] and (text := _printable(shown[row])):
                names[str(ids[row])] = text
    return names


def _printable(text: str) -> str:
    """Text without control characters, at most 40 long: names are shown on terminals."""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:40]


def _line(error: Exception) -> str:
    """What a library said, on one line."""
    return " ".join(str(error).split())
