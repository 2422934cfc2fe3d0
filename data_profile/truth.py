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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_profile.batches import Batch, Day, State, precedence
from data_profile.errors import SourceError, StoreError
from data_profile.files import write_atomic
from data_profile.panel import Panel, fill_span
from data_profile.profile import Profile
from data_profile.truth_rows import BATCH, KEY, Limit, Rows, days_since, normal, opened, ranked

if TYPE_CHECKING:
    import pandas as pd

_ROW_GROUP = 50_000


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
        for batch in sorted((b for b in self.batches if b.kind == "day"), key=precedence):
            by_session.setdefault(batch.first_session, []).append(batch)
        return tuple(
            Day(session, seen[-1].state, seen[-1].missing, seen[-1].observed_at, len(seen))
            for session, seen in sorted(by_session.items())
        )

    def with_file(
        self, frame: "pd.DataFrame", *, source: str, observed_at: datetime.datetime, add: bool
    ) -> "Truth":
        """The truth after an import, its rows written; `add` keeps what earlier files tell."""
        rows = normal(frame).sort_by([(name, "ascending") for name in KEY])
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
        rows = normal(frame)
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
        rows = rows.add_column(0, BATCH, pa.array([batch.number] * len(rows), pa.int32()))
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
        columns = [name for name in kinds if name not in KEY]
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
                same = held.filter(pc.equal(held[BATCH], other.number))
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

    def _rows(self, session: datetime.date | None) -> Iterable[Rows]:
        """Rows file by file, of a lower rank first; of all sessions or of one."""
        day = None if session is None else days_since(session)
        later = [batch for batch in self.batches if batch.kind == "file"]
        while later:
            batch, *later = later
            if session is None or batch.first_session <= session <= batch.last_session:
                rows = opened(self.read(batch.file))
                keep = np.ones(len(rows.day), dtype=bool)
                if day is not None:
                    keep &= rows.day == day
                for other in later:
                    low, high = map(days_since, (other.first_session, other.last_session))
                    keep &= (rows.day < low) | (rows.day > high)
                yield rows if keep.all() else rows.take(keep)
        days = [batch for batch in self.batches if batch.kind == "day"]
        for file in sorted({b.file for b in days if session in (None, b.first_session)}):
            rows = ranked(self.read(file), days)
            yield rows if day is None else rows.take(rows.day == day)

    def _known_at(self) -> dict[str, int]:
        """Minutes into its session at which an imported value of each field is known."""
        table = Profile.load().fields
        return {name: table[name].minutes if name in table else 24 * 60 for name in self.fields}


def _axes(
    parts: Iterable[Rows], limit: Limit, known: Mapping[str, int]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Sessions (days since 1970) and ids that have a row under the limit."""
    days: set[int] = set()
    ids: set[str] = set()
    for part in parts:
        inside = part.counting(limit, known)
        days.update(np.unique(part.day[inside]).tolist())
        ids.update(part.names[code] for code in np.unique(part.code[inside]))
    return np.array(sorted(days), dtype=np.int64), tuple(sorted(ids))
