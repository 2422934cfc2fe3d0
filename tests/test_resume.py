"""kill -9 in the middle of a night, then the same command again."""

import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from tests.commands import command, document, environment, tide

EVALUATIONS = 300


def test_killed_night_resumes_and_holds_nothing_twice(tmp_path: Path, market_file: Path) -> None:
    """Kill -9 in the middle of mining, then the same command again."""
    home = tmp_path / "home"
    tide(home, "data", "import", str(market_file))
    mine = ("mine", "--evaluations", str(EVALUATIONS), "--seed", "1", "--json")
    process = subprocess.Popen(
        command(home, *mine),
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while attempts(home) < EVALUATIONS // 4:
        assert process.poll() is None, "mining ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    killed_at = attempts(home)
    summary = document(tide(home, *mine))
    assert isinstance(summary, dict)
    assert attempts(home) >= max(killed_at, EVALUATIONS)
    rows = document(tide(home, "pool", "list", "--json"))
    assert isinstance(rows, list)
    expressions = [row["expression"] for row in rows]
    assert len(set(expressions)) == len(expressions)
    assert all(row["mlflow_run_id"] for row in rows)
    assert len({row["mlflow_run_id"] for row in rows}) == len(rows)


def attempts(home: Path) -> int:
    """Attempts in the ledger, read as another process would."""
    path = home / "ledger.db"
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM attempts").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
