"""How the days that a forecast stands on came in: complete, partial or imported."""

from collections.abc import Sequence
from typing import Any

from data_profile.day_states import day_states
from data_profile.panel import Panel
from data_profile.store import Store
from factor_pool.expression import parse
from predictor.features import Feature


def data_states(store: Store, panel: Panel, features: Sequence[Feature]) -> dict[str, Any]:
    """The state of the as-of session, and of those the features look back on.

    Parameters
    ----------
    store
        Says how its sessions came in.
    panel
        What the forecast was made of; its last session is the as-of one.
    features
        Of the model; the longest look-back among them counts.

    Returns
    -------
    dict
        As `day_states` of the look-back, with `as_of` for its last session.
    """
    lookback = max((parse(feature.text).lookback for feature in features), default=0)
    states = day_states(store, panel.sessions[-(lookback + 1) :])
    return {"as_of": states.pop("last"), **states}
