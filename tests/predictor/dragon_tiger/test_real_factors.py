"""The factors on the real list: what is there, and that garbage after a day changes nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.sources.stock_files import parse, recognise
from data_profile.sources.table_file import open_table
from data_profile.stocks import StockStore
from predictor.dragon_tiger.factors import compute

FILES = ("stock_daily_qfq", "stock_map", "lhb_stock", "lhb_seats")
CUT = pd.Timestamp("2025-11-14")


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    found = {}
    for name in FILES:
        table = open_table(folder / f"{name}.parquet")
        kind = recognise(table)
        assert kind is not None
        found[kind.table] = parse(table, kind).frame
    return found


def store(folder: Path, given: dict[str, pd.DataFrame]) -> StockStore:
    made = StockStore(folder)
    for name, frame in given.items():
        made.take(name, frame, source=name)
    return made


def poison(given: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Everything after CUT is garbage: prices, volumes, who was listed, seats and amounts."""
    rng = np.random.default_rng(9)
    bars = given["bars"].copy()
    late = bars["session"] > CUT
    factor = rng.uniform(0.1, 10.0, int(late.sum()))
    for name in ("open", "high", "low", "close", "volume"):
        bars.loc[late, name] *= factor
    listed = given["list_rows"].copy()
    late = listed["session"] > CUT
    listed.loc[late, "reason"] = rng.permutation(listed.loc[late, "reason"].to_numpy(object))
    listed.loc[late, ["close", "ret", "volume", "turnover"]] = -1e12
    seats = given["seat_rows"].copy()
    late = seats["session"] > CUT
    seats.loc[late, ["buy", "sell"]] = rng.uniform(0, 1e12, (int(late.sum()), 2))
    seats.loc[late, "seat"] = rng.permutation(seats.loc[late, "seat"].to_numpy(object))
    return {**given, "bars": bars, "list_rows": listed, "seat_rows": seats}


@pytest.mark.slow
def test_garbage_after_the_cut_changes_no_factor(real_data: Path, tmp_path: Path) -> None:
    given = tables(real_data)
    clean = compute(store(tmp_path / "clean", given))
    dirty = compute(store(tmp_path / "dirty", poison(given)))
    before = clean.raw.loc[:CUT]
    assert len(before) > 2000
    pd.testing.assert_frame_equal(before, dirty.raw.loc[:CUT], check_exact=True)
    pd.testing.assert_frame_equal(clean.scores.loc[:CUT], dirty.scores.loc[:CUT], check_exact=True)
    assert not clean.raw.loc[CUT + pd.Timedelta(days=1) :].equals(
        dirty.raw.loc[CUT + pd.Timedelta(days=1) :]
    )


def test_the_real_list(real_data: Path, tmp_path: Path) -> None:
    found = compute(store(tmp_path, tables(real_data)))
    assert list(found.raw) == ["F1", "F2", "F3", "F4", "F5", "F6"]
    assert set(found.absent) == {"F7", "F8"}
    assert len(found.raw) == 4069
    assert found.neutral.all()
    shares = found.raw[["F2", "F3"]]
    assert shares.min().min() >= 0.0
    assert (shares.sum(axis=1) <= 1.0 + 1e-9).all()
    assert found.raw["F4"].notna().mean() > 0.9
    daily = found.scores.groupby(level=0).mean()
    assert np.abs(daily[["F1", "F2", "F3"]]).max().max() < 1e-9
