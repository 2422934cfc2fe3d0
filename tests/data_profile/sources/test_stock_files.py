"""Files about stocks: known by their columns, checked cell by cell, the future left at the door."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.errors import SourceError
from data_profile.sources.stock_files import parse, recognise
from data_profile.sources.table_file import open_table

FILES = {
    "bars": "date,code,open,high,low,close,volume_hand,limit_up,in_index\n"
            "2025-09-01,000001,10,11,9.5,10.5,300,true,false\n"
            "2025-09-02,000001,10.5,11,10,10.4,200,False,true\n",
    "map": "code,name,list_date,float_share,total_share,sector,board\n"
           "000001,平安银行,1991-04-03,1.9e10,1.9e10,银行,MAIN\n",
    "list_rows": "date,code,name,list_reason,close,pct_change,volume_wan_shares,amount_wan,x\n"
                 "2025-09-01,000001,平安银行,日涨幅偏离值达7%的证券,10.5,9.9,3,31.5,1\n",
    "seat_rows": "date,code,side,rank,department,buy_wan,sell_wan\n"
                 "2025-09-01,000001,buy,1,机构专用,5000,0\n",
    "limit_events": "date,code,name_latest,open,high,low,close,ret,volume,limit_up,limit_down,"
                    "touched_limit_up,broken,one_word,streak\n"
                    "2025-09-01,000001,平安银行,10,11,9.5,11,0.1,300,True,False,True,False,False,1\n",
}  # fmt: skip


def take(folder: Path, text: str):
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8")
    table = open_table(path)
    kind = recognise(table)
    assert kind is not None
    return parse(table, kind)


@pytest.mark.parametrize("table", FILES)
def test_every_kind_is_known_by_its_columns(tmp_path: Path, table: str) -> None:
    taken = take(tmp_path, FILES[table])
    assert taken.table == table
    assert taken.frame["code"].iloc[0] == "000001"
    assert len(taken.frame) == FILES[table].count("\n") - 1


def test_units_are_yuan_shares_and_ratios(tmp_path: Path) -> None:
    assert take(tmp_path, FILES["bars"]).frame["volume"].tolist() == [30000, 20000]
    row = take(tmp_path, FILES["list_rows"]).frame.iloc[0]
    assert row["ret"] == pytest.approx(0.099)
    assert row[["volume", "turnover"]].tolist() == [30000, 315000]
    assert take(tmp_path, FILES["seat_rows"]).frame["buy"].tolist() == [5e7]


def test_a_panel_of_sectors_is_no_file_of_stocks(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_text(
        "date,sector_id,close,turnover,company_count,limit_up_count\n2025-09-01,C1,1,1,1,1\n"
    )
    assert recognise(open_table(path)) is None


def test_the_future_of_a_listing_never_passes(tmp_path: Path) -> None:
    """As the vendor has it: the returns of the days after stand in the row of the day."""
    text = (
        "代码,名称,上榜日,解读,收盘价,涨跌幅,龙虎榜净买额,市场总成交额,换手率,流通市值,上榜原因,"
        "上榜后1日,上榜后2日,上榜后5日,上榜后10日\n"
        "000001,平安银行,2025-09-01,x,10.5,9.9,1000,1e8,3.5,2e11,日涨幅偏离值达7%的证券,"
        "10.0,21.0,30.0,55.5\n"
    )
    taken = take(tmp_path, text)
    assert taken.table == "list_rows"
    assert taken.future == ("上榜后1日", "上榜后2日", "上榜后5日", "上榜后10日")
    assert set(taken.future) <= set(taken.ignored)
    assert not any("上榜后" in str(name) for name in taken.frame)
    numbers = taken.frame.select_dtypes("number").to_numpy()
    assert not np.isin([10.0, 21.0, 30.0, 55.5, 0.1, 0.21, 0.3, 0.555], numbers).any()
    assert taken.frame["turnover_rate"].tolist() == [0.035]


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("bars", "09-02,000001", "09-02,1", "line 3, column 'code': '1' is no code; six digits"),
        ("bars", "2025-09-02", "2025-09-01", "line 3, column 'date, code': 2025-09-01, 000001 st"),
        ("bars", "2025-09-02", "2025-09-06", "line 3, column 'date': 2025-09-06 is no trading day"),
        ("bars", "10.5,11,10,10.4", "10.5,10,11,10.4", "line 3, column 'high': open 10.5, high 10"),
        ("bars", "10.5,11,10,10.4", "0,11,10,10.4", "line 3, column 'open': 0 is no price; leave"),
        ("bars", "10.4,200", "10.4,-2", "line 3, column 'volume_hand': -200 cannot be negative"),
        ("bars", "200,False", "200,maybe", "line 3, column 'limit_up': 'maybe' is no flag"),
        ("bars", "10.4,200", "10.4,many", "line 3, column 'volume_hand': 'many' is no number"),
        ("seat_rows", "buy,1", "bye,1", "line 2, column 'side': 'bye' is neither buy nor sell"),
        ("seat_rows", "机构专用", "", "line 2, column 'department': the seat has no name"),
        ("seat_rows", "5000,0", "inf,0", "line 2, column 'buy_wan': inf is not finite"),
        ("map", "1991-04-03", "long ago", "line 2, column 'list_date': 'long ago' is no date"),
        ("map", "float_share,", "shares,", "column 'float_shares' or 'float_share' missing from"),
    ],
)
def test_a_bad_file_gives_one_line_with_place_and_remedy(
    tmp_path: Path, table: str, old: str, new: str, message: str
) -> None:
    assert old in FILES[table]
    with pytest.raises(SourceError) as caught:
        take(tmp_path, FILES[table].replace(old, new))
    assert message in str(caught.value)
    assert "file.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_real_files_are_taken_as_they_are(real_data: Path) -> None:
    rows = {}
    for name in ("stock_map", "lhb_stock", "lhb_seats", "stock_limit_events"):
        table = open_table(real_data / f"{name}.parquet")
        kind = recognise(table)
        assert kind is not None
        rows[kind.table] = len(parse(table, kind).frame)
    assert rows == {"map": 5524, "list_rows": 5368, "seat_rows": 63134, "limit_events": 140833}


def test_codes_that_lost_their_zeros_are_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    row = {"date": ["2025-09-01"], "code": [1]} | {
        n: [1.0] for n in ("open", "high", "low", "close")
    }
    pd.DataFrame(row | {"volume": [1.0]}).to_parquet(path)
    table = open_table(path)
    kind = recognise(table)
    assert kind is not None
    with pytest.raises(SourceError, match="row 1, column 'code': '1' is no code"):
        parse(table, kind)
