"""How the days of a panel came in: complete, partial or imported."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_profile.sessions import as_date
from data_profile.store import Store


def day_states(store: Store, sessions: Sequence[np.datetime64] | np.ndarray) -> dict[str, Any]:
    """The states of some sessions of a store.

    Parameters
    ----------
    store
        Says how its sessions came in; one that came with a file is "imported".
    sessions
        datetime64[D], at least one, in order.

    Returns
    -------
    dict
        JSON-able: `last` (session, state, missing tables), `first`, `sessions` (how many), how
        many of these are `complete`, `partial` and `imported`, and `partial_days`, each with what
        it lacks.
    """
    days = {day.session: day for day in store.days()}
    seen = [as_date(day) for day in sessions]
    states = {day: days[day].state if day in days else "imported" for day in seen}
    missing = {day: list(days[day].missing) if day in days else [] for day in seen}
    counts = Counter(states.values())
    return {
        "last": {
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
