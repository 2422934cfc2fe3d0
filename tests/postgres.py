"""A PostgreSQL server for tests: on loopback, in a folder of its own, stopped and started at will.

It refuses to run as root, so that root starts it as the user that its package brings.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest


class Postgres:
    """A server with an empty database."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._user = _user()
        # Not pytest's folder, which is closed to the server's user.
        self.folder = Path(tempfile.mkdtemp(prefix="tide-postgres-", dir="/var/tmp"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._server: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self) -> None:
        make = ["--auth", "trust", "--username", "tide", "--encoding", "UTF8", "--no-sync"]
        self._run("initdb", "-D", str(self.folder / "data"), *make).wait(60)
        self.start()

    @property
    def uri(self) -> str:
        """For MLFLOW_TRACKING_URI."""
        return f"postgresql+psycopg://tide@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        import psycopg

        at = str(self.folder)
        self._server = self._run("postgres", "-D", f"{at}/data", "-k", at, "-h", "127.0.0.1",
                                 "-p", str(self._port), "-F")  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(
                    f"host=127.0.0.1 port={self._port} user=tide dbname=postgres"
                ).close()
                return
            except psycopg.OperationalError as error:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"no server on port {self._port}") from error
                time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT cuts connections and writes all down, SIGQUIT is a crash."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(60)
            self._server = None

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [self._programs / program, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
            extra_groups=None if self._user is None else [],
        )


def _programs() -> Path:
    """Where the server's programs are: Debian keeps them off the path."""
    pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")
    places = [Path(found).parent for found in (shutil.which("initdb"),) if found]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")


def _user() -> str | None:
    """Whom the server runs as; None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    pytest.skip("PostgreSQL refuses to run as root, and there is no user for it")
