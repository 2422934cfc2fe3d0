"""One clear error for a bad file, naming file, column and row; a good file comes in whole."""

import datetime
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.errors import SourceError
from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.sources.panel_file import read

HEAD = "date,sector_id,sector,close,turnover,company_count,limit_up_count,net_inflow,note"
ROWS = (
    "2025-01-02,C01,半导体,1000.5,2e9,50,1,-1.5e7,a",
    "2025-01-03,C01,半导体,1001,2100000000,50,0,,b",
    "2025-01-02,C02,白酒,990,1e9,20,0,3e6,",
    "2025-01-03,C02,白酒,991,1e9,20,2,nan,c",
)


def csv_file(tmp_path: Path, *rows: str, head: str = HEAD) -> Path:
    path = tmp_path / "panel.csv"
    path.write_text("\n".join((head, *(rows or ROWS))) + "\n", encoding="utf-8")
    return path


def frame(**changes: object) -> pd.DataFrame:
    columns = HEAD.split(",")
    table = pd.DataFrame([row.split(",") for row in ROWS], columns=columns)
    for name in columns[3:8]:
        table[name] = table[name].replace("", "nan").astype(float)
    return table.assign(**changes)


def parquet_file(tmp_path: Path, table: pd.DataFrame) -> Path:
    path = tmp_path / "panel.parquet"
    table.to_parquet(path, index=False)
    return path


