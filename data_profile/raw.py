"""The raw zone: every table that was ever fetched, as it was fetched, and never changed again.

    raw/
      2026-11-20/                               the session
        akshare.limit_up_pool@20261120T073502.112233Z@<sha256>.parquet
        quarantine/                             refused, apart from the good ones, with the reasons
          akshare.board_flow@...parquet

A file's name says what is in it: source, when it was observed (UTC), and the SHA-256 of the file's
bytes. What the observation claims to be stands in the file's own metadata.
"""

import datetime
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_profile.errors import SourceError, StoreError
from data_profile.files import fsync_dir, write_atomic
from data_profile.sources.base import Observation

_QUARANTINE = "quarantine"
_META = b"observation"
_CLOCK = "%Y%m%dT%H%M%S.%fZ"
_ID = re.compile(
    r"(?P<session>\d{4}-\d\d-\d\d)/(?P<apart>quarantine/)?"
    r"(?P<source>[a-z0-9_]+(?:\.[a-z0-9_]+)*)@(?P<observed>\d{8}T\d{6}\.\d{6}Z)@(?P<hash>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Entry:
    """What is known of an observation without opening its table.

    Parameters
    ----------
    id
        Names it in this raw zone: `Raw.get(entry.id)`.
    source, session, observed_at
        As in `Observation`; `observed_at` in UTC.
    quarantined
        Why it was refused, () for a good one.
    """

    id: str
    source: str
    session: datetime.date
    observed_at: datetime.datetime
    quarantined: tuple[str, ...] = field(default=())


class Raw:
    """The raw zone below one folder.

    Parameters
    ----------
    folder
        Need not exist; `put` makes it.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> seen = Observation("demo.pool", datetime.date(2026, 11, 20),
    ...                    datetime.datetime(2026, 11, 20, 7, 35, tzinfo=datetime.UTC), True,
    ...                    pd.DataFrame({"code": ["600000"], "streak": [2]}), ("code",))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     raw = Raw(Path(folder))
    ...     one = raw.put(seen)
    ...     raw.put(seen) == one, len(raw.observations()), raw.get(one).frame["streak"].tolist()
    (True, 1, [2])
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def put(self, observation: Observation, quarantined: Sequence[str] | None = None) -> str:
        """Keep an observation; the same one twice is kept once.

        Parameters
        ----------
        observation
            What was fetched.
        quarantined
            Why it was refused: it is kept apart, with these reasons. A table whose columns mix
            types is then kept as text.

        Returns
        -------
        str
            Its id.

        Raises
        ------
        StoreError
            A column mixes types, the source is no name, or the disk refused.
        """
        reasons = tuple(quarantined or ())
        content = _encode(observation, reasons)
        observed = observation.observed_at.astimezone(datetime.UTC).strftime(_CLOCK)
        digest = hashlib.sha256(content).hexdigest()
        apart = f"{_QUARANTINE}/" if reasons else ""
        made = f"{observation.session}/{apart}{observation.source}@{observed}@{digest}"
        path = self._path(made)
        try:
            if not path.exists():
                self._make(path.parent)
                write_atomic(path, content)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error}") from error
        return made

    def observations(
        self,
        session: datetime.date | None = None,
        source: str | None = None,
        as_of: datetime.datetime | None = None,
    ) -> tuple[Entry, ...]:
        """What is kept, by session, then by time of observation; refused tables say why.

        Parameters
        ----------
        session, source
            Only of this session, of this source.
        as_of
            Only what had been observed by then; timezone-aware.

        Raises
        ------
        StoreError
            `as_of` has no time zone, or the folder cannot be read.
        """
        if as_of is not None and as_of.tzinfo is None:
            raise StoreError(f"as_of {as_of} has no time zone; give one, such as Asia/Shanghai")
        found = [
            self._entry(name)
            for name in self._names(session)
            if (source is None or name.rpartition("/")[2].startswith(f"{source}@"))
        ]
        kept = [entry for entry in found if as_of is None or entry.observed_at <= as_of]
        return tuple(sorted(kept, key=lambda e: (e.session, e.observed_at, e.source, e.id)))

    def get(self, id: str) -> Observation:
        """The observation as it was put, proved by its hash.

        Raises
        ------
        StoreError
            There is none of that id, or its file is not what was written.
        """
        path = self._path(id)
        table = _decode(path, _parse(id)["hash"])
        claim = _claim(path, table.schema)
        try:
            return Observation(
                source=claim["source"],
                session=datetime.date.fromisoformat(claim["session"]),
                observed_at=datetime.datetime.fromisoformat(claim["observed_at"]),
                dated=claim["dated"],
                frame=table.to_pandas(),
                key=tuple(claim["key"]),
            )
        except (KeyError, TypeError, ValueError, SourceError) as error:
            raise StoreError(f"{path} holds no observation: {error}") from error

    def verify(self) -> tuple[str, ...]:
        """What is wrong, a line a file: a changed byte, or a file that is not ours; () if none."""
        wrong = []
        for path in self._files():
            name = path.relative_to(self.folder).as_posix().removesuffix(".parquet")
            match = _ID.fullmatch(name) if path.suffix == ".parquet" else None
            try:
                if match is None:
                    wrong.append(f"{path} does not belong to the raw zone")
                elif hashlib.sha256(path.read_bytes()).hexdigest() != match["hash"]:
                    wrong.append(f"{path} is not what was written: its hash differs")
            except OSError as error:
                wrong.append(f"{path} cannot be read: {error}")
        return tuple(wrong)

    def _path(self, id: str) -> Path:
        _parse(id)
        return self.folder / f"{id}.parquet"

    def _make(self, folder: Path) -> None:
        """Make a folder so that its entry survives a power cut."""
        folder.mkdir(parents=True, exist_ok=True)
        for above in (folder.parent, folder.parent.parent):
            fsync_dir(above)

    def _names(self, session: datetime.date | None) -> Iterator[str]:
        within = self.folder if session is None else self.folder / str(session)
        for path in self._files(within):
            name = path.relative_to(self.folder).as_posix().removesuffix(".parquet")
            if path.suffix == ".parquet" and _ID.fullmatch(name):
                yield name

    def _files(self, within: Path | None = None) -> list[Path]:
        """Files in order; the hidden ones are what a killed write left and are nobody's."""
        try:
            found = [path for path in (within or self.folder).rglob("*") if path.is_file()]
        except OSError as error:
            raise StoreError(f"{self.folder} cannot be read: {error}") from error
        return sorted(path for path in found if not path.name.startswith("."))

    def _entry(self, name: str) -> Entry:
        part = _parse(name)
        observed = datetime.datetime.strptime(part["observed"], _CLOCK)
        return Entry(
            id=name,
            source=part["source"],
            session=datetime.date.fromisoformat(part["session"]),
            observed_at=observed.replace(tzinfo=datetime.UTC),
            quarantined=self._reasons(name) if part["apart"] else (),
        )

    def _reasons(self, name: str) -> tuple[str, ...]:
        path = self._path(name)
        try:
            return tuple(_claim(path, pq.read_schema(path))["quarantined"])
        except (OSError, pa.ArrowException, KeyError) as error:
            raise StoreError(f"{path} cannot be read: {error}; see tide data verify") from error


def _parse(id: str) -> re.Match[str]:
    match = _ID.fullmatch(id)
    if match is None:
        raise StoreError(f"{id!r} is no id of an observation")
    return match


def _encode(observation: Observation, reasons: tuple[str, ...]) -> bytes:
    """The Parquet file of an observation: the same observation gives the same bytes."""
    claim = {
        "source": observation.source,
        "session": observation.session.isoformat(),
        "observed_at": observation.observed_at.astimezone(datetime.UTC).isoformat(),
        "dated": observation.dated,
        "key": list(observation.key),
        "quarantined": list(reasons),
    }
    table = _table(observation, as_text=bool(reasons))
    metadata = {**(table.schema.metadata or {}), _META: json.dumps(claim, ensure_ascii=False)}
    into = BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), into, compression="zstd")
    return into.getvalue()


def _table(observation: Observation, as_text: bool) -> pa.Table:
    frame = observation.frame
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, ValueError, TypeError) as error:
        if not as_text:
            raise StoreError(
                f"{observation.source} of {observation.session}: a column mixes types and cannot "
                f"be kept as good data: {error}"
            ) from error
    cells = frame.astype(object).where(frame.notna(), None)
    cells = cells.map(lambda cell: None if cell is None else str(cell))
    cells.columns = [str(name) for name in frame.columns]
    return pa.Table.from_pandas(cells, preserve_index=False)


def _decode(path: Path, digest: str) -> pa.Table:
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise StoreError(f"{path} is not what was written: its hash differs")
        return pq.read_table(BytesIO(content))
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _claim(path: Path, schema: pa.Schema) -> dict[str, Any]:
    try:
        return json.loads((schema.metadata or {})[_META])
    except (KeyError, ValueError) as error:
        raise StoreError(f"{path} does not say what it is") from error
