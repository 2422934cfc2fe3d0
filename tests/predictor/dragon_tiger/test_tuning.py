"""Folds, and the table of weights by folds."""

import json

import numpy as np
import pytest

from predictor.dragon_tiger.execution import Costs
from predictor.dragon_tiger.rules import Rules
from predictor.dragon_tiger.scene import Scene
from predictor.dragon_tiger.tuning import folds, purge_of, table, tune, walk
from predictor.dragon_tiger.weights import weighting, weightings
from predictor.errors import PredictorError
from tests.predictor.dragon_tiger.test_weights import LOOSE


@pytest.mark.parametrize("sessions", [36, 44, 60, 83, 250])
def test_folds_are_purged_and_test_every_session_once(sessions: int):
    cuts = folds(sessions, purge_of(Rules()))
    tested = [t for f in cuts for t in range(f.test_first, f.test_last + 1)]
    assert tested == list(range(31, sessions))
    assert all(f.test_first - f.train_last - 1 == 6 for f in cuts)


def test_a_new_session_changes_no_old_fold():
    for sessions in range(36, 120):
        old, new = folds(sessions, 6), folds(sessions + 1, 6)
        assert [(f.train_last, f.test_first) for f in old] == [
            (f.train_last, f.test_first) for f in new[: len(old)]
        ]


def test_too_few_sessions_are_named():
    with pytest.raises(PredictorError, match="at least 36 sessions"):
        folds(35, 6)


def test_weights_of_a_session_come_from_earlier_ones(small_scene: Scene):
    weights, found = walk(small_scene, weighting("lightgbm"), LOOSE, Costs(), 1)
    assert np.isnan(weights[:31]).all()
    assert np.isfinite(weights[31:]).all()
    assert weights[31].tolist() == found[0].weights.tolist()
    assert weights[31].tolist() != weights[36].tolist()  # found anew after five sessions


def test_the_table_of_weights_by_folds(small_scene: Scene):
    tuned = tune(small_scene, LOOSE, Costs(), seed=2)
    json.dumps(tuned, allow_nan=False)
    rows = table(tuned)
    assert [name for name, _, _ in rows] == list(weightings())
    assert all(len(returns) == len(tuned["folds"]) for _, returns, _ in rows)
    every = [cell["tries"] for one in tuned["weightings"].values() for cell in one["folds"]]
    assert tuned["tries"] == sum(every) > 70 * len(tuned["folds"])
    for fold in tuned["folds"]:
        assert fold["train"][1] < fold["test"][0]
    for _, returns, overall in rows:
        assert overall["total_return"] == pytest.approx(np.prod(1 + np.array(returns)) - 1)
        assert overall["deflated_sharpe"] is None or 0 <= overall["deflated_sharpe"] <= 1
    assert tuned["weightings"]["equal"]["overall"]["against_equal"]["annual_return"] == 0
