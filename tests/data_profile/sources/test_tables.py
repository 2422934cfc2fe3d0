"""From an upstream's table to ours."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.sources.base import SourceMalformed
from data_profile.sources.tables import PERCENT, YI, Column, check_labels, tidy

COLUMNS = {
    "代码": Column("code", "code", raw="c"),
    "涨跌幅": Column("ret", scale=PERCENT, raw="zdp"),
    "净额": Column("net", scale=YI),
    "时间": Column("time", "clock"),
    "名称": Column("name", "text", raw="n"),
}


def table(**cells: object) -> pd.DataFrame:
    row = {"代码": "1", "涨跌幅": 5, "净额": "1.5", "时间": 92500, "名称": "某"} | cells
    return pd.DataFrame({name: [cell] for name, cell in row.items()})


def test_units_types_and_names() -> None:
    row = tidy("a.b", table(), COLUMNS).iloc[0]
    assert row.to_dict() == {
        "code": "000001", "ret": 0.05, "net": 1.5e8, "time": "09:25:00", "name": "某",
    }  # fmt: skip


def test_order_of_columns_does_not_matter_and_others_are_left() -> None:
    made = table(多余=1)
    pd.testing.assert_frame_equal(
        tidy("a.b", made[list(reversed(made.columns))], COLUMNS), tidy("a.b", table(), COLUMNS)
    )


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("代码", "SZ0001"), ("代码", None), ("代码", "１２３４５６"), ("涨跌幅", "五"),
        ("净额", "inf"), ("时间", "996000"), ("净额", "1亿"),
    ],
)  # fmt: skip
def test_cell_of_another_kind_is_refused(name: str, cell: object) -> None:
    with pytest.raises(SourceMalformed, match=rf"a\.b.*{name}"):
        tidy("a.b", table(**{name: cell}), COLUMNS)


@pytest.mark.parametrize("cell", [None, "-", "--", "", float("nan")])
def test_missing_stays_missing(cell: object) -> None:
    row = tidy("a.b", table(涨跌幅=cell, 名称=cell, 时间=cell), COLUMNS).iloc[0]
    assert row[["ret", "name", "time"]].isna().all()


def test_missing_column_is_named() -> None:
    with pytest.raises(SourceMalformed, match="净额 missing"):
        tidy("a.b", table().drop(columns="净额"), COLUMNS)


def test_rows_that_stand_twice_stand_once() -> None:
    twice = pd.concat([table(), table(), table(代码="2")])
    assert list(tidy("a.b", twice, COLUMNS)["code"]) == ["000001", "000002"]


@given(st.text(max_size=600))
def test_text_from_outside_is_printable(text: str) -> None:
    shown = tidy("a.b", table(名称=text), COLUMNS)["name"].iloc[0]
    if shown is not None:
        assert shown.isprintable()
        assert len(shown) <= 500


def test_labels_are_held_against_the_answer() -> None:
    raw = [{"c": "1", "zdp": 5.0, "n": "某"}]
    check_labels("a.b", table(), COLUMNS, "代码", raw)
    check_labels("a.b", table(), COLUMNS, "代码", [{"other": 1}])
    for wrong in ({"涨跌幅": 6.0}, {"名称": "他"}, {"代码": "2"}, {"涨跌幅": None}):
        with pytest.raises(SourceMalformed, match=r"a\.b.*order of its fields"):
            check_labels("a.b", table(**wrong), COLUMNS, "代码", raw)


def test_a_row_read_on_two_pages_may_be_either() -> None:
    raw = [{"c": "1", "zdp": 4.0}, {"c": "1", "zdp": 5.0}]
    check_labels("a.b", table(), COLUMNS, "代码", raw)
