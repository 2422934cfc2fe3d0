"""Ranges in time order, purged, the judged one in the sealed window."""

from pathlib import Path

import numpy as np
import pytest

from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.profile import Profile
from factor_pool.evaluation.windows import HORIZON, place
from predictor.errors import PredictorError
from predictor.splits import split

NO_LEDGER = Path("no_ledger_here.db")


def panel_of(sessions: int) -> Panel:
    return Panel.from_frame(synthetic(1, sectors=12, sessions=sessions).frame)


@pytest.fixture(scope="module")
def long_panel() -> Panel:
    return panel_of(760)


def test_no_label_of_one_range_is_drawn_from_the_next(long_panel: Panel) -> None:
    parts = split(long_panel, NO_LEDGER)
    assert parts.train.start == 0
    assert parts.train.stop + HORIZON == parts.valid.start
    assert parts.valid.stop + HORIZON == parts.test.start
    assert parts.test.stop == parts.everything.stop == len(long_panel.sessions) - HORIZON


def test_judged_on_what_mining_never_read(long_panel: Panel) -> None:
    parts = split(long_panel, NO_LEDGER)
    sealed = place(long_panel, Profile.load().core(long_panel)).sealed
    assert parts.sealed
    assert long_panel.sessions[parts.test][0] >= np.datetime64(sealed.start)


def test_a_panel_too_short_to_mine_is_judged_on_its_end() -> None:
    parts = split(panel_of(240), NO_LEDGER)
    assert not parts.sealed
    assert parts.test.stop - parts.test.start == 47


def test_too_few_sessions_is_one_clear_error() -> None:
    with pytest.raises(PredictorError, match=r"150 sessions.*at least 200"):
        split(panel_of(150), NO_LEDGER)
