"""`tide eval`: one expression scored on the store."""

from typing import TYPE_CHECKING, Any

from data_profile.home import Home

if TYPE_CHECKING:
    from factor_pool.evaluation.windows import Window


def evaluate_one(home: Home, text: str, *, window: str, label: str) -> dict[str, Any]:
    """Parse with the store's fields and units, score, and describe.

    Returns
    -------
    dict
        `Score.to_dict()` and `expression, canonical, qlib`.

    Raises
    ------
    factor_pool.expression.ExpressionError
        The text is no valid expression over the store's fields.
    factor_pool.errors.EvaluationError
        An unknown window or label, or too few sessions.
    """
    from data_profile.profile import Profile
    from data_profile.store import Store
    from factor_pool import borders
    from factor_pool.evaluation.score import score
    from factor_pool.expression import parse

    panel, profile = Store(home.store).panel(), Profile.load()
    expression = parse(text, profile.units(panel))
    chosen: Window | str = window
    if window == "search":
        chosen = borders.current(home.ledger, panel, profile.core(panel)).windows.search
    result = score(expression, panel, window=chosen, label=label)
    names = {"expression": text, "canonical": str(expression), "qlib": expression.qlib()}
    return names | result.to_dict()
