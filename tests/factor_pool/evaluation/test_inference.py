"""Statistics equal their oracles and keep their promised size."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter
from scipy.stats import norm

from factor_pool.evaluation.inference import block_length, bootstrap_p, hac_t, seed_of


def ar1(rng: np.random.Generator, rho: float, length: int) -> np.ndarray:
    return lfilter([1], [1, -rho], rng.normal(size=length + 100))[100:]


@pytest.mark.parametrize("lags", [0, 1, 10])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_hac_t_is_that_of_statsmodels(lags: int, rho: float) -> None:
    x = ar1(np.random.default_rng(1), rho, 150) + 0.1
    fit = sm.OLS(x, np.ones(len(x))).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    assert hac_t(x, lags) == pytest.approx(fit.tvalues[0], rel=1e-10)
    assert hac_t(np.insert(x, 7, np.nan), lags) == pytest.approx(fit.tvalues[0], rel=1e-10)


def test_little_or_constant_data_is_no_evidence() -> None:
    for series in (np.ones(100), np.arange(5.0), np.full(100, np.nan)):
        assert np.isnan(hac_t(series))
        assert bootstrap_p(series, seed=1) == 1.0


def test_p_value_depends_on_the_seed_and_nothing_else() -> None:
    x = np.random.default_rng(2).normal(size=120) + 0.1
    assert bootstrap_p(x, seed=5) == bootstrap_p(x, seed=5)
    assert bootstrap_p(x, seed=5) != bootstrap_p(x, seed=6)
    assert seed_of("Mean($close, 5)") == seed_of("Mean($close, 5)") != seed_of("Mean($close, 6)")


def test_p_value_does_not_depend_on_how_many_threads_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).normal(size=60) + 0.3
    found = bootstrap_p(x, seed=5)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert bootstrap_p(x, seed=5) == found


def test_p_value_is_near_the_normal_one_for_long_independent_series() -> None:
    x = np.random.default_rng(3).normal(size=3000)
    for mean in (0.0, 0.02, 0.04):
        shifted = x - x.mean() + mean
        expected = norm.sf(hac_t(shifted, 0))
        assert bootstrap_p(shifted, seed=1, lags=0, block=2) == pytest.approx(expected, abs=0.02)


def test_p_value_resolves_small_and_shows_opposite() -> None:
    x = np.random.default_rng(4).normal(size=130)
    assert bootstrap_p(x + 1, seed=1, most_draws=100_000) == pytest.approx(1e-5, rel=0.01)
    assert bootstrap_p(x - 1, seed=1) > 0.999


@pytest.mark.parametrize("rho", [0.0, 0.4])
def test_size_is_near_nominal_on_samples_as_short_as_a_confirm_window(rho: float) -> None:
    """The plain t rejects 15% here at rho 0.4; 400 samples leave an error of about 1 point."""
    rng = np.random.default_rng(5)
    p = np.array([bootstrap_p(ar1(rng, rho, 125), seed=k, most_draws=499) for k in range(400)])
    assert 0.02 <= (p <= 0.05).mean() <= 0.09
    assert (p <= 0.01).mean() <= 0.025


def test_power_on_a_planted_mean() -> None:
    rng = np.random.default_rng(6)
    p = [bootstrap_p(ar1(rng, 0.2, 125) + 0.5, seed=k, most_draws=999) for k in range(60)]
    assert np.mean(np.array(p) <= 0.01) > 0.9


def test_block_length_grows_with_dependence_and_is_bounded() -> None:
    rng = np.random.default_rng(7)
    independent, dependent = block_length(ar1(rng, 0, 300)), block_length(ar1(rng, 0.8, 300))
    assert 2 <= independent < dependent <= 30


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.2, 0.4, 0.6])
def test_size_of_the_tail_that_acceptance_uses(rho: float) -> None:
    rng = np.random.default_rng(8)
    p = np.array([bootstrap_p(ar1(rng, rho, 125), seed=k, most_draws=1999) for k in range(4000)])
    assert (p <= 0.05).mean() <= 0.075
    assert (p <= 0.01).mean() <= 0.02
    assert (p <= 0.003).mean() <= 0.009
