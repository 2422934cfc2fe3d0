"""An engine that dies in the middle of a run: a private one, started and killed here."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from scenario.errors import IsolationError
from scenario.isolation.base import Limits, Runner
from scenario.isolation.docker import DockerIsolation
from tests.scenario.isolation.conftest import Engine
from tests.scenario.isolation.test_orphans import gone_within

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(
        os.name != "posix" or os.geteuid() != 0 or shutil.which("dockerd") is None,
        reason="starts a Docker engine of its own, as root",
    ),
]


class Daemon:
    """A dockerd with its own folder, which touches nothing of the host's network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self.start()

    def start(self) -> None:
        at = self.folder
        command = ["dockerd", "-H", self.host, "--data-root", f"{at}/data", "--pidfile"]
        command += [f"{at}/pid", "--exec-root", f"{at}/exec", "--iptables=false"]
        command += ["--ip6tables=false", "--bridge=none", "--ip-forward=false"]
        with open(at / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.client = docker.DockerClient(self.host, timeout=60)
                return
            except docker.errors.DockerException:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    pytest.skip(f"no second engine: {(at / 'log').read_text()[-300:]}")
                time.sleep(0.2)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        helper = self.folder / "exec" / "containerd" / "containerd.pid"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(helper.read_text()), signal.SIGKILL)
            helper.unlink()
        (self.folder / "pid").unlink(missing_ok=True)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([at for at in mounts if at.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.folder)


@pytest.fixture
def daemon(engine: Engine) -> Iterator[Daemon]:
    made = Daemon(Path(tempfile.mkdtemp(dir="/var/tmp")))  # a socket's path is short
    made.client.images.load(engine.client.images.get(engine.image).save(chunk_size=1 << 22))
    yield made
    made.stop()


def nap(daemon: Daemon, image_id: str, panels: dict[str, Path], runner: Runner) -> DockerIsolation:
    isolation = DockerIsolation(2, daemon.client, image_id, Limits(seconds=30), runner)
    isolation.start(panels)
    return isolation


def test_an_engine_that_comes_back_costs_no_job(
    daemon: Daemon, engine: Engine, panels: dict[str, Path], runner: Runner
) -> None:
    with nap(daemon, engine.image, panels, runner) as isolation:

        def restart() -> None:
            daemon.kill()
            daemon.start()

        threading.Timer(1, restart).start()
        jobs = [{"do": "nap", "seconds": 3, "say": number} for number in range(4)]
        assert [result["said"] for result in isolation.run(jobs)] == [0, 1, 2, 3]
    assert daemon.client.api.containers(all=True) == []


def test_an_engine_that_stays_away_is_told_with_a_remedy(
    daemon: Daemon, engine: Engine, panels: dict[str, Path], runner: Runner
) -> None:
    with nap(daemon, engine.image, panels, runner) as isolation:
        threading.Timer(1, daemon.kill).start()
        with pytest.raises(IsolationError, match="or use --isolation process"):
            isolation.run([{"do": "nap", "seconds": 20}])
    daemon.start()
    with nap(daemon, engine.image, panels, runner) as isolation:
        assert isolation.run([{"do": "echo", "say": 1}])[0]["said"] == 1
    # Those that lost their engine end with their input; the engine removes them in its own time.
    assert gone_within(5, lambda: daemon.client.api.containers(all=True))
