"""The whole list, lots, and intervals."""

import numpy as np
import pytest

from predictor.dragon_tiger.backtest import describe
from predictor.dragon_tiger.execution import Costs
from predictor.dragon_tiger.rivals import Draws, all_listed, by_lot, difference, with_intervals
from predictor.dragon_tiger.rules import Rules
from predictor.dragon_tiger.scene import Scene


def last(scene: Scene) -> int:
    return len(scene.market.sessions) - 1


def test_the_whole_list_is_bought(small_scene: Scene):
    run = all_listed(
        small_scene.market, small_scene.listing, Rules(), Costs(), 0, last(small_scene)
    )
    refused = sum(f.side == "buy" for f in run.failures)
    held_again = len(small_scene.listing.day) - refused - len(run.trades)
    assert len(run.trades) > 400
    assert held_again >= 0
    assert {t.reason for t in run.trades if t.sold_on} <= {"stop", "held_the_longest"}
    assert run.invested.max() <= 1


def test_lots_want_as_many_and_are_drawn_anew(small_scene: Scene):
    wanted = np.full(len(small_scene.market.sessions), 2)
    args = (small_scene.market, small_scene.listing, Rules(), Costs(), wanted)
    span = {"first": 0, "last": last(small_scene), "draws": 20}
    one, again = (by_lot(*args, seed=1, **span) for _ in range(2))
    assert one.total_return.tolist() == again.total_return.tolist()
    assert len(set(one.total_return)) == 20
    none = by_lot(*args[:4], np.zeros_like(wanted), seed=1, **span)
    assert none.total_return.tolist() == [0.0] * 20
    assert none.against({"total_return": 0.0, "sharpe": None, "mean_gain": None})["sharpe"] == {
        "median": None, "low": None, "high": None, "p": None,
    }  # fmt: skip


def test_the_share_of_draws_counts_ones_own():
    draws = Draws(*(np.arange(99.0),) * 3)
    own = {"total_return": 98.5, "sharpe": -1.0, "mean_gain": 49.0}
    p = {name: one["p"] for name, one in draws.against(own).items()}
    assert p == {"total_return": 0.01, "sharpe": 1.0, "mean_gain": 0.51}


def test_intervals_hold_the_figure_and_nothing_is_made_of_little():
    returns = np.random.default_rng(1).normal(0.001, 0.01, 80)
    found = with_intervals(returns, 7)
    low, high = found["annual_return_interval"]
    assert low < found["annual_return"] < high
    assert found == with_intervals(returns, 7)
    assert with_intervals(returns[:10], 7)["sharpe_interval"] is None
    assert with_intervals(np.zeros(50), 7)["sharpe"] is None
    same = difference(returns, returns, 7)
    assert same == {"annual_return": 0.0, "interval": None}


def test_described_figures(small_scene: Scene):
    run = all_listed(
        small_scene.market, small_scene.listing, Rules(), Costs(), 0, last(small_scene)
    )
    told = describe(run)
    assert told["total_return"] == pytest.approx(run.value[-1] / run.cash - 1)
    assert told["trades"] == sum(told["exits"].values()) + told["open_positions"]
    assert told["max_drawdown"] <= 0
