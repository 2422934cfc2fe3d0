"""A panel of sectors by day from one Parquet or CSV file, checked row by row.

The first thing wrong ends the reading with one SourceError that names file, column and row as a
person counts them: the line of a CSV file, the row of a Parquet file from 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from data_profile.errors import SourceError
from data_profile.identifiers import (
    FIELD_RULE,
    INSTRUMENT_RULE,
    is_field,
    is_instrument,
    same_but_case,
)
from data_profile.profile import Profile
from data_profile.sources.table_file import (
    TableFile,
    check_finite,
    check_sessions,
    dates_of,
    first_of_each,
    numbers_of,
    open_table,
    printable,
    text_of,
)

REQUIRED = ("close", "turnover", "company_count", "limit_up_count")
IDS = ("sector_id", "instrument")
NAMES = ("sector", "name")


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
    return parse(open_table(path))


def parse(table: TableFile) -> Imported:
    """`read`, of a file that is open already."""
    key = _check_columns(table)
    ids = _instruments(table, key)
    days = dates_of(table, "date")
    _check_rows(table, key, ids, days)
    check_sessions(table, days)
    data: dict[str, object] = {"date": days.astype("datetime64[s]"), "instrument": ids}
    shown = next((name for name in NAMES if name in table.columns), None)
    ignored = []
    known = Profile.load().fields
    for name in table.columns:
        if name in ("date", key):
            continue
        values = None if name in NAMES else numbers_of(table, name, name in known)
        if values is None:
            ignored += [name] * (name != shown)
            data[name] = text_of(table.columns[name])
        else:
            count = name in known and known[name].unit == "count"
            data[name] = _checked_numbers(table, name, values, count)
    names = _display_names(ids, days, None if shown is None else text_of(table.columns[shown]))
    return Imported(pd.DataFrame(data), names, tuple(ignored), table.path.name)


def _check_columns(table: TableFile) -> str:
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
            f"it has {', '.join(map(printable, table.columns))}"
        )
    clash = same_but_case(table.columns)
    if clash:
        raise SourceError(
            f"{table.path}: columns {clash[0]!r} and {clash[1]!r} differ only in case; rename one"
        )
    return keys[0]


def _instruments(table: TableFile, key: str) -> np.ndarray:
    kind = table.columns[key].type
    if pa.types.is_floating(kind):
        raise SourceError(f"{table.path}: column {key!r} holds {kind}; ids must be text or integer")
    ids = text_of(table.columns[key])
    for row in first_of_each(ids):
        if not isinstance(ids[row], str) or not is_instrument(ids[row]):
            raise table.refuse(key, row, f"{ids[row]!r} is no id; use {INSTRUMENT_RULE}")
    clash = same_but_case(dict.fromkeys(ids))
    if clash:
        row = int(np.flatnonzero(ids == clash[1])[0])
        raise table.refuse(key, row, f"{clash[1]!r} and {clash[0]!r} differ only in case")
    return ids


def _check_rows(table: TableFile, key: str, ids: np.ndarray, days: np.ndarray) -> None:
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


def _checked_numbers(table: TableFile, name: str, values: np.ndarray, count: bool) -> np.ndarray:
    if not is_field(name):
        raise SourceError(
            f"{table.path}: column {name!r} holds numbers, but a field is named with {FIELD_RULE}; "
            "rename or remove it"
        )
    if name in REQUIRED and np.isnan(values).all():
        raise SourceError(f"{table.path}: column {name!r} holds no number at all")
    check_finite(table, name, values)
    if count and (values < 0).any():
        row = int(np.argmax(values < 0))
        raise table.refuse(name, row, f"{values[row]:g} is no count; it cannot be negative")
    return values


def _display_names(ids: np.ndarray, days: np.ndarray, shown: np.ndarray | None) -> dict[str, str]:
    names = {str(name): str(name) for name in sorted(set(ids))}
    if shown is not None:
        for row in np.argsort(days, kind="stable"):
            if shown[row] and (text := printable(shown[row])):
                names[str(ids[row])] = text
    return names
