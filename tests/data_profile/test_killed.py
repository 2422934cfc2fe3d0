"""kill -9 at every kind of step of a collect-and-build: nothing breaks, the next run ends it."""

import datetime
import multiprocessing
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_profile.home import Home
from data_profile.journal import Journal
from data_profile.store import Store
from tests.data_profile import killed
from tests.data_profile.sound import assert_sound

THURSDAY, FRIDAY = datetime.date(2026, 11, 19), datetime.date(2026, 11, 20)
POINTS = 32


def run_victim(home: Path, at: int, told: Path) -> int | None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.data_profile.killed"])
    process = context.Process(target=killed.victim, args=(home, FRIDAY, at, told))
    process.start()
    process.join()
    return process.exitcode


def points(touches: list[str]) -> list[int]:
    """Every change from one kind of touch to another, thinned out evenly to POINTS, 1 first."""
    kinds = [" ".join(touch.split(" ")[:2]) for touch in touches]
    turns = [1] + [n + 1 for n in range(1, len(kinds)) if kinds[n] != kinds[n - 1]]
    count = min(POINTS, len(turns))
    return sorted({turns[round(i * (len(turns) - 1) / (count - 1))] for i in range(count)})


def test_killed_at_any_touch_of_the_disk(tmp_path: Path) -> None:
    before = tmp_path / "before"
    killed.run(before, THURSDAY)
    whole = tmp_path / "whole"
    shutil.copytree(before, whole, symlinks=True)
    told = tmp_path / "told"
    assert run_victim(whole, 0, told) == 0
    expected = Store(Home(whole).store).manifest().snapshot_id
    chosen = points(told.read_text().splitlines())
    assert len(chosen) >= 30
    for at in chosen:
        home = tmp_path / f"killed{at}"
        shutil.copytree(before, home, symlinks=True)
        assert run_victim(home, at, told) == -signal.SIGKILL, f"touch {at} was never reached"
        assert_sound(Home(home))
        killed.run(home, FRIDAY)
        assert_sound(Home(home))
        assert Store(Home(home).store).manifest().snapshot_id == expected
        with Journal(Home(home).journal) as journal:
            assert [row.state for row in journal.records()] == ["complete", "complete"]
        shutil.rmtree(home)


@pytest.mark.slow
def test_killed_at_any_moment_with_its_fetching_process(tmp_path: Path) -> None:
    """The whole program as a user runs it, killed at random times."""
    rng = random.Random(1)
    home = tmp_path / "home"
    code = (
        "import sys, datetime; from data_profile.collector import collect\n"
        "from data_profile.home import Home; from pathlib import Path\n"
        "from data_profile.schedule import SHANGHAI\n"
        "from tests.data_profile.killed import SOURCES\n"
        "now = datetime.datetime(2026, 11, 20, 15, 36, tzinfo=SHANGHAI)\n"
        "collect(Home(Path(sys.argv[1])).create(), now.date(), 'collect', sources=SOURCES,\n"
        "        now=lambda: now)\n"
    )
    for _ in range(12):
        shutil.rmtree(home, ignore_errors=True)
        process = subprocess.Popen([sys.executable, "-c", code, str(home)])
        time.sleep(rng.uniform(0.3, 4.0))
        process.kill()
        process.wait()
        if home.exists():
            assert_sound(Home(home))
        subprocess.run([sys.executable, "-c", code, str(home)], check=True)
        assert_sound(Home(home))
        assert Store(Home(home).store).panel().shape == (1, 2)
