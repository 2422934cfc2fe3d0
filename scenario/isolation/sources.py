"""What a worker runs of this project: the modules that go into an image, and their digest."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

# All that a search job imports from this project; the build fails if one is missing.
EVALUATOR = (
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
    "scenario/isolation/kernel_files.py",
    "scenario/isolation/selection.py",
    "scenario/isolation/syscalls.py",
    "scenario/isolation/warming.py",
    "scenario/isolation/worker.py",
)


# What a backtest imports beside these.
BACKTEST = (
    "data_profile/qlib_tree.py",
    "scenario/isolation/backtest_runner.py",
)


def contents(patterns: Sequence[str] = EVALUATOR) -> Iterator[tuple[str, bytes]]:
    """Path below the project, and content, of every module; always in the same order."""
    for pattern in patterns:
        for path in sorted(PROJECT.glob(pattern)):
            yield path.relative_to(PROJECT).as_posix(), path.read_bytes()


def digest(patterns: Sequence[str] = EVALUATOR) -> str:
    """SHA-256 (64 hex digits) of all modules."""
    found = hashlib.sha256()
    for name, content in contents(patterns):
        found.update(f"{name} {len(content)} ".encode())
        found.update(content)
    return found.hexdigest()
