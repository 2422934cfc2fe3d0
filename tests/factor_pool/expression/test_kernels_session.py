"""Rows of keys are sorted as NumPy sorts them; ranks are pandas' ranks."""

import numpy as np
import pandas as pd
import pytest

from data_profile.panel import Panel
from factor_pool.expression import evaluate, parse
from factor_pool.expression.kernels_session import sort_rows

_WIDTHS = [1, 2, 7, 255, 256, 257, 300, 512, 513, 900, 1025]


@pytest.mark.parametrize("width", _WIDTHS)
def test_rows_are_sorted(width: int) -> None:
    rng = np.random.default_rng(width)
    keys = rng.integers(0, 2**64, (20, width), dtype=np.uint64)
    keys[:, ::3] = 2**64 - 1
    keys[:5] = np.sort(keys[:5], axis=1)[:, ::-1]
    expected = np.sort(keys, axis=1)
    sort_rows(keys)
    assert np.array_equal(keys, expected)


def test_nothing_to_sort_is_fine() -> None:
    for shape in ((0, 5), (3, 0), (0, 600)):
        sort_rows(np.empty(shape, dtype=np.uint64))


def _ranks_of(text: str, values: np.ndarray) -> np.ndarray:
    days = np.arange("2025-01-01", len(values), dtype="datetime64[D]")
    ids = tuple(f"{i:05d}" for i in range(values.shape[1]))
    panel = Panel(days, ids, {"a": values}, np.ones(values.shape, dtype=bool))
    (ranks,) = evaluate([parse(text)], panel)
    return ranks


@pytest.mark.parametrize("width", _WIDTHS)
def test_ranks_equal_those_of_pandas(width: int) -> None:
    rng = np.random.default_rng(width)
    values = rng.normal(size=(12, width)).astype(np.float32)
    values[:, ::2] = values[:, ::2].round(1)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[rng.random(values.shape) < 0.05] = 0.0
    values[rng.random(values.shape) < 0.05] = -0.0
    values[rng.random(values.shape) < 0.02] = np.inf
    values[3] = 1.5
    values[4] = np.nan
    expected = pd.DataFrame(values).rank(axis=1, pct=True).to_numpy(dtype=np.float32)
    assert np.array_equal(_ranks_of("CSRank($a)", values), expected, equal_nan=True)


@pytest.mark.parametrize("width", _WIDTHS)
def test_values_that_float32_cannot_tell_apart_are_ranked(width: int) -> None:
    rng = np.random.default_rng(width)
    nearly = 1 + rng.integers(0, 4, (12, width)) * np.finfo(np.float32).eps
    values = nearly.astype(np.float32)
    means = pd.DataFrame(values.astype(np.float64)).rolling(2, min_periods=1).mean()
    expected = means.rank(axis=1, pct=True).to_numpy(dtype=np.float32)
    assert np.array_equal(_ranks_of("CSRank(Mean($a, 2))", values), expected)
