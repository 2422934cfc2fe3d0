"""What daily bars did at their limits: small cases, a slow rule as the oracle, the real market."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.aggregate import sector_day
from data_profile.limit_events import classify, pools_by_session
from data_profile.price_limits import (
    PriceLimitError,
    board_of,
    limit_of,
    limit_prices,
    status_of,
)
from data_profile.sessions import sessions

DAYS = sessions("2025-03-03", "2025-05-30")


def bars(*rows: tuple, code: str = "600000", **columns) -> pd.DataFrame:
    """Bars of one stock on consecutive sessions: previous close, open, high, low, close."""
    names = ["previous_close", "open", "high", "low", "close"]
    made = pd.DataFrame(rows, columns=names).assign(code=code, date=DAYS[: len(rows)])
    return made.assign(**columns)


def test_a_day_at_its_limits() -> None:
    events = classify(
        bars(
            (1.15, 1.20, 1.27, 1.18, 1.27),  # sealed at half up of 1.265
            (1.27, 1.40, 1.40, 1.40, 1.40),  # one word
            (1.40, 1.50, 1.54, 1.45, 1.50),  # broken
            (1.50, 1.50, 1.64, 1.45, 1.64),  # closes one tick short
            (1.64, 1.60, 1.70, 1.48, 1.48),  # limit down
            (1.48, 1.33, 1.40, 1.33, 1.40),  # touched it below
        )
    )
    assert events["limit_up"].tolist() == [True, True, False, False, False, False]
    assert events["one_word"].tolist() == [False, True, False, False, False, False]
    assert events["touched_limit_up"].tolist() == [True, True, True, False, False, False]
    assert events["broken"].tolist() == [False, False, True, False, False, False]
    assert events["streak"].tolist() == [1, 2, 0, 0, 0, 0]
    assert events["limit_down"].tolist() == [False, False, False, False, True, False]
    assert events["touched_limit_down"].tolist() == [False] * 4 + [True] * 2
    assert events["up_price"].tolist() == [1.27, 1.40, 1.54, 1.65, 1.80, 1.63]
    assert events["judged"].all()
    assert events["ret"].iloc[0] == pytest.approx(1.27 / 1.15 - 1)


def test_a_suspension_does_not_break_a_streak() -> None:
    table = bars(
        (10.0, 11.0, 11.0, 11.0, 11.0),
        (11.0, 11.0, 11.0, 11.0, 11.0),
        (11.0, 12.1, 12.1, 12.1, 12.1),
        volume=[5, 0, 5],
    )
    events = classify(table)
    assert events["streak"].tolist() == [1, 0, 2]
    assert events["judged"].tolist() == [True, False, True]
    without = classify(table.iloc[[0, 2]])
    assert without["streak"].tolist() == [1, 2]


def test_a_new_listing_has_no_limit_and_a_wrong_bar_is_named() -> None:
    table = bars(
        *[(10.0, 30.0, 35.0, 9.0, 30.0)] * 5, (30.0, 36.0, 36.0, 30.0, 36.0), code="688001"
    )
    events = classify(table.assign(listed_on=DAYS[0]))
    assert events["up_price"].isna().tolist() == [True] * 5 + [False]
    assert events["limit_up"].tolist() == [False] * 5 + [True]
    assert not events["beyond"].any()
    unknown = classify(table)  # without the date of listing nothing is claimed
    assert unknown["beyond"].tolist() == [True] * 5 + [False]
    assert unknown["touched_limit_up"].tolist() == [False] * 5 + [True]
    assert not unknown["judged"].iloc[:5].any()


def test_status_and_board_decide() -> None:
    row = (10.0, 10.5, 10.5, 10.2, 10.5)
    table = pd.concat([bars(row), bars(row, code="300001")], ignore_index=True)
    assert classify(table.assign(status="st"))["limit_up"].tolist() == [True, False]
    assert not classify(table)["limit_up"].any()


def test_front_adjusted_prices_use_the_row_before() -> None:
    factor = 0.9371
    adjusted = [round(p * factor, 3) for p in (8.55, 9.41, 9.41, 10.34)]  # 9.41 = half up 9.405
    table = pd.DataFrame({"code": "600000", "date": DAYS[:2], "open": adjusted[0::2],
                          "high": adjusted[1::2], "low": adjusted[0::2],
                          "close": [adjusted[1], adjusted[3]]})  # fmt: skip
    events = classify(table, adjusted=True)
    assert events["judged"].tolist() == [False, True]
    assert events["limit_up"].tolist() == [False, False]  # one tick below 10.35, off by 0.9 tick
    table.loc[1, ["high", "close"]] = round(10.35 * factor, 3)
    assert classify(table, adjusted=True)["limit_up"].tolist() == [False, True]


def test_on_whole_ticks_adjusted_prices_are_judged_exactly() -> None:
    """8.55 -> 9.40 is one tick short of the limit, and no tolerance may take it for one."""
    table = bars((np.nan, 8.5, 8.6, 8.5, 8.55), (8.55, 8.50, 9.40, 8.35, 9.40))
    assert not classify(table.drop(columns="previous_close"), adjusted=True)["limit_up"].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"previous_close": 9.873}, "600000 on 2025-03-03: previous_close 9.873 .* adjusted=True"),
        ({"close": 10.005}, "close 10.005 is no positive number of ticks"),
        ({"close": -1.0}, "close -1"),
        ({"code": "510300"}, "no code of an A share"),
        ({"status": "ST"}, "status 'ST'"),
        ({"date": DAYS[1]}, "600000 has two bars on 2025-03-04"),
        ({"date": "1995-01-03"}, "board main on 1995-01-03"),
    ],
)
def test_what_cannot_be_judged_is_refused(change: dict, message: str) -> None:
    table = bars((10.0, 10.0, 10.0, 10.0, 10.0), (10.0, 10.0, 10.0, 10.0, 10.0), status="normal")
    for name, value in change.items():
        table[name] = table[name].astype(object)
        table.loc[0, name] = value
    table = table.infer_objects()
    with pytest.raises(PriceLimitError, match=message):
        classify(table)


def test_without_the_previous_close_the_way_out_is_told() -> None:
    table = bars((10.0, 10.0, 10.0, 10.0, 10.0)).drop(columns=["previous_close", "low"])
    with pytest.raises(PriceLimitError, match="lack low, previous_close"):
        classify(table)
    with pytest.raises(PriceLimitError, match="adjusted=True"):
        classify(bars((10.0, 10.0, 10.0, 10.0, 10.0)).drop(columns="previous_close"))


def slow(table: pd.DataFrame) -> dict[tuple, tuple]:
    """The same in Decimal, one row after the other."""
    found, streak = {}, {}
    for row in table.sort_values(["code", "date"]).itertuples():
        board = board_of(row.code)
        limit = limit_of(board, row.date, row.status)
        up, down = limit_prices(board, f"{row.previous_close:.2f}", limit)
        open_, high, low, close = (
            Decimal(f"{p:.2f}") for p in (row.open, row.high, row.low, row.close)
        )
        beyond = high > up or low < down
        sealed = close == up and not beyond
        streak[row.code] = streak.get(row.code, 0) + 1 if sealed else 0
        found[row.code, row.date] = (
            sealed,
            close == down and not beyond,
            high == up and close < up and not beyond,
            sealed and open_ == low == up,
            streak[row.code],
            beyond,
        )
    return found


@st.composite
def markets(draw) -> pd.DataFrame:
    rows = []
    for code in draw(st.lists(st.sampled_from(["600000", "300001", "688001", "920000"]),
                              unique=True, min_size=1)):  # fmt: skip
        close = draw(st.integers(30, 5_000))
        for day in DAYS[: draw(st.integers(1, 12))]:
            status = draw(st.sampled_from(["normal", "st", "delisting"]))
            board = board_of(code)
            limit = limit_of(board, day, status)
            up, down = (int(p * 100) for p in limit_prices(board, Decimal(close) / 100, limit) if p)
            points = sorted(draw(st.lists(st.one_of(st.sampled_from([up, up, down, up - 1, close]),
                                                    st.integers(down, up)),
                                          min_size=4, max_size=4)))  # fmt: skip
            if draw(st.integers(0, 20)) == 0:
                points[3] = up + 1
            first, last = draw(st.permutations(points))[:2]
            rows.append((code, day, close, first, points[3], points[0], last, status))
            close = last
    names = ["code", "date", "previous_close", "open", "high", "low", "close", "status"]
    table = pd.DataFrame(rows, columns=names)
    table[names[2:7]] = table[names[2:7]] / 100
    return table.sample(frac=1, random_state=draw(st.integers(0, 9)))


@given(markets())
def test_tables_equal_the_decimal_rule(table: pd.DataFrame) -> None:
    events = classify(table)
    assert events.index.equals(table.index)
    exact = slow(table)
    names = ["limit_up", "limit_down", "broken", "one_word", "streak", "beyond"]
    for key, row in zip(
        zip(table["code"], table["date"], strict=True),
        events[names].itertuples(index=False),
        strict=True,
    ):
        assert tuple(row) == exact[key]


def test_past_sessions_become_pools() -> None:
    table = pd.concat(
        [
            bars((10.0, 11.0, 11.0, 11.0, 11.0), (11.0, 12.0, 12.1, 11.0, 12.0)),
            bars((10.0, 11.0, 11.0, 11.0, 11.0), code="600001"),  # suspended the day after
            bars((10.0, 10.0, 10.0, 10.0, 10.0), (10.0, 9.5, 9.5, 9.5, 9.5), code="600002"),
        ],
        ignore_index=True,
    ).assign(status=lambda rows: np.where(rows["code"] == "600002", "st", "normal"))
    tables = pools_by_session(table, classify(table))
    assert list(tables) == list(DAYS[:2])
    first, second = tables.values()
    assert "limit_up_previous" not in first  # what came before is not known
    assert first["limit_up_pool"]["code"].tolist() == ["600000", "600001"]
    assert second["limit_up_pool"].empty
    assert second["broken_pool"]["code"].tolist() == ["600000"]
    assert second["limit_down_pool"][["code", "st"]].values.tolist() == [["600002", True]]
    assert second["limit_up_previous"]["code"].tolist() == ["600000"]
    assert second["limit_up_previous"]["ret"].tolist() == pytest.approx([12 / 11 - 1])


def test_a_session_that_the_bars_lack_has_no_morrow() -> None:
    """Nobody is promoted over a gap: what stood before it was not yesterday's."""
    sealed = bars((10.0, 11.0, 11.0, 11.0, 11.0), *[(11.0, 11.5, 11.5, 11.5, 11.5)] * 2)
    table = sealed.iloc[[0, 2]].set_axis([7, 7])  # labels of rows mean nothing
    first, last = pools_by_session(table, classify(table)).values()
    assert first["limit_up_pool"]["code"].tolist() == ["600000"]
    assert "limit_up_previous" not in last


