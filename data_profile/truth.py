"""The truth: every row that was ever taken in, with the session it speaks of and when it was known.

Rows arrive in batches that are never changed: a file that was imported, or the rows of one session
as they were collected at one moment. Batches of a month share a Parquet file; files are named by
their content and written anew, never over, so that every version of the store finds its own.

Two times. A value of a session was known

- collected ("complete", "partial"): when it was observed;
- imported (a file, or history fetched later): at its field's `known_at` of that very session,
  since no one recorded when; a field that `fields.yaml` does not know, at the end of the day.

Which value holds: the latest observed of the collected ones, else the latest of the history fetched
later, else that of the latest file that covers the session. A missing value never replaces a value.
"""

import datetime
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_profile.errors import SourceError, StoreError
from data_profile.files import write_atomic
from data_profile.panel import Panel, as_days, fill_span
from data_profile.profile import Profile

if TYPE_CHECKING:
    import pandas as pd

State = Literal["complete", "partial", "imported"]
STATES: tuple[State, ...] = ("complete", "partial", "imported")
SHANGHAI = ZoneInfo("Asia/Shanghai")

_KEY = ("date", "instrument")
_BATCH = "batch"
_ROW_GROUP = 50_000
_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Batch:
    """Rows that were taken in together.

    Parameters
    ----------
    number
        Order of arrival, from 1.
    kind
        "file": an imported panel; it hides earlier files on the sessions from its first to its
        last. "day": the rows of one session.
    state
        "complete", "partial": collected. "imported": history.
    source
        Where the rows come from, for people.
    observed_at
        When they were observed (a file: when it was imported); UTC.
    first_session, last_session
        Dates in Asia/Shanghai; the same for a day.
    rows
        How many.
    fields, ignored
        Columns of numbers, columns of text.
    missing
        What a partial day is without, for people.
    file
        Name of the Parquet file that holds them.
    """

    number: int
    kind: Literal["file", "day"]
    state: State
    source: str
    observed_at: datetime.datetime
    first_session: datetime.date
    last_session: datetime.date
    rows: int
    fields: tuple[str, ...]
    ignored: tuple[str, ...]
    missing: tuple[str, ...]
    file: str

    @property
    def collected(self) -> bool:
        """Whether `observed_at` says when the rows were known."""
        return self.state != "imported"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        times = {name: getattr(self, name).isoformat() for name in _TIMES}
        return asdict(self) | times

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Batch":
        """The inverse of `to_dict`; KeyError, TypeError or ValueError if it is none."""
        return cls(
            **{
                **data,
                "observed_at": datetime.datetime.fromisoformat(data["observed_at"]),
                "first_session": datetime.date.fromisoformat(data["first_session"]),
                "last_session": datetime.date.fromisoformat(data["last_session"]),
                **{name: tuple(data[name]) for name in ("fields", "ignored", "missing")},
            }
        )


@dataclass(frozen=True)
class Day:
    """How a session came in.

    Parameters
    ----------
    session
        Date in Asia/Shanghai.
    state
        "complete", "partial": as last observed. "imported": history fetched later.
    missing
        What it is without, for people.
    observed_at
        When it was last observed; UTC.
    observations
        How often it was observed.
    """

    session: datetime.date
    state: State
    missing: tuple[str, ...]
    observed_at: datetime.datetime
    observations: int


_TIMES = ("observed_at", "first_session", "last_session")


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
class _Rows:
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

    def take(self, keep: np.ndarray) -> "_Rows":
        table = self.table.filter(pa.array(keep))
        return _Rows(table, self.day[keep], self.names, self.code[keep], self.observed[keep])


