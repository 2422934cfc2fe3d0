"""Workers as hardened containers: no network, nothing to write, bounded in every way."""

import contextlib
import os
import stat
import struct
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import docker
from docker.types import LogConfig, Mount, Ulimit

from scenario.errors import IsolationError
from scenario.isolation import engine
from scenario.isolation.base import Failure, Limits, Runner
from scenario.isolation.channel import Channel, Lost
from scenario.isolation.pool import WorkerPool

_USER = "10001:10001"
_WORKER_MEMORY = 512 << 20  # interpreter and engine, beside the job's own limit
_SHARED = 3  # panels, and what is computed of them for all jobs, in sizes of the panels
_KILLED = (137, 143)
_living: set[str] = set()  # this process's sandboxes that have workers
_PROFILE = Path(__file__).with_name("seccomp.json")


class DockerIsolation(WorkerPool):
    """Workers in containers of the evaluator's image.

    Parameters
    ----------
    workers, limits, runner
        As in `WorkerPool`.
    client
        Of the engine; it may be remote only if it sees this machine's folders.
    image
        Id of the image, from `image.ensure_image`.
    """

    name = "docker"
    promises: ClassVar[tuple[str, ...]] = ("network", "files", "memory", "unprivileged")

    def __init__(
        self,
        workers: int,
        client: docker.DockerClient,
        image: str,
        limits: Limits | None = None,
        runner: Runner | None = None,
    ) -> None:
        super().__init__(workers, limits, runner)
        self._client = client
        self._image = image
        self._profile = _PROFILE.read_text(encoding="utf-8")
        self._id = uuid.uuid4().hex

    @property
    def identity(self) -> str:
        """The image's id."""
        return self._image

    def start(self, panels: Mapping[str, Path]) -> None:
        """Clear what dead owners left, then start; see `Isolation.start`."""
        engine.sweep(self._client, _living)
        for folder in panels.values():
            _open_to_reading(Path(folder))
        super().start(panels)

    def close(self) -> None:
        """Stop every worker, also those that could not be removed while the engine was away."""
        super().close()
        _living.discard(self._id)
        with contextlib.suppress(*engine.ENGINE_ERRORS):
            label = {"label": f"{engine.SANDBOX}={self._id}"}
            for left in self._client.api.containers(all=True, filters=label):
                engine.remove(self._client, left["Id"])

    def _spawn(self) -> Channel:
        _living.add(self._id)
        try:
            made = self._client.api.create_container(
                self._image,
                stdin_open=True,
                user=_USER,
                labels={engine.OWNER: engine.owner(), engine.SANDBOX: self._id},
                host_config=self._client.api.create_host_config(**self._walls()),
                use_config_proxy=False,  # a proxy's address may hold a password
            )
            return _ContainerChannel(self._client, made["Id"])
        except engine.ENGINE_ERRORS as error:
            raise engine.explain(error) from error

    def _walls(self) -> dict[str, Any]:
        memory = self.limits.memory + _WORKER_MEMORY + _SHARED * self._panel_bytes()
        return {
            "network_mode": "none",
            "ipc_mode": "none",
            "read_only": True,
            "tmpfs": {"/tmp": "noexec,nosuid,nodev,size=64m"},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true", f"seccomp={self._profile}"],
            "pids_limit": 32,
            "mem_limit": memory,
            "memswap_limit": memory,  # equal: no swap
            "nano_cpus": 1_000_000_000,
            "init": True,
            "ulimits": [
                Ulimit(name="nofile", soft=1024, hard=1024),
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="fsize", soft=64 << 20, hard=64 << 20),
            ],
            "log_config": LogConfig(type=LogConfig.types.NONE),  # the protocol is nobody's log
            "mounts": self._mounts(),
            "auto_remove": True,
        }

    def _panel_bytes(self) -> int:
        return sum(path.stat().st_size for at in self._panels.values() for path in at.iterdir())

    def _mounts(self) -> list[Mount]:
        folders = {self._inside(name, at): at for name, at in self._panels.items()}
        if self.runner.folder is not None:
            folders["/runner"] = self.runner.folder.resolve()
        return [
            Mount(target, str(source), type="bind", read_only=True)
            for target, source in folders.items()
        ]

    def _inside(self, window: str, folder: Path) -> str:
        return f"/panels/{window}"

    def _runner_folder(self) -> str | None:
        return None if self.runner.folder is None else "/runner"


class _ContainerChannel(Channel):
    """A started container, attached by its standard streams."""

    def __init__(self, client: docker.DockerClient, container: str) -> None:
        super().__init__()
        self._client = client
        self._id = container
        self._raw = bytearray()
        self._errors = bytearray()
        self._exit: int | None = None
        self._watch = threading.Thread(target=self._await_exit, daemon=True)
        try:
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self._attached = client.api.attach_socket(container, streams)
            self._socket = getattr(self._attached, "_sock", self._attached)
            client.api.start(container)
        except BaseException:
            self.kill()
            raise
        self._watch.start()

    def kill(self) -> None:
        # An engine that is gone cannot be asked; its containers end when their input does, and
        # what outlives even that is swept at the next start.
        with contextlib.suppress(*engine.ENGINE_ERRORS):
            engine.remove(self._client, self._id)

    def close(self) -> None:
        self.kill()
        self._attached.close()

    def _write(self, data: bytes) -> None:
        self._socket.settimeout(60)
        self._socket.sendall(data)

    def _read(self, seconds: float) -> bytes | None:
        deadline = time.monotonic() + seconds
        while not (said := self._demultiplexed()):
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                chunk = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError:
                return b""
            if not chunk:
                return b""
            self._raw += chunk
        return said

    def _demultiplexed(self) -> bytes:
        """What arrived of standard output; standard error is kept for an obituary."""
        said = bytearray()
        while len(self._raw) >= 8:
            stream, size = struct.unpack_from(">BxxxL", self._raw)
            if len(self._raw) < 8 + size:
                break
            target = said if stream == 1 else self._errors
            target += self._raw[8 : 8 + size]
            del self._raw[: 8 + size]
        del self._errors[:-2000]
        return bytes(said)

    def _await_exit(self) -> None:
        try:
            self._exit = self._client.api.wait(self._id, condition="removed")["StatusCode"]
        except engine.ENGINE_ERRORS:
            self._exit = None  # removed too soon, or the engine is gone: the cause stays unknown

    def _obituary(self) -> Lost:
        self._watch.join(5)
        if self._exit is None:
            return Lost("a container and its engine were lost")
        if self._exit in _KILLED:
            return Lost("a container was killed from outside, or its worker ran out of memory")
        words = self._errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
        message = f"a container ended with status {self._exit} {words}".strip()[:300]
        return Lost(message, Failure("crash", message))


def _open_to_reading(folder: Path) -> None:
    """Let the container's user, who is nobody here, read the panel."""
    try:
        for path in (folder, *folder.iterdir()):
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = mode | (0o555 if path.is_dir() else 0o444)
            if mode != wanted:
                os.chmod(path, wanted)
    except OSError as error:
        raise IsolationError(
            f"{folder} cannot be opened to the container's user: {error.strerror}; "
            "run `chmod -R a+rX` on it"
        ) from error