def refused(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_csv_file_comes_in_whole(tmp_path) -> None:
    imported = read(csv_file(tmp_path))
    assert list(imported.frame)[:2] == ["date", "instrument"]
    assert imported.frame["date"].dtype.kind == "M"
    assert imported.frame["instrument"].tolist() == ["C01", "C01", "C02", "C02"]
    np.testing.assert_equal(imported.frame["net_inflow"].to_numpy(), [-1.5e7, np.nan, 3e6, np.nan])
    assert imported.names == {"C01": "半导体", "C02": "白酒"}
    assert imported.ignored == ("note",)
    assert imported.source == "panel.csv"
    panel = Panel.from_frame(imported.frame)
    assert panel.fields == ("close", "turnover", "company_count", "limit_up_count", "net_inflow")
    assert panel.ignored == ("sector", "note")


def test_parquet_and_csv_of_a_market_are_the_same_panel(tmp_path) -> None:
    market = synthetic(2, sectors=8, sessions=60)
    ids = []
    for order in (["date", "instrument"], ["instrument", "date"]):
        rows = market.frame.sort_values(order)
        rows.to_parquet(tmp_path / "m.parquet", index=False)
        rows.to_csv(tmp_path / "m.csv", index=False)
        ids += [Panel.from_frame(read(tmp_path / name).frame).snapshot_id
                for name in ("m.parquet", "m.csv")]  # fmt: skip
    assert set(ids) == {Panel.from_frame(market.frame).snapshot_id}


@pytest.mark.parametrize(
    "dates",
    [
        ["20250102", "20250103"],
        ["2025/01/02", "2025/01/03"],
        ["2025-01-02 00:00:00", "2025-01-03 00:00:00"],
        [20250102, 20250103],
        [datetime.date(2025, 1, 2), datetime.date(2025, 1, 3)],
        pd.to_datetime(["2025-01-02", "2025-01-03"]),
        pd.to_datetime(["2025-01-02", "2025-01-03"]).tz_localize("Asia/Shanghai"),
        pd.to_datetime(["2025-01-02", "2025-01-03"]).tz_localize("Asia/Shanghai").tz_convert("UTC"),
    ],
)
def test_dates_in_the_usual_spellings(tmp_path, dates) -> None:
    table = frame(date=pd.Series(list(dates) * 2))
    days = read(parquet_file(tmp_path, table)).frame["date"]
    assert days.astype(str).tolist() == ["2025-01-02", "2025-01-03"] * 2


def test_integer_ids_and_the_name_instrument(tmp_path) -> None:
    table = frame(sector_id=[881271, 881271, 881118, 881118]).rename(
        columns={"sector_id": "instrument", "sector": "name"}
    )
    imported = read(parquet_file(tmp_path, table))
    assert imported.names == {"881271": "半导体", "881118": "白酒"}


def test_the_latest_name_counts_and_controls_are_stripped(tmp_path) -> None:
    rows = [ROWS[0], ROWS[1].replace("半导体", "芯片\x1b[31m"), ROWS[2].replace("白酒", ""),
            ROWS[3].replace("白酒", "")]  # fmt: skip
    assert read(csv_file(tmp_path, *rows)).names == {"C01": "芯片[31m", "C02": "C02"}


def test_names_are_optional(tmp_path) -> None:
    assert read(parquet_file(tmp_path, frame().drop(columns="sector"))).names["C01"] == "C01"


def test_flags_and_unknown_text_are_ignored_even_if_half_filled(tmp_path) -> None:
    table = frame(complete=[True, None, False, True], code=["1", "x", "y", "z"], blank=None)
    imported = read(parquet_file(tmp_path, table))
    assert imported.ignored == ("note", "complete", "code", "blank")


@pytest.mark.parametrize("column", ["date", "sector_id", "close", "turnover", "company_count",
                                    "limit_up_count"])  # fmt: skip
def test_a_missing_column_is_named(tmp_path, column: str) -> None:
    message = refused(parquet_file(tmp_path, frame().drop(columns=column)))
    assert f"column {column!r} missing" in message


CELLS = [  # (row of ROWS, old text, new text, column named, what is said)
    (1, "2025-01-03", "2025-01-02", "date, sector_id", "stands already in {first}"),
    (1, "2025-01-03", "2024-12-31", "date", "sort the file by date"),
    (1, "2025-01-03", "03.01.2025", "date", "is no date"),
    (1, "2025-01-03", "", "date", "is no date"),
    (1, "2025-01-03", "2025-02-30", "date", "is no date"),
    (1, "2025-01-03", "2025-01-03 15:05:00", "date", "is no date"),
    (1, "2025-01-03", "2025-01-04", "date", "is no trading day"),
    (1, "2025-01-03", "2077-01-04", "date", "ends on"),
    (3, ",C02,", ",,", "sector_id", "is no id"),
    (3, ",C02,", ",../../etc,", "sector_id", "is no id"),
    (3, ",C02,", ",白酒,", "sector_id", "is no id"),
    (3, ",C02,", ",c02,", "sector_id", "differ only in case"),
    (2, ",990,", ",9.9e2x,", "close", "'9.9e2x' is no number"),
    (2, ",990,", ",1.48亿,", "close", "'1.48亿' is no number"),
    (2, ",990,", ",inf,", "close", "is not finite"),
    (2, ",990,", ",1e39,", "close", "is not finite"),
    (0, ",1,", ",-1,", "limit_up_count", "cannot be negative"),
    (2, ",3e6,", ",--,", "net_inflow", "is no number"),
]


@pytest.mark.parametrize(("row", "old", "new", "column", "said"), CELLS)
def test_a_bad_cell_of_a_csv_file_is_named_by_line(tmp_path, row, old, new, column, said) -> None:
    rows = list(ROWS)
    assert old in rows[row]
    rows[row] = rows[row].replace(old, new, 1)
    message = refused(csv_file(tmp_path, *rows))
    assert f"line {row + 2}, column {column!r}" in message
    assert said.format(first="line 2") in message


@pytest.mark.parametrize(
    ("changes", "column", "row", "said"),
    [
        ({"date": ["2025-01-02"] * 4}, "date, sector_id", 2, "stands already in row 1"),
        ({"date": ["2025-01-02", "2025-01-03", "2025-01-03", "2025-01-02"]}, "date", 4, "sort"),
        ({"close": ["1000", "1001", "x", "2"]}, "close", 3, "'x' is no number"),
        ({"close": [1.0, np.inf, 2.0, 3.0]}, "close", 2, "not finite"),
        ({"limit_up_count": [1, 0, 0, -3]}, "limit_up_count", 4, "-3 is no count"),
        ({"date": ["2025-01-02", None, "2025-01-02", "2025-01-03"]}, "date", 2, "is no date"),
        ({"date": ["2025-01-02", "2025-01-05"] * 2}, "date", 2, "no trading day"),
    ],
)
def test_a_bad_cell_of_a_parquet_file_is_named_by_row(tmp_path, changes, column, row, said) -> None:
    message = refused(parquet_file(tmp_path, frame(**changes)))
    assert f"row {row}, column {column!r}" in message
    assert said in message


def test_lines_are_counted_as_an_editor_counts_them(tmp_path) -> None:
    rows = ['2025-01-02,C01,"半\n导\n体",1,1,1,1,1,a', "", "2025-01-03,C01,x,bad,1,1,1,1,b"]
    assert "line 6, column 'close'" in refused(csv_file(tmp_path, *rows))
    assert "line 6: 3 cells" in refused(csv_file(tmp_path, *rows[:2], "1,2,3"))


def test_what_a_field_cannot_be_called(tmp_path) -> None:
    assert "'涨跌幅' holds numbers" in refused(parquet_file(tmp_path, frame(**{"涨跌幅": 1.0})))
    assert "differ only in case" in refused(parquet_file(tmp_path, frame(Close=1.0)))
    both = frame().assign(instrument="C01")
    assert "keep one of them" in refused(parquet_file(tmp_path, both))
    assert "ids must be text" in refused(parquet_file(tmp_path, frame(sector_id=1.5)))
    assert "no number at all" in refused(parquet_file(tmp_path, frame(turnover=np.nan)))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"", "is empty"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n\n", "has no rows"),
        ("a.csv", HEAD.encode(), "has no rows"),
        ("a.parquet", b"PAR1 and then nothing of the kind PAR1", "cannot be read|no readable"),
        ("a.parquet", HEAD.encode(), "cannot be read|no readable"),
        ("a.csv", "日期,板块\n".encode("gb18030"), "not UTF-8"),
        ("a.csv", b'date,sector_id\n"2025', "line 2"),
        ("a.csv", b"date,date\n1,2\n", "'date' stands twice"),
        ("a.csv", b"date,,x\n1,2,3\n", "column 2 has no name"),
        ("a.xlsx", b"PK", "must end in .parquet or .csv"),
        ("a", b"date", "must end in .parquet or .csv"),
    ],
)
def test_a_file_that_is_no_panel(tmp_path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert re.search(said, refused(tmp_path / name))


def test_a_file_that_is_not_there_or_cannot_be_opened(tmp_path) -> None:
    assert "does not exist" in refused(tmp_path / "absent.csv")
    assert "is a folder" in refused(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refused(tmp_path / "folder.csv")


def test_a_parquet_file_without_rows(tmp_path) -> None:
    assert "has no rows" in refused(parquet_file(tmp_path, frame().iloc[:0]))


def test_a_truncated_parquet_file(tmp_path) -> None:
    path = parquet_file(tmp_path, frame())
    content = path.read_bytes()
    for size in (len(content) // 3, len(content) - 1):
        path.write_bytes(content[:size])
        assert re.search("cannot be read|no readable", refused(path))


@pytest.mark.real_data
def test_the_real_panel_comes_in(real_data) -> None:
    imported = read(real_data / "sector_day_panel.parquet")
    assert imported.frame.shape == (84_839, 35)
    assert imported.names["C01"] == "半导体"
    assert imported.ignored == ("turnover_source", "flow_source", "flow_complete")
    assert imported.frame["net_inflow"].notna().sum() == 37_099
