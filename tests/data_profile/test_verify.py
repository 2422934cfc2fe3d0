"""`verify` says what is wrong with a store, and what to do about it."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest

from data_profile.errors import StoreError
from data_profile.manifest import Manifest
from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.raw import Raw
from data_profile.sources.base import Observation
from data_profile.store import Store
from data_profile.verify import Report, verify
from tests.commands import document, tide


@pytest.fixture
def store(tmp_path) -> Store:
    market = synthetic(1, sectors=3, sessions=40)
    made = Store(tmp_path / "home" / "store")
    columns = ["date", "instrument", "close", "limit_up_count"]
    made.build(market.frame[columns], market.names, source="old")
    return made


def wrong(report: Report) -> dict[str, str]:
    return {check.name: check.problems[0] for check in report.checks if not check.ok}


def test_a_sound_store(store) -> None:
    report = verify(store.folder)
    assert report.ok
    assert report.gaps == ()
    assert [check.name for check in report.checks] == [
        "raw zone", "version", "truth", "calendar", "no shift", "Qlib tree",
    ]  # fmt: skip
    assert all(check.detail and not check.remedy for check in report.checks)
    assert json.loads(json.dumps(report.to_dict()))["ok"] is True


def test_a_missed_session_is_named_and_is_no_error(store) -> None:
    row = pd.DataFrame({"instrument": ["S001"], "close": [1.0]})
    day = datetime.date(2026, 1, 7)
    observed = datetime.datetime(2026, 1, 7, 7, 36, tzinfo=datetime.UTC)
    store.append(row, session=day, observed_at=observed, state="complete")
    report = verify(store.folder)
    assert report.ok
    assert report.gaps == ("2026-01-05", "2026-01-06")


def test_a_day_that_is_no_session_is_found(tmp_path) -> None:
    store = Store(tmp_path)
    frame = pd.DataFrame({"date": ["2026-01-03"], "instrument": "A", "close": 1.0})
    store.build(frame, {}, source="weekend")
    assert wrong(verify(tmp_path)) == {"calendar": "2026-01-03 is no trading day in Shanghai"}


def rewrite(store: Store, panel: Panel) -> None:
    """Put another panel into the version, with headers and hashes that fit it."""
    folder = store.version / "panel"
    for path in folder.iterdir():
        path.unlink()
    panel.save(folder)
    held = store.manifest()
    changed = Manifest(**{**held.__dict__, "snapshot_id": panel.snapshot_id})
    changed.write(store.version / "manifest.json")


@pytest.mark.parametrize("rows", [1, -1])
def test_a_panel_shifted_by_a_day_is_found_though_every_hash_fits(store, rows) -> None:
    panel = store.panel()
    values = {name: np.array(matrix) for name, matrix in panel.values.items()}
    values["close"] = np.ascontiguousarray(np.roll(values["close"], rows, axis=0))
    rewrite(store, Panel(panel.sessions, panel.instruments, values, panel.listed))
    found = wrong(verify(store.folder))
    assert set(found) == {"no shift", "Qlib tree"}
    assert found["no shift"].startswith("close of S001 on 2025-")
    assert "in the truth" in found["no shift"]


def test_another_listing_is_found(store) -> None:
    panel = store.panel()
    listed = np.array(panel.listed)
    listed[:3, 0] = False
    rewrite(store, Panel(panel.sessions, panel.instruments, panel.values, listed))
    assert "S001 is not listed from its first row" in wrong(verify(store.folder))["no shift"]


def test_the_raw_zone_is_proved_too(store) -> None:
    observed = datetime.datetime(2026, 1, 5, 7, 36, tzinfo=datetime.UTC)
    frame = pd.DataFrame({"board": ["甲"], "net_inflow": [1.0]})
    told = Observation("demo.flow", observed.date(), observed, False, frame, ("board",))
    raw = Raw(store.folder / "raw")
    made = raw.put(told)
    raw.put(told, quarantined=["a reason"])
    report = verify(store.folder)
    assert report.ok
    assert report.checks[0].detail == "2 tables of 1 sessions, 1 in quarantine"
    (raw.folder / f"{made}.parquet").write_bytes(b"spoilt")
    assert set(wrong(verify(store.folder))) == {"raw zone"}


def test_without_a_store(tmp_path) -> None:
    with pytest.raises(StoreError, match="tide data import FILE"):
        verify(tmp_path)


def test_the_command_says_what_is_wrong_and_restores_it(store) -> None:
    home = store.folder.parent
    assert document(tide(home, "data", "verify", "--json"))["ok"] is True
    path = store.qlib_dir / "features" / "s001" / "close.day.bin"
    path.write_bytes(path.read_bytes()[:-4])
    said = tide(home, "data", "verify", status=1).stdout
    assert "Qlib tree" in said
    assert "not aligned with the calendar" in said
    assert "tide data verify --restore" in said
    assert document(tide(home, "data", "verify", "--restore", "--json"))["ok"] is True
