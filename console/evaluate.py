"""`tide eval`: one expression scored on the store."""

from typing import Any

from data_profile.home import Home


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
    from factor_pool.evaluation.score import score
    from factor_pool.expression import parse

    panel = Store(home.store).panel()
    expression = parse(text, Profile.load().units(panel))
    result = score(expression, panel, window=window, label=label)
    names = {"expression": text, "canonical": str(expression), "qlib": expression.qlib()}
    return names | result.to_dict()
