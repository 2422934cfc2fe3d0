"""The stock store: single stocks' bars, the dragon-tiger list and its seats, beside the sectors.

    store/stocks/
      current -> v000002       the version in use
      v000001/                 the one before it
      v000002/
        bars.parquet map.parquet list_rows.parquet seat_rows.parquet limit_events.parquet
                               what was taken in, a row as it was told
        lists.parquet seats.parquet
                               the list as facts, derived (dragon_list.py)
        panel/                 the dense panel, derived (stock_panel.py)
        manifest.json          what this is; written last

A version is built in `.building`, flushed, renamed and only then linked; tables that do not change
are hard links to the version before. A build that dies leaves the current version as it was.
"""

import datetime
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from data_profile import dragon_list, money, stock_panel
from data_profile.building import building, wrapped
from data_profile.errors import StoreError
from data_profile.files import fsync_dir, fsync_tree, switch_link
from data_profile.panel import Panel
from data_profile.seat_types import typed
from data_profile.seats import Seats
from data_profile.sectors import Sectors
from data_profile.sessions import today
from data_profile.stock_manifest import StockManifest, StockTableInfo
from data_profile.stock_rows import joined, rows_with_session

TAKEN = ("bars", "map", "list_rows", "seat_rows", "limit_events")
DERIVED = ("lists", "seats")
COLLECTED = "collected"
_NAME = "the stock store"
_VERSION = re.compile(r"v(\d{6})")


