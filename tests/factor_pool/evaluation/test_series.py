"""Sums over daily series against numpy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from factor_pool.evaluation.series import column_means, group_means, moments

_VALUES = st.one_of(st.floats(-1e3, 1e3), st.just(float("nan")), st.just(float("inf")))
TABLES = arrays.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(3)), elements=_VALUES)


@given(TABLES, st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_sums_of_what_is_used_and_finite(table: np.ndarray, seed: int, least: int) -> None:
    draw = np.random.default_rng(seed)
    used, groups = draw.random(len(table)) < 0.8, draw.integers(0, 4, len(table))
    means = column_means(table, used, least)
    for k in range(3):
        column = table[:, k]
        kept = used & np.isfinite(column)
        mean, deviation = moments(column, used)
        _same(mean, column[kept].mean() if kept.any() else np.nan)
        _same(deviation, column[kept].std(ddof=1) if kept.sum() > 1 else np.nan)
        _same(means[k], mean if kept.sum() >= max(least, 1) else np.nan)
        found = group_means(column, used, groups, 5, least)
        for group in range(5):
            inside = column[kept & (groups == group)]
            _same(found[group], inside.mean() if len(inside) >= max(least, 1) else np.nan)


def test_how_an_array_lies_in_memory_changes_no_bit() -> None:
    table = np.random.default_rng(1).normal(size=(300, 7))
    used = np.ones(300, dtype=bool)
    assert np.array_equal(
        column_means(np.asfortranarray(table), used, 1), column_means(table, used, 1)
    )
    assert moments(table[:, 2], used) == moments(table[:, 2].copy(), used)


def _same(found: float, wanted: float) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
