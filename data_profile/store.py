"""The store: one verified version of the market data, switched atomically.

    store/
      current -> v000002       the version in use
      v000001/                 the one before it
      v000002/
        truth.parquet          the rows as they were given
        panel/                 the dense panel derived from them (Panel.save)
        qlib/                  the same for stock Qlib
        names.json             instrument id -> display name
        manifest.json          what this is; written last

A version is built in `.building`, flushed, proved by reading every file back, renamed and only
then linked. A build that dies leaves the current version as it was; the next build removes what
it left. In this version of the project a build REPLACES the data: rows of an earlier import are
not kept beside those of a later one.
"""

import contextlib
import datetime
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from data_profile import qlib_tree
from data_profile.errors import PanelError, SourceError, StoreError
from data_profile.files import exclusive, fsync_dir, fsync_tree, switch_link, write_atomic
from data_profile.identifiers import (
    FIELD_RULE,
    INSTRUMENT_RULE,
    is_field,
    is_instrument,
    same_but_case,
)
from data_profile.panel import Panel

if TYPE_CHECKING:
    import pandas as pd

_VERSION = re.compile(r"v(\d{6})")
_FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """What a version of the store holds.

    Parameters
    ----------
    snapshot_id
        SHA-256 of the panel's content (`Panel.snapshot_id`).
    created_at
        When it was built, timezone-aware (UTC).
    source
        Where the rows came from: a file's name, or `synthetic-<seed>`.
    state
        "imported": taken from a file as it stood. Collection adds "complete" and "partial".
    rows, instruments, sessions
        How many of each.
    first_session, last_session
        Dates in Asia/Shanghai.
    fields
        Numeric fields, in order.
    ignored
        Columns of text that the truth keeps and no factor can use.
    coverage
        Field -> share of listed (session, instrument) cells with a value, 0..1.
    truth_sha256, names_sha256
        SHA-256 of `truth.parquet` and of `names.json`.
    """

    snapshot_id: str
    created_at: datetime.datetime
    source: str
    state: str
    rows: int
    instruments: int
    sessions: int
    first_session: datetime.date
    last_session: datetime.date
    fields: tuple[str, ...]
    ignored: tuple[str, ...]
    coverage: Mapping[str, float]
    truth_sha256: str
    names_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; dates and instants in ISO 8601."""
        days = {name: getattr(self, name).isoformat() for name in _DATES}
        return asdict(self) | days | {"fields": list(self.fields), "ignored": list(self.ignored)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Manifest":
        """The inverse of `to_dict`.

        Raises
        ------
        StoreError
            `data` is no manifest of this format.
        """
        try:
            return cls(
                **{
                    **data,
                    "created_at": datetime.datetime.fromisoformat(data["created_at"]),
                    "first_session": datetime.date.fromisoformat(data["first_session"]),
                    "last_session": datetime.date.fromisoformat(data["last_session"]),
                    "fields": tuple(data["fields"]),
                    "ignored": tuple(data["ignored"]),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"not a manifest of this version: {error!r}") from error


_DATES = ("created_at", "first_session", "last_session")


class Store:
    """The market data below one folder (`Home.store`).

    Parameters
    ----------
    folder
        Need not exist; `build` makes it.

    Examples
    --------
    >>> import tempfile
    >>> from data_profile.market import synthetic
    >>> market = synthetic(1, sectors=3, sessions=40)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store(Path(folder))
    ...     manifest = store.build(market.frame, market.names, source="synthetic-1")
    ...     store.panel().shape == (manifest.sessions, manifest.instruments)
    True
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def exists(self) -> bool:
        """Whether there is a version to read."""
        return (self.folder / "current" / "manifest.json").is_file()

    def manifest(self) -> Manifest:
        """What the current version holds.

        Raises
        ------
        StoreError
            There is none, or it is damaged.
        """
        return _manifest(self._current())

    def panel(self) -> Panel:
        """The current dense panel, mapped read-only; later builds do not change it.

        Raises
        ------
        StoreError
            There is none, or it is damaged.
        """
        with _wrapped("read"):
            return Panel.open(self._current() / "panel")

    def names(self) -> dict[str, str]:
        """Instrument id -> display name.

        Raises
        ------
        StoreError
            There is none, or it is damaged.
        """
        with _wrapped("read"):
            return json.loads((self._current() / "names.json").read_bytes())

    @property
    def qlib_dir(self) -> Path:
        """The current Qlib tree: `provider_uri` of `qlib.init`.

        Raises
        ------
        StoreError
            There is none.
        """
        return self._current() / "qlib"

    def build(self, frame: "pd.DataFrame", names: Mapping[str, str], *, source: str) -> Manifest:
        """Build a version from rows, prove it, and make it the current one.

        Parameters
        ----------
        frame
            Columns `date`, `instrument`, then fields; rows in any order.
        names
            Instrument id -> display name; an id without one shows itself.
        source
            Where the rows come from, for people.

        Raises
        ------
        SourceError
            An id or a field's name cannot be a folder's or a file's name.
        PanelError
            The rows make no panel.
        StoreError
            Another build is running, the disk refused, or what was written does not read back.
            The current version is as it was.
        """
        panel = Panel.from_frame(frame)
        _check_names(panel)
        rows = frame.sort_values(["date", "instrument"], kind="stable", ignore_index=True)
        named = {name: str(names.get(name, name)) for name in panel.instruments}
        with self._locked(), _wrapped("built"):
            self._sweep()
            aside = self.folder / ".building"
            try:
                manifest = _write(aside, rows, panel, named, source)
                _prove(aside, manifest)
                fsync_tree(aside)
                version = self.folder / f"v{self._newest() + 1:06d}"
                os.replace(aside, version)
                fsync_dir(self.folder)
                switch_link(self.folder / "current", version)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
            self._sweep()
        return manifest

    def verify(self) -> Manifest:
        """Prove the current version again: hashes, panel, and Qlib tree value by value.

        Raises
        ------
        StoreError
            There is none, or anything in it differs from what was built.
        """
        current = self._current()
        manifest = _manifest(current)
        with _wrapped("verified"):
            _prove(current, manifest)
        return manifest

    def _current(self) -> Path:
        """The folder of the current version, past the link, so that one reader sees one version."""
        if not self.exists():
            raise StoreError(f"no market data in {self.folder}; run: tide data import FILE")
        return (self.folder / "current").resolve()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(exclusive(self.folder / "lock"))
            except BlockingIOError as error:
                raise StoreError(
                    f"another process is building {self.folder}; wait until it has ended"
                ) from error
            except OSError as error:
                raise StoreError(f"{self.folder} cannot be written: {error}") from error
            yield

    def _versions(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if _VERSION.fullmatch(path.name))

    def _newest(self) -> int:
        return max((int(path.name[1:]) for path in self._versions()), default=0)

    def _sweep(self) -> None:
        """Remove all but the current version and the one before it."""
        link = self.folder / "current"
        current = os.readlink(link) if link.is_symlink() else ""
        before = [path.name for path in self._versions() if path.name < current]
        keep = {current, *before[-1:]}
        for path in self.folder.iterdir():
            if path.name.startswith(".current."):
                path.unlink()
            elif path.name == ".building" or (
                _VERSION.fullmatch(path.name) and path.name not in keep
            ):
                shutil.rmtree(path)


