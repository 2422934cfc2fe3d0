"""Proof that the store is what was taken in: hashes, calendar, no value on another day, Qlib tree.

The panel is compared with the truth by a second way of reading it, which goes by labels where the
building goes by positions: an error of one would show.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_profile import qlib_tree
from data_profile.errors import CalendarError, DataError, StoreError
from data_profile.manifest import RESTORE, Manifest
from data_profile.panel import Panel
from data_profile.raw import Raw
from data_profile.sessions import is_session, sessions
from data_profile.stock_manifest import AGAIN
from data_profile.stocks import StockStore
from data_profile.store import Store
from data_profile.truth import Truth

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 3


@dataclass(frozen=True)
class Check:
    """One thing that was proved, or not.

    Parameters
    ----------
    name
        What was looked at.
    detail
        What was found, in one line.
    problems
        What is wrong, a line each; () where nothing is.
    remedy
        What to do about it; "" where nothing is wrong.
    """

    name: str
    detail: str
    problems: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True)
class Report:
    """All checks of a store.

    Parameters
    ----------
    checks
        In the order in which they were made.
    gaps
        Sessions between the first and the last that the store does not hold, "YYYY-MM-DD". They
        are no damage: a day that was missed is missing.
    """

    checks: tuple[Check, ...]
    gaps: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(check.ok for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        checks = [{**asdict(check), "ok": check.ok} for check in self.checks]
        return {"ok": self.ok, "checks": checks, "gaps": list(self.gaps)}


def verify(folder: Path) -> Report:
    """Prove everything in a store; nothing is changed.

    Parameters
    ----------
    folder
        `Home.store`.

    Raises
    ------
    StoreError
        There is no store.
    """
    store, stocks = Store(folder), StockStore(Path(folder) / "stocks")
    of_stocks = stock_checks(stocks) if stocks.exists() else ()
    if of_stocks and not store.exists():
        return Report(of_stocks)
    raw = Raw(store.folder / "raw")
    version = store.version
    gaps: list[str] = []
    checks = (
        _check("raw zone", lambda: _raw(raw), "put the file back from a copy, or remove it: what "
               "was built from it stays in the truth"),
        _check("version", lambda: _version(version), RESTORE),
        _check("truth", lambda: _truth(store.truth()),
               f"{RESTORE}; if that fails, put back a copy of the folder, or import again"),
        _check("calendar", lambda: _calendar(store.panel(), gaps),
               "take the rows of these days out of the file, and import it again"),
        _check("no shift", lambda: _no_shift(store.panel(), store.truth()), RESTORE),
        _check("Qlib tree", lambda: _tree(store.panel(), version / "qlib"), RESTORE),
    )  # fmt: skip
    return Report(checks + of_stocks, tuple(gaps))


def stock_checks(stocks: StockStore) -> tuple[Check, ...]:
    """Prove a stock store: the hash of every table, and the panel's content and calendar."""
    return (
        _check("stocks", lambda: _stock_files(stocks), AGAIN),
        _check("stock panel", lambda: _stock_panel(stocks), AGAIN),
    )


def _stock_files(stocks: StockStore) -> tuple[str, Iterable[str]]:
    tables = stocks.manifest().tables
    problems = [
        f"{path} is not what was written: its hash differs"
        for name, info in tables.items()
        if hashlib.sha256((path := stocks.version / f"{name}.parquet").read_bytes()).hexdigest()
        != info.sha256
    ]
    return f"{sum(info.rows for info in tables.values())} rows in {len(tables)} tables", problems


def _stock_panel(stocks: StockStore) -> tuple[str, Iterable[str]]:
    manifest = stocks.manifest()
    if not manifest.snapshot_id:
        return "no bars yet", ()
    panel = stocks.panel()
    content = Panel(panel.sessions, panel.instruments, panel.values, panel.listed).snapshot_id
    detail = f"{manifest.stocks} stocks x {manifest.sessions} sessions"
    if content != manifest.snapshot_id:
        return detail, [f"{stocks.version / 'panel'} is not what was written: its content differs"]
    return detail, [
        f"{day} is no trading day in Shanghai" for day in panel.sessions if not is_session(day)
    ]


def _check(name: str, look: Callable[[], tuple[str, Iterable[str]]], remedy: str) -> Check:
    """Look, and turn what cannot even be read into a problem."""
    try:
        detail, problems = look()
        found = tuple(problems)
    except (DataError, OSError, ValueError) as error:
        detail, found = "cannot be checked", (str(error),)
    return Check(name, detail, found, remedy if found else "")


def _raw(raw: Raw) -> tuple[str, Iterable[str]]:
    entries = raw.observations()
    refused = sum(bool(entry.quarantined) for entry in entries)
    days = len({entry.session for entry in entries})
    detail = f"{len(entries)} tables of {days} sessions, {refused} in quarantine"
    return detail, raw.verify()


def _version(version: Path) -> tuple[str, Iterable[str]]:
    manifest = Manifest.read(version / "manifest.json")
    problems = [
        f"{version / name} is not what was written: its hash differs"
        for name, expected in (
            ("truth.json", manifest.truth_sha256),
            ("names.json", manifest.names_sha256),
        )
        if hashlib.sha256((version / name).read_bytes()).hexdigest() != expected
    ]
    saved = Panel.open(version / "panel")
    content = Panel(saved.sessions, saved.instruments, saved.values, saved.listed).snapshot_id
    if not content == saved.snapshot_id == manifest.snapshot_id:
        problems.append(f"{version / 'panel'} is not what was written: its content differs")
    return f"{version.name}, snapshot {manifest.snapshot_id[:16]}", problems


