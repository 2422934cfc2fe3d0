"""kill -9 in the middle of a night, then the same command again."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands import command, document, environment, give_kernels, tide

EVALUATIONS = 300


def test_killed_night_resumes_and_holds_nothing_twice(
    tmp_path: Path, market_file: Path, kernels: Path
) -> None:
    """Kill -9 in the middle of mining, then the same command again."""
    home = tmp_path / "home"
    give_kernels(home, kernels)
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


@pytest.mark.parametrize(
    "kills",
    [pytest.param(4), pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
)
def test_killed_again_and_again(
    tmp_path: Path, market_file: Path, kernels: Path, kills: int
) -> None:
    """Whenever it is killed, the count never falls, and at the end nothing is lost or twice.

    The first still compiles its kernels when it is killed; the others find them.
    """
    home = tmp_path / "home"
    tide(home, "data", "import", str(market_file))
    mine = ("mine", "--seed", "3", "--isolation", "process", "--evaluations")
    moment = random.Random(kills)
    counted, accepted = 0, set[str]()
    for number in range(kills):
        process = subprocess.Popen(
            command(home, *mine, str(128 * (number + 2))),
            cwd=tmp_path,
            env=environment(tmp_path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Anywhere from the first import to the middle of later batches.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment.uniform(0.2, 14))
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if number == 0:
            shutil.rmtree(home / "cache" / "kernels", ignore_errors=True)
            give_kernels(home, kernels)
        assert attempts(home) >= counted
        counted = attempts(home)
        members = set(pool_expressions(home))
        assert members >= accepted
        accepted = members
    summary = document(tide(home, *mine, str(max(counted + 128, 500)), "--json"))
    assert isinstance(summary, dict)
    assert attempts(home) >= max(counted, 500)
    rows = document(tide(home, "pool", "list", "--json"))
    assert isinstance(rows, list)
    expressions = [row["expression"] for row in rows]
    assert len(set(expressions)) == len(expressions)
    assert accepted <= set(expressions)
    with sqlite3.connect(f"file:{home / 'mlflow.db'}?mode=ro", uri=True) as connection:
        query = "SELECT value FROM tags WHERE key = 'factor'"
        published = [row[0] for row in connection.execute(query)]
    assert sorted(published) == sorted(row["id"] for row in rows)


def pool_expressions(home: Path) -> list[str]:
    """Expressions of the ledger's pool, read as another process would."""
    path = home / "ledger.db"
    if not path.exists():
        return []
    query = "SELECT canonical FROM members JOIN attempts ON attempts.id = members.attempt_id"
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return [str(row[0]) for row in connection.execute(query)]
    except sqlite3.OperationalError:
        return []


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
