"""Streaks are counted from the data, and told only where they are long and rare."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.dataset import COLD_START, Dataset
from predictor.features import BASE_FEATURES
from predictor.streaks import COMMON, KINDS, SHORTEST, streak


def dataset(flow: list[float]) -> Dataset:
    """One sector, of which only today's money flow is known."""
    feature = next(one for one in BASE_FEATURES if one.name == "flow_1")
    values = np.array(flow, dtype=np.float32).reshape(-1, 1, 1)
    nothing = np.zeros(values.shape[:2])
    return Dataset(
        sessions=np.datetime64("2025-01-01") + np.arange(len(flow)), sectors=("S",),
        features=(feature,), values=values, count=nothing, surge=nothing, density=nothing,
        present=np.ones(nothing.shape, dtype=bool),
    )  # fmt: skip


def test_every_kind_counts_a_feature_of_its_theme() -> None:
    of = {feature.name: feature.theme for feature in BASE_FEATURES}
    for theme, kind in KINDS.items():
        assert of[kind.feature] == theme


def test_three_sessions_of_inflow_in_words() -> None:
    flow = [-0.1, 0.2] * 20 + [-0.1, 0.1, 0.2, 0.3]
    found = streak("money flow", dataset(flow), len(flow) - 1, 0)
    assert found is not None
    assert found.text("zh") == "资金连续 3 日流入（自身 0% 的交易日有此长度）"
    assert found.text("en").startswith("money has flowed in 3 sessions on end (as long on 0%")
    out = streak("money flow", dataset([-x for x in flow]), len(flow) - 1, 0)
    assert out is not None
    assert out.text("zh").startswith("资金连续 3 日流出")


@given(st.lists(st.sampled_from([-0.2, -0.1, 0.0, 0.1, 0.2, np.nan]), min_size=1, max_size=80))
def test_the_count_is_the_datas(flow: list[float]) -> None:
    found = streak("money flow", dataset(flow), len(flow) - 1, 0)
    last, length = flow[-1], 0
    for value in reversed(flow):
        if not (value > 0 if last > 0 else value < 0):
            break
        length += 1
    if found is not None:
        assert found.sessions == length
        assert found.above == (last > 0)
        assert found.as_long is None or found.as_long <= COMMON
    elif np.isfinite(flow[:-1]).sum() < COLD_START:
        assert length < SHORTEST


def test_later_sessions_change_nothing() -> None:
    flow = [-0.1, 0.2] * 20 + [0.1, 0.2, 0.3]
    row = len(flow) - 1
    assert streak("money flow", dataset(flow), row, 0) == streak(
        "money flow", dataset([*flow, 9.0, np.nan, -9.0]), row, 0
    )


@pytest.mark.parametrize("theme", ["size", "pool_F0001", "no such theme"])
def test_other_themes_have_none(theme: str) -> None:
    assert streak(theme, dataset([0.1] * 9), 8, 0) is None


def test_what_is_common_is_not_told() -> None:
    assert streak("money flow", dataset([0.1] * 60 + [-0.1] + [0.1] * 5), 65, 0) is None
