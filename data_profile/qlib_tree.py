"""A panel as Qlib reads it from disk: calendar, instruments, one binary file a field.

`features/<id lower>/<field lower>.day.bin` is little-endian float32: the index of the first value
in `calendars/day.txt`, then the values of every session from the instrument's first to its last.
The tree is written whole into a new folder; appending to one shifts values silently.
"""

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
    for _, column, first, last in _spans(panel):
        (folder / "features" / panel.instruments[column].lower()).mkdir(parents=True)
        for field, matrix in panel.values.items():
            content = np.empty(last - first + 2, dtype="<f4")
            content[0] = first
            content[1:] = matrix[first : last + 1, column]
            content.tofile(_bin(folder, panel.instruments[column], field))


def check(panel: Panel, folder: Path) -> None:
    """Compare a tree with its panel, value by value, and refuse what does not belong to it.

    Raises
    ------
    StoreError
        A file is missing, unreadable or surplus, or holds anything else than the panel does.
    """
    expected = set()
    for name, text in _texts(panel).items():
        expected.add(folder / name)
        if (folder / name).read_text(encoding="utf-8") != text:
            raise StoreError(f"{folder / name} does not fit the panel")
    for instrument, column, first, last in _spans(panel):
        for field, matrix in panel.values.items():
            path = _bin(folder, instrument, field)
            expected.add(path)
            content = np.fromfile(path, dtype="<f4")
            values = matrix[first : last + 1, column]
            if len(content) != len(values) + 1 or content[0] != first:
                raise StoreError(f"{path} is not aligned with the calendar")
            if not np.array_equal(content[1:], values, equal_nan=True):
                raise StoreError(f"{path} does not hold the panel's {field} of {instrument}")
    surplus = {path for path in folder.rglob("*") if path.is_file()} - expected
    if surplus:
        raise StoreError(f"{min(surplus)} does not belong to the tree")


def _bin(folder: Path, instrument: str, field: str) -> Path:
    return folder / "features" / instrument.lower() / f"{field.lower()}.day.bin"


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