def _truth(truth: Truth) -> tuple[str, Iterable[str]]:
    problems = []
    for name in sorted(truth.files):
        try:
            table = truth.read(name)
        except StoreError as error:
            problems.append(str(error))
            continue
        told = sum(batch.rows for batch in truth.batches if batch.file == name)
        if "batch" in table.column_names:
            numbers = {batch.number for batch in truth.batches if batch.file == name}
            held = sum(number in numbers for number in table["batch"].to_pylist())
        else:
            held = len(table)
        if told != held:
            problems.append(f"{truth.folder / name} holds {held} rows where {told} are told of")
    rows = sum(batch.rows for batch in truth.batches)
    return f"{rows} rows in {len(truth.batches)} batches, {len(truth.files)} files", problems


def _calendar(panel: Panel, gaps: list[str]) -> tuple[str, Iterable[str]]:
    days = [day.item() for day in panel.sessions]
    problems = []
    for day in days:
        try:
            if not is_session(day):
                problems.append(f"{day} is no trading day in Shanghai")
        except CalendarError as error:
            problems.append(str(error))
    if not problems:
        gaps += [str(day) for day in sessions(days[0], days[-1]) if day not in set(days)]
    detail = f"{len(days)} sessions, {days[0]}..{days[-1]}"
    if gaps:
        more = f" and {len(gaps) - _SHOWN} more" if len(gaps) > _SHOWN else ""
        detail += f"; without {', '.join(gaps[:_SHOWN])}{more}"
    return detail, problems


def _no_shift(panel: Panel, truth: Truth) -> tuple[str, Iterable[str]]:
    """Every value of the panel against the truth, by session, instrument and field."""
    expected = _by_label(truth)
    days = expected.index.unique("date").sort_values()
    ids = tuple(sorted(expected.index.unique("instrument")))
    if [str(day) for day in panel.sessions] != [str(day) for day in days]:
        return "", ["the panel's sessions are not those of the truth"]
    if panel.instruments != ids:
        return "", ["the panel's instruments are not those of the truth"]
    if sorted(panel.fields) != sorted(truth.fields):
        return "", ["the panel's fields are not those of the truth"]
    problems = list(_listing(panel, expected))
    count = 0
    for name in panel.fields:
        wide = expected[name].unstack("instrument").reindex(index=days, columns=list(ids))
        values = wide.to_numpy(dtype=np.float32)
        held = panel.values[name]
        wrong = (values != held) & ~(np.isnan(values) & np.isnan(held))
        count += int((~np.isnan(values)).sum())
        if wrong.any():
            row, column = (int(at[0]) for at in np.nonzero(wrong))
            problems.append(
                f"{name} of {ids[column]} on {days[row]} is {held[row, column]:g} in the panel and "
                f"{values[row, column]:g} in the truth; {int(wrong.sum())} such cells"
            )
    return f"{count} values of {len(panel.fields)} fields compared with the truth", problems


def _listing(panel: Panel, expected: "pd.DataFrame") -> Iterable[str]:
    rows = expected.index.to_frame(index=False)
    rows["date"] = rows["date"].to_numpy(dtype="datetime64[D]").astype("datetime64[s]")
    spans = rows.groupby("instrument")["date"].agg(["min", "max"]).loc[list(panel.instruments)]
    first, last = (spans[side].to_numpy(dtype="datetime64[D]") for side in ("min", "max"))
    listed = (panel.sessions[:, None] >= first) & (panel.sessions[:, None] <= last)
    for column in np.flatnonzero((panel.listed != listed).any(axis=0)):
        yield (
            f"{panel.instruments[column]} is not listed from its first row, {first[column]}, "
            f"to its last, {last[column]}"
        )


def _by_label(truth: Truth) -> "pd.DataFrame":
    """The value that holds of each (date, instrument) and field, found with pandas alone."""
    import pandas as pd

    parts = []
    files = [batch for batch in truth.batches if batch.kind == "file"]
    for position, batch in enumerate(files):
        rows = truth.read(batch.file).to_pandas()
        for later in files[position + 1 :]:
            rows = rows[~rows["date"].between(later.first_session, later.last_session)]
        parts.append(rows)
    days = [batch for batch in truth.batches if batch.kind == "day"]
    held = {name: truth.read(name).to_pandas() for name in sorted({b.file for b in days})}
    history = [batch for batch in days if batch.state == "imported"]
    seen = sorted((b for b in days if b.collected), key=lambda b: (b.observed_at, b.number))
    for batch in history + seen:
        rows = held[batch.file]
        parts.append(rows[rows["batch"] == batch.number].drop(columns="batch"))
    names = list(truth.fields)
    rows = pd.concat([part.reindex(columns=["date", "instrument", *names]) for part in parts])
    return rows.groupby(["date", "instrument"], sort=False).last()


def _tree(panel: Panel, folder: Path) -> tuple[str, Iterable[str]]:
    qlib_tree.check(panel, folder)
    return f"{len(panel.instruments)} instruments, {len(panel.fields)} fields, value by value", ()