@dataclass(frozen=True)
class Truth:
    """All batches that a version of the store stands on.

    Parameters
    ----------
    folder
        Holds the Parquet files, of this version and of others.
    batches
        In order of arrival.
    files
        Name -> SHA-256 of its bytes, of the files that the batches are in.
    """

    folder: Path
    batches: tuple[Batch, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"batches": [b.to_dict() for b in self.batches], "files": dict(self.files)}

    @classmethod
    def from_dict(cls, folder: Path, data: Mapping[str, Any]) -> "Truth":
        """The inverse of `to_dict`; KeyError, TypeError or ValueError if it is none."""
        return cls(folder, tuple(map(Batch.from_dict, data["batches"])), dict(data["files"]))

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of all batches, in order of appearance."""
        return tuple(dict.fromkeys(name for batch in self.batches for name in batch.fields))

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns of text of all batches, in order of appearance."""
        return tuple(dict.fromkeys(name for batch in self.batches for name in batch.ignored))

    def days(self) -> tuple[Day, ...]:
        """The sessions that came in one by one, in order; the others are from a file."""
        by_session: dict[datetime.date, list[Batch]] = {}
        for batch in sorted((b for b in self.batches if b.kind == "day"), key=_order):
            by_session.setdefault(batch.first_session, []).append(batch)
        return tuple(
            Day(session, seen[-1].state, seen[-1].missing, seen[-1].observed_at, len(seen))
            for session, seen in sorted(by_session.items())
        )

    def with_file(
        self, frame: "pd.DataFrame", *, source: str, observed_at: datetime.datetime, add: bool
    ) -> "Truth":
        """The truth after an import, its rows written; `add` keeps what earlier files tell."""
        rows = _normal(frame).sort_by([(name, "ascending") for name in _KEY])
        kept = tuple(b for b in self.batches if add or b.kind == "day")
        days = pc.min_max(rows["date"]).as_py()
        batch = replace(
            self._batch(rows, "imported", source, observed_at, ()),
            kind="file",
            first_session=days["min"],
            last_session=days["max"],
        )
        made = replace(self, batches=kept)._with(rows, batch, "import")
        # The same rows imported again: the later import takes the earlier one's place.
        *others, last = made.batches
        return replace(made, batches=(*(b for b in others if b.file != last.file), last))

    def with_day(
        self,
        frame: "pd.DataFrame",
        *,
        session: datetime.date,
        state: State,
        source: str,
        observed_at: datetime.datetime,
        missing: tuple[str, ...],
    ) -> "Truth":
        """The truth after the rows of a session, written; itself if it has this very batch."""
        rows = _normal(frame)
        batch = replace(
            self._batch(rows, state, source, observed_at, missing),
            first_session=session,
            last_session=session,
        )
        month = f"{session:%Y-%m}"
        before = next((n for n in self.files if n.startswith(f"{month}-")), None)
        held = None if before is None else self.read(before)
        if held is not None and self._holds(batch, rows, held):
            return self
        rows = rows.add_column(0, _BATCH, pa.array([batch.number] * len(rows), pa.int32()))
        if held is not None:
            rows = pa.concat_tables([held, rows], promote_options="default")
        return self._with(rows, batch, month, before)

    def panel(
        self, limit: Limit | None = None, *, session: datetime.date | None = None
    ) -> Panel | None:
        """The dense panel of what is known under a limit, of all sessions or of one.

        A cut-off leaves the axes as they are without it, so that features from the one panel and
        labels from the other line up. Under a limit a field without any value is left out.

        Returns
        -------
        Panel or None
            None where nothing is known.

        Raises
        ------
        StoreError
            A file is missing or damaged.
        """
        limit = limit or Limit()
        parts = [part for part in self._rows(session) if len(part.day)]
        known = self._known_at()
        sessions, ids = _axes(parts, Limit(limit.as_of), known)
        if not len(sessions):
            return None
        shape = (len(sessions), len(ids))
        values = {
            name: np.full(shape, np.nan, dtype=np.float32)
            for name in dict.fromkeys(name for part in parts for name in part.fields)
        }
        present = np.zeros(shape, dtype=bool)
        column = {name: position for position, name in enumerate(ids)}
        for part in parts:
            last = limit.of(part.day)
            inside = part.counting(limit, known)
            row = np.searchsorted(sessions, part.day[inside])
            where = np.array([column.get(name, -1) for name in part.names])[part.code[inside]]
            cell = row * shape[1] + where
            present.ravel()[cell] = True
            for name in part.fields:
                told = part.table[name].to_numpy()[inside]
                counts = part.known(known[name], last)[inside] & ~np.isnan(told)
                values[name].ravel()[cell[counts]] = told[counts]
        if limit != Limit():
            values = {n: matrix for n, matrix in values.items() if not np.isnan(matrix).all()}
        days = sessions.astype("datetime64[D]")
        return Panel(days, ids, values, fill_span(present), self.ignored)

    def read(self, name: str) -> pa.Table:
        """The rows of a file, proved by its hash.

        Raises
        ------
        StoreError
            It is missing or damaged.
        """
        path = self.folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != self.files[name]:
            raise StoreError(f"{path} is not what was written: its hash differs")
        return pq.read_table(BytesIO(content))

    def _batch(
        self,
        rows: pa.Table,
        state: State,
        source: str,
        observed_at: datetime.datetime,
        missing: tuple[str, ...],
    ) -> Batch:
        """A day's batch of these rows, its sessions and file still to be told."""
        kinds = dict(zip(rows.column_names, rows.schema.types, strict=True))
        columns = [name for name in kinds if name not in _KEY]
        fields = tuple(name for name in columns if pa.types.is_floating(kinds[name]))
        ignored = tuple(name for name in columns if name not in fields)
        for name in {*fields} & {*self.ignored} | {*ignored} & {*self.fields}:
            raise SourceError(
                f"column {name!r} holds numbers here and text in rows of the store, or the "
                "reverse; rename it"
            )
        return Batch(
            number=max((b.number for b in self.batches), default=0) + 1,
            kind="day",
            state=state,
            source=source,
            observed_at=observed_at.astimezone(datetime.UTC),
            first_session=datetime.date.min,
            last_session=datetime.date.min,
            rows=len(rows),
            fields=fields,
            ignored=ignored,
            missing=missing,
            file="",
        )

    def _holds(self, batch: Batch, rows: pa.Table, held: pa.Table) -> bool:
        """Whether the very same batch has been taken in before."""
        for other in self.batches:
            if replace(batch, number=other.number, file=other.file) == other:
                same = held.filter(pc.equal(held[_BATCH], other.number))
                if same.select(rows.column_names).equals(rows):
                    return True
        return False

    def _with(
        self, rows: pa.Table, batch: Batch, stem: str, instead_of: str | None = None
    ) -> "Truth":
        """Write the rows, and stand on them."""
        into = BytesIO()
        pq.write_table(rows, into, compression="zstd", row_group_size=_ROW_GROUP)
        digest = hashlib.sha256(into.getvalue()).hexdigest()
        name = f"{stem}-{digest[:16]}.parquet"
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.folder / name, into.getvalue())
        moved = [replace(b, file=name) if b.file == instead_of else b for b in self.batches]
        batches = (*moved, replace(batch, file=name))
        hashes = {**dict(self.files), name: digest}
        return replace(self, batches=batches, files={b.file: hashes[b.file] for b in batches})

    def _rows(self, session: datetime.date | None) -> Iterable[_Rows]:
        """Rows file by file, of a lower rank first; of all sessions or of one."""
        day = None if session is None else _days_since(session)
        later = [batch for batch in self.batches if batch.kind == "file"]
        while later:
            batch, *later = later
            if session is None or batch.first_session <= session <= batch.last_session:
                rows = _open(self.read(batch.file))
                keep = np.ones(len(rows.day), dtype=bool)
                if day is not None:
                    keep &= rows.day == day
                for other in later:
                    low, high = map(_days_since, (other.first_session, other.last_session))
                    keep &= (rows.day < low) | (rows.day > high)
                yield rows if keep.all() else rows.take(keep)
        days = [batch for batch in self.batches if batch.kind == "day"]
        for file in sorted({b.file for b in days if session in (None, b.first_session)}):
            rows = _ranked(self.read(file), days)
            yield rows if day is None else rows.take(rows.day == day)

    def _known_at(self) -> dict[str, int]:
        """Minutes into its session at which an imported value of each field is known."""
        table = Profile.load().fields
        return {name: table[name].minutes if name in table else 24 * 60 for name in self.fields}


