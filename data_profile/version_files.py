"""The files of one version of the store: written, proved by reading them back, read again."""

import datetime
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data_profile import qlib_tree
from data_profile.errors import StoreError
from data_profile.files import write_atomic
from data_profile.manifest import RESTORE, Manifest
from data_profile.panel import Panel
from data_profile.truth import Truth


def write_version(
    folder: Path, truth: Truth, panel: Panel, names: Mapping[str, str], *, spare: Path
) -> Manifest:
    """Write every file of a version, the manifest last; `spare` is a Qlib tree to write over."""
    folder.mkdir()
    if spare.is_dir():
        os.replace(spare, folder / "qlib")
    write_atomic(folder / "truth.json", json.dumps(truth.to_dict(), ensure_ascii=False))
    panel.save(folder / "panel")
    qlib_tree.write(panel, folder / "qlib")
    write_atomic(folder / "names.json", json.dumps(names, ensure_ascii=False))
    cells = int(panel.listed.sum())
    known = {name: np.isfinite(matrix) & panel.listed for name, matrix in panel.values.items()}
    days = [day for day in truth.days() if day.state != "imported"]
    last = panel.sessions[-1].item()
    manifest = Manifest(
        snapshot_id=panel.snapshot_id,
        created_at=datetime.datetime.now(datetime.UTC),
        source=", ".join(dict.fromkeys(batch.source for batch in truth.batches)),
        state=days[-1].state if days and days[-1].session == last else "imported",
        rows=int(np.logical_or.reduce(list(known.values())).sum()),
        instruments=len(panel.instruments),
        sessions=len(panel.sessions),
        collected=len(days),
        partial=sum(day.state == "partial" for day in days),
        first_session=panel.sessions[0].item(),
        last_session=last,
        fields=panel.fields,
        ignored=panel.ignored,
        coverage={name: float(cell.sum()) / cells for name, cell in known.items()},
        truth_sha256=_hash(folder / "truth.json"),
        names_sha256=_hash(folder / "names.json"),
    )
    manifest.write(folder / "manifest.json")
    return manifest


def prove(folder: Path, manifest: Manifest) -> None:
    """Read back from disk what was derived: panel and Qlib tree say the same."""
    if Manifest.read(folder / "manifest.json") != manifest:
        raise StoreError(f"{folder / 'manifest.json'} does not read back")
    saved = Panel.open(folder / "panel")
    if saved.snapshot_id != manifest.snapshot_id or content_id(saved) != manifest.snapshot_id:
        raise StoreError(f"{folder / 'panel'} is not what was written: its content differs")
    qlib_tree.check(saved, folder / "qlib")


def whole_panel(truth: Truth) -> Panel:
    """All that is known; StoreError where there is nothing."""
    panel = truth.panel()
    if panel is None:
        raise StoreError(f"{truth.folder} holds no rows")
    return panel


def content_id(panel: Panel) -> str:
    """The snapshot id computed from the values, not taken from the header."""
    return Panel(panel.sessions, panel.instruments, panel.values, panel.listed).snapshot_id


def truth_of(version: Path) -> Truth:
    """What a version stands on; its manifest, where there is one, says whether it is whole."""
    path = version / "truth.json"
    try:
        content = path.read_bytes()
        truth = Truth.from_dict(version.parent / "truth", json.loads(content))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error!r}; {RESTORE}") from error
    try:
        expected = Manifest.read(version / "manifest.json").truth_sha256
    except StoreError:
        return truth  # a lost manifest does not make the rows worthless
    if hashlib.sha256(content).hexdigest() != expected:
        raise StoreError(f"{path} is not what was written: its hash differs; {RESTORE}")
    return truth


def names_left(version: Path) -> dict[str, str]:
    """The names of a version; none where they cannot be read, for they can be told again."""
    try:
        names = json.loads((version / "names.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return names if isinstance(names, dict) else {}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
