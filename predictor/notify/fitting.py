"""Making a text fit: split at lines, and cut with a word where even that is not enough."""

from collections.abc import Callable

CUT = "…"
LEFT_OUT = "\n\n… (shortened)"


def shorten(text: str, size: int, measure: Callable[[str], int]) -> str:
    """The text, or its beginning with an ellipsis, so that it measures at most `size`.

    Examples
    --------
    >>> shorten("limit-ups", 6, len)
    'limit…'
    """
    if measure(text) <= size:
        return text
    return _head(text, size - measure(CUT), measure) + CUT


def pieces(text: str, size: int, parts: int, measure: Callable[[str], int]) -> list[str]:
    r"""Split a text at line ends into at most `parts` pieces that measure at most `size` each.

    A line that is longer by itself is split within. What does not fit into the last piece is left
    out, and the piece says so.

    Examples
    --------
    >>> pieces("one\ntwo\nthree", 8, 2, len)
    ['one\ntwo', 'three']
    """
    found: list[str] = []
    rest = text.strip("\n")
    while measure(rest) > size:
        if len(found) == parts - 1:
            return [*found, _head(rest, size - measure(LEFT_OUT), measure).rstrip() + LEFT_OUT]
        head = _head(rest, size, measure)
        at_line = head.rfind("\n", 1)
        if at_line > 0 and rest[len(head) : len(head) + 1] != "\n":
            head = head[:at_line]
        found.append(head.rstrip("\n"))
        rest = rest[len(head) :].lstrip("\n")
    return [*found, rest]


def _head(text: str, size: int, measure: Callable[[str], int]) -> str:
    """The longest beginning that measures at most `size`, by bisection."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle]) <= size:
            low = middle
        else:
            high = middle - 1
    return text[:low]
