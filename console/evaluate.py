"""`tide eval`: one expression scored on the store."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_profile.home import Home

if TYPE_CHECKING:
    from factor_pool.evaluation.windows import Window


def evaluate_one(home: Home, text: str, *, window: str, label: str | None = None) -> dict[str, Any]:
    """Parse with the store's fields and units, score, and describe.

    Parameters
    ----------
    home
        Its universe is the one that the expression is of.
    text
        The expression.
    window
        "search" or "all".
    label
        What it should foretell; by default the universe's own.

    Returns
    -------
    dict
        `Score.to_dict()` and `expression, canonical, qlib`, and `data_states`: how the days of
        the window came in (`data_profile.day_states`), None for stocks, which keep no states.

    Raises
    ------
    factor_pool.expression.ExpressionError
        The text is no valid expression over the store's fields.
    factor_pool.errors.EvaluationError
        An unknown window or label, or too few sessions.
    """
    from data_profile.day_states import day_states
    from data_profile.store import Store
    from factor_pool import borders, universe
    from factor_pool.errors import EvaluationError
    from factor_pool.evaluation.score import score
    from factor_pool.expression import parse

    scored = universe.of(home)
    label = label or scored.label
    if label not in scored.labels:
        raise EvaluationError(
            f"no label {label!r} of a {scored.name}; have {', '.join(scored.labels)}"
        )
    panel, profile = scored.panel(home), scored.profile()
    expression = parse(text, profile.units(panel))
    chosen: Window | str = window
    if window == "search":
        chosen = borders.current(home.ledger, panel, profile.core(panel)).windows.search
    result = score(expression, panel, window=chosen, label=label)
    names = {"expression": text, "canonical": str(expression), "qlib": expression.qlib()}
    store, seen = scored.store(home), panel.between(result.start, result.end).sessions
    states = day_states(store, seen) if isinstance(store, Store) else None
    return names | result.to_dict() | {"data_states": states}


def write_report(home: Home, document: Mapping[str, Any], output: Path | None) -> Path:
    """Write the score report of what `evaluate_one` described; where it is.

    Parameters
    ----------
    home
        With a store.
    document
        Of `evaluate_one`.
    output
        File to write, whose folder must exist; by default one in the home's reports, named by the
        expression, window and label.

    Raises
    ------
    factor_pool.errors.EvaluationError
        There is no figure in the window, or the file cannot be written.
    """
    from data_profile.files import write_atomic
    from factor_pool.errors import EvaluationError
    from factor_pool.report.making import report_on_expression

    text, window, label = document["canonical"], document["window"], document["label"]
    page = report_on_expression(home, text, window=window, label=label)
    if output is None:
        name = hashlib.sha256(f"{text}\n{window}\n{label}".encode()).hexdigest()[:12]
        output = home.reports / f"eval-{name}.html"
    try:
        write_atomic(output, page)
    except OSError as error:
        raise EvaluationError(f"{output} cannot be written: {error}") from error
    return output
