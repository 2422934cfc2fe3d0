"""Levels continue: no step where a source's own index begins, whatever it stands at."""

import datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.levels import LEVELS, Chain
from data_profile.panel import Panel

DAYS = [datetime.date(2026, 11, day) for day in (16, 17, 18, 19, 20)]


def rows(close: float, ret: float) -> pd.DataFrame:
    levels = {name: close * part for name, part in zip(LEVELS, (0.99, 1.01, 0.98, 1), strict=True)}
    return pd.DataFrame({"instrument": ["BK0001"], "ret": [ret], **levels})


def held(close: float, day: datetime.date) -> Panel:
    return Panel.from_frame(
        pd.DataFrame({"date": [str(day)], "instrument": ["BK0001"], "close": [close]})
    )


def nothing(session: datetime.date) -> dict[str, float]:
    return {}


@given(st.floats(1, 1e5), st.floats(1, 1e5), st.lists(st.floats(-0.3, 0.3), min_size=4, max_size=4))
def test_returns_of_an_imported_index_go_on_in_a_collected_one(
    imported: float, own: float, rets: list[float]
) -> None:
    chain = Chain.before(DAYS[1], held(imported, DAYS[0]), nothing)
    levels, raw = [float(np.float32(imported))], own
    for day, ret in zip(DAYS[1:], rets, strict=True):
        raw *= 1 + ret
        made = chain.extend(rows(raw, ret), day)
        levels.append(made["close"].iloc[0])
        assert made["high"].iloc[0] / made["close"].iloc[0] == pytest.approx(1.01)
    moved = [after / before - 1 for before, after in pairwise(levels)]
    assert moved == pytest.approx(rets, abs=1e-6)


def test_the_same_index_is_left_as_it_is_to_the_last_digit() -> None:
    chain = Chain.before(DAYS[1], held(8612.34, DAYS[0]), lambda day: {"BK0001": 8612.34})
    made = chain.extend(rows(8700.55, 0.0102), DAYS[1])
    assert made["close"].tolist() == [8700.55]


def test_over_a_gap_the_own_index_tells_the_move_where_it_is_known() -> None:
    known = Chain.before(DAYS[4], held(100.0, DAYS[0]), lambda day: {"BK0001": 1000.0})
    assert known.extend(rows(1300.0, 0.02), DAYS[4])["close"].iloc[0] == pytest.approx(130.0)
    unknown = Chain.before(DAYS[4], held(100.0, DAYS[0]), nothing)
    flat = unknown.extend(rows(1300.0, 0.02), DAYS[4])["close"].iloc[0]
    assert flat == pytest.approx(102.0), "joined flat: only the day's own move is known"


def test_a_new_sector_and_a_missing_return_change_nothing() -> None:
    chain = Chain.before(DAYS[1], None, nothing)
    assert chain.extend(rows(500.0, 0.01), DAYS[1])["close"].iloc[0] == 500.0
    chain = Chain.before(DAYS[1], held(100.0, DAYS[0]), nothing)
    assert chain.extend(rows(500.0, np.nan), DAYS[1])["close"].iloc[0] == 500.0


def test_what_a_session_itself_or_a_later_one_holds_does_not_count() -> None:
    chain = Chain.before(DAYS[0], held(100.0, DAYS[0]), nothing)
    assert chain.extend(rows(500.0, 0.01), DAYS[0])["close"].iloc[0] == 500.0
