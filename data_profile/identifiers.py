"""Which names may become folders, files and words of the expression language."""

import re
from collections.abc import Iterable

_INSTRUMENT = re.compile(r"[A-Za-z0-9_-]{1,32}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")

INSTRUMENT_RULE = "1 to 32 letters, digits, - and _"
FIELD_RULE = "a letter, then up to 63 letters, digits and _"


def is_instrument(name: str) -> bool:
    """Whether `name` may be the id of an instrument: it becomes a folder of the Qlib tree."""
    return _INSTRUMENT.fullmatch(name) is not None


def is_field(name: str) -> bool:
    """Whether `name` may be a field: it becomes a file, and `$name` in expressions."""
    return _FIELD.fullmatch(name) is not None


def same_but_case(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that differ only in case (one file in the Qlib tree), or None."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            return other, name
    return None
