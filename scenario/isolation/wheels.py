"""The packages of an image: pinned by requirements.lock, downloaded on this machine, by hash."""

import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker

from scenario.errors import IsolationError
from scenario.isolation import engine

SOURCE_ONLY = ("gym",)
"""Packages for which there is no wheel; the image's build makes them from their source."""

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


def pins(lock: str, packages: Collection[str]) -> list[Pin]:
    """The pins of these packages, read from the text of requirements.lock."""
    return [
        Pin(
            found["name"],
            found["version"],
            (found["marker"] or "").strip(),
            tuple(re.findall(r"sha256:([0-9a-f]{64})", found["hashes"])),
        )
        for found in _PIN.finditer(lock)
        if found["name"] in packages
    ]


def fetch(
    needed: list[Pin], python: str, machine: str, cache: Path, say: Callable[[str], None]
) -> list[Path]:
    """The pinned files for an image's Python, downloaded once.

    Parameters
    ----------
    needed
        What is to be installed.
    python, machine
        Full version, for example "3.11.7", and machine of the image.
    cache
        Folder that keeps the files.
    say
        Gets a line if something has to be downloaded.

    Raises
    ------
    IsolationError
        A file cannot be downloaded.
    """
    major, minor = python.split(".")[:2]
    folder = cache / f"cp{major}{minor}-{machine}"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin, file in _cached(folder, needed) if file is None]
    if missing:
        names = ", ".join(f"{pin.name} {pin.version}" for pin in missing[:4])
        more = f" and {len(missing) - 4} more" * (len(missing) > 4)
        say(f"docker image: downloading {names}{more}")
        _download(missing, folder, f"{major}.{minor}", machine)
    found = _cached(folder, needed)
    if absent := [pin.name for pin, file in found if file is None]:
        raise IsolationError(f"docker image: pip left no file of {', '.join(absent)} in {folder}")
    return [file for _, file in found if file is not None]


def _cached(folder: Path, needed: list[Pin]) -> list[tuple[Pin, Path | None]]:
    """Each pin with the file that has one of its hashes, None where there is none."""
    files = {
        hashlib.sha256(file.read_bytes()).hexdigest(): file
        for file in sorted(folder.iterdir())
        if file.suffix in (".whl", ".gz", ".zip")
    }
    return [
        (pin, next((files[digest] for digest in pin.hashes if digest in files), None))
        for pin in needed
    ]


def _download(missing: list[Pin], folder: Path, python: str, machine: str) -> None:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in (28, 27, 26, 24, 17)]
    platforms.append(f"manylinux2014_{machine}")
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".txt") as file:
        file.writelines(map(str, missing))
        file.flush()
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
        command += ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        command += ["--no-binary", ",".join(SOURCE_ONLY)]
        command += ["--dest", str(folder), "-r", file.name, "--implementation", "cp"]
        command += ["--python-version", python]
        command += [part for abi in _abis(python) for part in ("--abi", abi)]
        command += [part for name in platforms for part in ("--platform", name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise engine.EngineError(
            f"the image's packages cannot be downloaded ({words[:300]})",
            "connect once and run `tide doctor --build-image`",
        )


def _abis(python: str) -> tuple[str, ...]:
    return (f"cp{python.replace('.', '')}", "abi3", "none")
