"""From an upstream's table to ours: names, units and types, checked cell by cell."""

import datetime
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from data_profile.sources.base import SourceMalformed

_MISSING = {"", "-", "--", "nan", "none", "null", "<na>"}
_LONGEST = 500
PERCENT = 0.01
YI = 1e8  # 亿


@dataclass(frozen=True)
class Column:
    """How a column of an upstream becomes one of ours.

    Parameters
    ----------
    name
        Our name.
    kind
        number (float64, NaN is missing), text (None is missing), code (six digits),
        clock (HHMMSS becomes "HH:MM:SS") or date (datetime64).
    scale
        Ours = theirs x scale: PERCENT to a ratio, YI to yuan.
    raw
        Name in the raw answer, where that has names: the parser's labels are held against it.
    raw_scale
        Parsed value = raw value x raw_scale.
    """

    name: str
    kind: Literal["number", "text", "code", "clock", "date"] = "number"
    scale: float = 1.0
    raw: str | None = None
    raw_scale: float = 1.0


def tidy(source: str, table: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """An upstream's table with our names, units and types; rows that stand twice, once.

    A list that is read page by page while its order moves repeats some rows and loses others.

    Raises
    ------
    SourceMalformed
        A column is missing, or a cell is not of its column's kind.
    """
    if table.empty and not len(table.columns):
        table = pd.DataFrame(columns=list(columns), dtype=object)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise SourceMalformed(
            f"{source}: {', '.join(missing)} missing from the table; it has "
            f"{', '.join(map(repr, table.columns))[:_LONGEST]}"
        )
    made = {
        column.name: _cells(source, name, table[name], column) for name, column in columns.items()
    }
    return pd.DataFrame(made).drop_duplicates(ignore_index=True)


def check_labels(
    source: str,
    table: pd.DataFrame,
    columns: Mapping[str, Column],
    key: str,
    rows: Sequence[Mapping[str, object]],
) -> None:
    """Hold a parser's labels against the names that the raw answer itself gave.

    Parsers that label columns by position mislabel silently when the upstream reorders them.
    Columns whose raw name does not occur are passed over.

    Parameters
    ----------
    table
        As parsed, before `tidy`.
    key
        The parser's name of the column that names a row; needs a `raw`.
    rows
        Raw rows, by their own names.

    Raises
    ------
    SourceMalformed
        A column does not hold what the answer has under that name.
    """
    raw_key = columns[key].raw or ""
    given: dict[str, list[Mapping[str, object]]] = {}
    for row in rows:
        if raw_key in row:
            given.setdefault(str(row[raw_key]), []).append(row)
    if not given:
        return
    for name, column in columns.items():
        if column.raw is None or not any(column.raw in row for row in rows):
            continue
        for row_key, cell in zip(table[key], table[name], strict=True):
            candidates = [row.get(column.raw) for row in given.get(str(row_key), [])]
            if not any(_same(candidate, cell, column) for candidate in candidates):
                raise SourceMalformed(
                    f"{source}: {name} does not hold the answer's own {column.raw!r}: the upstream "
                    "changed the order of its fields and the parser mislabels them; look for a "
                    "newer akshare"
                )


def _same(raw: object, parsed: object, column: Column) -> bool:
    if _is_missing(raw) or _is_missing(parsed):
        return _is_missing(raw) and _is_missing(parsed)
    if column.kind == "number":
        try:
            return math.isclose(float(str(raw)) * column.raw_scale, float(str(parsed)))
        except ValueError:
            return False
    if column.kind == "date":
        return str(raw)[:10] == str(parsed)[:10]
    width = 6 if column.kind in ("clock", "code") else 0
    return str(raw).zfill(width) == str(parsed).zfill(width)


def _cells(source: str, name: str, cells: pd.Series, column: Column) -> pd.Series:
    if column.kind == "number":
        return _numbers(source, name, cells) * column.scale
    made = {"text": _text, "code": _code, "clock": _clock, "date": _date}[column.kind]
    found = [None if _is_missing(cell) else made(str(cell)) for cell in cells]
    for cell, value in zip(cells, found, strict=True):
        if value is not None or column.kind == "text":
            continue
        if column.kind in ("code", "date") or not _is_missing(cell):
            raise SourceMalformed(f"{source}: {str(cell)[:40]!r} in {name} is no {column.kind}")
    return pd.Series(found, dtype="datetime64[s]" if column.kind == "date" else object)


def _is_missing(cell: object) -> bool:
    return cell is None or str(cell).strip().lower() in _MISSING


def _numbers(source: str, name: str, cells: pd.Series) -> pd.Series:
    values = pd.to_numeric(cells, errors="coerce").astype("float64").reset_index(drop=True)
    for at in np.flatnonzero(~np.isfinite(values)):
        if not _is_missing(cells.iloc[at]):
            raise SourceMalformed(f"{source}: {str(cells.iloc[at])[:40]!r} in {name} is no number")
    return values


def _text(text: str) -> str | None:
    """Without control characters; what comes from outside may end up on a terminal."""
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text[:_LONGEST])
    return kept.strip() or None


def _code(text: str) -> str | None:
    text = text.strip().zfill(6)
    return text if re.fullmatch(r"[0-9]{6}", text) else None


def _clock(text: str) -> str | None:
    text = text.strip().zfill(6)
    try:
        return datetime.datetime.strptime(text, "%H%M%S").strftime("%H:%M:%S")
    except ValueError:
        return None


def _date(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text.strip()[:10], "%Y-%m-%d")
    except ValueError:
        return None
