"""The store: one verified version of the market data, switched atomically.

    store/
      raw/                     every table that was fetched (raw.py)
      truth/                   every row that was taken in (truth.py): files that never change
      .spare/                  an old Qlib tree, which the next build writes over
      current -> v000002       the version in use
      v000001/                 the one before it
      v000002/
        truth.json             which rows it stands on: batches, files, hashes
        panel/                 the dense panel derived from them (Panel.save)
        qlib/                  the same for stock Qlib
        names.json             instrument id -> display name
        manifest.json          what this is; written last

A version is built in `.building`, flushed, proved by reading every file back, renamed and only
then linked. A build that dies leaves the current version as it was; the next one removes what it
left. A version that a process has mapped stays readable for it after it is removed.
"""

import datetime
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from data_profile.batches import Day, State
from data_profile.building import building, wrapped
from data_profile.errors import PanelError, StoreError
from data_profile.files import fsync_dir, fsync_tree, switch_link
from data_profile.incoming import check_names, checked_day
from data_profile.manifest import RESTORE, Manifest
from data_profile.panel import Panel
from data_profile.truth import Truth
from data_profile.truth_rows import Limit
from data_profile.version_files import (
    content_id,
    names_left,
    prove,
    truth_of,
    whole_panel,
    write_version,
)

if TYPE_CHECKING:
    import pandas as pd

