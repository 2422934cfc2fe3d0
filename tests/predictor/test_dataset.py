"""What the model may see, and what it is told of what it cannot see."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_profile.market import Market
from data_profile.panel import Panel
from data_profile.schedule import SHANGHAI
from data_profile.store import Store
from predictor.dataset import (
    Dataset,
    Panels,
    align,
    build,
    panels,
    require_fields,
    split_usable,
)
from predictor.errors import PredictorError
from predictor.features import BASE_FEATURES, Feature


def poisoned(panel: Panel, row: int, seed: int) -> Panel:
    """The same panel with garbage, holes and new listings after `row`."""
    rng = np.random.default_rng(seed)
    values = {name: matrix.copy() for name, matrix in panel.values.items()}
    for matrix in values.values():
        noise = rng.normal(0, 1e6, matrix[row + 1 :].shape).astype(np.float32)
        noise[rng.random(noise.shape) < 0.2] = np.nan
        matrix[row + 1 :] = noise
    listed = panel.listed.copy()
    listed[row + 1 :] = rng.random(listed[row + 1 :].shape) < 0.5
    return Panel(panel.sessions, panel.instruments, values, listed)


def test_targets_are_the_next_session(panel: Panel, dataset: Dataset) -> None:
    counts = np.where(panel.listed, panel.values["limit_up_count"], np.nan)
    expected = np.where(panel.listed[:-1], counts[1:], np.nan)
    np.testing.assert_array_equal(dataset.count[:-1], expected)
    assert np.isnan(dataset.count[-1]).all()
    assert not dataset.labelled[-1].any()
    assert set(np.unique(dataset.surge[dataset.labelled])) <= {0.0, 1.0}


def test_values_agree_with_the_panel(panel: Panel, dataset: Dataset) -> None:
    counts = pd.DataFrame(np.where(panel.listed, panel.values["limit_up_count"], np.nan))
    close = pd.DataFrame(np.where(panel.listed, panel.values["close"], np.nan)).astype("float64")
    seen = dataset.present
    for name, expected in (
        ("limit_ups", counts),
        ("return_5", close / close.shift(5) - 1),
        ("market_limit_ups", counts.mul(0).add(counts.mean(axis=1), axis=0)),
    ):
        np.testing.assert_allclose(
            dataset.column(name)[seen], expected.to_numpy()[seen], rtol=1e-4, atol=1e-5
        )


@settings(max_examples=8, deadline=None)
@given(row=st.integers(60, 600), seed=st.integers(0, 2**16))
def test_nothing_after_a_session_reaches_its_features(
    panel: Panel, dataset: Dataset, row: int, seed: int
) -> None:
    bad = poisoned(panel, row, seed)
    other = build(Panels(bad, bad), BASE_FEATURES)
    np.testing.assert_array_equal(other.values[: row + 1], dataset.values[: row + 1])


def test_what_is_known_forgets_listings_of_the_future(panel: Panel) -> None:
    row = int(np.flatnonzero(np.isfinite(panel.values["net_inflow"]).any(axis=1))[0]) - 1
    bad = poisoned(panel, row, 1)
    known = align(bad, bad, panel.sessions[row]).known
    clean = align(panel, panel, panel.sessions[row]).known
    assert known.snapshot_id == clean.snapshot_id
    assert len(known.sessions) == row + 1
    assert len(known.instruments) < len(panel.instruments)  # the market lists some later
    assert "net_inflow" not in known.fields  # money flow begins later too


def test_missing_fields_are_named_and_left_to_nobody(market: Market) -> None:
    panel = Panel.from_frame(market.frame.drop(columns=["net_inflow", "max_streak"]))
    usable, missing = split_usable(BASE_FEATURES, panel)
    flows = {"flow_1", "flow_5", "flow_20"}
    assert set(missing) == {"members", "max_streak", "max_streak_5"} | flows
    assert "map of stocks" in missing["members"]
    assert missing["flow_5"] == "the store has no $net_inflow"
    assert len(usable) + len(missing) == len(BASE_FEATURES)


def test_a_field_published_after_the_cutoff_is_no_feature(panel: Panel) -> None:
    late = Feature("lhb", "$lhb_count", "lhb", "{}", "{}")
    usable, missing = split_usable([*BASE_FEATURES, late], panel)
    assert late not in usable
    assert "15:45" in missing["lhb"]


def test_missing_values_stay_missing(market: Market, dataset: Dataset) -> None:
    assert np.isnan(dataset.column("flow_1")[0]).all()  # before money flow begins
    assert dataset.labelled[0].any()  # and yet those sessions are learnt from


@pytest.mark.parametrize("name", ["limit_up_count", "company_count"])
def test_without_what_is_forecast_there_is_one_clear_error(market: Market, name: str) -> None:
    with pytest.raises(PredictorError, match=name):
        split_usable(BASE_FEATURES, Panel.from_frame(market.frame.drop(columns=[name])))


def test_a_model_without_its_field_is_told_so(market: Market) -> None:
    panel = Panel.from_frame(market.frame.drop(columns=["close"]))
    with pytest.raises(PredictorError, match=r"return_1 reads close.*tide train"):
        require_fields(BASE_FEATURES, panel)


def test_a_feature_that_cannot_be_read_is_named(panels: Panels) -> None:
    broken = Feature("broken", "Mean($close", "x", "{}", "{}")
    with pytest.raises(PredictorError, match="broken"):
        build(panels, [broken])


def test_a_day_that_came_in_late_is_taken_as_it_was_known_that_night(
    market: Market, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    store.build(market.frame, market.names, source="test")
    day, rows = datetime.date(2026, 1, 5), market.frame[market.frame["date"] == "2025-12-31"]
    rows = rows.assign(date=np.datetime64(day, "ns"), limit_up_count=7.0, lhb_count=3.0)

    def observed(clock: str, count: float) -> None:
        at = datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)
        store.append(
            rows.assign(limit_up_count=count), session=day, observed_at=at, state="complete",
            missing=(), names=market.names,
        )  # fmt: skip

    observed("18:30", 7.0)
    late = panels(store)
    assert late.late == {day}
    assert np.nanmax(late.known.values["limit_up_count"][-1]) == 7
    assert (
        "lhb_count" not in late.known.values
        or not np.isfinite(late.known.values["lhb_count"][-1]).any()
    ), "what comes out in the evening is no feature of a late day either"
    observed("15:40", 5.0)
    in_time = panels(store)
    assert in_time.late == frozenset()
    assert np.nanmax(in_time.known.values["limit_up_count"][-1]) == 5, "corrections do not count"
    assert np.nanmax(in_time.outcome.values["limit_up_count"][-1]) == 7