def _axes(
    parts: Iterable[_Rows], limit: Limit, known: Mapping[str, int]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Sessions (days since 1970) and ids that have a row under the limit."""
    days: set[int] = set()
    ids: set[str] = set()
    for part in parts:
        inside = part.counting(limit, known)
        days.update(np.unique(part.day[inside]).tolist())
        ids.update(part.names[code] for code in np.unique(part.code[inside]))
    return np.array(sorted(days), dtype=np.int64), tuple(sorted(ids))


def _normal(frame: "pd.DataFrame") -> pa.Table:
    """Rows as they are stored: date, instrument, numbers as float64, the rest as it stood."""
    import pandas as pd

    columns: dict[str, Any] = {
        "date": pa.array(as_days(frame["date"]), pa.date32()),
        "instrument": pa.array([str(name) for name in frame["instrument"]], pa.string()),
    }
    for name in frame.columns:
        if name in _KEY:
            continue
        series = frame[name]
        if pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series):
            numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
            columns[str(name)] = pa.array(numbers, from_pandas=True)
        else:
            columns[str(name)] = pa.array(series, from_pandas=True)
    return pa.table(columns)


def _open(table: pa.Table) -> _Rows:
    """Imported rows."""
    ids = table["instrument"].combine_chunks().dictionary_encode()
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    day = table["date"].cast(pa.int32()).to_numpy().astype(np.int64)
    code = ids.indices.to_numpy().astype(np.int64)
    return _Rows(table, day, ids.dictionary.to_pylist(), code, np.full(len(day), -1))


def _ranked(table: pa.Table, batches: Iterable[Batch]) -> _Rows:
    """Rows of days in the order in which a later one wins, each with its time of observation."""
    order = sorted(batches, key=_order)
    rank = {batch.number: position for position, batch in enumerate(order)}
    ranks = np.array([rank[number] for number in table[_BATCH].to_pylist()], dtype=np.int64)
    by_rank = np.argsort(ranks, kind="stable")
    rows = _open(table.drop_columns([_BATCH]).take(pa.array(by_rank)))
    observed = np.array([_instant(b.observed_at) if b.collected else -1 for b in order])
    return replace(rows, observed=observed[ranks[by_rank]])


def _order(batch: Batch) -> tuple[Any, ...]:
    """The later one holds: history by arrival, then what was collected by observation."""
    return batch.collected, batch.collected and batch.observed_at, batch.number


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


def _days_since(day: datetime.date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))