_SPARE = ".spare"
_NAME = "the store"
_VERSION = re.compile(r"v(\d{6})")


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
        return Manifest.read(self.version / "manifest.json")

    def panel(self, *, as_of: datetime.datetime | None = None, cutoff: str | None = None) -> Panel:
        """The dense panel: all that is known, or what was known at a time.

        Without arguments it is mapped from disk, read-only, and later builds do not change it.
        With them it is derived from the truth: collected values count from when they were
        observed, imported ones from their field's `known_at` of their session; a field without
        any value by then is left out.

        Parameters
        ----------
        as_of
            As known at this instant (timezone-aware): later sessions, and instruments first seen
            later, are not there.
        cutoff
            "HH:MM", Asia/Shanghai: each session as it was known at that time of that very day,
            which is what a forecast made daily at that time has seen. Sessions and instruments
            are those of the panel without it, so that features from the one and labels from the
            other line up; what came too late is missing.

        Raises
        ------
        StoreError
            There is none, it is damaged, nothing was known by then, or a time is none.

        Examples
        --------
        >>> import tempfile
        >>> from data_profile.market import synthetic
        >>> market = synthetic(1, sectors=3, sessions=40)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = Store(Path(folder))
        ...     _ = store.build(market.frame, market.names, source="synthetic-1")
        ...     final, known = store.panel(), store.panel(cutoff="15:45")
        >>> "lhb_count" in final.fields, "lhb_count" in known.fields
        (True, False)
        """
        limit = Limit(as_of, cutoff)
        with wrapped(_NAME, "read"):
            if limit == Limit():
                return Panel.open(self.version / "panel")
            panel = self.truth().panel(limit)
        if panel is None:
            raise StoreError(f"{self.folder} held nothing that was known at {as_of}")
        return panel

    def truth(self) -> Truth:
        """The rows that the current version stands on.

        Raises
        ------
        StoreError
            There is none, or its index is damaged.
        """
        return truth_of(self.version)

    def days(self) -> tuple[Day, ...]:
        """The sessions that were collected or fetched later, in order, and what they lack.

        Raises
        ------
        StoreError
            There is no store, or it is damaged.
        """
        return self.truth().days()

    def names(self) -> dict[str, str]:
        """Instrument id -> display name.

        Raises
        ------
        StoreError
            There is none, or it is damaged.
        """
        with wrapped(_NAME, "read"):
            return json.loads((self.version / "names.json").read_bytes())

    @property
    def qlib_dir(self) -> Path:
        """The current Qlib tree: `provider_uri` of `qlib.init`.

        Raises
        ------
        StoreError
            There is none.
        """
        return self.version / "qlib"

    @property
    def version(self) -> Path:
        """The folder of the current version, past the link, so that one reader sees one version.

        Raises
        ------
        StoreError
            There is none.
        """
        if not self.exists():
            raise StoreError(f"no market data in {self.folder}; run: tide data import FILE")
        return (self.folder / "current").resolve()

    def build(
        self,
        frame: "pd.DataFrame",
        names: Mapping[str, str],
        *,
        source: str,
        add: bool = False,
    ) -> Manifest:
        """Take in a file's rows, prove the version made with them, and make it the current one.

        It takes the place of earlier files. What was collected stays, and outranks the file
        wherever it has a value.

        Parameters
        ----------
        frame
            Columns `date`, `instrument`, then fields; rows in any order.
        names
            Instrument id -> display name; an id without one keeps its name, or shows itself.
        source
            Where the rows come from, for people.
        add
            Keep earlier files too: this one takes their place only on the sessions from its first
            to its last.

        Raises
        ------
        SourceError
            An id or a field's name cannot be a folder's or a file's name.
        PanelError
            The rows make no panel.
        StoreError
            Another build is running, the disk refused, the current version is damaged, or what
            was written does not read back. The current version is as it was.
        """
        check_names(Panel.from_frame(frame))
        with building(self.folder, _NAME, self._sweep):
            truth = self._base().with_file(
                frame, source=source, observed_at=datetime.datetime.now(datetime.UTC), add=add
            )
            return self._switch(truth, whole_panel(truth), names)

    def append(
        self,
        rows: "pd.DataFrame",
        *,
        session: datetime.date,
        observed_at: datetime.datetime,
        state: State,
        missing: tuple[str, ...] = (),
        names: Mapping[str, str] | None = None,
        source: str = "collected",
    ) -> Manifest:
        """Take in the rows of one session as observed at one moment, and build the version.

        The session may be new, inserted late, or observed before: a later observation replaces
        the values that it has, and both are kept. The very same rows again change nothing.

        Parameters
        ----------
        rows
            One row an instrument: column `instrument`, then fields; a column `date` must hold the
            session. Missing values are missing, never zero.
        session
            Date in Asia/Shanghai.
        observed_at
            When the rows were known; timezone-aware.
        state
            "complete"; "partial": something is missing; "imported": history fetched after the
            day, known at its fields' `known_at`.
        missing
            What a partial day is without, for people.
        names
            Instrument id -> display name, of the new and the renamed.
        source
            Where the rows come from, for people.

        Raises
        ------
        CalendarError
            The calendar does not reach the session.
        SourceError, PanelError
            The rows cannot be taken.
        StoreError
            No session of the exchange, a time without a zone or before the session, another build
            is running, the disk refused, or the current version is damaged. The current version
            is as it was.
        """
        frame = checked_day(rows, session, observed_at, state)
        with building(self.folder, _NAME, self._sweep):
            before = self._base()
            truth = before.with_day(
                frame, session=session, state=state, source=source,
                observed_at=observed_at, missing=missing,
            )  # fmt: skip
            if truth is before and not _renames(names, self.names()):
                return self.manifest()
            return self._switch(truth, self._with_session(truth, session), names or {})

    def extend(
        self,
        days: Iterable[tuple["pd.DataFrame", datetime.date]],
        *,
        observed_at: datetime.datetime,
        names: Mapping[str, str],
        source: str,
    ) -> Manifest:
        """Take in the history of many sessions, fetched after them, and build ONE version.

        The same as `append` with the state "imported" for each, in a fraction of the time.

        Parameters
        ----------
        days
            Rows as in `append`, and their session.
        observed_at, names, source
            As in `append`, of all of them.

        Raises
        ------
        CalendarError, SourceError, PanelError, StoreError
            As `append`. The current version is as it was.
        """
        with building(self.folder, _NAME, self._sweep):
            before = truth = self._base()
            for rows, session in days:
                truth = truth.with_day(
                    checked_day(rows, session, observed_at, "imported"), session=session,
                    state="imported", source=source, observed_at=observed_at, missing=(),
                )  # fmt: skip
            if truth is before and not _renames(names, self.names()):
                return self.manifest()
            return self._switch(truth, whole_panel(truth), names)

    def restore(self) -> Manifest:
        """Derive a sound version again, from the newest truth that is whole.

        Raises
        ------
        StoreError
            Neither the current version's rows nor those of the one before are whole.
        """
        with building(self.folder, _NAME, self._sweep):
            failures = []
            for version in reversed(self._versions()):
                try:
                    truth = truth_of(version)
                    panel = whole_panel(truth)
                except StoreError as error:
                    failures.append(str(error))
                    continue
                return self._switch(truth, panel, names_left(version))
            raise StoreError(
                f"nothing in {self.folder} can be restored: "
                f"{'; '.join(failures) or 'it is empty'}; "
                "put back a copy of the folder, or move it aside and import again"
            )

    def _base(self) -> Truth:
        """The truth to build upon: nothing yet, or the current version's."""
        if not (self.folder / "current").is_symlink():
            return Truth(self.folder / "truth")
        if not self.exists():
            raise StoreError(f"{self.folder / 'current'} leads nowhere; {RESTORE}")
        self.manifest()  # a damaged version is not built upon
        return self.truth()

    def _with_session(self, truth: Truth, session: datetime.date) -> Panel:
        """The current panel with one session derived anew; all of it if that panel is damaged."""
        try:
            base = Panel.open(self.version / "panel")
            sound = content_id(base) == self.manifest().snapshot_id
        except (PanelError, StoreError):
            sound = False
        day = truth.panel(session=session)
        return base.with_session(day) if sound and day is not None else whole_panel(truth)

    def _switch(self, truth: Truth, panel: Panel, names: Mapping[str, str]) -> Manifest:
        """Write a version aside, prove it, and make it the current one."""
        check_names(panel)
        held = names_left(self.version) if self.exists() else {}
        named = {name: str(names.get(name, held.get(name, name))) for name in panel.instruments}
        aside = self.folder / ".building"
        manifest = write_version(aside, truth, panel, named, spare=self.folder / _SPARE)
        prove(aside, manifest)
        fsync_tree(aside)
        version = self.folder / f"v{self._newest() + 1:06d}"
        os.replace(aside, version)
        fsync_dir(self.folder)
        switch_link(self.folder / "current", version)
        return manifest

    def _versions(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if _VERSION.fullmatch(path.name))

    def _newest(self) -> int:
        return max((int(path.name[1:]) for path in self._versions()), default=0)

    def _sweep(self) -> None:
        """Remove all but the current version, the one before it, and the rows of these."""
        link = self.folder / "current"
        current = os.readlink(link) if link.is_symlink() else ""
        before = [path.name for path in self._versions() if path.name < current]
        keep = {current, *before[-1:]}
        for path in self.folder.iterdir():
            if path.name.startswith(".current."):
                path.unlink()
            elif path.name == ".building":
                shutil.rmtree(path)
            elif _VERSION.fullmatch(path.name) and path.name not in keep:
                # Its Qlib tree is what the next build writes over.
                spare = self.folder / _SPARE
                if (path / "qlib").is_dir() and not spare.exists():
                    os.replace(path / "qlib", spare)
                shutil.rmtree(path)
        self._sweep_rows(self._versions())

    def _sweep_rows(self, versions: list[Path]) -> None:
        try:
            used = {name for version in versions for name in truth_of(version).files}
        except StoreError:
            return  # a version cannot say what it stands on: nothing may go
        for path in (self.folder / "truth").glob("*"):
            if path.name not in used:
                path.unlink()


def _renames(names: Mapping[str, str] | None, held: Mapping[str, str]) -> bool:
    return any(held.get(name, name) != shown for name, shown in (names or {}).items())
