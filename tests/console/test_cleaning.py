"""Cleaning removes what no version in use needs, and nothing that others made."""

import os
import time
from pathlib import Path

import pytest

from console.cleaning import MODELS_KEPT, QUARTERS_KEPT, clean
from data_profile.files import exclusive
from data_profile.home import Home
from scenario.errors import ScenarioError
from scenario.isolation.process import current_kernels


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return Home(tmp_path).create()


def made(folder: Path, name: str = "file", days: float = 0) -> Path:
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"x" * 100)
    then = time.time() - days * 86400
    os.utime(folder, (then, then))
    return folder


def test_old_kernels_go_and_todays_stay(home: Home) -> None:
    kernels = home.cache / "kernels"
    current = made(current_kernels(kernels))
    old = made(kernels / f"workers-{'0' * 16}")
    foreign = [made(kernels / "workers-mine"), made(kernels / "something")]
    (removed,) = clean(home)
    assert (removed.what, removed.name, removed.bytes) == ("kernels", old.name, 100)
    assert not old.exists()
    assert current.exists()
    assert all(one.exists() for one in foreign)


def test_panels_that_a_node_has_not_used_for_days_go(home: Home) -> None:
    panels = home.cache / "panels"
    old, fresh = made(panels / ("0" * 64), days=8), made(panels / ("1" * 64), days=6)
    foreign = made(panels / "mine", days=80)
    assert [one.name for one in clean(home)] == [old.name]
    assert fresh.exists()
    assert foreign.exists()


def test_the_current_model_and_the_newest_stay(home: Home) -> None:
    models = [
        made(home.models / f"{number:016x}", "model.json", days=number) for number in range(13)
    ]
    (home.models / "current").symlink_to(models[12].name)
    foreign = made(home.models / "mine", days=90)
    gone = {one.name for one in clean(home)}
    assert gone == {one.name for one in models[MODELS_KEPT - 1 : 12]}
    assert (home.models / "current" / "model.json").exists()
    assert foreign.exists()


def test_the_newest_models_of_stocks_stay(home: Home) -> None:
    folder = home.cache / "members"
    folder.mkdir(parents=True)
    files = [folder / f"{number:064x}.npz" for number in range(QUARTERS_KEPT + 2)]
    for age, path in enumerate(files):
        path.write_bytes(b"x" * 10)
        os.utime(path, (time.time() - age * 86400,) * 2)
    foreign = folder / "mine.npz"
    foreign.write_bytes(b"x")
    os.utime(foreign, (0, 0))
    gone = clean(home)
    assert [(one.what, one.name, one.bytes) for one in gone] == [
        ("quarter", path.name, 10) for path in files[QUARTERS_KEPT:]
    ]
    assert all(path.exists() for path in [*files[:QUARTERS_KEPT], foreign])


def test_nothing_is_cleaned_under_a_night(home: Home) -> None:
    old = made(home.cache / "kernels" / f"workers-{'0' * 16}")
    with exclusive(home.root / "mine.lock"), pytest.raises(ScenarioError, match="under way"):
        clean(home)
    assert old.exists()


def test_nothing_to_clean(home: Home) -> None:
    assert clean(home) == []
