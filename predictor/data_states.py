"""How the days that a forecast stands on came in: complete, partial or imported."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from data_profile.panel import Panel
from data_profile.sessions import as_date
from data_profile.store import Store
from factor_pool.expression import parse
from predictor.features import Feature


def data_states(store: Store, panel: Panel, features: Sequence[Feature]) -> dict[str, Any]:
    """The state of the as-of session, and of those the features look back on.

    Parameters
    ----------
    store
        Says how its sessions came in; one that came with a file is "imported".
    panel
        What the forecast was made of; its last session is the as-of one.
    features
        Of the model; the longest look-back among them counts.

    Returns
    -------
    dict
        `as_of` (session, state, missing tables), `first` and `sessions` of the look-back, how many
        of these are `complete`, `partial` and `imported`, and `partial_days` with what each lacks.
    """
    lookback = max((parse(feature.text).lookback for feature in features), default=0)
    days = {day.session: day for day in store.days()}
    seen = [as_date(day) for day in panel.sessions[-(lookback + 1) :]]
    states = {day: days[day].state if day in days else "imported" for day in seen}
    missing = {day: list(days[day].missing) if day in days else [] for day in seen}
    counts = Counter(states.values())
    return {
        "as_of": {
            "session": seen[-1].isoformat(),
            "state": states[seen[-1]],
            "missing": missing[seen[-1]],
        },
        "first": seen[0].isoformat(),
        "sessions": len(seen),
        **{state: counts[state] for state in ("complete", "partial", "imported")},
        "partial_days": [
            {"session": day.isoformat(), "missing": missing[day]}
            for day in seen
            if states[day] == "partial"
        ],
    }
