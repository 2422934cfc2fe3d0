"""Rank correlations equal their textbook definitions, whatever is tied or missing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from factor_pool.errors import EvaluationError
from factor_pool.evaluation.metrics import Projection, hit_rate, rank_ic, ranks
from factor_pool.evaluation.rank_kernels import MIN_FREEDOM, MIN_INSTRUMENTS

SESSIONS, SECTORS = 12, 25


def draw(seed: int, holes: float, digits: int, count: int) -> list[np.ndarray]:
    """Related float32 variables with ties and holes."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(SESSIONS, SECTORS))
    result = []
    for _ in range(count):
        values = np.round(common + rng.normal(size=common.shape), digits).astype(np.float32)
        values[rng.random(values.shape) < holes] = np.nan
        result.append(values)
    return result


@given(st.integers(0, 9999), st.sampled_from([0.0, 0.1, 0.5]), st.integers(0, 3))
def test_rank_ic_is_spearman_over_the_common_instruments(
    seed: int, holes: float, digits: int
) -> None:
    factor, label = draw(seed, holes, digits, 2)
    common = np.isfinite(factor) & np.isfinite(label)
    expected = [
        pd.Series(f[c]).corr(pd.Series(y[c]), method="spearman")
        if c.sum() >= MIN_INSTRUMENTS and np.ptp(f[c]) and np.ptp(y[c])
        else np.nan
        for f, y, c in zip(factor, label, common, strict=True)
    ]
    np.testing.assert_allclose(rank_ic(factor, label), expected, atol=1e-12)


def test_zero_ties_with_negative_zero_and_infinity_is_missing() -> None:
    values = np.array([[0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, -1.0]])
    np.testing.assert_array_equal(ranks(values)[0], [2.5, 2.5, 4, np.nan, np.nan, np.nan, 1])


