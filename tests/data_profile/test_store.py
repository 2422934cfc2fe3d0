"""The store is what was put in, or what was there before; never anything between."""

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.errors import PanelError, SourceError, StoreError
from data_profile.files import exclusive
from data_profile.manifest import Manifest
from data_profile.market import Market, synthetic
from data_profile.panel import Panel
from data_profile.profile import Profile
from data_profile.sources.panel_file import read
from data_profile.store import Store
from data_profile.verify import verify

OLD, NEW = 1, 2  # seeds
FIELDS = ["date", "instrument", "close", "net_inflow", "limit_up_count"]


@pytest.fixture(scope="module")
def markets() -> dict[int, Market]:
    made = {seed: synthetic(seed, sectors=3, sessions=40) for seed in (OLD, NEW)}
    return {seed: replace(m, frame=m.frame[FIELDS]) for seed, m in made.items()}


@pytest.fixture
def store(tmp_path, markets) -> Store:
    made = Store(tmp_path / "store")
    made.build(markets[OLD].frame, markets[OLD].names, source="old")
    return made


def proved(store: Store) -> Manifest:
    report = verify(store.folder)
    assert report.ok, report
    return store.manifest()


def test_what_was_built_is_what_is_read(tmp_path, markets) -> None:
    store = Store(tmp_path / "deep" / "store")
    assert not store.exists()
    frame = markets[OLD].frame.assign(note="text").sample(frac=1, random_state=0)
    manifest = store.build(frame, markets[OLD].names, source="file.csv")
    assert store.exists()
    panel = store.panel()
    expected = Panel.from_frame(frame)
    assert panel.snapshot_id == expected.snapshot_id == manifest.snapshot_id
    assert store.names() == markets[OLD].names
    assert proved(store) == manifest
    assert manifest.state == "imported"
    assert manifest.source == "file.csv"
    assert manifest.created_at.tzinfo is not None
    assert manifest.ignored == ("note",)
    assert (manifest.sessions, manifest.instruments) == panel.shape
    assert manifest.rows == len(frame)
    assert manifest.first_session == panel.sessions[0].item()
    assert manifest.last_session == datetime.date(2025, 12, 31)
    assert manifest.coverage["close"] == pytest.approx(len(frame) / panel.listed.sum())
    assert Manifest.from_dict(json.loads(json.dumps(manifest.to_dict()))) == manifest


def test_truth_keeps_the_rows_as_they_were_given(store, markets) -> None:
    [path] = (store.folder / "truth").iterdir()
    truth = pd.read_parquet(path)
    given = markets[OLD].frame.assign(date=markets[OLD].frame["date"].dt.date)
    pd.testing.assert_frame_equal(truth, given, check_dtype=False)


def test_an_id_without_a_name_shows_itself(tmp_path, markets) -> None:
    store = Store(tmp_path)
    store.build(markets[OLD].frame, {"S001": "半导体"}, source="x")
    assert store.names() == {"S001": "半导体", "S002": "S002", "S003": "S003"}


def test_without_a_store_the_message_says_how_to_get_one(tmp_path) -> None:
    store = Store(tmp_path)
    for ask in (
        store.panel,
        store.names,
        store.manifest,
        store.truth,
        store.days,
        lambda: store.qlib_dir,
        lambda: verify(tmp_path),
    ):
        with pytest.raises(StoreError, match="tide data import FILE"):
            ask()


