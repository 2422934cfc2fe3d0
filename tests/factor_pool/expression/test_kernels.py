"""Kernels that scan windows in a way of their own, against NumPy on each window: every bit."""

import numpy as np
import pytest

from factor_pool.expression import kernels_moments, kernels_order, kernels_session
from factor_pool.expression.graph import launch, session

ROWS, WIDTH = 320, 11


def _matrix(seed: int, dtype: type = np.float64) -> np.ndarray:
    """Columns that begin late, have gaps, stand still, tie, and differ wildly in size."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(ROWS, WIDTH))
    x[:, 1] = rng.poisson(0.5, ROWS)
    x[:, 2] = 3.25
    x[:, 3] *= np.exp(rng.normal(size=ROWS) * 12)
    x[rng.random(ROWS) < 0.3, 4] = np.nan
    x[rng.random(ROWS) < 0.1, 5] = np.inf
    x[:40, 6], x[250:, 7], x[:, 8] = np.nan, np.nan, np.nan
    return x.astype(dtype)


@pytest.mark.parametrize("n", [1, 3, 7, 8, 12, 16, 30, 61, 128, 137, 250])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mad_adds_as_numpy_does(n: int, dtype: type) -> None:
    x = _matrix(n, dtype)
    out = np.empty(x.shape)
    launch(kernels_moments.rolling_mad, [x], n, (), out)
    for t in range(ROWS):
        for i in range(WIDTH):
            window = x[max(0, t - n + 1) : t + 1, i].astype(np.float64)
            window = window[np.isfinite(window)]
            away = np.abs(window - window.mean()).mean() if len(window) else np.nan
            assert np.array_equal(out[t, i], away, equal_nan=True), (t, i)


@pytest.mark.parametrize("n", [1, 2, 5, 20, 250])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_place_of_an_extreme_is_that_of_argmax(n: int, sign: int) -> None:
    x = _matrix(n)
    first = np.zeros(WIDTH, dtype=np.int64)
    first[6] = 40
    first.flags.writeable = False
    out = np.empty(x.shape)
    launch(kernels_order.rolling_place, [x], n, (sign, first), out)
    for t in range(ROWS):
        for i in range(WIDTH):
            window = x[max(first[i], t - n + 1) : t + 1, i] * sign
            known = np.isfinite(window)
            place = np.where(known, window, np.inf).argmax() + 1 if known.any() else np.nan
            assert np.array_equal(out[t, i], place, equal_nan=True), (t, i)


def test_ranks_of_a_session_share_what_is_equal_and_tell_apart_what_float32_cannot() -> None:
    tiny = np.finfo(np.float64).eps
    row = np.array([[2.0, 1.0 + tiny, 1.0, np.nan, 2.0, 1.0 + tiny, -0.0, 0.0, np.inf, 9.0]])
    outside = np.array([9])
    outside.flags.writeable = False
    ranks = session("CSRank", row, outside)
    expected = np.array([6.5, 4.5, 3.0, np.nan, 6.5, 4.5, 1.5, 1.5, 8.0, np.nan]) / 8
    np.testing.assert_array_equal(ranks[0], expected)


@pytest.mark.parametrize("scale", [0, 1])
def test_what_is_outside_a_listing_counts_as_missing_in_a_session(scale: int) -> None:
    x = _matrix(4)
    outside = np.flatnonzero(np.random.default_rng(1).random(x.shape) < 0.2)
    outside.flags.writeable = False
    none = np.empty(0, dtype=np.int64)
    none.flags.writeable = False
    blank = x.copy()
    blank.reshape(-1)[outside] = np.nan
    out, again = np.empty(x.shape), np.empty(x.shape)
    launch(kernels_session.session_score, [x], scale, (outside,), out)
    launch(kernels_session.session_score, [blank], scale, (none,), again)
    np.testing.assert_array_equal(out, again)
    known = np.where(np.isfinite(blank), blank, np.nan)[:240, :8]
    assert (np.isnan(out[:240, :8]) >= np.isnan(known)).all()
