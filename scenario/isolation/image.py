"""The evaluator's image: built from the lock file's pins and this project's own modules.

`python -m scenario.isolation.image` builds it, as `tide doctor --build-image` does.
"""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import docker
from docker.errors import ImageNotFound
from packaging.markers import Marker

from data_profile.home import Home
from scenario.errors import IsolationError
from scenario.isolation import engine, sources

REPOSITORY = "limit-up-tide/evaluator"
PACKAGES = ("numpy", "llvmlite", "numba")

_BASE = "python:3.11-slim"
_LOCAL_BASE = "local/python:3.11"  # made from a machine's own Python where no registry is reached
_BASE_LABEL = "limit-up-tide.base"
_PIN = re.compile(
    r"^(?P<name>[a-z0-9.-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\\n]+?))? \\\n"
    r"(?P<hashes>(?:    --hash=\S+(?: \\)?\n)+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Pin:
    """One package of the lock file.

    Parameters
    ----------
    name, version
        As the lock spells them.
    marker
        Where it applies; empty for everywhere.
    hashes
        SHA-256 (64 hex digits) of the files that may be installed.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    def applies(self, python: str, machine: str) -> bool:
        """Whether a Linux of this Python version and machine needs it."""
        return not self.marker or Marker(self.marker).evaluate(
            {
                "python_version": ".".join(python.split(".")[:2]),
                "python_full_version": python,
                "sys_platform": "linux",
                "platform_system": "Linux",
                "platform_machine": machine,
                "os_name": "posix",
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
                "extra": "",
            }
        )

    def __str__(self) -> str:
        hashes = " ".join(f"--hash=sha256:{digest}" for digest in self.hashes)
        return f"{self.name}=={self.version} {hashes}\n"


def pins(lock: str) -> list[Pin]:
    """The evaluator's packages, read from the text of requirements.lock."""
    return [
        Pin(
            found["name"],
            found["version"],
            (found["marker"] or "").strip(),
            tuple(re.findall(r"sha256:([0-9a-f]{64})", found["hashes"])),
        )
        for found in _PIN.finditer(lock)
        if found["name"] in PACKAGES
    ]


def find_image(client: docker.DockerClient) -> str | None:
    """Id of the image that fits today's sources, or None if it has to be built.

    Raises
    ------
    IsolationError
        The engine does not answer, or this is no clone.
    """
    try:
        try:
            image = client.images.get(_tag())
        except ImageNotFound:
            return None
        base = _local_base(client)
    except engine.ENGINE_ERRORS as error:
        raise engine.explain(error) from error
    if base is not None and image.labels.get(_BASE_LABEL) != base[1]:
        return None  # the base was renewed
    return str(image.id)


def ensure_image(client: docker.DockerClient, home: Home, say: Callable[[str], None]) -> str:
    """Id of the image that fits today's sources; built first if there is none.

    Parameters
    ----------
    client
        Of the engine that is to hold the image; it needs no network.
    home
        Its cache keeps the downloaded wheels.
    say
        Gets lines of progress while the image is built; nothing if it exists.

    Raises
    ------
    IsolationError
        The engine does not answer, the base image or a wheel cannot be had, the disk is full, or
        the build fails.
    """
    found = find_image(client)
    if found is not None:
        return found
    began = time.monotonic()
    home.create()
    try:
        name, base = _local_base(client) or _pull(client, _bases()[0], say)
        python, machine = _platform(client, base)
        needed = [pin for pin in pins(_lock()) if pin.applies(python, machine)]
        wheels = _wheels(needed, python, machine, home.cache / "wheels", say)
        with tempfile.TemporaryFile(dir=home.cache) as context:
            _pack(context, needed, wheels)
            _build(client, context, name, base, say)
        image = client.images.get(_tag())
    except engine.ENGINE_ERRORS as error:
        raise engine.explain(error) from error
    size = image.attrs["Size"] / 1e6
    say(f"docker image: ready, {size:.0f} MB, built in {time.monotonic() - began:.0f} s")
    return str(image.id)


def remove_old(client: docker.DockerClient) -> list[str]:
    """Remove the evaluator's images of other versions; their ids.

    Only images that this program built, known by their label; one that a container uses stays.

    Raises
    ------
    IsolationError
        The engine does not answer, or this is no clone.
    """
    removed = []
    try:
        for image in client.images.list(filters={"label": _BASE_LABEL}):
            if _tag() in image.tags:
                continue
            try:
                for name in image.tags or [image.id]:
                    client.images.remove(name)
            except docker.errors.APIError as error:
                if error.status_code != 409:  # in use
                    raise
            else:
                removed.append(str(image.id))
    except engine.ENGINE_ERRORS as error:
        raise engine.explain(error) from error
    return removed


def _lock() -> str:
    path = sources.PROJECT / "requirements.lock"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise IsolationError(
            f"the image is built from a clone of the project, and {path} cannot be read: "
            f"{error.strerror}"
        ) from error


def _recipe() -> bytes:
    return Path(__file__).with_name("Dockerfile").read_bytes()


def _tag() -> str:
    """Repository and a digest of everything that goes into the image, but for its base."""
    digest = hashlib.sha256(_recipe())
    digest.update("".join(f"{pin.marker};{pin}" for pin in pins(_lock())).encode())
    digest.update(sources.digest().encode())
    return f"{REPOSITORY}:{digest.hexdigest()[:16]}"


def _bases() -> tuple[str, ...]:
    """Names of the images to build on, best first."""
    wanted = os.environ.get("TIDE_BASE_IMAGE")
    return (wanted,) if wanted else (_BASE, _LOCAL_BASE)


def _local_base(client: docker.DockerClient) -> tuple[str, str] | None:
    """(name, id) of the base image that the engine already has."""
    for name in _bases():
        try:
            return name, str(client.images.get(name).id)
        except ImageNotFound:
            continue
    return None


def _pull(client: docker.DockerClient, name: str, say: Callable[[str], None]) -> tuple[str, str]:
    say(f"docker image: pulling {name}")
    try:
        return name, str(client.images.pull(name).id)
    except engine.ENGINE_ERRORS as error:
        known = engine.explain(error)
        if "disk" in known.fault or "stopped answering" in known.fault:
            raise known from error
        raise engine.EngineError(
            f"the base image {name} is missing and cannot be pulled",
            "connect once and run `tide doctor --build-image`, load it (`docker load`), "
            "or name one that the engine has in TIDE_BASE_IMAGE",
        ) from error


def _platform(client: docker.DockerClient, base: str) -> tuple[str, str]:
    """(full Python version, machine) of the base image."""
    said = client.containers.run(
        base,
        ["python3", "-c", "import platform as p; print(p.python_version(), p.machine())"],
        network_mode="none",
        remove=True,
    )
    python, machine = said.decode().split()
    return python, machine


def _wheels(
    needed: list[Pin], python: str, machine: str, cache: Path, say: Callable[[str], None]
) -> list[Path]:
    """The pinned wheels for the base image's Python, downloaded on this machine once."""
    major, minor = python.split(".")[:2]
    folder = cache / f"cp{major}{minor}-{machine}"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin in needed if _cached(folder, pin) is None]
    if missing:
        names = ", ".join(f"{pin.name} {pin.version}" for pin in missing)
        say(f"docker image: downloading {names}")
        _download(missing, folder, f"{major}.{minor}", machine)
    found = [_cached(folder, pin) for pin in needed]
    wheels = [wheel for wheel in found if wheel is not None]
    if len(wheels) != len(needed):
        raise IsolationError(f"docker image: pip left no wheel of {names} in {folder}")
    return wheels


