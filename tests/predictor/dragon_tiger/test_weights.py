"""One suite over all weightings, and what is particular to some."""

import numpy as np
import pytest

from predictor.dragon_tiger.execution import Costs
from predictor.dragon_tiger.learned_weights import outcomes
from predictor.dragon_tiger.rules import Rules
from predictor.dragon_tiger.scene import Scene
from predictor.dragon_tiger.weights import (
    DEFAULT,
    Fixed,
    Found,
    History,
    grid,
    normalised,
    weighting,
    weightings,
)
from predictor.errors import PredictorError

LOOSE = Rules(top=0.5, keep=0.6, min_net_buy=-1e12, min_institutional=-1.0, min_turnover_change=-2)


def history(scene: Scene, last: int = 40, seed: int = 3) -> History:
    return History(scene.market, scene.listing, 0, last, LOOSE, Costs(), seed)


@pytest.mark.parametrize("name", weightings())
class TestEveryWeighting:
    def test_weights_and_tries(self, small_scene: Scene, name: str):
        found = weighting(name).find(history(small_scene))
        assert isinstance(found, Found)
        assert found.weights.shape == (len(small_scene.listing.names),)
        assert np.abs(found.weights).sum() == pytest.approx(1)
        assert (found.weights >= 0).all()
        assert len(found.tries) >= 1
        assert np.isfinite(found.tries).all()

    def test_a_seed_gives_the_same(self, small_scene: Scene, name: str):
        one, other = (weighting(name).find(history(small_scene)) for _ in range(2))
        assert one.weights.tolist() == other.weights.tolist()
        assert one.tries == other.tries

    def test_nothing_after_the_history_is_read(self, small_scene: Scene, name: str):
        from dataclasses import replace

        last = 40
        market, listing = small_scene.market, small_scene.listing
        later = {
            field: np.where(
                (np.arange(len(market.sessions)) > last)[:, None],
                np.random.default_rng(0).lognormal(1, 2, market.open.shape),
                getattr(market, field),
            )
            for field in ("open", "high", "low", "close", "volume", "turnover")
        }
        after = (listing.day > last)[:, None]
        garbled = replace(
            listing,
            scores=np.where(after, 77.0, listing.scores),
            passes={k: np.where(after[:, 0], -9.0, v) for k, v in listing.passes.items()},
        )
        told = weighting(name).find(history(small_scene, last))
        poisoned = weighting(name).find(
            History(replace(market, **later), garbled, 0, last, LOOSE, Costs(), 3)
        )
        assert told.weights.tolist() == poisoned.weights.tolist()
        assert told.tries == poisoned.tries


def test_the_default_is_shared_out_where_factors_are_absent():
    fixed = Fixed("default", DEFAULT)
    assert sum(DEFAULT.values()) == pytest.approx(1)
    found = fixed.of(("F1", "F4"))
    assert found.tolist() == pytest.approx([0.25 / 0.35, 0.10 / 0.35])


def test_the_grid_is_whole():
    points = grid(5)
    assert len(points) == 70
    assert all(point.sum() == 1 for point in points)
    assert len({tuple(p) for p in points}) == 70


def test_no_weights_become_equal_ones():
    assert normalised(np.zeros(4)).tolist() == [0.25] * 4


def test_outcomes_lie_within_the_history(small_scene: Scene):
    past = history(small_scene, last=20)
    gain = outcomes(past)
    assert not np.isfinite(gain[small_scene.listing.day + 1 + LOOSE.hold_max > 20]).any()
    market, listing = small_scene.market, small_scene.listing
    day = listing.day == 3
    change = [market.open[9, c] / market.open[4, c] - 1 for c in listing.column[day]]
    np.testing.assert_allclose(gain[day], np.array(change) - np.mean(change), rtol=1e-9)


def test_too_short_a_history_is_named(small_scene: Scene):
    with pytest.raises(PredictorError, match="stock-days"):
        weighting("forest").find(history(small_scene, last=8))


def test_an_unknown_weighting_is_named():
    with pytest.raises(PredictorError, match="genetic"):
        weighting("genetics")


def test_few_trades_are_fined(small_scene: Scene):
    past = History(small_scene.market, small_scene.listing, 0, 30, Rules(), Costs(), 1)
    weights = normalised(np.zeros(len(small_scene.listing.names)))
    fitness, ratio = past.fitness(weights)
    returns, gains = past.account(weights)
    assert len(gains) < 15
    assert fitness == pytest.approx(ratio - (1 - len(gains) / 15))
    assert ratio == pytest.approx(returns.mean() / returns.std(ddof=1))
