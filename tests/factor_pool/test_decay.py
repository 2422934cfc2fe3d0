"""The decay monitor: hand-made paths, its false alarms, and members of a real ledger."""

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.decay import row
from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.store import Store
from factor_pool import decay
from factor_pool.decay import RETIRE_RUN, WATCH_RUN, Promise, cusum, judge, monitor
from factor_pool.expression import parse
from factor_pool.ledger import Ledger
from factor_pool.records import Proposal, Test
from tests.factor_pool.evaluation.markets import market

KEPT = Promise(0.10, 0.20)


def days(count: int) -> list[str]:
    return [str(np.datetime64("2026-01-05") + k) for k in range(count)]


def test_the_cusum_worked_by_hand() -> None:
    """Allowance 0.05: 0.25 of a deviation is added for 0.0, taken away for 0.10."""
    series = np.array([0.10, 0.0, 0.0, np.nan, 0.10, 0.35])
    assert cusum(series, KEPT) == pytest.approx([0, 0.25, 0.5, 0.5, 0.25, 0])


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("run", [WATCH_RUN, RETIRE_RUN])
def test_the_level_solves_the_run_length_of_a_brownian_cusum(ratio: float, run: int) -> None:
    power = ratio * Promise(ratio, 1.0).level(run)
    assert (math.exp(power) - power - 1) / (ratio**2 / 2) == pytest.approx(run)


def test_nothing_promised_can_be_broken() -> None:
    check = judge("F0001", days(100), np.full(100, -1.0), Promise(-0.01, 0.2))
    assert check.status == "active"
    assert check.watch_at is None


def test_the_promise_is_the_smaller_mean_and_the_spread_within_windows() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=5000)
    promise = Promise.of(0.3 + noise[:4000], 0.1 + noise[4000:])
    assert promise.mean == pytest.approx(0.1, abs=0.1)
    assert promise.deviation == pytest.approx(1.0, abs=0.1)


def test_watch_then_retired_then_a_reason_with_date_and_numbers() -> None:
    watch = math.ceil(KEPT.level(WATCH_RUN) / 0.25)
    retire = math.ceil(KEPT.level(RETIRE_RUN) / 0.25)
    gone = np.zeros(400)
    assert judge("F1", days(watch - 1), gone[: watch - 1], KEPT).status == "active"
    on_watch = judge("F1", days(watch), gone[:watch], KEPT)
    assert on_watch.status == "watch"
    assert days(watch)[-1] in on_watch.reason
    assert "+0.000; +0.100 was promised" in on_watch.reason
    assert judge("F1", days(retire), gone[:retire], KEPT).status == "retired"
    # What recovers after the level was reached stays retired.
    back = np.concatenate([gone[:retire], np.full(300, 0.5)])
    assert judge("F1", days(len(back)), back, KEPT).status == "retired"


def test_a_watched_factor_is_active_again_when_the_shortfall_is_made_good() -> None:
    watch = math.ceil(KEPT.level(WATCH_RUN) / 0.25)
    dip = np.zeros(watch)
    half = np.concatenate([dip, np.full(3, 0.10)])
    assert judge("F1", days(len(half)), half, KEPT).status == "watch"
    whole = np.concatenate([dip, np.full(watch + 1, 0.10)])
    assert judge("F1", days(len(whole)), whole, KEPT).status == "active"


def test_a_factor_that_cannot_be_measured_is_watched() -> None:
    silent = np.concatenate([np.full(30, 0.1), np.full(decay.SILENT, np.nan)])
    check = judge("F1", days(len(silent)), silent, KEPT)
    assert (check.status, check.sessions) == ("watch", 30)
    assert "field" in check.reason


def test_false_alarms_are_no_more_than_stated_and_decay_is_found() -> None:
    """A small form of the table in the module's docstring."""
    watched, retired, _, _, watch, retire = row(0.4, 0.3, factors=200, seed=3)
    assert watched < 1 - math.exp(-1)  # one in five years, over five years
    assert retired < 0.15
    assert watch < 80
    assert retire < 120


@pytest.fixture
def grown(tmp_path: Path) -> Home:
    """A home whose pool was accepted on 640 sessions and whose store has 900 now.

    F0001 works to the end; F0002 reads the same signal at first, and noise in the last 260.
    """
    home = Home(tmp_path / "home").create()
    panel = market(5, sessions=900)
    fading = panel.values["signal"].copy()
    fading[640:] = np.random.default_rng(0).normal(size=fading[640:].shape)
    values = {**panel.values, "fading": fading}
    whole = Panel(panel.sessions, panel.instruments, values, panel.listed)
    Store(home.store).build(whole.to_frame(), {}, source="test")
    sessions = panel.sessions
    with Ledger(home.ledger) as ledger:
        texts = ["$signal", "$fading"]
        proposals = [Proposal(t, str(parse(t)), "evolve", "an idea") for t in texts]
        attempts = ledger.record(
            "night", 0, proposals, snapshot="abc", label="limit_up_count", seed=1
        )
        for position, attempt in enumerate(attempts, 1):
            span = {
                "start": str(sessions[420])[:10],
                "end": str(sessions[600])[:10],
                "data_end": str(sessions[639])[:10],
            }
            test = Test(position, attempt.id, "addis", 0.001, 0.01, True, span)
            ledger.scored([(attempt.id, {"marginal_rank_ic": 0.05})])
            ledger.accept(attempt.id, test, sign=1)
    return home


def test_members_are_checked_on_sessions_after_acceptance_only(grown: Home) -> None:
    kept, lost = monitor(grown)
    assert kept.status == "active"
    assert lost.status in ("watch", "retired")
    assert kept.sessions == 259  # the last has no outcome yet
    with Ledger(grown.ledger) as ledger:
        assert [m.status for m in ledger.members(None)] == ["active", lost.status]
        history = ledger.history("F0002")
        assert history[-1][1:] == (lost.status, lost.reason)
        assert ledger.state(decay.STATE, "F0001") == kept.to_dict()
        before = ledger.pool_version()
    again = monitor(grown)
    assert again[0] == kept
    with Ledger(grown.ledger) as ledger:
        assert ledger.pool_version() == before
        assert len(ledger.members(None)) == 2


def test_an_empty_pool_needs_no_data(tmp_path: Path) -> None:
    assert monitor(Home(tmp_path)) == []
