"""Running `tide` as a person does: a process of its own, in an empty folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "tide.py"), *arguments, "--home", str(home)]


def environment(place: Path) -> dict[str, str]:
    """A new user's environment: no key, no Docker, an empty home folder of their own."""
    person = place / "person"
    person.mkdir(exist_ok=True)
    # MLflow sets its own variables, so other tests of this process may have left some.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith("_KEY") and name != "CHAT_MODEL" and not name.startswith("MLFLOW_")
    }
    return kept | {"HOME": str(person), "DOCKER_HOST": "unix:///nonexistent/docker.sock"}


def give_kernels(home: Path, kernels: Path) -> None:
    """Let a home use the kernels that the tests share (fixture `kernels`)."""
    (home / "cache").mkdir(parents=True, exist_ok=True)
    (home / "cache" / "kernels").symlink_to(kernels)


def tide(home: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run one command in an empty working directory and expect its exit status."""
    place = home.parent
    cwd = place / "cwd"
    cwd.mkdir(exist_ok=True)
    done = subprocess.run(
        command(home, *arguments),
        cwd=cwd,
        env=environment(place),
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == status, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done


def document(done: subprocess.CompletedProcess[str]) -> object:
    """What `--json` printed: one document and nothing else."""
    return json.loads(done.stdout)