def test_float_ranks_keep_the_order_of_all_magnitudes() -> None:
    values = np.array([[-1e30, -2.5, -1e-30, 0, 1e-40, 1e-30, 2.5, 1e30]], dtype=np.float32)
    assert ranks(values)[0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def centred(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Ranks about their mean among `where` and present; 0 elsewhere."""
    result = np.zeros(values.shape)
    chosen = where & np.isfinite(values)
    if chosen.any():
        result[chosen] = rankdata(values[chosen]) - (chosen.sum() + 1) / 2
    return result


def partial(
    factor: np.ndarray, label: np.ndarray, controls: list[np.ndarray]
) -> tuple[float, np.ndarray, np.ndarray]:
    """One session by least squares: correlation, residuals of factor and label (NaN where none)."""
    known = np.isfinite(label)
    both = known & np.isfinite(factor)
    x, y = rankdata(factor[both]), rankdata(label[both])
    design = np.column_stack([np.ones(len(x)), *(centred(c, known)[both] for c in controls)])
    if both.sum() - np.linalg.matrix_rank(design, tol=1e-3) < MIN_FREEDOM:
        return np.nan, x, y
    left = [v - design @ np.linalg.lstsq(design, v, rcond=1e-9)[0] for v in (x, y)]
    whole = [np.full(len(factor), np.nan) for _ in left]
    for target, values in zip(whole, left, strict=True):
        target[both] = values
    return float(np.corrcoef(*left)[0, 1]), whole[0], whole[1]


@settings(max_examples=60)
@given(
    st.integers(0, 9999),
    st.sampled_from([0.0, 0.04, 0.3]),
    st.sampled_from([1, 3]),
    st.integers(0, 4),
)
def test_marginal_and_added_are_partial_rank_correlations(
    seed: int, holes: float, digits: int, members: int
) -> None:
    factor, label, *controls = draw(seed, holes, digits, 4 + members)
    label = draw(seed + 1, 0.05, digits, 1)[0] if seed % 2 else label
    projection = Projection(label, controls[:2], controls[2:])
    daily = projection.daily(factor)
    np.testing.assert_array_equal(projection.marginal_rank_ic(factor), daily.marginal)
    for t in range(SESSIONS):
        if np.isnan(daily.rank_ic[t]):
            continue
        beyond_baseline = partial(factor[t], label[t], [c[t] for c in controls[:2]])[0]
        np.testing.assert_allclose(daily.marginal[t], beyond_baseline, atol=1e-9)
        added, x, y = partial(factor[t], label[t], [c[t] for c in controls])
        np.testing.assert_allclose(daily.added[t], added, atol=1e-9)
        for which in (0, 1):
            half = np.isfinite(x) & (np.arange(SECTORS) % 2 == which) if np.isfinite(added) else []
            if np.isfinite(daily.halves[t, which]):
                expected = np.corrcoef(x[half], y[half])[0, 1]
                np.testing.assert_allclose(daily.halves[t, which], expected, atol=1e-9)


def test_a_function_of_the_baseline_adds_exactly_nothing() -> None:
    base, label = draw(1, 0.0, 3, 2)
    daily = Projection(label, [base]).daily(np.exp(base))
    np.testing.assert_array_equal(daily.marginal, np.zeros(SESSIONS))
    np.testing.assert_allclose(daily.explained, 1.0)


def test_a_negated_pool_member_adds_exactly_nothing() -> None:
    base, member, label = draw(2, 0.0, 3, 3)
    daily = Projection(label, [base], [member]).daily(-member)
    assert np.abs(daily.marginal).max() > 0
    np.testing.assert_array_equal(daily.added, np.zeros(SESSIONS))
    np.testing.assert_allclose(daily.correlations[:, 1], -1.0)


def test_copies_among_the_controls_change_nothing() -> None:
    factor, label, base = draw(3, 0.0, 2, 3)
    once = Projection(label, [base]).daily(factor)
    thrice = Projection(label, [base, 2 * base, np.exp(base)]).daily(factor)
    np.testing.assert_allclose(once.marginal, thrice.marginal, atol=1e-12)


def test_a_missing_control_value_is_neutral_and_excludes_nobody() -> None:
    factor, label, base = draw(4, 0.0, 3, 3)
    nothing = np.full_like(base, np.nan)
    daily = Projection(label, [nothing]).daily(factor)
    np.testing.assert_allclose(daily.marginal, daily.rank_ic)


@given(st.integers(0, 9999), st.sampled_from([0.0, 0.2]), st.integers(0, 2))
def test_correlations_and_autocorrelation_are_over_the_common_instruments(
    seed: int, holes: float, digits: int
) -> None:
    factor, control = draw(seed, holes, digits, 2)
    label = draw(seed + 1, 0.0, 3, 1)[0]
    daily = Projection(label, [control]).daily(factor)
    for t in range(1, SESSIONS):
        x, c, before = (centred(v, np.isfinite(v)) for v in (factor[t], control[t], factor[t - 1]))
        pairs = (
            (daily.correlations[t, 0], c, np.isfinite(control[t])),
            (daily.autocorrelation[t], before, np.isfinite(factor[t - 1])),
        )
        for found, other, present in pairs:
            both = np.isfinite(factor[t]) & present
            if np.isfinite(found):
                expected = np.corrcoef(x[both], other[both])[0, 1]
                np.testing.assert_allclose(found, expected, atol=1e-9)


def test_hit_rate_breaks_ties_in_expectation() -> None:
    factor = np.array([[3.0, 2, 2, 2, 2, 2, 2, 1, 1, 1, 0, 0]])
    label = np.zeros_like(factor)
    events = np.array([[1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1]], dtype=bool)
    # One sure choice that hits; the other four are drawn from six of which three hit.
    assert hit_rate(factor, label, events)[0] == pytest.approx((1 + 4 * 3 / 6) / 5)
    daily = Projection(label + np.arange(12), [], [], events).daily(factor)
    assert daily.hits[0, 0] == pytest.approx((1 + 4 * 3 / 6) / 5)
    assert daily.hits[0, 1] == pytest.approx(1.0)  # the five lowest all hit
    assert daily.base_rate[0] == pytest.approx(9 / 12)


def test_constant_factor_or_label_and_small_sessions_have_no_figure() -> None:
    factor, label = draw(5, 0.0, 3, 2)
    assert np.isnan(rank_ic(np.ones_like(factor), label)).all()
    assert np.isnan(rank_ic(factor, np.ones_like(label))).all()
    few = factor.copy()
    few[:, MIN_INSTRUMENTS - 1 :] = np.nan
    assert np.isnan(rank_ic(few, label)).all()
    daily = Projection(label, [factor]).daily(few)
    assert np.isnan(daily.rank_ic).all()
    assert np.isnan(daily.hits).all()


def test_shapes_must_agree() -> None:
    with pytest.raises(EvaluationError, match=r"label has shape \(3, 4\), a control \(2, 4\)"):
        Projection(np.ones((3, 4)), [np.ones((2, 4))])