def test_a_second_build_replaces_the_first_and_keeps_it_beside(store, markets) -> None:
    open_before = store.panel()
    for _ in range(3):
        store.build(markets[NEW].frame, markets[NEW].names, source="new")
    assert store.panel().snapshot_id == Panel.from_frame(markets[NEW].frame).snapshot_id
    assert sorted(path.name for path in store.folder.iterdir()) == [
        ".spare", "current", "lock", "truth", "v000003", "v000004",
    ]  # fmt: skip
    # A reader that opened a version goes on reading it.
    again = Panel(open_before.sessions, open_before.instruments, open_before.values,
                  open_before.listed)  # fmt: skip
    assert again.snapshot_id == Panel.from_frame(markets[OLD].frame).snapshot_id


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda f: f.assign(instrument=f["instrument"].replace("S002", "../../evil")), SourceError),
        (lambda f: f.assign(instrument=f["instrument"].replace("S002", "s001")), SourceError),
        (lambda f: f.rename(columns={"close": "a/b"}), SourceError),
        (lambda f: f.assign(CLOSE=1.0), SourceError),
        (lambda f: pd.concat([f, f.iloc[[3]]]), PanelError),
        (lambda f: f.drop(columns="date"), PanelError),
        (lambda f: f.assign(mixed=[b"x", *range(len(f) - 1)]), StoreError),
    ],
)
def test_a_bad_frame_leaves_the_store_as_it_was(store, markets, spoil, error) -> None:
    before = {path: os.lstat(path).st_mtime_ns for path in store.folder.rglob("*")}
    with pytest.raises(error):
        store.build(spoil(markets[NEW].frame), {}, source="bad")
    after = {path: os.lstat(path).st_mtime_ns for path in store.folder.rglob("*")}
    assert set(after) == set(before)
    assert {p: t for p, t in after.items() if p.is_file()} == {
        p: t for p, t in before.items() if p.is_file()
    }
    assert proved(store).source == "old"


def test_a_running_build_keeps_others_out(store, markets) -> None:
    with (
        exclusive(store.folder / "lock"),
        pytest.raises(StoreError, match="another process is building"),
    ):
        store.build(markets[NEW].frame, {}, source="new")
    assert store.build(markets[NEW].frame, {}, source="new").source == "new"


def test_a_folder_that_cannot_be_written(tmp_path, markets) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "file").build(markets[OLD].frame, {}, source="x")


def files_of(store: Store) -> list[Path]:
    """Every file that the current version stands on."""
    version = [path for path in store.version.rglob("*") if path.is_file()]
    return sorted([*version, *(store.folder / "truth").iterdir()])


def test_verify_finds_one_changed_byte_in_any_file(store) -> None:
    for path in files_of(store):
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 0x41]) + content[middle + 1 :])
        report = verify(store.folder)
        assert not report.ok, path
        assert all(check.remedy for check in report.checks if not check.ok)
        path.write_bytes(content)
    assert proved(store) == store.manifest()


def test_verify_finds_a_missing_a_short_and_a_surplus_file(store) -> None:
    for path in files_of(store):
        content = path.read_bytes()
        path.unlink()
        if path.name != "manifest.json":  # without it there is no store
            assert not verify(store.folder).ok, path
        path.write_bytes(content[:-1])
        assert not verify(store.folder).ok, path
        path.write_bytes(content)
    (store.qlib_dir / "features" / "s001" / "extra.day.bin").write_bytes(b"1234")
    [wrong] = [check for check in verify(store.folder).checks if not check.ok]
    assert wrong.name == "Qlib tree"
    assert "does not belong" in wrong.problems[0]


def test_values_shifted_by_a_day_are_found(store) -> None:
    path = store.qlib_dir / "features" / "s001" / "close.day.bin"
    content = np.fromfile(path, dtype="<f4")
    content[1:] = np.roll(content[1:], 1)
    content.tofile(path)
    [wrong] = [check for check in verify(store.folder).checks if not check.ok]
    assert wrong.name == "Qlib tree"
    assert "close.day.bin does not hold the panel's values" in wrong.problems[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: shutil.rmtree(store.version / "panel"),
        lambda store: next(store.version.glob("panel/*.npy")).write_bytes(b"spoilt"),
        lambda store: shutil.rmtree(store.qlib_dir),
        lambda store: (store.version / "names.json").write_text("{"),
        lambda store: (store.version / "manifest.json").write_text("{"),
        lambda store: (store.version / "manifest.json").unlink(),
    ],
)
def test_what_is_derived_is_restored_from_the_truth(store, markets, spoil) -> None:
    spoil(store)
    store.restore()
    assert proved(store).snapshot_id == Panel.from_frame(markets[OLD].frame).snapshot_id


