"""Windows follow one another, and what lies after one is not in its panel."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.labels import label
from factor_pool.evaluation.windows import HORIZON, Window, Windows, known, place
from tests.factor_pool.evaluation.markets import market, panel_of


def day(number: int) -> dt.date:
    return dt.date(2020, 1, 1) + dt.timedelta(number)


def test_borders_divide_the_sessions_in_which_every_core_field_exists() -> None:
    late = np.ones((1000, 3))
    late[:300] = np.nan
    windows = place(panel_of(close=np.ones((1000, 3)), flow=late), ("close", "flow"), lookback=9)
    assert windows.first_core == day(300)
    assert windows.search == Window("search", day(0), day(707), 708)  # 300 + 60% of 680
    assert windows.confirm == Window("confirm", day(718), day(887), 170)
    assert windows.sealed == Window("sealed", day(898), day(999), 102)


@given(st.integers(620, 1500), st.integers(0, 40), st.integers(0, 60))
def test_windows_never_touch_and_fill_the_panel(total: int, first: int, lookback: int) -> None:
    field = np.ones((total, 2))
    field[:first] = np.nan
    panel = panel_of(other=np.ones((total, 2)), core=field)
    windows = place(panel, ("core",), lookback=lookback)
    counts = [int(window.mask(panel.sessions).sum()) for window in windows]
    assert counts == [window.sessions for window in windows]
    assert sum(counts) + 2 * windows.purge == total
    assert windows.purge == HORIZON + lookback
    between = (windows.confirm.start - windows.search.end).days
    assert between == windows.purge + 1


def test_dates_replace_the_fractions() -> None:
    panel = panel_of(close=np.ones((600, 2)))
    windows = place(panel, ("close",), search_end=day(299), confirm_end=day(449))
    assert (windows.search.end, windows.confirm.end) == (day(299), day(449))
    assert windows.confirm.start == day(299 + 22)
    assert windows.sealed.start == day(449 + 22)


def test_too_short_a_history_is_refused_with_what_is_needed() -> None:
    with pytest.raises(EvaluationError, match="at least 250 are needed; the panel has 300"):
        place(panel_of(close=np.ones((300, 2))), ("close",))
    with pytest.raises(EvaluationError, match="place search_end or confirm_end earlier"):
        place(panel_of(close=np.ones((600, 2))), ("close",), search_end=day(580))
    with pytest.raises(EvaluationError, match="core field 'flow' has no value"):
        place(panel_of(close=np.ones((600, 2)), flow=np.full((600, 2), np.nan)), ("flow",))


def test_windows_out_of_order_are_refused() -> None:
    search, confirm = Window("search", day(0), day(5)), Window("confirm", day(4), day(8))
    with pytest.raises(EvaluationError, match="must follow one another"):
        Windows(search, confirm, Window("sealed", day(9), day(9)), 1)


def test_no_label_of_a_window_comes_from_beyond_it() -> None:
    panel = market(1, sessions=500)
    windows = place(panel, ("close",))
    for part, window in (
        (windows.search_panel(panel), windows.search),
        (windows.confirm_panel(panel), windows.confirm),
    ):
        assert part.sessions[-1] == np.datetime64(window.end)
        assert np.isnan(label(part)[-1]).all()
        assert np.isfinite(label(part)[-2]).all()


def test_bar_is_to_scale() -> None:
    bar = place(panel_of(close=np.ones((800, 2))), ("close",)).bar(60)
    assert abs(bar.count("S") / bar.count("X") - 4) < 0.6
    assert bar.index("S") < bar.index("C") < bar.index("X")
    assert abs(len(bar) - 60) <= 3


def test_a_core_field_that_has_just_begun_does_not_end_all_mining() -> None:
    young = np.full((800, 2), np.nan)
    young[600:] = 1.0
    both = panel_of(close=np.ones((800, 2)), flow=young)
    windows = place(both, ("close", "flow"))
    assert windows.late == ("flow",)
    assert windows.search == place(panel_of(close=np.ones((800, 2))), ("close",)).search


def test_what_begins_or_ends_later_does_not_show_in_an_earlier_panel() -> None:
    panel = market(1, sessions=500)
    end = dt.date.fromisoformat(str(panel.sessions[299]))
    short, newcomer, leaver = panel.to_frame(), panel.to_frame(), panel.to_frame()
    short = short[short["date"] <= np.datetime64(end)]
    late = newcomer["date"] > np.datetime64(end)
    extra = newcomer[late & (newcomer["instrument"] == "S003")].assign(instrument="S0025")
    newcomer = pd.concat([newcomer, extra])
    leaver = leaver[~((leaver["instrument"] == "S007") & (leaver["date"] > np.datetime64(end)))]
    gap = (short["instrument"] == "S011") & (short["date"] > np.datetime64("2020-09-01"))
    for frame in (newcomer, leaver):
        both = (short[~gap], frame[~frame.index.isin(short.index[gap])])
        seen = [known(Panel.from_frame(rows), end).snapshot_id for rows in both]
        assert seen[0] == seen[1]