def _cached(folder: Path, pin: Pin) -> Path | None:
    for wheel in sorted(folder.glob(f"{pin.name}-{pin.version}-*.whl")):
        if hashlib.sha256(wheel.read_bytes()).hexdigest() in pin.hashes:
            return wheel
    return None


def _download(missing: list[Pin], folder: Path, python: str, machine: str) -> None:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in (28, 27, 26, 24, 17)]
    platforms.append(f"manylinux2014_{machine}")
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".txt") as file:
        file.writelines(map(str, missing))
        file.flush()
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
        command += ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        command += ["--dest", str(folder), "-r", file.name, "--implementation", "cp"]
        command += ["--python-version", python, "--abi", f"cp{python.replace('.', '')}"]
        command += [part for name in platforms for part in ("--platform", name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise engine.EngineError(
            f"the image's packages cannot be downloaded ({words[:300]})",
            "connect once and run `tide doctor --build-image`",
        )


def _pack(context: IO[bytes], needed: list[Pin], wheels: list[Path]) -> None:
    """Write the build context; the same content gives the same bytes."""
    with tarfile.open(fileobj=context, mode="w") as tar:

        def add(name: str, content: bytes) -> None:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))

        add("Dockerfile", _recipe())
        add("requirements.txt", "".join(map(str, needed)).encode())
        for wheel in wheels:
            add(f"wheels/{wheel.name}", wheel.read_bytes())
        for name, content in sources.contents():
            add(f"app/{name}", content)
    context.seek(0)


def _build(
    client: docker.DockerClient,
    context: IO[bytes],
    name: str,
    base: str,
    say: Callable[[str], None],
) -> None:
    events = client.api.build(
        fileobj=context,
        custom_context=True,
        tag=_tag(),
        buildargs={"BASE_IMAGE": name},
        labels={_BASE_LABEL: base},
        network_mode="none",
        rm=True,
        forcerm=True,
        decode=True,
        use_config_proxy=False,
    )
    tail = ""
    for event in events:
        line = str(event.get("stream", "")).strip()
        tail = line or tail
        if line.startswith("Step "):
            say(f"docker image: {line[:90]}")
        if "error" in event:
            known = engine.explain(docker.errors.DockerException(str(event["error"])))
            if "disk" in known.fault:
                raise known
            raise IsolationError(f"docker image: the build failed: {event['error']} {tail}"[:500])


def main() -> None:
    """Build the image if it is missing, and print its id."""
    home = Home(Path(os.environ.get("TIDE_HOME", "runs")))
    print(ensure_image(engine.connect(), home, lambda line: print(line, file=sys.stderr)))


if __name__ == "__main__":
    main()
