"""The phase: by the stated rule, from the past alone, and each one there is on the real market."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_profile.panel import Panel
from data_profile.sources.panel_file import read
from predictor.report.market import Breadth, breadth
from predictor.report.phase import (
    ENOUGH,
    INPUTS,
    PAST,
    PHASES,
    RECENT,
    aftermath,
    phases,
)

LENGTH = 400


def market(seed: int = 1, length: int = LENGTH) -> Breadth:
    rng = np.random.default_rng(seed)
    mood = np.cumsum(rng.normal(size=length)) * 0.3
    mood -= np.linspace(0, mood[-1], length)
    unknown = np.full(length, np.nan)
    figures = dict.fromkeys(Breadth.__dataclass_fields__, unknown) | {
        "sessions": np.datetime64("2024-01-01") + np.arange(length),
        "limit_ups": rng.poisson(np.exp(3 + 0.3 * mood)).astype(float),
        "sealing": 1 / (1 + np.exp(-mood - rng.normal(size=length))),
        "promotion": 1 / (1 + np.exp(1 - mood - rng.normal(size=length))),
        "highest": rng.poisson(np.exp(1.5 + 0.2 * mood)).astype(float),
        "limit_downs": rng.poisson(np.exp(2 - 0.3 * mood)).astype(float),
        "market_return": rng.normal(0, 0.01, length),
    }
    return Breadth(**figures)


def test_the_rule_by_hand() -> None:
    """Redone from the docstring, session by session, with nothing shared but the inputs."""
    found = phases(market())
    extreme = None
    for t in range(LENGTH):
        past = found.heat[max(0, t - PAST) : t]
        past = past[np.isfinite(past)]
        before = found.heat[max(0, t - RECENT) : t]
        if len(past) < ENOUGH:
            assert found.names[t] is None
            continue
        heat, (low, middle, high) = found.heat[t], np.quantile(past, [0.2, 0.5, 0.8])
        if heat <= low:
            expected = extreme = "ice"
        elif heat >= high:
            expected = extreme = "climax"
        elif heat <= before.mean():
            expected = "ebb"
        elif extreme == "climax":
            expected = "repair"
        else:
            expected = "rise" if heat >= middle else "start"
        assert found.names[t] == expected, t
    assert set(found.names[ENOUGH * 2 + 10 :]) == set(PHASES)


def test_percentiles_count_an_equal_half() -> None:
    one = market(length=ENOUGH + 1)
    found = phases(replace(one, highest=np.full(ENOUGH + 1, 4.0)))
    assert found.percentiles["highest"][-1] == 0.5
    assert np.isnan(found.percentiles["highest"][:-1]).all()


def test_fewer_limit_downs_are_hotter() -> None:
    one = market()
    calm = one.limit_downs.copy()
    calm[-1] = 0
    assert phases(replace(one, limit_downs=calm)).percentiles["limit_downs"][-1] > 0.8


@settings(max_examples=25)
@given(st.integers(150, LENGTH - 1), st.integers(0, 10_000))
def test_what_comes_later_changes_nothing(end: int, seed: int) -> None:
    clean = market()
    rng = np.random.default_rng(seed)
    poisoned = {}
    for name in INPUTS:
        series = getattr(clean, name).copy()
        series[end:] = rng.choice([np.nan, 0.0, 1e6, -5.0], LENGTH - end)
        poisoned[name] = series
    one, other = phases(clean), phases(replace(clean, **poisoned))
    assert one.names[:end] == other.names[:end]
    np.testing.assert_array_equal(one.heat[:end], other.heat[:end])
    np.testing.assert_array_equal(one.borders[:end], other.borders[:end])


def test_a_missing_figure_is_done_without_and_too_few_give_no_phase() -> None:
    one = market()
    unknown = np.full(LENGTH, np.nan)
    assert phases(replace(one, sealing=unknown)).names[-1] in PHASES
    bare = replace(one, sealing=unknown, promotion=unknown, highest=unknown)
    assert set(phases(bare).names) == {None}


def test_a_spell_is_counted_from_its_first_session() -> None:
    found = phases(market())
    for row in range(150, LENGTH):
        spell = found.spell(row)
        assert len(set(found.names[row - spell + 1 : row + 1])) == 1
        assert row == spell - 1 or found.names[row - spell] != found.names[row]


def test_what_followed_is_of_the_session_after() -> None:
    one = market()
    found = phases(one)
    after = aftermath(found, one)
    for phase in PHASES:
        rows = [t for t in range(LENGTH - 1) if found.names[t] == phase]
        assert after[phase].sessions == len(rows)
        assert after[phase].next_limit_ups is not None
        mean = np.mean([one.limit_ups[t + 1] for t in rows])
        assert after[phase].next_limit_ups.mean == pytest.approx(mean)
        assert after[phase].next_limit_ups.low <= mean <= after[phase].next_limit_ups.high
    assert after[None].sessions == sum(after[phase].sessions for phase in PHASES)


@pytest.mark.real_data
def test_on_the_real_market_every_phase_occurs_and_lasts(real_data: Path) -> None:
    """docs/report.md has the figures."""
    panel = Panel.from_frame(read(real_data / "sector_day_panel.parquet").frame)
    found = phases(breadth(panel))
    counts = Counter(found.names)
    known = sum(counts[phase] for phase in PHASES)
    assert all(0.04 < counts[phase] / known < 0.30 for phase in PHASES)
    assert len(found.names) - known < 150
