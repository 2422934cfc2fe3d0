"""The backfill against the replay server: polite, resumable, honest; prices fill in the counts."""

import dataclasses
import datetime
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.backfill import BOARDS, CANNOT, Summary, backfill
from data_profile.errors import SourceError
from data_profile.history import Bars
from data_profile.home import Home
from data_profile.schedule import SHANGHAI
from data_profile.sources.transport import Limits
from data_profile.store import Store
from tests.data_profile.replayed import LIMITS, histories, sources
from tests.data_profile.sound import assert_sound
from tests.replay.server import Upstream

TUESDAY, FRIDAY = datetime.date(2026, 11, 17), datetime.date(2026, 11, 20)
NOW = datetime.datetime(2026, 11, 20, 19, 0, tzinfo=SHANGHAI)
LISTS = ("akshare.lhb_stocks", "eastmoney.lhb_seats")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream(FRIDAY) as server:
        yield server


def run(
    home: Home,
    upstream: Upstream,
    limits: Limits = LIMITS,
    names: tuple[str, ...] = (*BOARDS, *LISTS),
    bars: Bars | None = None,
) -> Summary:
    return backfill(
        home, sources(upstream.url, NOW, *names), TUESDAY, lambda done, total, what: None,
        bars=bars, now=lambda: NOW, histories=histories(upstream.url, NOW, limits),
    )  # fmt: skip


def test_history_becomes_days_and_a_cap_only_delays_it(home: Home, upstream: Upstream) -> None:
    """A run that may ask little stops, says so, and the next goes on where it was."""
    first = run(home, upstream, dataclasses.replace(LIMITS, requests=15))
    assert first.waiting > 0
    assert first.done > 0
    assert "15 requests" in first.stopped
    assert not Store(home.store).exists()
    asked = len(upstream.requests)
    second = run(home, upstream)
    assert second.stopped == ""
    assert second.waiting == 6, "the server knows the lists of one session only"
    assert len(upstream.requests) - asked < asked + 60, "what was answered is not asked again"
    panel = Store(home.store).panel()
    assert second.sessions == len(panel.sessions) == 4
    assert np.isfinite(panel.values["net_inflow"][:-1]).any()
    assert np.isfinite(panel.values["close"]).any()
    assert_sound(home)
    known = Store(home.store).panel(cutoff="15:45")
    assert "lhb_count" not in known.fields, "the evening's list was not known at 15:45"
    run(home, upstream)
    last = run(home, upstream)
    assert (last.waiting, last.failed) == (0, 6), "given up after three runs"
    assert any("akshare.lhb_stocks" in reason for reason in last.reasons)


def test_a_question_without_answer_is_given_up_and_told(home: Home, upstream: Upstream) -> None:
    upstream.modes["/api/qt/stock/fflow/daykline/get"] = "null"
    summary = run(home, upstream, names=BOARDS)
    assert summary.waiting == 0
    assert summary.empty > 0
    assert any("akshare.board_main_flow_history" in reason for reason in summary.reasons)
    assert np.isfinite(Store(home.store).panel().values["close"]).any()
    assert any("survivorship" in line for line in summary.to_dict()["cannot_be_had"])
    assert summary.to_dict()["cannot_be_had"] == list(CANNOT)


def test_without_the_list_of_boards_nothing_begins(home: Home, upstream: Upstream) -> None:
    upstream.mode = "captcha"
    with pytest.raises(SourceError, match="captcha"):
        run(home, upstream)
    assert not Store(home.store).exists()


def test_limit_ups_from_prices(home: Home, upstream: Upstream, tmp_path: Path) -> None:
    """Prices say who was at the limit; the industry of a sector comes from members."""
    from data_profile.collector import collect

    collect(
        home, FRIDAY, "lists", now=lambda: NOW,
        sources=sources(upstream.url, NOW, "akshare.board_members.industry"),
    )  # fmt: skip
    days = ["2026-11-17", "2026-11-18", "2026-11-19"]
    close = [10.0, 11.0, 12.1]
    bars = pd.DataFrame({"code": "600101", "date": days, "open": close, "high": close,
                         "low": close, "close": close, "previous_close": [10.0, 10.0, 11.0],
                         "volume": 1e6})  # fmt: skip
    path = tmp_path / "bars.parquet"
    bars.to_parquet(path)
    run(home, upstream, names=BOARDS, bars=Bars.read(path))
    panel = Store(home.store).panel()
    row = [str(day) for day in panel.sessions].index("2026-11-19")
    counts = panel.values["limit_up_count"][row]
    assert np.nanmax(counts) >= 1
    assert np.nanmax(panel.values["max_streak"][row]) == 2
    wrong = tmp_path / "wrong.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(wrong)
    with pytest.raises(SourceError, match="lacks code"):
        Bars.read(wrong)
