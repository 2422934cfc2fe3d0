"""What a result says of the days it stands on."""

import datetime
from pathlib import Path

import pandas as pd

from data_profile.day_states import day_states
from data_profile.sessions import sessions
from data_profile.store import Store

DAYS = sessions("2026-10-12", "2026-10-16")


def rows() -> pd.DataFrame:
    return pd.DataFrame({"instrument": ["BK0001", "BK0002"], "limit_up_count": [1.0, 2.0]})


def test_imported_complete_and_partial_days_are_told_apart(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    history = pd.concat([rows().assign(date=day) for day in DAYS[:3]])
    store.build(history, {}, source="history")
    for day, state, missing in ((DAYS[3], "partial", ("board_flow",)), (DAYS[4], "complete", ())):
        seen = datetime.datetime.combine(day, datetime.time(7, 36), datetime.UTC)
        store.append(rows(), session=day, observed_at=seen, state=state, missing=missing)
    found = day_states(store, store.panel().sessions)
    assert (found["sessions"], found["first"]) == (5, "2026-10-12")
    assert (found["imported"], found["partial"], found["complete"]) == (3, 1, 1)
    assert found["partial_days"] == [{"session": "2026-10-15", "missing": ["board_flow"]}]
    assert found["last"] == {"session": "2026-10-16", "state": "complete", "missing": []}
    before = day_states(store, store.panel().between(None, "2026-10-15").sessions)
    assert before["last"]["state"] == "partial"
    assert before["complete"] == 0
