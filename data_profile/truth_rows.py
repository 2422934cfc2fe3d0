"""Stored rows of the truth: when the values of each were known, and which of them win."""

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from data_profile.batches import SHANGHAI, Batch, precedence
from data_profile.errors import StoreError
from data_profile.panel import as_days

if TYPE_CHECKING:
    import pandas as pd

KEY = ("date", "instrument")
BATCH = "batch"

_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Limit:
    """Up to when knowledge counts.

    Parameters
    ----------
    as_of
        An instant; nothing known after it. None for no such limit.
    cutoff
        "HH:MM", Asia/Shanghai: of each session only what was known at that time of that very day.
        None for no such limit.

    Raises
    ------
    StoreError
        `as_of` has no time zone, or `cutoff` is no time of day.
    """

    as_of: datetime.datetime | None = None
    cutoff: str | None = None

    def __post_init__(self) -> None:
        if self.as_of is not None and self.as_of.tzinfo is None:
            raise StoreError(f"as_of {self.as_of} has no time zone; give one, as Asia/Shanghai")
        if self.cutoff is not None:
            _minutes(self.cutoff)

    def of(self, days: np.ndarray) -> np.ndarray:
        """The last instant that counts for each day (days and microseconds since 1970, local)."""
        last = np.full(len(days), _NEVER if self.as_of is None else _instant(self.as_of))
        if self.cutoff is not None:
            last = np.minimum(last, days * _DAY + _minutes(self.cutoff) * _MINUTE)
        return last


@dataclass(frozen=True)
class Rows:
    """The rows of one Parquet file, the winning ones last.

    Parameters
    ----------
    table
        Columns as stored.
    day
        int64 (N,), days since 1970.
    names, code
        Instrument ids, and the position of each row's.
    observed
        int64 (N,), microseconds since 1970 in Shanghai; -1 for imported rows.
    """

    table: pa.Table
    day: np.ndarray
    names: list[str]
    code: np.ndarray
    observed: np.ndarray

    @cached_property
    def fields(self) -> list[str]:
        """Columns of numbers."""
        return [
            name
            for name, kind in zip(self.table.column_names, self.table.schema.types, strict=True)
            if pa.types.is_floating(kind)
        ]

    def known(self, at: int, limit: np.ndarray) -> np.ndarray:
        """Which rows count of a field that is known `at` minutes into its session."""
        since = np.where(self.observed >= 0, self.observed, self.day * _DAY + at * _MINUTE)
        return since <= limit

    def counting(self, limit: Limit, known_at: Mapping[str, int]) -> np.ndarray:
        """Which rows there are under a limit: all without one, else those that tell something."""
        if limit == Limit():
            return np.ones(len(self.day), dtype=bool)
        last = limit.of(self.day)
        counts = np.zeros(len(self.day), dtype=bool)
        for name in self.fields:
            counts |= self.known(known_at[name], last) & ~np.isnan(self.table[name].to_numpy())
        return counts

    def take(self, keep: np.ndarray) -> "Rows":
        """The rows to keep, bool (N,)."""
        table = self.table.filter(pa.array(keep))
        return Rows(table, self.day[keep], self.names, self.code[keep], self.observed[keep])


def normal(frame: "pd.DataFrame") -> pa.Table:
    """Rows as they are stored: date, instrument, numbers as float64, the rest as it stood."""
    import pandas as pd

    columns: dict[str, Any] = {
        "date": pa.array(as_days(frame["date"]), pa.date32()),
        "instrument": pa.array([str(name) for name in frame["instrument"]], pa.string()),
    }
    for name in frame.columns:
        if name in KEY:
            continue
        series = frame[name]
        if pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series):
            numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
            columns[str(name)] = pa.array(numbers, from_pandas=True)
        else:
            columns[str(name)] = pa.array(series, from_pandas=True)
    return pa.table(columns)


def opened(table: pa.Table) -> Rows:
    """Imported rows."""
    ids = table["instrument"].combine_chunks().dictionary_encode()
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    day = table["date"].cast(pa.int32()).to_numpy().astype(np.int64)
    code = ids.indices.to_numpy().astype(np.int64)
    return Rows(table, day, ids.dictionary.to_pylist(), code, np.full(len(day), -1))


def ranked(table: pa.Table, batches: Iterable[Batch]) -> Rows:
    """Rows of days in the order in which a later one wins, each with its time of observation."""
    order = sorted(batches, key=precedence)
    rank = {batch.number: position for position, batch in enumerate(order)}
    ranks = np.array([rank[number] for number in table[BATCH].to_pylist()], dtype=np.int64)
    by_rank = np.argsort(ranks, kind="stable")
    rows = opened(table.drop_columns([BATCH]).take(pa.array(by_rank)))
    observed = np.array([_instant(b.observed_at) if b.collected else -1 for b in order])
    return replace(rows, observed=observed[ranks[by_rank]])


def _instant(at: datetime.datetime) -> int:
    """Microseconds since 1970 on a clock in Shanghai."""
    local = at.astimezone(SHANGHAI).replace(tzinfo=None)
    return int(np.datetime64(local, "us").astype(np.int64))


def _minutes(clock: str) -> int:
    """Minutes since midnight of a time of day such as 15:45."""
    match = _CLOCK.fullmatch(clock)
    if match is None:
        raise StoreError(f"cutoff {clock!r} is no time of day; write it like 15:45")
    return 60 * int(match[1]) + int(match[2])


def days_since(day: datetime.date) -> int:
    """Days since 1970."""
    return int(np.datetime64(day, "D").astype(np.int64))
