"""What a stock carries: streaks, counts and ages of its own limit events."""

import numpy as np

from predictor.members.events import FLAGS, NUMBERS, Day, Stocks
from predictor.members.states import NAMES, States

SESSIONS = np.arange("2024-03-04", "2024-03-12", dtype="datetime64[D]")


def day(*rows: dict[str, float]) -> Day:
    columns = (*FLAGS, *NUMBERS)
    blank = dict.fromkeys(FLAGS, 0.0) | {"streak": np.nan, "ret": 0.1, "open": 10.0, "high": 11.0,
                                         "close": 11.0, "volume": 100.0}  # fmt: skip
    values = [[(blank | row)[name] for name in columns] for row in rows]
    stock = np.array([int(row["stock"]) for row in rows], dtype=np.int64)
    return Day(stock, np.array(values, dtype=np.float32).reshape(len(rows), len(columns)))


def up(stock: int, **more: float) -> dict[str, float]:
    return {"stock": stock, "limit_up": 1.0, "touched_limit_up": 1.0, **more}


def states() -> States:
    stocks = Stocks(
        ("600001", "600002", "300003"),
        np.array([0, 0, 1]),
        np.array([0, 0, 1]),
        np.array(["2015-01-05", "2015-01-05", "2024-03-06"], dtype="datetime64[D]"),
        (),
    )
    return States(stocks, 2)


def row(found: States, stock: int) -> dict[str, float]:
    return dict(zip(NAMES, found.rows(np.array([stock]))[0].tolist(), strict=True))


def test_streaks_are_counted_where_nobody_tells_them() -> None:
    found = states()
    for number in range(3):
        found.step(SESSIONS[number], day(up(0)))
    assert row(found, 0)["streak"] == 3
    found.step(SESSIONS[3], day(up(1)))
    now = row(found, 0)
    assert (now["streak"], now["last_streak"], now["since_up"]) == (0, 3, 1)
    found.step(SESSIONS[4], day(up(0, streak=5.0)))  # a file knows of a suspension
    assert row(found, 0)["streak"] == 5


def test_a_row_speaks_of_today_only_of_those_at_a_limit() -> None:
    found = states()
    found.step(SESSIONS[0], day(up(0, volume=100.0), {"stock": 1, "broken": 1.0, "close": 10.5}))
    found.step(SESSIONS[1], day(up(0, volume=300.0)))
    now, other = row(found, 0), row(found, 1)
    assert now["volume_ratio"] == 3
    assert np.isnan(other["ret"])
    assert other["broken"] == 0
    assert other["broken_5"] > 0


def test_sums_over_sector_and_market() -> None:
    found = states()
    found.step(SESSIONS[0], day(up(0), up(1)))
    now = row(found, 0)
    assert now["market_ups"] == 2
    assert now["sector_ups_1"] == np.float32(2 / 3)
    assert row(found, 2)["sector_ups_1"] == 0
    found.step(SESSIONS[1], day(up(0)))
    assert row(found, 0)["market_promotion"] == np.float32(1 / 3)


def test_a_stock_is_there_from_its_listing_on() -> None:
    found = states()
    found.step(SESSIONS[1], day(up(0)))
    assert found.listed.tolist() == [True, True, False]
    found.step(SESSIONS[2], day(up(0)))
    assert found.listed.tolist() == [True, True, True]
    assert found.active.tolist() == [True, False, False]
