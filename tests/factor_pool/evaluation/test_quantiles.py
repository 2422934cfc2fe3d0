"""Groups of equal size, and what the baseline leaves, against examples worked by hand."""

import numpy as np
import pandas as pd
import pytest

from factor_pool.evaluation.metrics import Projection
from factor_pool.evaluation.quantiles import autocorrelation, beyond, quantile_means


def test_groups_of_distinct_values_are_plain_means() -> None:
    values = np.array([[4, 3, 2, 1, 0, 9, 8, 7, 6, 5]], dtype=float)
    label = values * 10
    assert quantile_means(values, label).tolist() == [[5.0, 25.0, 45.0, 65.0, 85.0]]


def test_ties_are_spread_as_if_broken_at_random() -> None:
    """Eight of ten instruments are tied: their mean label stands in four of the five groups."""
    values = np.array([[0, 0, 0, 0, 0, 0, 0, 0, 1, 2]], dtype=float)
    label = np.array([[0, 1, 0, 1, 0, 1, 0, 1, 4, 6]], dtype=float)
    assert quantile_means(values, label).tolist() == [[0.5, 0.5, 0.5, 0.5, 5.0]]


def test_an_instrument_on_the_border_counts_in_both_groups() -> None:
    """Eleven in two groups: five and a half each, the middle one half and half."""
    values = np.arange(11, dtype=float)[None]
    got = quantile_means(values, values, 2)[0]
    assert got == pytest.approx([(0 + 1 + 2 + 3 + 4 + 2.5) / 5.5, (2.5 + 6 + 7 + 8 + 9 + 10) / 5.5])


def test_missing_cells_are_left_out_and_few_are_nothing() -> None:
    values = np.tile(np.arange(12, dtype=float), (2, 1))
    label = values.copy()
    values[0, 0] = np.nan
    label[1, :3] = np.nan
    got = quantile_means(values, label, 1)
    assert got[0, 0] == 6.0
    assert np.isnan(got[1, 0])


def test_the_groups_mean_is_the_mean_of_all() -> None:
    rng = np.random.default_rng(0)
    values, label = rng.integers(0, 4, (50, 23)).astype(float), rng.normal(size=(50, 23))
    got = quantile_means(values, label).mean(axis=1)
    np.testing.assert_allclose(got, label.mean(axis=1), atol=1e-12)


def test_what_is_left_correlates_as_the_marginal_rank_ic() -> None:
    """The plain form and the fast kernels agree, with ties and gaps on every side."""
    rng = np.random.default_rng(1)
    size, count, skill = rng.normal(size=(3, 60, 40))
    count = np.round(count)
    label = np.round(size + count + 0.5 * skill)
    values = skill + 0.5 * size
    values[rng.random(values.shape) < 0.1] = np.nan
    label[rng.random(values.shape) < 0.05] = np.nan
    count[rng.random(values.shape) < 0.05] = np.nan
    left, left_label = beyond(values, label, [size, count])
    own = [pd.Series(a).corr(pd.Series(b)) for a, b in zip(left, left_label, strict=True)]
    np.testing.assert_allclose(
        own, Projection(label, [size, count]).marginal_rank_ic(values), atol=1e-9
    )


def test_nothing_is_left_of_the_baseline_itself() -> None:
    rng = np.random.default_rng(2)
    size, label = rng.normal(size=(2, 5, 30))
    left, _ = beyond(np.exp(size), label, [size])
    np.testing.assert_allclose(left, 0, atol=1e-12)


def test_autocorrelation_by_lag() -> None:
    """A ranking that turns round every session: -1 with the last, +1 with the one before."""
    row = np.arange(12, dtype=float)
    values = np.stack([row, -row, row, -row])
    got = autocorrelation(values, [1, 2, 9])
    np.testing.assert_allclose(got[1], [np.nan, -1, -1, -1])
    np.testing.assert_allclose(got[2], [np.nan, np.nan, 1, 1])
    assert np.isnan(got[9]).all()
