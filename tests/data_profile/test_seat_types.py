"""What kind of money a seat is, as of each session."""

from pathlib import Path

import numpy as np
import pandas as pd

from data_profile.list_fields import typed_seats
from data_profile.seat_names import parse
from data_profile.seat_types import HotMoneyTest, behaves, known_hot_money
from tests import dragon
from tests.dragon import DAYS, HOT, INSTITUTION, NORTH, OTHER, REASON

FAST = "某某证券股份有限公司快进快出路证券营业部"
HUB = "某某证券股份有限公司拉萨大路证券营业部"


def market(folder: Path, until: int = 40):
    """FAST buys one stock a day and sells it the next; HUB buys ten a day; OTHER buys and holds."""
    codes = [f"60{n:04d}" for n in range(10)]
    rows, listed = [], set()
    for t in range(until):
        bought, sold = codes[t % 2], codes[(t + 1) % 2]
        rows += [(DAYS[t], bought, "buy", 1, FAST, 5e6, 0.0)]
        rows += [(DAYS[t], sold, "sell", 1, FAST, 0.0, 4e6)] * (t > 0)
        rows += [(DAYS[t], code, "buy", 2, HUB, 1e6, 5e5) for code in codes]
        rows += [(DAYS[t], codes[t % 10], "buy", 3, OTHER, 2e6, 0.0)]
        rows += [(DAYS[t], bought, "buy", 4, INSTITUTION, 1e6, 0.0),
                 (DAYS[t], bought, "buy", 5, NORTH, 1e6, 0.0)]  # fmt: skip
        listed |= {(DAYS[t], code, REASON) for code in codes}
    return dragon.store(
        folder, list_rows=dragon.listed(*sorted(listed)), seat_rows=dragon.seats(*rows)
    )


def test_hot_money_shows_itself_and_is_known_from_then_on(tmp_path: Path) -> None:
    seats = typed_seats(market(tmp_path))
    kinds = seats[seats["session"] == DAYS[39]].groupby("seat")["type"].agg(set)
    assert kinds[FAST] == {"hot_money"}
    assert kinds[HUB] == kinds[OTHER] == {"other"}  # a hub of many clients; one that stays
    assert kinds[INSTITUTION] == {"institution"}
    assert kinds[NORTH] == {"northbound"}
    first = seats[(seats["seat"] == FAST) & (seats["type"] == "hot_money")]["session"].min()
    test = HotMoneyTest()
    assert first >= DAYS[test.buys + test.leaves_within]  # not before its past could say so


def test_the_table_knows_seats_from_the_first_day_and_by_former_names(tmp_path: Path) -> None:
    former = "国泰君安证券股份有限公司上海江苏路证券营业部"
    rows = [(DAYS[0], "600001", "buy", 1, HOT, 1e6, 0.0),
            (DAYS[0], "600001", "buy", 2, former, 1e6, 0.0)]  # fmt: skip
    made = dragon.store(
        tmp_path,
        list_rows=dragon.listed((DAYS[0], "600001", REASON)),
        seat_rows=dragon.seats(*rows),
    )
    seats = typed_seats(made).set_index("seat")
    assert seats.loc[HOT, "type"] == "hot_money"
    assert "上海长宁区江苏路" in next(seat for seat in known_hot_money() if "江苏路" in seat)
    joined = dragon.store(
        tmp_path / "joined",
        list_rows=dragon.listed((DAYS[0], "600001", REASON)),
        seat_rows=dragon.seats(
            *rows, (DAYS[0], "600001", "sell", 1,
                    "国泰海通证券股份有限公司上海长宁区江苏路证券营业部", 0.0, 1e6),
        ),
    )  # fmt: skip
    assert typed_seats(joined).set_index("seat").loc[former, "type"] == "hot_money"


def test_the_table_of_known_seats_is_spelled_as_seats_are() -> None:
    known = known_hot_money()
    assert len(known) >= 20
    assert all(parse(seat).key == seat for seat in known)


def test_later_rows_change_no_earlier_type(tmp_path: Path) -> None:
    """Poison: what comes after a session says nothing about it."""
    short, long = typed_seats(market(tmp_path / "a", 25)), typed_seats(market(tmp_path / "b", 40))
    same = long[long["session"] < DAYS[25]].reset_index(drop=True)
    pd.testing.assert_frame_equal(short, same)


def test_only_the_recent_past_is_needed(tmp_path: Path) -> None:
    made = market(tmp_path, 40)
    whole = typed_seats(made)
    late = typed_seats(made, since=DAYS[38].date())
    last = whole[whole["session"] >= DAYS[38]].reset_index(drop=True)
    found = late[late["session"] >= DAYS[38]].reset_index(drop=True)
    pd.testing.assert_frame_equal(last, found)


def test_no_rows_no_hot_money() -> None:
    columns = ["session", "code", "span", "seat_id", "buy", "net_buy"]
    empty = pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
    assert np.array_equal(behaves(empty).to_numpy(), np.array([], dtype=bool))
