"""What a worker says is hostile text: strict JSON of bounded size, or nothing."""

import json
from typing import Any, NoReturn

MAX_DEPTH = 16
MAX_TEXT = 2_000  # characters of one string
MAX_NODES = 1_000_000  # values in one reply


class InvalidReply(ValueError):
    """The text is not a reply; the message says why and quotes nothing of it."""


def parse(text: str | bytes) -> dict[str, Any]:
    """Read one JSON object of plain values.

    Parameters
    ----------
    text
        What a worker sent. NaN, infinities, doubled keys, long strings, deep nesting and integers
        past 64 bits are refused: no honest reply holds them.

    Raises
    ------
    InvalidReply
        Anything but such an object.

    Examples
    --------
    >>> parse('{"results": [1.5, null]}')
    {'results': [1.5, None]}
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_distinct)
    except InvalidReply:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidReply(f"no JSON ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise InvalidReply(f"a JSON object was expected, got {type(value).__name__}")
    _bounded(value)
    return value


def _no_constant(name: str) -> NoReturn:
    raise InvalidReply(f"{name} is no JSON number")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidReply("an object with the same key twice")
    return found


def _bounded(value: Any) -> None:
    nodes = 0
    layer = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in layer:
            if isinstance(item, dict):
                below += item
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str) and len(item) > MAX_TEXT:
                raise InvalidReply(f"a string of {len(item):,} characters; at most {MAX_TEXT:,}")
            elif isinstance(item, int) and not -(2**63) <= item < 2**63:
                raise InvalidReply("an integer of more than 64 bits")
            elif isinstance(item, float) and item in (float("inf"), float("-inf")):
                raise InvalidReply("a number too large for a double")
        nodes += len(below)
        if nodes > MAX_NODES:
            raise InvalidReply(f"more than {MAX_NODES:,} values")
        if not below:
            return
        layer = below
    raise InvalidReply(f"nested deeper than {MAX_DEPTH}")
