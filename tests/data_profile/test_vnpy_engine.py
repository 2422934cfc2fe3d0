"""The collector inside a real, headless VeighNa."""

import datetime
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_profile.home import Home
from data_profile.journal import Journal
from data_profile.store import Store
from tests.data_profile.sound import assert_sound

pytest.importorskip(
    "vnpy.event", reason="VeighNa is not installed: pip install 'limit-up-tide[vnpy]'"
)
REPOSITORY = Path(__file__).resolve().parents[2]
HEADLESS = """
import sys, time
from vnpy.event import EVENT_TIMER, EventEngine
from vnpy.trader.engine import MainEngine
from data_profile.errors import DataError
from data_profile.vnpy_engine import NAME, CollectorEngine
from tests.data_profile import killed

class Engine(CollectorEngine):
    sources = killed.SOURCES
    now = staticmethod(killed.evening)
    silence = 2.0

def faulty(event):
    raise RuntimeError("another engine's fault")

def wait(what, seconds=200):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)

def main():
    events = EventEngine()
    main_engine = MainEngine(events)
    if "dies" in sys.argv:
        events.register(EVENT_TIMER, faulty)
        wait(lambda: not events._thread.is_alive())
    try:
        engine = main_engine.add_engine(Engine)
    except DataError as error:
        print(error, file=sys.stderr)
        main_engine.close()
        sys.exit(2)
    assert main_engine.get_engine(NAME) is engine
    wait(lambda: engine.idle)
    assert engine.alive
    if "dies" not in sys.argv:
        assert events._thread.is_alive()
        main_engine.close()
        assert not engine.alive
        print("closed", flush=True)
    else:
        engine.close()
        events._active = False

if __name__ == "__main__":
    main()
"""


def run(
    tmp_path: Path, *arguments: str, home: str, script: str = HEADLESS
) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "trader.py"
    program.write_text(script, encoding="utf-8")
    person = tmp_path / "person"
    person.mkdir()
    paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, str(program), *arguments],
        env={**os.environ, "HOME": str(person), "TIDE_HOME": home,
             "PYTHONPATH": os.pathsep.join(paths)},
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("event_thread", ["lives", "dies"])
def test_it_collects_whatever_happens_to_the_event_thread(
    tmp_path: Path, event_thread: str
) -> None:
    home = Home(tmp_path / "home")
    done = run(tmp_path, event_thread, home=str(home.root))
    assert done.returncode == 0, done.stdout + done.stderr
    with Journal(home.journal) as journal:
        states = {row.step: row.state for row in journal.records()}
    assert states == {"confirm": "complete", "recollect": "complete", "lists": "complete"}
    assert Store(home.store).panel().sessions.tolist() == [datetime.date(2026, 11, 20)]
    assert_sound(home)
    told = done.stdout + done.stderr
    assert "2026-11-20 recollect: complete" in told
    assert ("event thread has died" in told) == (event_thread == "dies")
    assert ("closed" in done.stdout) == (event_thread == "lives")


def test_a_relative_home_is_refused_because_veighna_changes_the_directory(tmp_path: Path) -> None:
    done = run(tmp_path, home="runs")
    assert done.returncode == 2
    assert "absolute path" in done.stderr


def test_the_whole_day_is_an_engine_too(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    headless = HEADLESS.replace(
        "from data_profile.vnpy_engine import NAME, CollectorEngine\n",
        "from console.vnpy_engine import DailyEngine as CollectorEngine\n"
        "from data_profile.vnpy_engine import NAME\n",
    ).replace("silence = 2.0", "silence = 2.0\n    tasks = CollectorEngine.tasks[1:3]")
    done = run(tmp_path, "lives", home=str(home.root), script=headless)
    assert done.returncode == 0, done.stdout + done.stderr
    with Journal(home.journal) as journal:
        records = {row.step: row for row in journal.records()}
    assert records["recollect"].state == "complete"
    assert records["predict"].state == "failed"
    assert "no model" in records["predict"].note
    assert records["notify"].note == "no channel is set (TIDE_NOTIFY_*)"
