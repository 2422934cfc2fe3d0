"""What a worker runs of this project: the modules that go into the image, and their digest."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

# All that a job imports from this project; the build fails if one is missing.
SOURCES = (
    "data_profile/__init__.py",
    "data_profile/errors.py",
    "data_profile/files.py",
    "data_profile/panel.py",
    "factor_pool/__init__.py",
    "factor_pool/errors.py",
    "factor_pool/expression/*.py",
    "factor_pool/evaluation/*.py",
    "scenario/__init__.py",
    "scenario/errors.py",
    "scenario/isolation/__init__.py",
    "scenario/isolation/base.py",
    "scenario/isolation/confine.py",
    "scenario/isolation/evaluator.py",
    "scenario/isolation/selection.py",
    "scenario/isolation/syscalls.py",
    "scenario/isolation/worker.py",
)


def contents() -> Iterator[tuple[str, bytes]]:
    """Path below the project, and content, of every module; always in the same order."""
    for pattern in SOURCES:
        for path in sorted(PROJECT.glob(pattern)):
            yield path.relative_to(PROJECT).as_posix(), path.read_bytes()


def digest() -> str:
    """SHA-256 (64 hex digits) of all modules."""
    found = hashlib.sha256()
    for name, content in contents():
        found.update(f"{name} {len(content)} ".encode())
        found.update(content)
    return found.hexdigest()
