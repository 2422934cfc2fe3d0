"""The walk-forward replay: nothing of the future in it, the same whoever works."""

from dataclasses import replace

import numpy as np
import pytest

from data_profile.panel import Panel
from predictor.auction import Auction
from predictor.dataset import Dataset
from predictor.holdout import MORE_METRICS
from predictor.model import ORDERS
from predictor.replay import KIND, Replay, baselines, expanding, joined, outcome_of, replay
from predictor.rolling import Window, windows

ROWS = (slice(0, 330), slice(331, 390), slice(391, 420))
LATER = (slice(0, 360), slice(361, 419), slice(420, 440))


@pytest.fixture(scope="module")
def found() -> list[Window]:
    return [Window(*ROWS), Window(*LATER)]


@pytest.fixture(scope="module")
def replayed(dataset: Dataset, found: list[Window]) -> Replay:
    return replay(dataset, found, seed=3, workers=2)


def test_it_speaks_of_the_tested_sessions_alone(dataset: Dataset, replayed: Replay) -> None:
    assert replayed.kind == KIND == "walk-forward replay"
    assert set(replayed.scores) == {*ORDERS, "expected_count", "p_at_least_one", "p_surge"}
    tested = np.zeros(len(dataset.sessions), dtype=bool)
    tested[391:440] = True
    for scores in replayed.scores.values():
        np.testing.assert_array_equal(np.isfinite(scores), dataset.present & tested[:, None])


def test_garbage_after_the_last_test_changes_no_bit(
    dataset: Dataset, found: list[Window], replayed: Replay
) -> None:
    rng = np.random.default_rng(0)
    parts = {}
    for name in ("values", "count", "surge", "density"):
        matrix = getattr(dataset, name).copy()
        # The outcome of the last tested session comes after it, too.
        first = 440 if name == "values" else 439
        matrix[first:] = rng.integers(0, 2, matrix[first:].shape)
        parts[name] = matrix
    other = replay(replace(dataset, **parts), found, seed=3, workers=1)
    for name, scores in replayed.scores.items():
        np.testing.assert_array_equal(other.scores[name], scores)


def test_every_metric_beside_what_needs_no_model(
    dataset: Dataset, panel: Panel, found: list[Window], replayed: Replay
) -> None:
    figures = replayed.judged(outcome_of(dataset))
    assert set(figures) == set(MORE_METRICS)
    others = baselines(panel, dataset, found)
    assert set(others) == {"persistence", "size", "random"}
    rows = np.flatnonzero(np.isfinite(figures["rank_ic"]))
    assert rows[0] == 391
    assert rows[-1] == 439
    for series in (figures, *others.values()):
        assert set(series) == set(MORE_METRICS)
        for metric in ("rank_ic", "hit_rate_at_5", "brier_any", "brier_surge"):
            np.testing.assert_array_equal(np.isfinite(series[metric]), np.isin(range(620), rows))
    assert np.nanmean(figures["rank_ic"]) > 0.1
    assert np.nanmean(others["random"]["surge_auc"]) == 0.5
    for metric in ("brier_any", "brier_surge"):
        assert np.nanmean(figures[metric]) < 1.05 * np.nanmean(others["random"][metric])


def test_what_is_said_after_the_auction_stands_apart(
    dataset: Dataset, panel: Panel, found: list[Window], replayed: Replay
) -> None:
    """The evening's forecast is the same with auctions and without; what came after is another."""
    rng = np.random.default_rng(1)
    count = np.nan_to_num(dataset.count)
    gap = 0.01 * rng.standard_normal(count.shape) + 0.003 * count
    auction = Auction(gap, np.floor(count * rng.random(count.shape)))
    both = replay(dataset, found, seed=3, workers=2, auction=auction)
    opened = both.opened()
    assert set(opened.scores) == set(replayed.scores)
    for name, scores in replayed.scores.items():
        np.testing.assert_array_equal(both.scores[name], scores)
        np.testing.assert_array_equal(np.isfinite(opened.scores[name]), np.isfinite(scores))
    outcome = outcome_of(dataset)
    evening, after = replayed.judged(outcome), opened.judged(outcome)
    assert np.nanmean(after["rank_ic"]) > np.nanmean(evening["rank_ic"]) + 0.05
    assert np.nanmean(after["brier_any"]) < np.nanmean(evening["brier_any"])
    assert replayed.opened().scores == {}
    opening = baselines(panel, dataset, found, auction)
    assert set(opening) == {"persistence", "size", "opened", "random"}
    assert np.nanmean(opening["opened"]["rank_ic"]) > np.nanmean(opening["persistence"]["rank_ic"])
    spoilt = Auction(auction.gap.copy(), auction.sealed.copy())
    spoilt.gap[440:], spoilt.sealed[440:] = 9.0, 9.0
    again = replay(dataset, found[1:], seed=3, workers=1, auction=spoilt).opened()
    for name, scores in opened.scores.items():
        np.testing.assert_array_equal(again.scores[name][420:440], scores[420:440])


def test_replays_of_different_sessions_join(dataset: Dataset, replayed: Replay) -> None:
    halves = []
    for window in replayed.windows:
        scores = {}
        for name, values in replayed.scores.items():
            scores[name] = np.full(values.shape, np.nan)
            scores[name][window.test] = values[window.test]
        halves.append(replace(replayed, scores=scores, windows=(window,)))
    whole = joined(halves)
    assert whole.windows == replayed.windows
    for name, values in replayed.scores.items():
        np.testing.assert_array_equal(whole.scores[name], values)


def test_expanding_windows_train_on_everything_before(dataset: Dataset) -> None:
    rolled = windows(dataset.sessions, train_months=6, valid_months=3)
    for before, after in zip(rolled, expanding(rolled), strict=True):
        assert after.train == slice(0, before.train.stop)
        assert (after.valid, after.test) == (before.valid, before.test)
