"""Each fault of an engine is told apart, with its own remedy."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from docker.errors import APIError, DockerException, ImageNotFound

from scenario.errors import IsolationError
from scenario.isolation import engine


@pytest.mark.parametrize(
    "host",
    ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9", "nonsense://", "tcp://127.0.0.1:none"],
)
def test_no_engine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(IsolationError) as caught:
        engine.connect(seconds=5)
    assert f"no Docker engine at {host}" in str(caught.value)
    assert "start Docker or set DOCKER_HOST" in str(caught.value)


def test_a_server_that_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().split(" port ")[1].split()[0]
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        with pytest.raises(IsolationError, match="Docker engine"):
            engine.connect(seconds=5)
    finally:
        server.kill()
        server.communicate()


@pytest.mark.skipif(os.name != "posix", reason="needs Unix permissions")
def test_no_permission_on_the_socket(tmp_path: Path) -> None:
    """In a process without rights, as root would be let in."""
    script = f"""
import os, socket
os.chdir({str(tmp_path)!r})
server = socket.socket(socket.AF_UNIX); server.bind("docker.sock"); server.listen()
os.chmod("docker.sock", 0)
os.environ["DOCKER_HOST"] = "unix://" + {str(tmp_path / "docker.sock")!r}
from scenario.isolation import engine
if os.getuid() == 0:
    os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
try:
    engine.connect(seconds=5)
except Exception as error:
    print(type(error).__name__, error)
"""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        if folder.stat().st_uid == os.getuid() and folder != Path("/tmp"):
            folder.chmod(0o711)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.startswith("EngineError no permission to talk to the Docker engine")
    assert "usermod -aG docker" in done.stdout


def _api(message: str) -> APIError:
    response = requests.Response()
    response.status_code = 500
    return APIError(message, response=response, explanation=message)


def _causes() -> Iterator[tuple[BaseException, str]]:
    yield OSError(errno.ENOSPC, "No space left on device"), "docker system prune"
    yield _api("write /var/lib/docker/tmp: no space left on device"), "docker system prune"
    yield _api("fork/exec: cannot allocate memory"), "fewer workers"
    yield ImageNotFound("no such image: x"), "tide doctor --build-image"
    yield _api("bind source path does not exist: /x"), "share it with the engine"
    yield requests.ConnectionError("Connection aborted."), "stopped answering"
    yield requests.exceptions.ChunkedEncodingError("broken"), "stopped answering"
    yield _api("something quite new"), "refused: something quite new"
    yield DockerException("Error while fetching server API version: x"), "no Docker engine at"


@pytest.mark.parametrize(("error", "told"), list(_causes()))
def test_every_fault_has_its_own_words_and_the_way_out(error: BaseException, told: str) -> None:
    explained = engine.explain(error)
    assert told in str(explained)
    assert str(explained).endswith("or use --isolation process")
