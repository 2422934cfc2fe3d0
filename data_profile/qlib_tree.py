"""A panel as Qlib reads it from disk: calendar, instruments, one binary file a field.

`features/<id lower>/<field lower>.day.bin` is little-endian float32: the index of the first value
in `calendars/day.txt`, then the values of every session from the instrument's first to its last.
The tree is written whole into a new folder; appending to one shifts values silently.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_profile.errors import StoreError
from data_profile.panel import Panel


def write(panel: Panel, folder: Path) -> None:
    """Write the tree of a panel into the new folder."""
    for name, text in _texts(panel).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "features").mkdir()
    for instrument, *_ in _spans(panel):
        (folder / "features" / instrument.lower()).mkdir()
    for name, content in _files(panel):
        with open(f"{folder}/{name}", "xb", buffering=0) as file:
            file.write(content)


def check(panel: Panel, folder: Path) -> None:
    """Compare a tree with its panel, value by value, and refuse what does not belong to it.

    Raises
    ------
    StoreError
        A file is missing, unreadable or surplus, or holds anything else than the panel does.
    """
    expected = set()
    for name, text in _texts(panel).items():
        expected.add(name)
        if (folder / name).read_text(encoding="utf-8") != text:
            raise StoreError(f"{folder / name} does not fit the panel")
    for name, content in _files(panel):
        expected.add(name)
        with open(f"{folder}/{name}", "rb", buffering=0) as file:
            held = file.read()
        if held != content:
            raise StoreError(f"{folder / name} {_difference(held, content)}")
    found = {
        os.path.relpath(os.path.join(above, name), folder)
        for above, _, names in os.walk(folder)
        for name in names
    }
    if surplus := found - expected:
        raise StoreError(f"{folder / min(surplus)} does not belong to the tree")


def _difference(held: bytes, content: bytes) -> str:
    if len(held) != len(content) or held[:4] != content[:4]:
        return "is not aligned with the calendar"
    return "does not hold the panel's values"


def _files(panel: Panel) -> Iterator[tuple[str, bytes]]:
    """(path in the tree, content) of every instrument's fields."""
    spans = list(_spans(panel))
    for field, matrix in panel.values.items():
        # One column a row, with room for the index before each: every file is then one slice.
        content = np.empty((matrix.shape[1], len(matrix) + 1), dtype="<f4")
        content[:, 1:] = matrix.T
        content[np.isnan(content)] = np.nan  # one NaN, so that bytes can be compared
        for instrument, column, first, last in spans:
            content[column, first] = first
            yield (
                f"features/{instrument.lower()}/{field.lower()}.day.bin",
                content[column, first : last + 2].tobytes(),
            )


def _spans(panel: Panel) -> Iterator[tuple[str, int, int, int]]:
    """(id, column, first row, last row) of each instrument that is listed at all."""
    for column, instrument in enumerate(panel.instruments):
        rows = np.flatnonzero(panel.listed[:, column])
        if len(rows):
            yield instrument, column, int(rows[0]), int(rows[-1])


def _texts(panel: Panel) -> dict[str, str]:
    days = [str(day) for day in panel.sessions]
    spans = [f"{name}\t{days[first]}\t{days[last]}\n" for name, _, first, last in _spans(panel)]
    return {
        "calendars/day.txt": "".join(f"{day}\n" for day in days),
        "instruments/all.txt": "".join(spans),
    }
