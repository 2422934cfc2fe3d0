"""The list as facts: each stock, seat and yuan once."""

import pandas as pd
import pytest

from data_profile.dragon_list import NO_SEATS, facts
from tests import dragon
from tests.dragon import DAYS, INSTITUTION, LONG, OTHER, REASON

DAY = DAYS[0]
CODE = "600001"


def printed(*blocks: list[tuple]) -> pd.DataFrame:
    """Blocks of (side, rank, seat, buy, sell) of one stock, one after the other by side."""
    rows = [row for side in ("buy", "sell") for block in blocks for row in block if row[0] == side]
    return dragon.seats(*((DAY, CODE, *row) for row in rows))


ONE_DAY = [
    ("buy", 1, OTHER, 5e6, 1e6), ("buy", 2, INSTITUTION, 3e6, 0.0),
    ("buy", 3, INSTITUTION, 3e6, 0.0),
    ("sell", 1, OTHER, 5e6, 1e6), ("sell", 2, INSTITUTION, 0.0, 9e5),
]  # fmt: skip
THREE_DAYS = [("buy", 1, OTHER, 9e6, 4e6), ("sell", 1, OTHER, 9e6, 4e6)]


def test_several_reasons_on_one_day_count_once() -> None:
    listed = dragon.listed((DAY, CODE, REASON), (DAY, CODE, "换手率达20%的证券"))
    lists, seats = facts(listed, printed(ONE_DAY, ONE_DAY))
    (row,) = lists.to_dict("records")
    assert row["reasons"] == f"换手率达20%的证券; {REASON}"
    assert (row["span"], row["buy"], row["sell"], row["seats"]) == ("day", 11e6, 1.9e6, 4)
    assert row["net_buy"] == 11e6 - 1.9e6
    assert len(seats) == 4


def test_a_seat_on_both_sides_is_one_and_two_institutions_are_two() -> None:
    _, seats = facts(dragon.listed((DAY, CODE, REASON)), printed(ONE_DAY))
    both = seats[seats["seat"] == OTHER]
    assert both[["buy_rank", "sell_rank", "net_buy"]].to_numpy().tolist() == [[1.0, 1.0, 4e6]]
    assert (seats["seat"] == INSTITUTION).sum() == 3  # two that bought the same, one that sold


@pytest.mark.parametrize(
    ("reason", "blocks"), [(REASON, (ONE_DAY, THREE_DAYS)), (LONG, (THREE_DAYS, ONE_DAY))]
)
def test_a_list_over_three_days_stands_apart(reason: str, blocks: tuple) -> None:
    """Without a printed reason: the first block is the named one's, the larger covers more days."""
    lists, seats = facts(dragon.listed((DAY, CODE, reason)), printed(*blocks))
    assert lists.set_index("span")["buy"].to_dict() == {"day": 11e6, "several": 9e6}
    assert (seats["span"] == "several").sum() == 1


def test_printed_reasons_tell_the_span() -> None:
    rows = pd.concat(
        [printed(THREE_DAYS).assign(reason=LONG), printed(ONE_DAY).assign(reason=REASON)]
    )
    listed = dragon.listed((DAY, CODE, REASON), (DAY, CODE, LONG))
    lists, _ = facts(listed, rows.reset_index(drop=True))
    assert lists.set_index("span")["seats"].to_dict() == {"day": 4, "several": 1}


def test_an_amount_that_is_not_printed_is_none_and_a_row_without_a_name_no_seat() -> None:
    rows = printed([("buy", 1, OTHER, 5e6, None), ("buy", 2, None, 1e6, 0.0)])
    lists, seats = facts(dragon.listed((DAY, CODE, REASON)), rows)
    assert seats[["seat", "buy", "sell", "net_buy"]].to_numpy().tolist() == [[OTHER, 5e6, 0, 5e6]]
    assert lists["net_buy"].tolist() == [5e6]


def test_bonds_and_sums_by_class_of_investor_are_no_part_of_it() -> None:
    listed = dragon.listed((DAY, "123045", REASON), (DAY, CODE, LONG))
    rows = printed([("buy", 1, "中小投资者", 9e9, 0.0), ("buy", 2, "机构", 9e9, 0.0)])
    lists, seats = facts(listed, rows)
    assert lists["code"].tolist() == [CODE]
    assert seats.empty
    assert lists["buy"].isna().all()


def test_without_seats_the_list_says_who_was_on_it() -> None:
    listed = dragon.listed((DAY, CODE, REASON)).assign(net_buy=7.0)
    lists, seats = facts(listed, NO_SEATS)
    assert lists[["span", "net_buy", "seats"]].to_numpy().tolist() == [["day", 7.0, 0.0]]
    assert seats.empty