# --- the real market


@pytest.fixture(scope="module")
def history(real_data) -> pd.DataFrame:
    """Front-adjusted bars of 5,460 stocks, the second half of 2025, and what they did."""
    table = pd.read_parquet(real_data / "stock_daily_qfq.parquet")
    listed = pd.read_parquet(real_data / "stock_map.parquet").set_index("code")["list_date"]
    table["code"] = table["code"].astype(str)
    table = table[["code", "date", "open", "high", "low", "close", "volume_hand"]]
    table = table.rename(columns={"volume_hand": "volume"})
    return table.assign(listed_on=table["code"].map(listed))


@pytest.fixture(scope="module")
def judged(history) -> pd.DataFrame:
    return classify(history, adjusted=True)


@pytest.mark.real_data
def test_real_events_are_recomputed(real_data, history, judged) -> None:
    """Against the recorded events of the same stock-days, whose own rule had a tolerance."""
    real = pd.read_parquet(real_data / "stock_limit_events.parquet")
    real = real[real["date"] >= "2025-07-02"]
    real["date"] = pd.to_datetime(real["date"]).dt.date
    real["code"] = real["code"].astype(str)
    mine = history[["code", "date"]].join(judged)[judged["judged"]]
    both = mine.merge(real, on=["code", "date"], how="left", suffixes=("", "_real"))
    for name, allowed in (("limit_up", 5), ("limit_down", 10), ("one_word", 0), ("broken", 150)):
        other = both[f"{name}_real"].eq(True)
        differ = int((both[name] != other).sum())
        print(f"{name}: {int(both[name].sum())} against {int(other.sum())}, {differ} differ")
        assert differ <= allowed
    known = both[both["limit_up"] & (both["date"] > datetime.date(2025, 8, 1))]
    assert (known["streak"] == known["streak_real"]).mean() > 0.995


