"""Durable writing: temporary file beside the target, fsync, rename, fsync of the folder."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_FLUSHES = 16  # under way at once


def fsync_dir(path: Path) -> None:
    """Flush a folder's entries to disk, so that a rename in it survives a power cut."""
    _fsync(path)


def fsync_tree(path: Path) -> None:
    """Flush every file and then every folder below `path`, and `path` itself.

    Many flushes under way at once share the disk's commits: for the 2,000 files of a Qlib tree
    that is tens of times faster than one after the other.
    """
    files: list[str] = []
    folders: list[str] = []
    for folder, _, names in os.walk(path):
        folders.append(folder)
        files += [os.path.join(folder, name) for name in names]
    with ThreadPoolExecutor(_FLUSHES) as pool:
        for level in (files, folders):
            list(pool.map(_fsync, level))  # the list raises what a flush raised


def _fsync(path: str | Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a whole file so that a reader sees the old content or the new, never a part.

    Parameters
    ----------
    path
        The target; its folder must exist.
    content
        Bytes, or text that is written as UTF-8.
    """
    data = content.encode() if isinstance(content, str) else content
    name = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(name, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    fsync_dir(path.parent)


def switch_link(link: Path, target: Path) -> None:
    """Point the symbolic link `link` at `target` (a sibling), atomically."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target.name)
    os.replace(temporary, link)
    fsync_dir(link.parent)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold an advisory lock on the file `path` (created if missing) while the block runs.

    Raises
    ------
    BlockingIOError
        Another process holds it. The lock dies with its process, so none is ever stale.
    """
    import fcntl

    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
