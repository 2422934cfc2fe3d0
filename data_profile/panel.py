"""The dense panel: every field as a (sessions, instruments) matrix."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_profile.errors import PanelError
from data_profile.files import fsync_tree, write_atomic

if TYPE_CHECKING:
    import pandas as pd

_INDEX = ("date", "instrument")


@dataclass(frozen=True, eq=False)
class Panel:
    """Aligned market data of T sessions and S instruments.

    Parameters
    ----------
    sessions
        datetime64[D], shape (T,), strictly increasing; dates in Asia/Shanghai.
    instruments
        S ids (sectors or stocks), in column order.
    values
        Field name -> float32 (T, S), C-contiguous: one row a session. NaN is missing.
    listed
        bool (T, S): True from an instrument's first row to its last.
    ignored
        Columns of the frame that `from_frame` left out because they hold text.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"date": ["2025-01-02", "2025-01-03"], "instrument": "C01",
    ...                      "close": [10.0, 10.5]})
    >>> panel = Panel.from_frame(rows)
    >>> panel.shape, panel.values["close"].ravel().tolist()
    ((2, 1), [10.0, 10.5])
    """

    sessions: np.ndarray
    instruments: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    listed: np.ndarray
    ignored: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        shape = (len(self.sessions), len(self.instruments))
        if self.sessions.dtype != np.dtype("datetime64[D]"):
            raise PanelError(f"sessions must be datetime64[D], got {self.sessions.dtype}")
        if len(self.sessions) > 1 and not (np.diff(self.sessions.astype(np.int64)) > 0).all():
            raise PanelError("sessions must be strictly increasing")
        if len(set(self.instruments)) != len(self.instruments):
            raise PanelError("instruments must be distinct")
        if self.listed.shape != shape or self.listed.dtype != np.bool_:
            raise PanelError(f"listed must be bool {shape}, got {self.listed.shape}")
        for name, matrix in self.values.items():
            if matrix.shape != shape or matrix.dtype != np.float32 or not matrix.flags.c_contiguous:
                raise PanelError(f"field {name} must be C-contiguous float32 of shape {shape}")

    @property
    def shape(self) -> tuple[int, int]:
        """(T, S): sessions, instruments."""
        return len(self.sessions), len(self.instruments)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields, in stored order."""
        return tuple(self.values)

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame") -> "Panel":
        """Build from rows with columns date, instrument and fields.

        Text columns are left out and named in `ignored`. Rows may be in any order; a session is
        any date that occurs.

        Raises
        ------
        PanelError
            No rows, a missing or repeated column, something that is no date, a missing id, or the
            same (date, instrument) twice.
        """
        import pandas as pd

        columns = list(map(str, frame.columns))
        for name in _INDEX:
            if name not in columns:
                raise PanelError(f"column {name!r} is missing; have {', '.join(columns)}")
        if len(set(columns)) != len(columns):
            raise PanelError(f"a column stands twice; have {', '.join(columns)}")
        if frame.empty:
            raise PanelError("the frame has no rows")
        if frame["instrument"].isna().any():
            raise PanelError("column 'instrument' has a missing value; every row needs its id")
        sessions, row = np.unique(as_days(frame["date"]), return_inverse=True)
        ids, column = np.unique(
            np.array([str(name) for name in frame["instrument"]]), return_inverse=True
        )
        shape = (len(sessions), len(ids))
        cell = row * shape[1] + column
        _refuse_duplicates(cell, sessions, ids, shape)
        values: dict[str, np.ndarray] = {}
        ignored = []
        for name in frame.columns:
            if name in _INDEX:
                continue
            series = frame[name]
            if not (pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series)):
                ignored.append(str(name))
                continue
            matrix = np.full(shape, np.nan, dtype=np.float32)
            matrix.ravel()[cell] = series.to_numpy(dtype=np.float64, na_value=np.nan)
            values[str(name)] = matrix
        listed = np.zeros(shape, dtype=bool)
        listed.ravel()[cell] = True
        return cls(sessions, tuple(map(str, ids)), values, fill_span(listed), tuple(ignored))

    def to_frame(self) -> "pd.DataFrame":
        """Rows date, instrument, fields for every listed cell, sorted by date then instrument."""
        import pandas as pd

        row, column = np.nonzero(self.listed)
        ids = np.array(self.instruments, dtype=object)
        data = {"date": self.sessions[row], "instrument": ids[column]}
        data |= {name: matrix[row, column] for name, matrix in self.values.items()}
        return pd.DataFrame(data)

    def between(self, start: object = None, end: object = None) -> "Panel":
        """The sessions from `start` to `end`, both inclusive; None leaves that side open.

        Instruments are kept even where none of their rows remains.

        Raises
        ------
        PanelError
            A bound that is no date.
        """
        low, high = 0, len(self.sessions)
        try:
            if start is not None:
                low = int(np.searchsorted(self.sessions, np.datetime64(start, "D")))  # type: ignore[call-overload]
            if end is not None:
                high = int(np.searchsorted(self.sessions, np.datetime64(end, "D"), side="right"))  # type: ignore[call-overload]
        except (ValueError, TypeError) as error:
            raise PanelError(f"a bound is no date such as 2025-12-31: {error}") from error
        return self._take(slice(low, max(low, high)))

    def with_session(self, day: "Panel") -> "Panel":
        """The panel with one session put in its place; every other value stays where it is.

        Parameters
        ----------
        day
            A panel of one session. It may bring instruments and fields of its own, and what it
            does not have is missing on that session.
        """
        session = day.sessions[0]
        at = int(np.searchsorted(self.sessions, session))
        held = at < len(self.sessions) and bool(self.sessions[at] == session)
        sessions = self.sessions if held else np.insert(self.sessions, at, session)
        ids = tuple(sorted({*self.instruments, *day.instruments}))
        place = {name: position for position, name in enumerate(ids)}
        old = np.array([place[name] for name in self.instruments])
        new = np.array([place[name] for name in day.instruments])
        others = np.delete(np.arange(len(sessions)), at)
        kept = np.delete(np.arange(len(self.sessions)), at) if held else slice(None)
        shape = (len(sessions), len(ids))
        listed = np.zeros(shape, dtype=bool)
        listed[np.ix_(others, old)] = self.listed[kept]
        if held:
            listed[at, old] = self.listed[at]
        listed[at, new] |= day.listed[0]
        values = {}
        for name in dict.fromkeys((*self.values, *day.values)):
            matrix = np.full(shape, np.nan, dtype=np.float32)
            if name in self.values:
                matrix[np.ix_(others, old)] = self.values[name][kept]
            if name in day.values:
                matrix[at, new] = day.values[name][0]
            values[name] = matrix
        ignored = tuple(dict.fromkeys((*self.ignored, *day.ignored)))
        return Panel(sessions, ids, values, fill_span(listed), ignored)

    def select(self, fields: Iterable[str]) -> "Panel":
        """The same panel with only the named fields.

        Raises
        ------
        PanelError
            A field that the panel does not have.
        """
        names = tuple(fields)
        for name in names:
            if name not in self.values:
                raise PanelError(f"no field {name!r}; have {', '.join(self.values)}")
        return Panel(
            self.sessions, self.instruments, {n: self.values[n] for n in names}, self.listed
        )

    def _take(self, rows: slice) -> "Panel":
        values = {name: matrix[rows] for name, matrix in self.values.items()}
        return Panel(self.sessions[rows], self.instruments, values, self.listed[rows])

    @cached_property
    def snapshot_id(self) -> str:
        """SHA-256 (64 hex digits) of the content: sessions, ids, listing and every field.

        Field order does not matter, and every NaN counts as the same NaN.
        """
        digest = hashlib.sha256()
        digest.update(np.ascontiguousarray(self.sessions.astype("<i8")).tobytes())
        digest.update(json.dumps(self.instruments).encode())
        digest.update(np.packbits(self.listed).tobytes())
        for name in sorted(self.values):
            digest.update(json.dumps(name).encode())
            matrix = self.values[name]
            canonical = np.where(np.isnan(matrix), np.float32(np.nan), matrix + np.float32(0))
            digest.update(canonical.astype("<f4").tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write into the new or empty folder: one .npy a field and `panel.json`, flushed to disk.

        Raises
        ------
        PanelError
            The folder exists and holds something.
        """
        folder = Path(folder)
        if folder.exists() and any(folder.iterdir()):
            raise PanelError(f"{folder} is not empty; a panel is saved into a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "listed.npy", self.listed)
        for number, matrix in enumerate(self.values.values()):
            np.save(folder / f"field_{number}.npy", matrix)
        header = {
            "format": 1,
            "sessions": [str(day) for day in self.sessions],
            "instruments": list(self.instruments),
            "fields": list(self.values),
            "snapshot_id": self.snapshot_id,
        }
        write_atomic(folder / "panel.json", json.dumps(header, ensure_ascii=False))
        fsync_tree(folder)

    @classmethod
    def open(cls, folder: Path) -> "Panel":
        """Map a saved panel read-only: pages are loaded when touched, and shared by processes.

        Raises
        ------
        PanelError
            The folder is no saved panel, or its files do not fit its header.
        """
        folder = Path(folder)
        try:
            header = json.loads((folder / "panel.json").read_bytes())
            sessions = np.array(header["sessions"], dtype="datetime64[D]")
            values = {
                name: np.load(folder / f"field_{number}.npy", mmap_mode="r")
                for number, name in enumerate(header["fields"])
            }
            listed = np.load(folder / "listed.npy")
            panel = cls(sessions, tuple(header["instruments"]), values, listed)
            # The id was computed from these very files when they were written.
            panel.__dict__["snapshot_id"] = str(header["snapshot_id"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PanelError(f"{folder} is no readable panel: {error}") from error
        return panel


def as_days(column: "pd.Series") -> np.ndarray:
    """Dates as datetime64[D]; a time zone is converted to Asia/Shanghai, never dropped."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        raise PanelError("column 'date' holds numbers; give dates such as 2025-12-31")
    try:
        stamps = pd.to_datetime(column)
    except (ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise PanelError(f"column 'date' holds something that is no date: {reason}") from error
    if stamps.isna().any():
        raise PanelError("column 'date' has a missing value; every row needs its date")
    if stamps.dt.tz is not None:
        stamps = stamps.dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
    if (stamps != stamps.dt.normalize()).any():
        raise PanelError("column 'date' holds times of day; a session is a date")
    return stamps.to_numpy().astype("datetime64[D]")


def _refuse_duplicates(
    cell: np.ndarray, sessions: np.ndarray, ids: np.ndarray, shape: tuple[int, int]
) -> None:
    taken, count = np.unique(cell, return_counts=True)
    if (count > 1).any():
        at = int(np.argmax(count > 1))
        first = int(taken[at])
        day, name = sessions[first // shape[1]], ids[first % shape[1]]
        raise PanelError(f"({day}, {name}) occurs {count[at]} times; each pair once")


def fill_span(present: np.ndarray) -> np.ndarray:
    """True between the first and the last True of each column."""
    started = np.logical_or.accumulate(present, axis=0)
    not_ended = np.logical_or.accumulate(present[::-1], axis=0)[::-1]
    return started & not_ended
