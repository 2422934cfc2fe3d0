"""The worked example to the yuan, what is missing or absent, and no look into the future."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from predictor.dragon_tiger.factors import compute, standardise
from tests import dragon
from tests.dragon import DAYS, HOT, INSTITUTION, NORTH, OTHER, REASON

DAY = DAYS[30]
MILLION = 1e6


def example(folder: Path):
    """Buys of 80 million: institutions 50, hot money 30; sells 20; 15% turnover against 8%."""
    rows = dragon.bars()
    first = rows["code"] == "600001"
    rows["turnover_rate"] = np.where(first, 0.08, 0.01)
    rows.loc[first & (rows["session"] == DAY), "turnover_rate"] = 0.15
    rows["main_net_inflow"] = np.where(first, 20 * MILLION, 0.0)
    rows["float_value"] = 5e9
    rows["large_order_turnover"] = 6e6
    rows["turnover"] = 1e7
    moved = first & (rows["session"] == DAY)
    rows.loc[moved, ["open", "high", "low", "close"]] = [10.0, 11.0, 10.0, 11.0]
    listed = dragon.listed((DAY, "600001", REASON), (DAY, "000002", REASON))
    seats = dragon.seats(
        (DAY, "600001", "buy", 1, INSTITUTION, 50 * MILLION, 0.0),
        (DAY, "600001", "buy", 2, HOT, 30 * MILLION, 0.0),
        (DAY, "600001", "sell", 1, OTHER, 0.0, 20 * MILLION),
        (DAY, "000002", "buy", 1, OTHER, 1 * MILLION, 0.0),
        (DAY, "000002", "sell", 1, NORTH, 0.0, 2 * MILLION),
    )
    return dragon.store(
        folder, bars=rows, map=dragon.stock_map(), list_rows=listed, seat_rows=seats
    )


def test_the_documents_worked_example(tmp_path: Path) -> None:
    found = compute(example(tmp_path))
    row = found.raw.loc[(DAY, "600001")]
    assert row["F1"] == 60 * MILLION
    assert row["F2"] == pytest.approx(0.625)
    assert row["F3"] == pytest.approx(0.375)
    assert row["F4"] == pytest.approx(0.875)
    assert row["F5"] == pytest.approx(0.1 - 0.1 / 3)
    assert row["F6"] == 0.0
    assert row["F7"] == pytest.approx(0.004)
    assert row["F8"] == pytest.approx(0.6)
    assert found.absent == {}
    assert found.neutral.all()
    other = found.raw.loc[(DAY, "000002")]
    assert other[["F1", "F2", "F3"]].tolist() == [-1 * MILLION, 0.0, 0.0]


def test_scores_are_standardised_across_the_days_stocks(tmp_path: Path) -> None:
    scores = compute(example(tmp_path)).scores
    assert scores["F1"].tolist() == pytest.approx([-1.0, 1.0])  # 000002, 600001
    assert scores["F6"].tolist() == [0.0, 0.0]  # all the same: no one stands out
    assert scores["F8"].tolist() == [0.0, 0.0]


def test_a_lone_giant_is_cut_and_a_missing_value_stays_missing() -> None:
    index = pd.MultiIndex.from_product([[DAY], [f"{n:06d}" for n in range(100)]])
    raw = pd.DataFrame({"F1": np.r_[np.arange(98.0), 1e9, np.nan]}, index=index)
    scores = standardise(raw)["F1"]
    assert np.isnan(scores.iloc[-1])
    assert scores.iloc[:-1].mean() == pytest.approx(0.0)
    assert scores.iloc[-2] == scores.max()
    uncut = (raw["F1"] - raw["F1"].mean()) / raw["F1"].std(ddof=0)
    assert scores.iloc[:-2].std() > uncut.iloc[:-2].std()


def test_what_the_data_do_not_have_is_absent_and_named(tmp_path: Path) -> None:
    listed = dragon.listed((DAY, "600001", REASON))
    seats = dragon.seats((DAY, "600001", "buy", 1, INSTITUTION, 1e6, 0.0))
    bare = dragon.store(tmp_path / "bare", list_rows=listed, seat_rows=seats)
    found = compute(bare)
    assert list(found.raw) == ["F1", "F2", "F3", "F6"]
    assert set(found.absent) == {"F4", "F5", "F7", "F8"}
    plain = dragon.store(
        tmp_path / "plain", bars=dragon.bars(), map=dragon.stock_map(), list_rows=listed,
        seat_rows=seats,
    )  # fmt: skip
    found = compute(plain)
    assert set(found.absent) == {"F7", "F8"}
    assert "main_net_inflow" in found.absent["F7"]


def test_missing_is_not_zero(tmp_path: Path) -> None:
    early = DAYS[2]  # two sessions of turnover before it: too few for a mean
    listed = dragon.listed((early, "600001", REASON), (early, "000002", REASON))
    seats = dragon.seats((early, "600001", "sell", 1, OTHER, 0.0, 1e6))
    made = dragon.store(
        tmp_path, bars=dragon.bars(), map=dragon.stock_map(), list_rows=listed, seat_rows=seats
    )
    raw = compute(made).raw
    sold = raw.loc[(early, "600001")]
    assert sold["F1"] == -1e6
    assert sold[["F2", "F3", "F4"]].isna().all()  # nothing bought, too short a past
    assert raw.loc[(early, "000002"), ["F1", "F2", "F3"]].isna().all()  # its seats are not there


def test_sentiment_is_taken_where_there_is_news(tmp_path: Path) -> None:
    news = pd.Series([-0.7], index=pd.MultiIndex.from_tuples([(DAY, "600001")]))
    found = compute(example(tmp_path), sentiment=news)
    assert found.raw["F6"].to_dict() == {(DAY, "600001"): -0.7, (DAY, "000002"): 0.0}
    assert found.neutral.to_dict() == {(DAY, "600001"): False, (DAY, "000002"): True}


def test_a_list_over_several_days_enters_no_factor(tmp_path: Path) -> None:
    listed = dragon.listed((DAY, "600001", dragon.LONG))
    seats = dragon.seats((DAY, "600001", "buy", 1, INSTITUTION, 1e6, 0.0))
    made = dragon.store(tmp_path, list_rows=listed, seat_rows=seats)
    assert compute(made).raw.empty


def poisoned(folder: Path, garbage: bool, cut: int):
    """A market whose sessions after DAYS[cut] are one thing or quite another."""
    rng = np.random.default_rng(1)
    bars = dragon.bars()
    bars["close"] = bars["open"] * rng.uniform(0.95, 1.05, len(bars))
    bars["high"] = bars[["open", "close"]].max(axis=1)
    bars["low"] = bars[["open", "close"]].min(axis=1)
    bars["volume"] *= rng.uniform(0.5, 2.0, len(bars))
    lists, seats = [], []
    for t in range(20, len(DAYS)):
        for code in dragon.CODES:
            lists.append((DAYS[t], code, REASON))
            for rank, seat in enumerate((INSTITUTION, HOT, OTHER), 1):
                money = rng.uniform(1e6, 1e8, 2)
                seats.append((DAYS[t], code, "buy", rank, seat, *money))
    listed, seat_rows = dragon.listed(*lists), dragon.seats(*seats)
    if garbage:
        late = bars["session"] > DAYS[cut]
        bars.loc[late, ["open", "high", "low", "close"]] *= 7.0
        bars.loc[late, "volume"] = 1.0
        listed = listed[listed["session"] <= DAYS[cut]]
        after = seat_rows["session"] > DAYS[cut]
        seat_rows.loc[after, ["buy", "sell"]] = [1.0, 1e12]
        seat_rows.loc[after, "seat"] = "毒药证券股份有限公司毒药路证券营业部"
    return dragon.store(
        folder, bars=bars, map=dragon.stock_map(), list_rows=listed, seat_rows=seat_rows
    )


def test_garbage_after_the_cut_changes_no_factor(tmp_path: Path) -> None:
    cut = 40
    clean = compute(poisoned(tmp_path / "clean", False, cut))
    dirty = compute(poisoned(tmp_path / "dirty", True, cut))
    ended = compute(poisoned(tmp_path / "again", True, cut), end=DAYS[cut])
    for part in ("raw", "scores", "neutral"):
        before = getattr(clean, part).loc[: DAYS[cut]]
        assert len(before) == 63
        assert before.equals(getattr(dirty, part).loc[: DAYS[cut]])
        assert before.equals(getattr(ended, part))