@pytest.mark.parametrize("spoil", [lambda text: "{", lambda text: text.replace("07:36", "07:35")])
def test_a_damaged_truth_is_not_built_upon_and_the_version_before_is_restored(
    store, markets, spoil
) -> None:
    before = store.manifest()
    rows = markets[OLD].frame.tail(3).drop(columns="date")
    day = datetime.date(2026, 1, 5)
    observed = datetime.datetime(2026, 1, 5, 7, 36, tzinfo=datetime.UTC)
    asked = {"session": day, "observed_at": observed, "state": "complete"}
    store.append(rows, **asked)
    path = store.version / "truth.json"
    path.write_text(spoil(path.read_text()))
    with pytest.raises(StoreError, match="tide data verify --restore"):
        store.append(rows, **asked)
    with pytest.raises(StoreError, match="tide data verify --restore"):
        store.build(markets[NEW].frame, {}, source="new")
    assert store.restore().snapshot_id == before.snapshot_id
    store.append(rows, **asked)
    assert proved(store).last_session == day


def test_nothing_whole_is_left_to_restore(store) -> None:
    for path in (store.folder / "truth").iterdir():
        path.write_bytes(b"spoilt")
    with pytest.raises(StoreError, match=r"nothing in .* can be restored"):
        store.restore()


def test_the_manifest_of_another_format_is_refused(store) -> None:
    path = store.folder / "current" / "manifest.json"
    for content in ('{"format": 99}', '{"format": 1}', "[]", "{", ""):
        path.write_text(content)
        with pytest.raises(StoreError, match="manifest"):
            store.manifest()


# One process that imports once and forks a child for each point; the child dies by SIGKILL at its
# n-th touch of the store's folder, as seen by an audit hook: open, rename, symlink, remove, mkdir.
KILLER = """
import datetime, os, shutil, signal, sys
from data_profile.market import synthetic
from data_profile.raw import Raw
from data_profile.sources.base import Observation
from data_profile.store import Store

root, seed, what, amount = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
market = synthetic(seed, sectors=3, sessions=40)
frame = market.frame[["date", "instrument", "close", "net_inflow", "limit_up_count"]]
session = datetime.date(2026, 1, 5)
observed = datetime.datetime(2026, 1, 5, 7, 36, tzinfo=datetime.UTC)

def act(folder):
    if what == "build":
        return Store(folder).build(frame, market.names, source="new")
    rows = frame.tail(3).drop(columns="date")
    Raw(os.path.join(folder, "raw")).put(
        Observation("demo.flow", session, observed, True, rows, ("instrument",)))
    Store(folder).append(rows, session=session, observed_at=observed, state="complete",
                         source="new")

def touching(folder, at):
    touched = 0
    def hook(event, arguments):
        nonlocal touched
        if event in ("open", "os.rename", "os.symlink", "os.remove", "os.rmdir", "os.mkdir"):
            if str(arguments[0]).startswith(folder) or event in ("os.remove", "os.rmdir"):
                touched += 1
                if touched == at:
                    os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    act(folder)
    return touched

def child(folder, at):
    shutil.copytree(os.path.join(root, "before"), folder, symlinks=True)
    into, out = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(out, str(touching(folder, at)).encode())
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    os.close(out)
    said = os.read(into, 20).decode()
    os.close(into)
    return os.WTERMSIG(status), said

total = int(child(os.path.join(root, "whole"), 0)[1])
many, last = (60, 60) if amount == "all" else (6, 8)
points = sorted({*range(1, total, total // many), *range(total - last + 1, total + 1)})
for at in points:
    print(at, child(os.path.join(root, f"killed-{at}"), at)[0])
"""