class StockStore:
    """Single stocks below one folder (`home.store / "stocks"`).

    Parameters
    ----------
    folder
        Need not exist; the first table makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def exists(self) -> bool:
        """Whether there is a version to read."""
        return (self.folder / "current" / "manifest.json").is_file()

    def manifest(self) -> StockManifest:
        """What the current version holds.

        Raises
        ------
        StoreError
            There is none, or it is damaged.
        """
        return StockManifest.read(self.version / "manifest.json")

    @property
    def version(self) -> Path:
        """The folder of the current version, past the link, so that one reader sees one version.

        Raises
        ------
        StoreError
            There is none.
        """
        if not self.exists():
            raise StoreError(
                f"no stocks in {self.folder}; run: tide data import FILE with each of the stock "
                "files (daily bars, map, dragon-tiger list, seats)"
            )
        return (self.folder / "current").resolve()

    def panel(self) -> Panel:
        """Every stock by session, mapped from disk.

        Instruments are six-digit codes. Fields (`stock_fields.yaml` has them all): `open`, `high`,
        `low`, `close` in yuan a share, FRONT-ADJUSTED (qfq): only ratios of one stock's prices mean
        anything, and limits cannot be read off them to the cent; `volume` in shares, as traded;
        `lhb_...` from the dragon-tiger list, known at 18:10 of the session, the rest at 15:35.

        Raises
        ------
        StoreError
            There are no bars yet, or they are damaged.
        """
        folder = self.version / "panel"
        if not folder.is_dir():
            raise StoreError(
                f"no daily bars of stocks in {self.folder}; run: tide data import FILE with "
                "columns date, code, open, high, low, close, volume"
            )
        with wrapped(_NAME, "read"):
            return Panel.open(folder)

    def map(self) -> pd.DataFrame:
        """Who the stocks are, by code.

        Columns code, name, board, sector (its name), sector_id, list_date (datetime64),
        float_shares, total_shares. `sector_id` is that of the sector panel in the same home,
        missing where its name is not known there. Sector and shares are those of the day the
        file was made, applied backwards.

        Raises
        ------
        StoreError
            There is no map, or it is damaged.
        """
        stocks = self._table("map").drop(columns=["source", "observed_at"])
        ids = Sectors(self.folder.parent / "sectors")
        names = stocks["sector"].dropna().unique()
        known = {name: ids.resolve(name, "industry", today()).sector_id for name in names}
        stocks.insert(4, "sector_id", stocks["sector"].map(known).astype(object))
        return stocks

    def lists(self) -> pd.DataFrame:
        """The dragon-tiger list, one row a session, stock and span (`dragon_list.facts`).

        Known at 18:10 of `session`: the first price that it can be traded at is the next
        session's open.

        Raises
        ------
        StoreError
            No list was taken in, or it is damaged.
        """
        return self._table("lists")

    def seats(self) -> pd.DataFrame:
        """The seats of the list, each once (`dragon_list.facts`); known as the list is.

        Raises
        ------
        StoreError
            No seats were taken in, or they are damaged.
        """
        return self._table("seats")

    def limit_events(self) -> pd.DataFrame:
        """Stock-days at, touching or leaving a price limit; known at 15:35 of `session`.

        Raises
        ------
        StoreError
            None were taken in, or they are damaged.
        """
        return self._table("limit_events")

    def has(self, table: str) -> bool:
        """Whether the current version holds a table."""
        return self.exists() and (self.version / f"{table}.parquet").is_file()

    def take(self, table: str, frame: pd.DataFrame, *, source: str) -> StockManifest:
        """Take in the rows of a file in place of those of earlier files of its kind.

        Sessions that were collected stay as they were collected.

        Parameters
        ----------
        table
            One of `TAKEN`.
        frame
            As `sources.stock_files.parse` gives it.
        source
            Name of the file.

        Raises
        ------
        StoreError
            Another build is running, the disk refused, or the current version is damaged. The
            current version is as it was.
        """
        rows = frame.assign(source=source, observed_at=np.datetime64("NaT", "us"))
        with building(self.folder, _NAME, self._sweep):
            held = self._held(table)
            if held is not None and "session" in rows:
                kept = held[held["source"] == COLLECTED]
                rows = rows[~rows["session"].isin(kept["session"].unique())]
                rows = joined(rows, kept)
            return self._switch({table: rows}, {table: source})

    def take_sessions(
        self,
        days: Mapping[datetime.date, Mapping[str, pd.DataFrame]],
        *,
        observed_at: datetime.datetime,
    ) -> StockManifest | None:
        """Take in what was collected of sessions, in place of what is held of them.

        The very same rows again change nothing. Bars come as the exchange made them: the earlier
        ones of a stock are scaled to the previous close that the day's own bar speaks of, which
        keeps history front-adjusted.

        Parameters
        ----------
        days
            Session (date in Asia/Shanghai) -> tables of `TAKEN`: their rows without `session`.
        observed_at
            When the rows were known; timezone-aware.

        Returns
        -------
        StockManifest
            None where there was nothing to take and there is no version yet.

        Raises
        ------
        StoreError
            As `take`.
        """
        seen = pd.Timestamp(observed_at).tz_convert("UTC").tz_localize(None)
        with building(self.folder, _NAME, self._sweep):
            new: dict[str, pd.DataFrame] = {}
            for session in sorted(days):
                for name, frame in days[session].items():
                    held = new[name] if name in new else self._held(name)
                    rows = frame.assign(
                        session=pd.Timestamp(session), source=COLLECTED, observed_at=seen
                    )
                    changed = rows_with_session(name, held, rows)
                    if changed is not None:
                        new[name] = changed
            if not new:
                return self.manifest() if self.exists() else None
            return self._switch(new, dict.fromkeys(new, COLLECTED))

    def _table(self, name: str) -> pd.DataFrame:
        path = self.version / f"{name}.parquet"
        if not path.is_file():
            raise StoreError(
                f"no table {name} of stocks in {self.folder}; run: tide data import FILE with the "
                "stock file that has it"
            )
        with wrapped(_NAME, "read"):
            return pd.read_parquet(path)

    def _held(self, name: str) -> pd.DataFrame | None:
        return self._table(name) if self.has(name) else None

    def _switch(self, new: Mapping[str, pd.DataFrame], sources: Mapping[str, str]) -> StockManifest:
        """Write a version with new tables aside, and make it the current one."""
        aside = self.folder / ".building"
        aside.mkdir()
        before = self.manifest().tables if self.exists() else {}
        tables: dict[str, pd.DataFrame] = {}
        infos: dict[str, StockTableInfo] = {}
        for name in TAKEN:
            if name in new:
                tables[name] = new[name].reset_index(drop=True)
                infos[name] = _write(aside, name, tables[name], sources[name])
            elif name in before:
                os.link(self.version / f"{name}.parquet", aside / f"{name}.parquet")
                tables[name], infos[name] = self._table(name), before[name]
        tables |= _facts(tables)
        for name in DERIVED:
            if name in tables:
                infos[name] = _write(aside, name, tables[name], "derived")
        panel = stock_panel.build(tables, self._listed(tables))
        if panel is not None:
            panel.save(aside / "panel")
        manifest = StockManifest(
            created_at=datetime.datetime.now(datetime.UTC),
            snapshot_id="" if panel is None else panel.snapshot_id,
            stocks=0 if panel is None else len(panel.instruments),
            sessions=0 if panel is None else len(panel.sessions),
            fields=() if panel is None else panel.fields,
            tables=infos,
        )
        manifest.write(aside / "manifest.json")
        fsync_tree(aside)
        version = self.folder / f"v{self._newest() + 1:06d}"
        os.replace(aside, version)
        fsync_dir(self.folder)
        switch_link(self.folder / "current", version)
        return manifest

    def _listed(self, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
        if "lists" not in tables:
            return None
        seats = tables["seats"]
        ids = Seats(self.folder / "seats").unify(seats["seat"].unique())
        return money.by_stock(tables["lists"], typed(seats, ids))

    def _newest(self) -> int:
        return max((int(m[1]) for p in self.folder.iterdir() if (m := _VERSION.fullmatch(p.name))),
                   default=0)  # fmt: skip

    def _sweep(self) -> None:
        """Remove what a killed build left, and versions but the current and the one before."""
        shutil.rmtree(self.folder / ".building", ignore_errors=True)
        if not self.exists():
            return
        current = int(self.version.name[1:])
        for path in self.folder.iterdir():
            found = _VERSION.fullmatch(path.name)
            if found and int(found[1]) not in (current, current - 1):
                shutil.rmtree(path)


def _facts(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The list as facts; without seats it tells only who was listed."""
    if "list_rows" not in tables:
        return {}
    seat_rows = tables.get("seat_rows", dragon_list.NO_SEATS)
    lists, seats = dragon_list.facts(tables["list_rows"], seat_rows)
    return {"lists": lists, "seats": seats}


def _write(folder: Path, name: str, frame: pd.DataFrame, source: str) -> StockTableInfo:
    path = folder / f"{name}.parquet"
    frame.to_parquet(path, index=False, compression="zstd")
    days = frame["session"] if "session" in frame and len(frame) else None
    return StockTableInfo(
        rows=len(frame),
        first="" if days is None else str(days.min().date()),
        last="" if days is None else str(days.max().date()),
        source=source,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