@pytest.mark.real_data
def test_real_sector_counts_are_recomputed(real_data, history, judged) -> None:
    """From bars to pools to sectors, by the same code that collects; at least 98% agree."""
    stocks = pd.read_parquet(real_data / "stock_map.parquet", columns=["sector", "code"])
    members = stocks.rename(columns={"sector": "board"})
    days = pools_by_session(history, judged)
    mine = pd.concat([sector_day(day, tables, members, lambda name, kind: name)
                      for day, tables in days.items()])  # fmt: skip
    panel = pd.read_parquet(real_data / "sector_day_panel.parquet")
    panel = panel.assign(date=pd.to_datetime(panel["date"]), instrument=panel["sector"])
    both = mine.merge(panel, on=["date", "instrument"], suffixes=("", "_panel"))
    assert len(both) == 70 * 125
    for name in ("limit_up_count", "limit_up_first_board", "limit_up_multi_board", "max_streak",
                 "one_word_count", "limit_up_20pct_count", "broken_limit_count",
                 "limit_down_count", "up_count", "down_count"):  # fmt: skip
        agree = float((both[name] == both[f"{name}_panel"]).mean())
        print(f"{name}: {agree:.2%} of {len(both)} sector-days agree")
        assert agree >= 0.98
    assert both["limit_up_st"].isna().all()  # status unknown


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("pool", "column", "side"),
    [("zbgc_", "涨停价", 0), ("", "最新价", 0), ("dtgc_", "最新价", 1)],
    ids=["broken", "limit-up", "limit-down"],
)
def test_the_recorded_limit_prices_are_the_rule(real_data, pool, column, side) -> None:
    """Pools of 2026 carry the limit price, or are at it; also Beijing's and an S stock's."""
    files = sorted(real_data.glob(f"raw_akshare/*/stock_zt_pool_{pool}em.csv"))
    table = pd.concat([
        pd.read_csv(f, dtype={"代码": str}).assign(day=datetime.date.fromisoformat(f.parent.name))
        for f in files
    ])  # fmt: skip
    table["previous"] = (table["最新价"] / (1 + table["涨跌幅"] / 100)).map("{:.2f}".format)
    wrong = []
    for code, name, day, previous, real in table[
        ["代码", "名称", "day", "previous", column]
    ].itertuples(index=False):
        board = board_of(code)
        price = limit_prices(board, previous, limit_of(board, day, status_of(name)))[side]
        if price != Decimal(f"{real:.2f}"):
            wrong.append((code, name, day, previous, price, real))
    print(f"{len(table)} limit prices, {len(wrong)} differ")
    assert len(table) > 700
    assert wrong == []


@pytest.mark.real_data
def test_the_tagged_pool_is_found_in_the_bars(real_data, history, judged) -> None:
    tagged = pd.read_parquet(real_data / "zt_pool_tagged.parquet")
    tagged = tagged[~tagged["is_st"]]
    tagged["date"] = pd.to_datetime(tagged["date"]).dt.date
    both = tagged.merge(history[["code", "date"]].join(judged), on=["code", "date"])
    both = both[both["judged"]]
    share = float(both["limit_up"].mean())
    print(f"{share:.2%} of {len(both)} stock-days of the tagged pool are limit-ups")
    assert share > 0.99
