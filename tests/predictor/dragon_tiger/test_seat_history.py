"""A seat's past, as of each day and from the days before it only."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from predictor.dragon_tiger.lists import seats_of, tradable_at
from predictor.dragon_tiger.seat_history import EXIT_WITHIN, HORIZON, seat_history
from tests import dragon
from tests.dragon import DAYS, HOT, REASON


def market(folder: Path, *rows: tuple[int, str, float, float], later: float = 10.0):
    """Seat HOT buys and sells (day, code, buy, sell); 600001 closes at `later` from day 6 on."""
    bars = dragon.bars()
    rising = (bars["code"] == "600001") & (bars["session"] >= DAYS[6])
    bars.loc[rising, ["high", "close"]] = max(later, 10.0), later
    bars.loc[rising, "low"] = min(later, 10.0)
    listed = dragon.listed(*{(DAYS[t], code, REASON) for t, code, *_ in rows})
    seats = dragon.seats(*((DAYS[t], code, "buy", 1, HOT, b, s) for t, code, b, s in rows))
    made = dragon.store(folder, bars=bars, list_rows=listed, seat_rows=seats)
    return seat_history(seats_of(made), made.panel()).droplevel("seat_id")


def test_hit_rate_and_holding_time(tmp_path: Path) -> None:
    found = market(
        tmp_path, (4, "600001", 5e6, 0.0), (5, "600001", 0.0, 4e6), (5, "000002", 1e6, 0.0),
        (20, "000002", 1e6, 0.0), later=11.0,
    )  # fmt: skip
    last = found.loc[DAYS[20]]
    assert last["buys"] == 2
    assert last["hit_rate"] == 0.5  # 600001 rose after the open it could be bought at, 000002 not
    assert (last["exits"], last["holding"]) == (1, 1.0)


def test_a_buy_counts_only_once_its_outcome_is_known(tmp_path: Path) -> None:
    rows = [(4, "600001", 5e6, 0.0), *((t, "000002", 1e6, 0.0) for t in range(5, 15))]
    found = market(tmp_path, *rows)
    known = 4 + 1 + HORIZON  # its close is known that evening; it counts from the session after
    assert found.loc[DAYS[known], "buys"] == 0
    assert found.loc[DAYS[known + 1], "buys"] == 1
    assert np.isnan(found.loc[DAYS[known], "hit_rate"])


def test_a_sale_long_after_is_not_the_end_of_a_buy(tmp_path: Path) -> None:
    found = market(
        tmp_path, (4, "600001", 5e6, 0.0), (5 + EXIT_WITHIN, "600001", 0.0, 4e6),
        (30, "000002", 1e6, 0.0),
    )  # fmt: skip
    assert found.loc[DAYS[30], "exits"] == 0
    assert np.isnan(found.loc[DAYS[30], "holding"])


def test_garbage_after_the_cut_changes_no_history(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rows = [(t, code, *rng.uniform(1e6, 9e6, 2)) for t in range(4, 40) for code in dragon.CODES]
    cut = 25
    poison = [(t, c, *((b, s) if t <= cut else (1e12, 0.0))) for t, c, b, s in rows]
    clean = market(tmp_path / "a", *rows).loc[: DAYS[cut]]
    assert clean["buys"].iloc[-1] > 20
    pd.testing.assert_frame_equal(clean, market(tmp_path / "b", *poison).loc[: DAYS[cut]])


def test_a_list_is_traded_at_the_next_open() -> None:
    friday = pd.Timestamp("2025-11-28").date()
    assert str(tradable_at(friday)) == "2025-12-01"


def test_a_first_day_has_no_past(tmp_path: Path) -> None:
    (row,) = market(tmp_path, (4, "600001", 5e6, 0.0)).to_dict("records")
    assert (row["buys"], row["exits"]) == (0.0, 0.0)
    assert np.isnan([row["hit_rate"], row["holding"]]).all()


def test_an_average_is_over_all_buys(tmp_path: Path) -> None:
    found = market(
        tmp_path, (4, "600001", 5e6, 0.0), (5, "600001", 1e6, 0.0), (7, "600001", 0.0, 4e6),
        (30, "000002", 1e6, 0.0),
    )  # fmt: skip
    assert found.loc[DAYS[30], "holding"] == pytest.approx(2.5)
