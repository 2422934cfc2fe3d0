"""Whether a text is worth evaluating: grammar, units, look-ahead, complexity, idea, novelty."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from factor_pool.expression import Expression, ExpressionError, parse

DEEPEST = 8
MOST_NODES = 24
LONGEST_LOOKBACK = 250
LONGEST_TEXT = 1_000

Outcome = Literal["passed", "invalid", "known"]


@dataclass(frozen=True)
class Verdict:
    """What the checks say of one proposed text.

    Parameters
    ----------
    text
        As proposed, in one line.
    canonical
        Canonical text; None where the text is invalid.
    outcome
        "passed"; "invalid": it cannot be evaluated; "known": it was attempted before.
    message
        What is wrong and what to do, for whoever proposed it; empty if it passed.
    """

    text: str
    canonical: str | None
    outcome: Outcome
    message: str = ""


def plain(text: str) -> str:
    r"""A text in one line, without what cannot be stored: hostile text may hold lone surrogates.

    Examples
    --------
    >>> plain(" Mean($close,\n 5)\x00 ")
    'Mean($close, 5)'
    """
    storable = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return " ".join(storable.split())


def oversize(expression: Expression) -> str | None:
    """What about an expression is larger than evaluations are spent on; None where nothing is.

    Examples
    --------
    >>> oversize(parse("Mean(Mean($close, 200), 200)"))
    'looks back 398 sessions; at most 250'
    """
    if expression.depth > DEEPEST:
        return f"{expression.depth} levels deep; at most {DEEPEST}"
    if expression.nodes > MOST_NODES:
        return f"{expression.nodes} nodes; at most {MOST_NODES}"
    if expression.lookback > LONGEST_LOOKBACK:
        return f"looks back {expression.lookback} sessions; at most {LONGEST_LOOKBACK}"
    return None


def check(
    text: str,
    units: Mapping[str, str],
    tried: Callable[[str], bool],
    aligned: Callable[[frozenset[str]], bool] = lambda fields: True,
) -> Verdict:
    """Check one text. Nothing is evaluated and no data is read.

    Parameters
    ----------
    text
        Anything; it is hostile.
    units
        Usable field -> unit.
    tried
        Whether a canonical text was attempted before.
    aligned
        Whether reading these fields says anything of the idea; all do by default.

    Examples
    --------
    >>> check("Mean($close,5)", {"close": "points"}, lambda text: False)
    Verdict(text='Mean($close,5)', canonical='Mean($close, 5)', outcome='passed', message='')
    >>> check("Ref($close, -1)", {"close": "points"}, lambda text: False).outcome
    'invalid'
    """
    line = plain(text)
    if len(line) > LONGEST_TEXT:
        message = f"longer than {LONGEST_TEXT} characters"
        return Verdict(line[:LONGEST_TEXT], None, "invalid", message)
    try:
        expression = parse(line, units)
    except ExpressionError as error:
        place = f" (column {error.column})" if error.column is not None else ""
        hint = f"; {error.hint}" if error.hint else ""
        return Verdict(line, None, "invalid", f"{error.message}{place}{hint}")
    trouble = oversize(expression)
    if trouble is None and not aligned(frozenset(expression.fields)):
        trouble = "reads no field that its idea speaks of: use those, or leave it to another idea"
    if trouble is not None:
        return Verdict(line, None, "invalid", trouble)
    canonical = str(expression)
    if tried(canonical):
        return Verdict(line, canonical, "known", "attempted before; propose something else")
    return Verdict(line, canonical, "passed")