@pytest.mark.parametrize("what", ["build", "append"])
@pytest.mark.parametrize("points", ["some", pytest.param("all", marks=pytest.mark.slow)])
def test_killed_at_any_step_the_store_is_old_or_new_and_the_next_run_cleans_up(
    tmp_path, markets, points, what
) -> None:
    before = Store(tmp_path / "before")
    for _ in range(2):  # so that the build under test also has an old version to remove
        before.build(markets[OLD].frame, markets[OLD].names, source="old")
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLER), str(tmp_path), str(NEW), what, points],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    whole = Store(tmp_path / "whole").panel().snapshot_id
    killed = [line.split() for line in run.stdout.splitlines()]
    assert len(killed) > 10
    seen = set()
    for at, died_of in killed:
        assert int(died_of) == signal.SIGKILL, f"it ended before point {at}"
        store = Store(tmp_path / f"killed-{at}")
        seen.add(proved(store).source)
        if what == "build":
            store.build(markets[NEW].frame, markets[NEW].names, source="next")
        else:
            rows = markets[NEW].frame.tail(3).drop(columns="date")
            observed = datetime.datetime(2026, 1, 5, 7, 36, tzinfo=datetime.UTC)
            store.append(rows, session=datetime.date(2026, 1, 5), observed_at=observed,
                         state="complete", source="new")  # fmt: skip
        assert proved(store).snapshot_id == whole
        left = {path.name for path in store.folder.iterdir()} - {"raw", ".spare"}
        assert left == {"current", "lock", "truth", *(n for n in left if n.startswith("v"))}
        assert len(left) == 5
        assert len(list((store.folder / "truth").iterdir())) <= 2
        shutil.rmtree(store.folder)
    assert seen == {"old", "old, new" if what == "append" else "new"}


QLIB = """
import sys
import numpy as np, qlib
from qlib.data import D
qlib.init(provider_uri=sys.argv[1], region="cn", kernels=1, expression_cache=None,
          dataset_cache=None, logging_level=40)
fields = ["$close", "$net_inflow", "$lhb_count"]
rows = D.features(D.instruments("all"), fields, freq="day").reset_index()
rows.columns = ["instrument", "date", "close", "net_inflow", "lhb_count"]
rows.to_csv(sys.argv[2], index=False)
"""


def test_stock_qlib_reads_the_same_values(tmp_path) -> None:
    market = synthetic(5, sectors=24, sessions=60)  # two of them list late
    store = Store(tmp_path / "store")
    store.build(market.frame, market.names, source="x")
    out = tmp_path / "qlib.csv"
    run = subprocess.run(
        [sys.executable, "-c", QLIB, str(store.qlib_dir), str(out)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    panel = store.panel()
    read_back = pd.read_csv(out)
    assert len(read_back) == panel.listed.sum() > len(market.frame)
    for name in ("close", "net_inflow", "lhb_count"):
        wide = read_back.pivot(index="date", columns="instrument", values=name)
        assert wide.index.tolist() == panel.sessions.astype(str).tolist()
        np.testing.assert_allclose(wide[list(panel.instruments)], panel.values[name], rtol=1e-6)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("file", "shape", "rows"),
    [("sector_day_panel", (1212, 70), 84_839), ("ths90_day_panel", (1212, 90), 109_079)],
)
def test_the_real_panels_are_stored_and_proved(tmp_path, real_data, file, shape, rows) -> None:
    imported = read(real_data / f"{file}.parquet")
    store = Store(tmp_path)
    manifest = store.build(imported.frame, imported.names, source=imported.source)
    assert proved(store) == manifest
    assert (manifest.sessions, manifest.instruments) == shape
    assert manifest.rows == rows
    assert store.panel().snapshot_id == Panel.from_frame(imported.frame).snapshot_id
    known = store.panel(cutoff="15:45")
    assert not {"lhb_count", "lhb_net_buy"} & set(known.fields)
    late = [name for name in known.fields if name not in Profile.load().fields]
    assert not late
    np.testing.assert_array_equal(known.values["close"], store.panel().values["close"])
