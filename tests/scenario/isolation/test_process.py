"""What worker processes leave on the disk: kernels, and nothing else."""

import os
import time
from pathlib import Path

import pytest

from data_profile.files import exclusive
from scenario.isolation.base import Runner
from scenario.isolation.process import ProcessIsolation
from tests.scenario.isolation.conftest import QUICK


def scratches(kernels: Path) -> list[Path]:
    return sorted(kernels.glob("scratch-*"))


def test_workers_share_a_scratch_folder_that_goes_when_they_go(
    panels: dict[str, Path], runner: Runner, tmp_path: Path
) -> None:
    with ProcessIsolation(2, tmp_path, QUICK, runner) as isolation:
        isolation.start(panels)
        [scratch] = scratches(tmp_path)
        (scratch / "qlib-tree").mkdir()
        isolation.start(panels)
        [other] = scratches(tmp_path)
        assert other != scratch
    assert scratches(tmp_path) == []


def test_a_start_sweeps_what_dead_runs_left_and_nothing_else(
    panels: dict[str, Path], runner: Runner, tmp_path: Path
) -> None:
    dead, living, young = (tmp_path / f"scratch-{name}" for name in ("dead", "living", "young"))
    for folder in (dead, living, young):
        (folder / "qlib-tree").mkdir(parents=True)
    for folder in (dead, living):
        (folder / ".lock").touch()
        os.utime(folder, (0, time.time() - 3600))
    with exclusive(living / ".lock"), ProcessIsolation(1, tmp_path, QUICK, runner) as isolation:
        isolation.start(panels)
        assert dead not in scratches(tmp_path)
        assert {living, young} < set(scratches(tmp_path))


@pytest.mark.parametrize("name", ["HOME", "TIDE_SCRATCH", "NUMBA_CACHE_DIR"])
def test_a_worker_knows_no_folder_of_the_user(
    panels: dict[str, Path], runner: Runner, tmp_path: Path, name: str
) -> None:
    with ProcessIsolation(1, tmp_path, QUICK, runner) as isolation:
        isolation.start(panels)
        (found,) = isolation.run([{"do": "variable", "name": name}])
    assert isinstance(found, dict)
    assert found["value"].startswith(str(tmp_path.resolve()))
