"""One Parquet or CSV file of rows, and its cells as text, dates and numbers.

The first thing wrong ends the reading with one SourceError that names file, column and row as a
person counts them: the line of a CSV file, the row of a Parquet file from 1.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_profile.errors import CalendarError, SourceError
from data_profile.sessions import is_session

_MISSING = {"", "nan", "na", "n/a", "null", "none", "<na>"}
_DATE = re.compile(r"(\d{4})([-/]?)(\d{2})\2(\d{2})(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class TableFile:
    """Columns of a file, and how to say where one of its rows stands.

    Parameters
    ----------
    path
        The file.
    columns
        Name -> cells, in the file's order.
    lines
        Of a CSV file the line on which each row begins; None for Parquet.
    """

    path: Path
    columns: Mapping[str, pa.ChunkedArray]
    lines: Sequence[int] | None

    def place(self, row: int) -> str:
        """Where row `row` (from 0) stands in the file."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def refuse(self, column: str, row: int, problem: str) -> SourceError:
        """The error for one cell."""
        return SourceError(f"{self.path}, {self.place(row)}, column {column!r}: {problem}")


def open_table(path: Path) -> TableFile:
    """Read `.parquet` (or `.pq`), or `.csv` (UTF-8, comma, with a header).

    Raises
    ------
    SourceError
        The file cannot be read, has no rows, or its header has a hole or a name twice.
    """
    path = Path(path)
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


def _open_parquet(path: Path) -> TableFile:
    try:
        content = pq.read_table(path, use_pandas_metadata=False, partitioning=None)
        content.validate(full=True)  # offsets and UTF-8
        header = content.column_names
    except (pa.ArrowException, ValueError) as error:
        raise SourceError(f"{path} is no readable Parquet file: {_line(error)}") from error
    _check_header(path, header)
    return TableFile(path, dict(zip(header, content.columns, strict=True)), None)


def _open_csv(path: Path) -> TableFile:
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
    return TableFile(path, columns, lines)


def _check_header(path: Path, header: Sequence[str]) -> None:
    for position, name in enumerate(header, 1):
        if not name:
            raise SourceError(f"{path}: column {position} has no name; name it or remove it")
        if header.index(name) != position - 1:
            raise SourceError(f"{path}: column {name!r} stands twice; remove or rename one")


def text_of(column: pa.ChunkedArray) -> np.ndarray:
    """Cells as text, None where missing; an object array."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = pc.local_timestamp(column.cast(pa.timestamp(kind.unit, "Asia/Shanghai")))
    try:
        return np.array(column.cast(pa.string()).to_pylist(), dtype=object)
    except pa.ArrowException:  # lists, structures and the like
        return np.array([None if v is None else str(v) for v in column.to_pylist()], dtype=object)


def dates_of(table: TableFile, column: str) -> np.ndarray:
    """Column as datetime64[D]; YYYY-MM-DD, YYYYMMDD or YYYY/MM/DD.

    Raises
    ------
    SourceError
        Names the first cell that is no date.
    """
    text = text_of(table.columns[column])
    known: dict[object, np.datetime64] = {}
    for row in first_of_each(text):
        known[text[row]] = _date(table, column, row, text[row])
    return np.array([known[cell] for cell in text], dtype="datetime64[D]")


def _date(table: TableFile, column: str, row: int, cell: str | None) -> np.datetime64:
    match = _DATE.fullmatch(cell.strip()) if cell else None
    try:
        if match:
            return np.datetime64(f"{match[1]}-{match[3]}-{match[4]}", "D")
    except ValueError:  # such as 30 February
        pass
    shown = "missing" if cell is None else repr(cell)
    raise table.refuse(column, row, f"{shown} is no date; write it like 2025-12-31")


def first_of_each(cells: np.ndarray) -> list[int]:
    """Position of the first of each distinct cell, in order."""
    return sorted(dict(zip(reversed(cells), range(len(cells) - 1, -1, -1), strict=True)).values())


def check_sessions(table: TableFile, days: np.ndarray) -> None:
    """Refuse a column `date` with a day on which nothing was traded.

    Raises
    ------
    SourceError
        Names the first such row.
    """
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


def numbers_of(table: TableFile, name: str, known: bool) -> np.ndarray | None:
    """A column as float64 (NaN is missing), or None where it holds text or flags.

    Text is read as numbers if the field is known to be one, or if at least half of its cells are.

    Raises
    ------
    SourceError
        A cell of a column of numbers is none.
    """
    column = table.columns[name]
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    text = text_of(column)
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


def check_finite(table: TableFile, name: str, values: np.ndarray) -> None:
    """Refuse what no float32 holds.

    Raises
    ------
    SourceError
        Names the first such cell.
    """
    endless = np.abs(values) > _LARGEST
    if endless.any():
        row = int(np.argmax(endless))
        raise table.refuse(
            name, row, f"{values[row]} is not finite; leave it empty where there is no value"
        )


def printable(text: str) -> str:
    """Text without control characters, at most 40 long: names are shown on terminals."""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:40]


def _line(error: Exception) -> str:
    """What a library said, on one line."""
    return " ".join(str(error).split())
