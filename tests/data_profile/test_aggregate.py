"""Tables of a day become one row a sector: missing stays missing, zero means seen and none."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_profile.aggregate import FIELDS, sector_day
from data_profile.day_tables import AggregateError, unplaced
from data_profile.profile import Profile

DAY = datetime.date(2025, 9, 1)
NAMES = {("煤炭", "industry"): "BK0001", ("半导体", "industry"): "BK0002",
         ("机器人", "concept"): "BK0003", ("半导体概念", "industry"): "BK0002"}  # fmt: skip
MEMBERS = pd.DataFrame(
    [("煤炭", "600001", "industry"), ("煤炭", "600002", "industry"), ("煤炭", "600003", "industry"),
     ("半导体", "688001", "industry"), ("半导体", "300001", "industry"),
     ("机器人", "600001", "concept"), ("机器人", "688001", "concept")],
    columns=["board", "code", "kind"],
)  # fmt: skip
NONE = pd.DataFrame()


def resolve(name: str, kind: str) -> str | None:
    return NAMES.get((name, kind))


def table(columns: str, *rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


POOL = table(
    "code name industry streak first_time breaks sealing_value",
    ("600001", "甲", "煤炭", 3, "092500", 0, 1e8),
    ("600002", "乙", "煤炭", 1, "093001", 0, 2e7),
    ("688001", "丙", "半导体", 6, "09:25:00", 1, 5e7),
)


def row(tables: dict, sector: str, members: pd.DataFrame = MEMBERS) -> pd.Series:
    frame = sector_day(DAY, tables, members, resolve)
    return frame.set_index("instrument").loc[sector]


def test_the_columns_are_always_the_same_and_the_profile_knows_them() -> None:
    frame = sector_day(DAY, {}, MEMBERS, resolve)
    assert tuple(frame.columns) == ("date", "instrument", *FIELDS)
    assert frame["instrument"].tolist() == ["BK0001", "BK0002", "BK0003"]
    assert (frame["date"] == pd.Timestamp(DAY)).all()
    assert frame[list(FIELDS)].isna().all(axis=None)  # nothing was seen, so nothing is known
    assert set(FIELDS) <= set(Profile.load().fields)
    assert sector_day(DAY, {}, NONE, resolve).empty


def test_limit_ups_by_sector() -> None:
    coal = row({"limit_up_pool": POOL}, "BK0001")
    assert coal[["limit_up_count", "limit_up_first_board", "limit_up_multi_board"]].tolist() == [
        2, 1, 1]  # fmt: skip
    assert coal[["ladder_2", "ladder_3", "ladder_4", "ladder_5"]].tolist() == [0, 1, 0, 0]
    assert coal[["max_streak", "one_word_count", "limit_up_20pct_count"]].tolist() == [3, 1, 0]
    assert coal["sealing_value"] == 1.2e8
    chips = row({"limit_up_pool": POOL}, "BK0002")
    assert chips[["limit_up_count", "max_streak", "ladder_5"]].tolist() == [1, 6, 1]
    assert chips[["one_word_count", "limit_up_20pct_count"]].tolist() == [0, 1]  # opened once
    robots = row({"limit_up_pool": POOL}, "BK0003")  # a stock counts in each of its sectors
    assert robots[["limit_up_count", "sealing_value"]].tolist() == [2, 1.5e8]


def test_missing_is_never_zero() -> None:
    seen = row({"limit_up_pool": POOL[:0]}, "BK0001")
    assert seen[["limit_up_count", "max_streak", "ladder_2", "sealing_value"]].tolist() == [0] * 4
    assert seen[["broken_limit_count", "limit_down_count", "sealing_rate"]].isna().all()
    assert seen[["lhb_count", "net_inflow", "limit_up_premium", "limit_up_st"]].isna().all()
    quiet = row({"limit_up_pool": POOL[:0], "broken_pool": POOL[:0]}, "BK0001")
    assert quiet["broken_limit_count"] == 0
    assert np.isnan(quiet["sealing_rate"])  # of nothing


def test_a_sector_without_known_members_stays_unknown() -> None:
    tables = {"limit_up_pool": POOL.drop(columns="industry"),
              "board_flow": table("board kind inflow", ("机器人", "concept", 5.0)),
              "lhb_stocks": table("code net_buy", ("600001", 1.0))}  # fmt: skip
    only_coal = MEMBERS[MEMBERS["board"] == "煤炭"]
    robots = row(tables, "BK0003", only_coal)
    assert robots["ths_inflow"] == 5.0
    assert robots[["limit_up_count", "lhb_count"]].isna().all()
    assert row(tables, "BK0001", only_coal)[["limit_up_count", "lhb_count"]].tolist() == [2, 1]


def test_without_members_the_pool_speaks_for_itself() -> None:
    tables = {"limit_up_pool": POOL, "lhb_stocks": table("code net_buy", ("600001", 1.0)),
              "board_flow": table("board kind inflow", ("机器人", "concept", 5.0))}  # fmt: skip
    assert row(tables, "BK0001", NONE)["limit_up_count"] == 2
    assert np.isnan(row(tables, "BK0003", NONE)["limit_up_count"])  # a concept it cannot name
    assert np.isnan(row(tables, "BK0001", NONE)["lhb_count"])  # the list names no industry


def test_a_new_stock_reaches_its_industry_by_the_pools_word() -> None:
    pool = pd.concat([POOL, POOL[:1].assign(code="603999", name="新", streak=1)])
    assert row({"limit_up_pool": pool}, "BK0001")["limit_up_count"] == 3
    moved = POOL.assign(industry="半导体")  # where the members know better, they decide
    assert row({"limit_up_pool": moved}, "BK0001")["limit_up_count"] == 2


def test_what_no_sector_holds_is_named() -> None:
    pool = pd.concat([POOL, POOL[:1].assign(code="603999", name="新", industry="外星")])
    flow = table("board inflow", ("月球", 1.0), ("半导体", 2.0), ("半导体概念", 3.0))
    lost = unplaced({"limit_up_pool": pool, "board_flow": flow}, MEMBERS, resolve)
    assert lost.stocks == {"603999": "新"}
    assert lost.boards == ("月球",)
    assert lost.contested == {"BK0002": ("半导体", "半导体概念")}
    assert np.isnan(row({"board_flow": flow}, "BK0002")["ths_inflow"])


def test_special_treatment_counts_apart() -> None:
    pool = POOL.assign(st=[False, True, False])
    coal = row({"limit_up_pool": pool, "limit_down_pool": pool}, "BK0001")
    assert coal[["limit_up_count", "limit_up_st", "limit_up_first_board"]].tolist() == [1, 1, 0]
    assert coal[["sealing_value", "limit_down_count", "max_streak"]].tolist() == [1e8, 1, 3]


def test_sealing_promotion_and_premium() -> None:
    previous = table("code name industry streak ret",
                     ("600001", "甲", "煤炭", 2, 0.10), ("600003", "丁", "煤炭", 1, -0.04),
                     ("600002", "乙", "煤炭", 1, 0.06),
                     ("300001", "戊", "半导体", 7, 0.0))  # fmt: skip
    today = POOL.assign(streak=[3, 2, 6])
    tables = {"limit_up_pool": today, "limit_up_previous": previous,
              "broken_pool": table("code industry", ("600003", "煤炭"))}  # fmt: skip
    coal, chips = row(tables, "BK0001"), row(tables, "BK0002")
    assert coal["sealing_rate"] == pytest.approx(2 / 3)
    assert coal["limit_up_premium"] == pytest.approx(0.04)
    assert coal[["promotion_rate", "promotion_rate_1", "promotion_rate_2"]].tolist() == (
        pytest.approx([2 / 3, 0.5, 1.0])
    )
    assert coal[["promotion_rate_3", "promotion_rate_4"]].isna().all()  # none to be promoted
    assert chips[["promotion_rate", "promotion_rate_4", "limit_up_premium"]].tolist() == [0, 0, 0]
    del tables["limit_up_pool"]
    assert np.isnan(row(tables, "BK0001")["promotion_rate"])
    assert row(tables, "BK0001")["limit_up_premium"] == pytest.approx(0.04)


def test_flows_of_two_upstreams_and_what_follows_from_them() -> None:
    flow = pd.concat([
        table("board inflow outflow net_inflow company_count", ("煤炭", 9.0, 4.0, 5.0, 30)),
        table("board super_large_net large_net medium_net small_net",
              ("煤炭", 3.0, -1.0, 1.0, -3.0)),
    ])  # fmt: skip
    quotes = table("board close turnover up_count down_count", ("煤炭", 1000.0, 8.0, 20, 5))
    coal = row({"board_flow": flow, "board_quotes": quotes}, "BK0001")
    assert coal[["ths_inflow", "ths_outflow", "ths_net"]].tolist() == [9, 4, 5]
    assert coal[["super_large_net", "large_net", "medium_net", "small_net"]].tolist() == [
        3, -1, 1, -3]  # fmt: skip
    assert coal[["net_inflow", "net_inflow_ratio"]].tolist() == [2, 0.25]  # super-large + large
    assert coal[["company_count", "breadth"]].tolist() == [30, 0.5]
    assert row({"board_flow": flow.assign(main_net=[7.0, np.nan])}, "BK0001")["net_inflow"] == 7


def test_breadth_from_the_stocks() -> None:
    stocks = table("code ret turnover", ("600001", 0.1, 5.0), ("600002", -0.1, 6.0),
                   ("600003", 0.0, 7.0), ("688001", 0.2, np.nan))  # fmt: skip
    coal, chips = row({"stocks": stocks}, "BK0001"), row({"stocks": stocks}, "BK0002")
    assert coal[["up_count", "down_count", "company_count", "turnover"]].tolist() == [1, 1, 3, 18]
    assert coal["breadth"] == 0
    assert coal["market_breadth"] == 0.25
    assert np.isnan(chips["turnover"])  # one unknown amount, no total


def test_the_dragon_tiger_list() -> None:
    listed = table("code name net_buy institution_net_buy hot_money_net_buy",
                   ("600001", "甲", 4e6, 5e6, -1e6),
                   ("600002", "乙", -1e6, np.nan, np.nan))  # fmt: skip
    coal, robots = row({"lhb_stocks": listed}, "BK0001"), row({"lhb_stocks": listed}, "BK0003")
    assert coal[["lhb_count", "lhb_net_buy"]].tolist() == [2, 3e6]
    assert robots[["lhb_institution_net_buy", "lhb_hot_money_net_buy"]].tolist() == [5e6, -1e6]
    unknown = coal[["lhb_institution_net_buy", "lhb_hot_money_net_buy"]]
    assert unknown.isna().all()  # the seats of 600002 were not fetched
    chips = row({"lhb_stocks": listed}, "BK0002")
    assert chips[["lhb_count", "lhb_institution_net_buy"]].tolist() == [0, 0]


def test_news_and_northbound() -> None:
    by_board = table("headline board score", ("一", "煤炭", 1.0), ("二", "煤炭", 0.0))
    by_code = table("headline code score", ("一", "600001", 0.5), ("二", "600001", -1.0))
    coal = row({"news": by_board}, "BK0001")
    assert coal[["news_sentiment", "news_count"]].tolist() == [0.5, 2]
    assert row({"news": by_code}, "BK0003")["news_sentiment"] == -0.25
    both = pd.concat([by_board, by_code])
    assert row({"news": both}, "BK0001")[["news_sentiment", "news_count"]].tolist() == [0.125, 4]
    silent = row({"news": by_board}, "BK0002")
    assert silent["news_count"] == 0
    assert np.isnan(silent["news_sentiment"])
    north = row({"northbound": table("board net_buy", ("煤炭", -3.0))}, "BK0001")
    assert north["northbound_net_buy"] == -3


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"limit_up_pool": POOL.drop(columns="streak")}, "limit_up_pool lacks streak"),
        ({"limit_up_pool": pd.concat([POOL, POOL[:1].assign(streak=9)])}, "two things of 600001"),
        (
            {"broken_pool": table("code", (600001,))},
            "has the code 600001; codes are six digits as text",
        ),
        ({"lhb_stocks": table("code net_buy", ("1", 2.0))}, "has the code 1;"),
        ({"news": table("score", (1.0,))}, "news needs board or code"),
    ],
)
def test_a_table_that_cannot_be_summed_up_is_refused(tables: dict, message: str) -> None:
    with pytest.raises(AggregateError, match=message):
        sector_day(DAY, tables, MEMBERS, resolve)


CODES = ["600001", "600002", "600003", "688001", "300001", "603999"]


@st.composite
def days(draw) -> dict[str, pd.DataFrame]:
    def some(columns: str, *values) -> pd.DataFrame:
        codes = draw(st.lists(st.sampled_from(CODES), unique=True))
        return table("code " + columns, *[(code, *map(draw, values)) for code in codes])

    amount = st.floats(-1e9, 1e9)
    industry = st.sampled_from(["煤炭", "半导体", "外星", None])
    made = {
        "limit_up_pool": some("industry streak sealing_value first_time breaks", industry,
                              st.integers(1, 9), amount, st.just("092500"), st.integers(0, 2)),
        "limit_up_previous": some("industry streak ret", industry, st.integers(1, 9), amount),
        "broken_pool": some("industry", industry),
        "limit_down_pool": some("industry", industry),
        "lhb_stocks": some("net_buy institution_net_buy hot_money_net_buy", *[amount] * 3),
        "stocks": some("ret turnover", amount, amount),
        "news": some("score", st.floats(-1, 1)),
    }  # fmt: skip
    return {name: made[name] for name in draw(st.lists(st.sampled_from(sorted(made)), unique=True))}


@settings(max_examples=30)
@given(days(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_a_number(tables: dict, random) -> None:
    def again(frame: pd.DataFrame) -> pd.DataFrame:
        rows = [*range(len(frame)), *(n for n in range(len(frame)) if random.random() < 0.3)]
        random.shuffle(rows)
        return frame.iloc[rows]

    first = sector_day(DAY, tables, MEMBERS, resolve)
    shuffled = dict(random.sample(sorted(tables.items()), len(tables)))
    second = sector_day(DAY, {name: again(t) for name, t in shuffled.items()}, again(MEMBERS),
                        resolve)  # fmt: skip
    pd.testing.assert_frame_equal(first, second, check_exact=True)


@settings(max_examples=30)
@given(days(), st.sampled_from(sorted(CODES)))
def test_a_stock_moves_its_own_sectors_only(tables: dict, code: str) -> None:
    """Poison: whatever is said of one stock, the other sectors do not move."""
    own = set(MEMBERS["board"][MEMBERS["code"] == code].map(
        lambda board: NAMES.get((board, "industry")) or NAMES[board, "concept"]))  # fmt: skip
    if code == "603999":
        own = {"BK0001", "BK0002"}  # where the pool says
    without = {name: t[t["code"] != code] for name, t in tables.items()}
    market = ["market_breadth"]  # the one field that every stock moves
    first, second = (
        sector_day(DAY, made, MEMBERS, resolve).set_index("instrument").drop(columns=market)
        for made in (tables, without)
    )
    others = [sector for sector in first.index if sector not in own]
    pd.testing.assert_frame_equal(first.loc[others], second.loc[others])


@settings(max_examples=30)
@given(days())
def test_a_table_that_was_not_seen_fills_nothing(tables: dict) -> None:
    full = sector_day(DAY, tables, MEMBERS, resolve)
    for name in tables:
        less = sector_day(
            DAY, {n: t for n, t in tables.items() if n != name}, MEMBERS, resolve
        )[list(FIELDS)]  # fmt: skip
        appeared = less.notna() & full[list(FIELDS)].isna()
        assert not appeared.any(axis=None)


@settings(max_examples=30)
@given(days())
def test_the_identities_hold(tables: dict) -> None:
    frame = sector_day(DAY, tables, MEMBERS, resolve)
    known = frame[frame["limit_up_count"].notna()]
    ladder = known[["limit_up_first_board", "ladder_2", "ladder_3", "ladder_4", "ladder_5"]]
    assert (ladder.sum(axis=1) == known["limit_up_count"]).all()
    assert (known["limit_up_count"] - known["limit_up_first_board"]
            == known["limit_up_multi_board"]).all()  # fmt: skip
    for name in ("sealing_rate", "promotion_rate", "promotion_rate_1", "promotion_rate_4"):
        assert frame[name].dropna().between(0, 1).all()


@pytest.mark.real_data
def test_recorded_pools_keep_every_stock(real_data) -> None:
    """A recorded evening, by the pools' own industries: nothing is lost, nothing counted twice."""
    names = {"代码": "code", "名称": "name", "所属行业": "industry", "连板数": "streak",
             "首次封板时间": "first_time", "炸板次数": "breaks",
             "封板资金": "sealing_value"}  # fmt: skip
    folder = real_data / "raw_akshare" / "20260710"
    pools = {
        name: pd.read_csv(folder / f"stock_zt_pool_{file}em.csv", dtype={"代码": str})
        .rename(columns=names)
        for name, file in (("limit_up_pool", ""), ("broken_pool", "zbgc_"),
                           ("limit_down_pool", "dtgc_"))
    }  # fmt: skip
    frame = sector_day(DAY, pools, NONE, lambda name, kind: name)
    for field, pool in (("limit_up_count", "limit_up_pool"), ("broken_limit_count", "broken_pool"),
                        ("limit_down_count", "limit_down_pool")):  # fmt: skip
        assert frame[field].sum() == len(pools[pool])
    assert frame["sealing_value"].sum() == pools["limit_up_pool"]["sealing_value"].sum()
    assert unplaced(pools, NONE, lambda name, kind: name).stocks == {}
