"""Recorded days pass through the same code as live answers: names, units, checks."""

import datetime
from pathlib import Path

import pandas as pd
import pytest

from data_profile.errors import SourceError
from data_profile.quality import check
from data_profile.sources import SOURCES
from data_profile.sources.answers import SHANGHAI
from data_profile.sources.base import Observation, SourceMalformed
from data_profile.sources.table_source import TableSource

_BY_INTERFACE = {SOURCES[name]().interface: name for name in SOURCES}


def read(path: Path) -> Observation:
    source = SOURCES[_BY_INTERFACE[path.stem]]()
    assert isinstance(source, TableSource)
    session = datetime.datetime.strptime(path.parent.name, "%Y%m%d").date()
    at = datetime.datetime.combine(session, datetime.time(15, 40), SHANGHAI)
    return source.read(path, session, at)


@pytest.fixture(scope="module")
def days(real_data: Path) -> list[Path]:
    return sorted((real_data / "raw_akshare").glob("2*/"))


def test_every_recorded_table_is_good(days: list[Path]) -> None:
    last: dict[str, Observation] = {}
    read_ = 0
    for day in days:
        for path in sorted(day.glob("*.csv")):
            seen = read(path)
            verdict = check(seen, last.get(seen.source))
            assert verdict.reasons == (), (path, verdict.reasons)
            last[seen.source], read_ = seen, read_ + 1
    assert read_ >= 70


def test_the_day_after_as_if_it_were_this_day_is_noticed(days: list[Path]) -> None:
    """A snapshot that stood still, and a file in the wrong unit."""
    for path in sorted(days[-1].glob("stock_fund_flow_*.csv")):
        seen = read(path)
        later = Observation(
            seen.source, seen.session + datetime.timedelta(1), seen.observed_at, False, seen.frame,
            seen.key,
        )  # fmt: skip
        assert not check(later, seen).good
        money = ["inflow", "outflow", "net_inflow"]
        frame = seen.frame.assign(**{name: seen.frame[name] / 1e8 for name in money})
        wrong = Observation(seen.source, later.session, seen.observed_at, False, frame, seen.key)
        assert not check(wrong, seen).good


def test_any_two_columns_swapped_are_noticed(days: list[Path]) -> None:
    """Recorded money, prices and times under each other's labels."""
    for interface, pairs in {
        "stock_zt_pool_em": [("成交额", "流通市值"), ("流通市值", "总市值"), ("换手率", "涨跌幅"),
                             ("首次封板时间", "最后封板时间"), ("最新价", "成交额")],
        "stock_fund_flow_industry": [("流入资金", "流出资金"), ("流出资金", "净额"),
                                     ("净额", "流入资金"), ("公司家数", "净额")],
    }.items():  # fmt: skip
        path = days[-1] / f"{interface}.csv"
        source = SOURCES[_BY_INTERFACE[interface]]()
        assert isinstance(source, TableSource)
        table = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
        before = read(path)
        for a, b in pairs:
            swapped = source.tidy(table.rename(columns={a: b, b: a}))
            seen = Observation(
                source.name, before.session, before.observed_at, False, swapped, source.key
            )
            assert not check(seen).good, (interface, a, b)


def test_industry_names_are_cut_to_four_characters(days: list[Path]) -> None:
    """What the sectors' mapping has to live with."""
    names = {n for day in days for n in read(day / "stock_zt_pool_em.csv").frame["industry"]}
    assert "非金属材" in names
    assert max(len(name) for name in names if not name.endswith("Ⅱ")) == 4


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"\xff\xfe\x00", SourceError), (b"", None), (b"a,b\n1,2\n", SourceMalformed),
     (b'a,"b\n1', SourceError)],
)  # fmt: skip
def test_file_that_is_no_table(
    tmp_path: Path, content: bytes, error: type[SourceError] | None
) -> None:
    path = tmp_path / "20260811" / "stock_zt_pool_dtgc_em.csv"
    path.parent.mkdir()
    path.write_bytes(content)
    if error is None:  # akshare's empty pool
        assert read(path).frame.empty
    else:
        with pytest.raises(error):
            read(path)
