"""The rule table by date, and limit prices: the exact rule, and arrays that equal it."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.price_limits import (
    BOARDS,
    NO_LIMIT,
    OPENINGS,
    RULES,
    STATUSES,
    Limit,
    PriceLimitError,
    board_of,
    limit_of,
    limit_prices,
    limit_ticks,
    limits_of,
    status_of,
)
from data_profile.sessions import sessions

DAY = datetime.date
NAT = np.datetime64("NaT")


@pytest.mark.parametrize(
    ("board", "day", "status", "percent"),
    [
        ("main", DAY(1996, 12, 16), "normal", 10),
        ("main", DAY(1997, 1, 6), "st", 10),  # no special treatment yet
        ("main", DAY(1998, 4, 22), "st", 5),
        ("main", DAY(2026, 7, 3), "st", 5),
        ("main", DAY(2026, 7, 6), "st", 10),
        ("main", DAY(2026, 7, 7), "unreformed", 5),
        ("main", DAY(2025, 1, 2), "delisting", 10),
        ("chinext", DAY(2020, 8, 21), "normal", 10),
        ("chinext", DAY(2020, 8, 24), "normal", 20),
        ("chinext", DAY(2025, 1, 2), "st", 20),
        ("star", DAY(2019, 7, 22), "normal", 20),
        ("star", DAY(2025, 1, 2), "st", 20),
        ("bse", DAY(2021, 11, 15), "normal", 30),
        ("bse", DAY(2025, 1, 2), "delisting", 30),
    ],
)
def test_the_daily_limit(board, day, status, percent) -> None:
    assert limit_of(board, day, status) == Limit(percent, percent)


@pytest.mark.parametrize(
    ("board", "listed", "limits"),
    [
        ("main", DAY(2012, 5, 4), [NO_LIMIT, Limit(10, 10)]),
        ("main", DAY(2022, 5, 6), [Limit(44, 36), Limit(10, 10)]),
        ("main", DAY(2023, 4, 7), [Limit(44, 36), Limit(10, 10)]),
        ("main", DAY(2023, 4, 10), [NO_LIMIT] * 5 + [Limit(10, 10)]),
        ("chinext", DAY(2020, 8, 21), [Limit(44, 36), Limit(20, 20)]),
        ("chinext", DAY(2020, 8, 24), [NO_LIMIT] * 5 + [Limit(20, 20)]),
        ("star", DAY(2024, 9, 27), [NO_LIMIT] * 5 + [Limit(20, 20)]),  # over a holiday
        ("bse", DAY(2021, 11, 15), [NO_LIMIT, Limit(30, 30)]),
    ],
)
def test_a_new_listing(board, listed, limits) -> None:
    days = sessions(listed, listed + datetime.timedelta(days=30))[: len(limits)]
    assert [limit_of(board, day, listed_on=listed) for day in days] == limits


def test_the_first_day_of_the_delisting_period_is_free() -> None:
    first, second = sessions("2025-03-03", "2025-03-04")
    for board, percent in (("main", 10), ("chinext", 20), ("star", 20), ("bse", 30)):
        assert limit_of(board, first, "delisting", delisting_on=first) == NO_LIMIT
        assert limit_of(board, second, "delisting", delisting_on=first) == Limit(percent, percent)
    early = DAY(2020, 12, 30)
    assert limit_of("main", early, "delisting", delisting_on=early) == Limit(10, 10)


def test_a_day_before_the_board_is_refused() -> None:
    with pytest.raises(PriceLimitError, match="star on 2019-07-19"):
        limit_of("star", DAY(2019, 7, 19))
    with pytest.raises(PriceLimitError, match="bse on 2021-11-12"):
        limits_of(np.array([3]), np.array(["2021-11-12"], "datetime64[D]"), np.array([0]),
                  np.array([NAT], "datetime64[D]"), np.array([NAT], "datetime64[D]"))  # fmt: skip


@pytest.mark.parametrize(
    ("code", "board"),
    [("600000", "main"), ("605499", "main"), ("000001", "main"), ("003816", "main"),
     ("300001", "chinext"), ("301001", "chinext"), ("302132", "chinext"), ("688001", "star"),
     ("689009", "star"), ("430047", "bse"), ("830799", "bse"), ("873833", "bse"),
     ("920000", "bse")],
)  # fmt: skip
def test_boards(code: str, board: str) -> None:
    assert board_of(code) == board


@pytest.mark.parametrize("code", ["1", "900901", "200011", "510300", "000001.SZ", "", "60000０"])
def test_what_is_no_a_share_is_refused(code: str) -> None:
    with pytest.raises(PriceLimitError, match="no code of an A share"):
        board_of(code)


@pytest.mark.parametrize(
    ("name", "status"),
    [("平安银行", "normal"), ("万 科Ａ", "normal"), ("XD贵州茅", "normal"), ("N沐曦", "normal"),
     ("C摩尔-U", "normal"), ("SUNLINE", "normal"), ("ST宏达", "st"), ("*ST西旅", "st"),
     ("＊ＳＴ景谷", "st"), ("XD*ST海", "st"), ("S佳通", "unreformed"), ("S*ST前锋", "unreformed"),
     ("SST集琦", "unreformed"), ("云创退", "delisting"), ("退市美置", "delisting"),
     ("*ST普利(退)", "delisting")],
)  # fmt: skip
def test_status_from_the_name(name: str, status: str) -> None:
    assert status_of(name) == status


@pytest.mark.parametrize(
    ("board", "close", "percent", "up", "down"),
    [
        ("main", "1.15", 10, "1.27", "1.04"),
        ("main", "1.03", 10, "1.13", "0.93"),
        ("main", "0.04", 10, "0.05", "0.03"),  # rounding alone would leave it where it is
        ("main", "0.01", 10, "0.02", "0.01"),
        ("main", "12.84", 5, "13.48", "12.20"),
        ("chinext", "20.54", 20, "24.65", "16.43"),
        ("bse", "5.33", 30, "6.92", "3.74"),
        ("bse", "79.36", 30, "103.16", "55.56"),
        ("bse", "0.56", 30, "0.72", "0.40"),
    ],
)
def test_limit_prices(board, close, percent, up, down) -> None:
    prices = limit_prices(board, close, Limit(percent, percent))
    assert prices == (Decimal(up), Decimal(down))


def test_no_limit_has_no_price() -> None:
    assert limit_prices("star", "10", NO_LIMIT) == (None, None)
    assert limit_prices("main", "10", Limit(44, 36)) == (Decimal("14.40"), Decimal("6.40"))


@pytest.mark.parametrize("close", ["0", "-1", "1.155", "NaN", "Infinity", "ten", None, ""])
def test_what_is_no_traded_price_is_refused(close) -> None:
    with pytest.raises(PriceLimitError, match="previous close"):
        limit_prices("main", close, Limit(10, 10))


@given(
    st.lists(
        st.tuples(
            st.integers(1, 500_000),
            st.sampled_from(BOARDS),
            st.sampled_from([Limit(5, 5), Limit(10, 10), Limit(20, 20), Limit(30, 30),
                             Limit(44, 36), NO_LIMIT]),
        ),
        min_size=1,
    )
)  # fmt: skip
def test_arrays_equal_the_decimal_rule(rows) -> None:
    ticks, boards, limits = zip(*rows, strict=True)
    up, down = limit_ticks(
        np.array(ticks),
        np.array([-1 if limit.up is None else limit.up for limit in limits]),
        np.array([-1 if limit.down is None else limit.down for limit in limits]),
        np.array([board == "bse" for board in boards]),
    )
    for n, row in enumerate(rows):
        exact = limit_prices(row[1], Decimal(row[0]) / 100, row[2])
        assert [-1 if p is None else int(p * 100) for p in exact] == [up[n], down[n]]


def test_every_price_to_200_yuan_equals_the_decimal_rule() -> None:
    ticks = np.arange(1, 20_001)
    for percent in (5, 10, 20):
        whole = np.full(len(ticks), percent)
        up, down = limit_ticks(ticks, whole, whole, np.zeros(len(ticks), bool))
        exact = [limit_prices("main", Decimal(int(t)) / 100, Limit(percent, percent))
                 for t in ticks]  # fmt: skip
        assert [int(price * 100) for price, _ in exact] == up.tolist()
        assert [int(price * 100) for _, price in exact] == down.tolist()


BORDERS = sorted({rule.start for rule in RULES} | {opening.start for opening in OPENINGS})
SESSIONS = sessions("2009-11-02", "2026-10-30")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(BOARDS),
            st.sampled_from(STATUSES),
            st.one_of(st.sampled_from(SESSIONS), st.sampled_from(BORDERS)),
            st.one_of(st.none(), st.integers(0, 9)),  # sessions since listing
            st.one_of(st.none(), st.integers(0, 3)),  # since delisting began
        ),
        min_size=1,
        max_size=30,
    )
)
def test_arrays_of_limits_equal_the_table(rows) -> None:
    def before(day: DAY, count: int | None) -> DAY | None:
        past = [session for session in SESSIONS if session <= day]
        return past[-1 - count] if count is not None and len(past) > count else None

    cases = []
    for board, status, day, listed, delisting in rows:
        starts = before(day, listed), before(day, delisting)
        try:
            limit = limit_of(board, day, status, listed_on=starts[0], delisting_on=starts[1])
        except PriceLimitError:
            continue
        cases.append((BOARDS.index(board), STATUSES.index(status), day, *starts, limit))
    if not cases:
        return
    board, status, day, listed_on, delisting_on, limit = zip(*cases, strict=True)
    days = [pd.to_datetime(pd.Series(d)).to_numpy().astype("datetime64[D]")
            for d in (day, listed_on, delisting_on)]  # fmt: skip
    try:
        up, down = limits_of(np.array(board), days[0], np.array(status), *days[1:])
    except PriceLimitError as error:  # an opening before the board's first daily rule
        pytest.fail(str(error))
    assert [
        Limit(*(None if side < 0 else int(side) for side in pair))
        for pair in zip(up, down, strict=True)
    ] == list(limit)
