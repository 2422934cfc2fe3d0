"""Building a folder of versions: one process at a time, swept before and after, errors as ours."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from data_profile.errors import PanelError, StoreError
from data_profile.files import exclusive


@contextlib.contextmanager
def wrapped(name: str, what: str) -> Iterator[None]:
    """Turn what the disk and the file formats raise into a StoreError.

    Parameters
    ----------
    name, what
        "the store" and "read", say: for "the store cannot be read".

    Raises
    ------
    StoreError
        In place of what the block raised.
    """
    try:
        yield
    except StoreError:
        raise
    except (OSError, ValueError, PanelError, pa.ArrowException) as error:
        raise StoreError(f"{name} cannot be {what}: {error}") from error


@contextlib.contextmanager
def building(folder: Path, name: str, sweep: Callable[[], None]) -> Iterator[None]:
    """Keep other builds out; before and after, remove what belongs to no version kept.

    Parameters
    ----------
    folder
        Made if it is missing; holds the lock.
    name
        As for `wrapped`.
    sweep
        Removes what a killed build left.

    Raises
    ------
    StoreError
        Another process builds it, or it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(exclusive(folder / "lock"))
        except BlockingIOError as error:
            raise StoreError(
                f"another process is building {folder}; wait until it has ended"
            ) from error
        except OSError as error:
            raise StoreError(f"{folder} cannot be written: {error}") from error
        with wrapped(name, "built"):
            sweep()
            try:
                yield
            finally:
                sweep()
