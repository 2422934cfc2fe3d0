"""The panel holds exactly what the rows said, and its id changes with any of it."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_profile.errors import PanelError
from data_profile.panel import Panel

DAYS = [datetime.date(2025, 1, 1) + datetime.timedelta(n) for n in range(12)]
VALUES = st.one_of(st.none(), st.floats(width=32, allow_nan=False, allow_infinity=False))


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Rows with holes, in any order, with missing values."""
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from(DAYS), st.sampled_from(["C01", "C02", "A-1", "z_9"])),
            min_size=1, max_size=30, unique=True,
        )
    )  # fmt: skip
    data = {"date": [str(day) for day, _ in pairs], "instrument": [name for _, name in pairs]}
    for field in draw(st.sampled_from([("close",), ("close", "turnover"), ()])):
        cells = draw(st.lists(VALUES, min_size=len(pairs), max_size=len(pairs)))
        data[field] = np.array(cells, dtype=np.float64)
    return pd.DataFrame(data)


def rows(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"date": "2025-01-02", "instrument": "A", "x": 1.0} | columns, index=[0])


@given(frames())
def test_every_value_stands_at_its_session_and_instrument(frame: pd.DataFrame) -> None:
    panel = Panel.from_frame(frame)
    assert set(panel.instruments) == set(frame["instrument"])
    at = {str(day): row for row, day in enumerate(panel.sessions)}
    written = {(at[day], panel.instruments.index(name)) for day, name in
               zip(frame["date"], frame["instrument"], strict=True)}  # fmt: skip
    for field, matrix in panel.values.items():
        for row in frame.to_dict("records"):
            cell = matrix[at[row["date"]], panel.instruments.index(row["instrument"])]
            np.testing.assert_equal(cell, np.float32(row[field]))
        outside = np.ones(panel.shape, dtype=bool)
        outside[tuple(np.array(list(written)).T)] = False
        assert np.isnan(matrix[outside]).all()


@given(frames())
def test_listed_spans_first_to_last_row(frame: pd.DataFrame) -> None:
    panel = Panel.from_frame(frame)
    for column, name in enumerate(panel.instruments):
        days = frame.loc[frame["instrument"] == name, "date"]
        inside = (panel.sessions.astype(str) >= days.min()) & (
            panel.sessions.astype(str) <= days.max()
        )
        assert (panel.listed[:, column] == inside).all()


@given(frames(), st.randoms(use_true_random=False))
def test_order_of_rows_and_columns_is_nothing_to_the_id(frame, random) -> None:
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = frame.iloc[order][["instrument", *reversed(frame.columns[2:]), "date"]]
    assert Panel.from_frame(shuffled).snapshot_id == Panel.from_frame(frame).snapshot_id


@given(frames())
def test_to_frame_and_back_is_the_same_panel(frame: pd.DataFrame) -> None:
    panel = Panel.from_frame(frame)
    assert Panel.from_frame(panel.to_frame()).snapshot_id == panel.snapshot_id


@settings(max_examples=20)
@given(frames())
def test_saved_and_opened_is_the_same_panel(tmp_path_factory, frame: pd.DataFrame) -> None:
    folder = tmp_path_factory.mktemp("panel") / "p"
    panel = Panel.from_frame(frame)
    panel.save(folder)
    opened = Panel.open(folder)
    again = Panel(opened.sessions, opened.instruments, opened.values, opened.listed)
    assert opened.snapshot_id == again.snapshot_id == panel.snapshot_id
    assert opened.fields == panel.fields
    with pytest.raises(PanelError, match="not empty"):
        panel.save(folder)


@given(frames(), st.sampled_from(DAYS), st.sampled_from(DAYS))
def test_between_keeps_both_ends_and_never_touches_a_value(frame, start, end) -> None:
    panel = Panel.from_frame(frame)
    part = panel.between(start, end)
    inside = (panel.sessions >= np.datetime64(start)) & (panel.sessions <= np.datetime64(end))
    assert (part.sessions == panel.sessions[inside]).all()
    assert part.instruments == panel.instruments
    assert (part.listed == panel.listed[inside]).all()
    for field, matrix in part.values.items():
        np.testing.assert_array_equal(matrix, panel.values[field][inside])
    assert panel.between().snapshot_id == panel.snapshot_id


@given(frames(), st.data())
def test_any_changed_value_changes_the_id(frame: pd.DataFrame, data: st.DataObject) -> None:
    if len(frame.columns) == 2:
        return
    row = data.draw(st.integers(0, len(frame) - 1))
    changed = frame.copy()
    old = changed.loc[row, "close"]
    changed.loc[row, "close"] = 1.0 if np.isnan(old) or old != 1.0 else np.nan
    assert Panel.from_frame(changed).snapshot_id != Panel.from_frame(frame).snapshot_id


def test_zero_has_one_sign_and_missing_one_kind() -> None:
    other_nan = np.array([0x7FC00001], dtype=np.uint32).view(np.float32)
    for one, other in ((0.0, -0.0), (np.nan, other_nan[0])):
        assert (
            Panel.from_frame(rows(x=one)).snapshot_id == Panel.from_frame(rows(x=other)).snapshot_id
        )


def test_text_is_left_out_and_named() -> None:
    panel = Panel.from_frame(rows(sector="半导体"))
    assert panel.fields == ("x",)
    assert panel.ignored == ("sector",)


def test_a_time_zone_moves_no_row_to_another_day() -> None:
    midnight = pd.to_datetime(["2025-01-02", "2025-01-03"]).tz_localize("Asia/Shanghai")
    frame = pd.DataFrame({"date": midnight, "instrument": "A", "x": [1.0, 2.0]})
    for dates in (midnight, midnight.tz_convert("UTC")):
        panel = Panel.from_frame(frame.assign(date=dates))
        assert panel.sessions.astype(str).tolist() == ["2025-01-02", "2025-01-03"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (rows().drop(columns="date"), "'date' is missing"),
        (rows().drop(columns="instrument"), "'instrument' is missing"),
        (rows().iloc[:0], "no rows"),
        (pd.concat([rows(), rows()]), "occurs 2 times"),
        (rows(date="tomorrow"), "no date"),
        (rows(date=None), "missing value"),
        (rows(date=20250102), "holds numbers"),
        (rows(date="2025-01-02 15:00"), "times of day"),
        (rows(instrument=None), "missing value"),
        (rows().set_axis(["date", "instrument", "date"], axis=1), "stands twice"),
    ],
)
def test_bad_rows_are_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(PanelError, match=message):
        Panel.from_frame(frame)


def test_select_and_between_refuse_what_is_not_there() -> None:
    panel = Panel.from_frame(rows())
    assert panel.select(["x"]).fields == ("x",)
    with pytest.raises(PanelError, match="no field 'y'"):
        panel.select(["y"])
    with pytest.raises(PanelError, match="no date"):
        panel.between("soon")


def test_a_damaged_panel_is_not_opened(tmp_path) -> None:
    with pytest.raises(PanelError, match="no readable panel"):
        Panel.open(tmp_path / "absent")
    Panel.from_frame(rows()).save(tmp_path / "p")
    file = tmp_path / "p" / "field_0.npy"
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(PanelError, match="no readable panel"):
        Panel.open(tmp_path / "p")


def test_an_opened_panel_cannot_be_written(tmp_path) -> None:
    Panel.from_frame(rows()).save(tmp_path / "p")
    with pytest.raises(ValueError, match="read-only"):
        Panel.open(tmp_path / "p").values["x"][0, 0] = 2.0