def _check_names(panel: Panel) -> None:
    for what, names, good, rule in (
        ("instrument", panel.instruments, is_instrument, INSTRUMENT_RULE),
        ("field", panel.fields, is_field, FIELD_RULE),
    ):
        for name in names:
            if not good(name):
                raise SourceError(f"{what} {name!r} cannot name a file; use {rule}")
        if clash := same_but_case(names):
            raise SourceError(f"{what}s {clash[0]!r} and {clash[1]!r} differ only in case")


def _write(
    folder: Path, rows: "pd.DataFrame", panel: Panel, names: Mapping[str, str], source: str
) -> Manifest:
    """Write every file of a version, the manifest last."""
    folder.mkdir()
    rows.to_parquet(folder / "truth.parquet", index=False, compression="zstd")
    panel.save(folder / "panel")
    qlib_tree.write(panel, folder / "qlib")
    write_atomic(folder / "names.json", json.dumps(names, ensure_ascii=False))
    cells = int(panel.listed.sum())
    manifest = Manifest(
        snapshot_id=panel.snapshot_id,
        created_at=datetime.datetime.now(datetime.UTC),
        source=source,
        state="imported",
        rows=len(rows),
        instruments=len(panel.instruments),
        sessions=len(panel.sessions),
        first_session=panel.sessions[0].item(),
        last_session=panel.sessions[-1].item(),
        fields=panel.fields,
        ignored=panel.ignored,
        coverage={
            name: float((np.isfinite(matrix) & panel.listed).sum()) / cells
            for name, matrix in panel.values.items()
        },
        truth_sha256=_hash(folder / "truth.parquet"),
        names_sha256=_hash(folder / "names.json"),
    )
    content = {"format": _FORMAT, "seal": _seal(manifest), **manifest.to_dict()}
    write_atomic(folder / "manifest.json", json.dumps(content, ensure_ascii=False, indent=1))
    return manifest


def _prove(folder: Path, manifest: Manifest) -> None:
    """Read a version back from disk: truth, panel and Qlib tree must say the same."""
    import pandas as pd

    if _manifest(folder) != manifest:
        raise StoreError(f"{folder / 'manifest.json'} does not read back")
    for name, expected in (
        ("truth.parquet", manifest.truth_sha256),
        ("names.json", manifest.names_sha256),
    ):
        if _hash(folder / name) != expected:
            raise StoreError(f"{folder / name} is not what was written: its hash differs")
    derived = Panel.from_frame(pd.read_parquet(folder / "truth.parquet"))
    if derived.snapshot_id != manifest.snapshot_id:
        raise StoreError(f"{folder / 'truth.parquet'} does not make the panel of the manifest")
    saved = Panel.open(folder / "panel")
    if saved.snapshot_id != manifest.snapshot_id or _content_id(saved) != manifest.snapshot_id:
        raise StoreError(f"{folder / 'panel'} is not what was written: its content differs")
    qlib_tree.check(saved, folder / "qlib")


def _content_id(panel: Panel) -> str:
    """The snapshot id computed from the values, not taken from the header."""
    return Panel(panel.sessions, panel.instruments, panel.values, panel.listed).snapshot_id


def _manifest(folder: Path) -> Manifest:
    path = folder / "manifest.json"
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}; import the data again") from error
    if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
        raise StoreError(f"{path} is of another format; import the data again")
    seal = content.pop("seal", None)
    manifest = Manifest.from_dict(content)
    if seal != _seal(manifest):
        raise StoreError(f"{path} is not what was written; import the data again")
    return manifest


def _seal(manifest: Manifest) -> str:
    """SHA-256 over the manifest, so that a changed byte in it is seen too."""
    return hashlib.sha256(json.dumps(manifest.to_dict(), sort_keys=True).encode()).hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def _wrapped(what: str) -> Iterator[None]:
    """Turn what the disk and the file formats raise into a StoreError."""
    try:
        yield
    except StoreError:
        raise
    except (OSError, ValueError, PanelError, pa.ArrowException) as error:
        raise StoreError(f"the store cannot be {what}: {error}") from error
