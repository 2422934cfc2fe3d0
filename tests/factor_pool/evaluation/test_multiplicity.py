"""What the best of many is worth: published examples, hand-made twins, and simulated promises."""

import itertools
import math

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from scipy.signal import lfilter
from scipy.stats import rankdata

from factor_pool.errors import EvaluationError
from factor_pool.evaluation.multiplicity import (
    deflated_sharpe,
    deflated_sharpe_of,
    expected_maximum,
    pbo,
    spa_p,
    superior,
)


def noise(rng: np.random.Generator, rho: float, sessions: int, trials: int) -> np.ndarray:
    return lfilter([1], [1, -rho], rng.normal(size=(sessions + 100, trials)), axis=0)[100:]


@pytest.mark.parametrize(("trials", "published"), [(100, 0.9004), (46, 0.9505)])
def test_deflated_sharpe_of_the_papers_example(trials: int, published: float) -> None:
    """Bailey and Lopez de Prado (2014), section "A numerical example"."""
    found = deflated_sharpe(
        2.5 / math.sqrt(250), observations=1250, skewness=-3, kurtosis=10,
        trials=trials, variance=0.5 / 250,
    )  # fmt: skip
    assert found == pytest.approx(published, abs=2e-4)


def test_units_are_per_period_and_kurtosis_is_raw() -> None:
    """Annualising the ratio, or taking 3 off the kurtosis, gives another answer."""
    right = {"observations": 1250, "skewness": -3, "kurtosis": 10, "trials": 100}
    sharpe = 2.5 / math.sqrt(250)
    value = deflated_sharpe(sharpe, **right, variance=0.5 / 250)
    excess = deflated_sharpe(sharpe, **(right | {"kurtosis": 7}), variance=0.5 / 250)
    annual = deflated_sharpe(2.5, **right, variance=0.5)
    assert excess > value + 0.001
    assert annual > 0.999 > value


def test_expected_maximum_is_that_of_simulated_trials() -> None:
    rng = np.random.default_rng(1)
    for trials in (10, 200):
        simulated = rng.normal(0, 0.05, (20_000, trials)).max(axis=1).mean()
        assert expected_maximum(trials, 0.05**2) == pytest.approx(simulated, rel=0.03)
    assert expected_maximum(1, 1.0) == 0.0


def test_deflated_sharpe_keeps_its_promise_on_noise_and_sees_skill() -> None:
    """The best of 50 without skill passes 95% about one time in twenty; 400 sessions."""
    rng = np.random.default_rng(2)
    lucky, skilled = [], []
    for _ in range(300):
        x = rng.normal(size=(400, 50))
        ratios = x.mean(axis=0) / x.std(axis=0, ddof=1)
        known = {"trials": 50, "variance": float(ratios.var(ddof=1))}
        lucky.append(deflated_sharpe_of(x[:, ratios.argmax()], **known))
        skilled.append(deflated_sharpe_of(x[:, 0] + 0.3, **known))
    assert (np.array(lucky) > 0.95).mean() <= 0.08
    assert 0.35 < np.median(lucky) < 0.65
    assert (np.array(skilled) > 0.95).mean() > 0.95


def test_deflated_sharpe_refuses_nonsense() -> None:
    assert np.isnan(deflated_sharpe_of(np.ones(100), trials=3, variance=0.1))
    assert np.isnan(deflated_sharpe_of(np.arange(5.0), trials=3, variance=0.1))
    with pytest.raises(EvaluationError, match="at least one trial"):
        expected_maximum(0, 1.0)
    with pytest.raises(EvaluationError, match="moments that some series can have"):
        deflated_sharpe(
            2.0, observations=100, skewness=9, kurtosis=1, trials=2, variance=0.1
        )  # fmt: skip


def pbo_by_hand(figures: np.ndarray, blocks: int) -> float:
    """The definition, in the plainest words."""
    parts = np.array_split(figures, blocks)
    losses = []
    for inside in itertools.combinations(range(blocks), blocks // 2):
        learn = np.concatenate([parts[k] for k in inside])
        judge = np.concatenate([parts[k] for k in range(blocks) if k not in inside])
        best = (learn.mean(axis=0) / learn.std(axis=0, ddof=1)).argmax()
        rank = rankdata(judge.mean(axis=0) / judge.std(axis=0, ddof=1))[best]
        relative = rank / (figures.shape[1] + 1)
        losses.append(math.log(relative / (1 - relative)) <= 0)
    return float(np.mean(losses))


@pytest.mark.parametrize("seed", range(10))
def test_pbo_is_that_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    figures = rng.normal(size=(160, 9)) + 0.05 * rng.normal(size=9)
    assert pbo(figures, 8) == pytest.approx(pbo_by_hand(figures, 8))


def test_pbo_of_four_sessions_worked_out_by_hand() -> None:
    """Two trials that are good in turn: whichever was better is worse in the other half.

    Blocks of two sessions, means of trial a: 2 2 0 0 and of b: 0 0 2 2 (equal spread). Choices
    {1,2} and {3,4} pick a loser; {1,3}, {1,4}, {2,3}, {2,4} are ties, won by the first and ranked
    in the middle, which is no better than the median.
    """
    a = np.array([1, 3, 1, 3, -1, 1, -1, 1.0])
    b = np.array([-1, 1, -1, 1, 1, 3, 1, 3.0])
    assert pbo(np.column_stack([a, b]), 4) == 1.0
    assert pbo(np.column_stack([a + 10, b]), 4) == 0.0


def test_pbo_of_noise_is_one_half_and_of_skill_nothing() -> None:
    rng = np.random.default_rng(3)
    found = [pbo(noise(rng, 0.3, 320, 30), 8) for _ in range(80)]
    assert 0.42 < np.mean(found) < 0.58
    skilled = noise(rng, 0.3, 320, 30) + 0.5 * (np.arange(30) == 7)
    assert pbo(skilled, 8) < 0.02


def test_pbo_leaves_out_what_is_missing() -> None:
    rng = np.random.default_rng(4)
    figures = rng.normal(size=(160, 6))
    gaps = figures.copy()
    gaps[rng.random(gaps.shape) < 0.02] = np.nan
    empty = np.column_stack([gaps, np.full(160, np.nan)])
    assert pbo(empty, 8) == pbo(gaps, 8)
    assert abs(pbo(gaps, 8) - pbo(figures, 8)) < 0.25
    for bad in (figures[:, :1], figures[:10], np.full((160, 3), np.nan)):
        with pytest.raises(EvaluationError, match="PBO needs"):
            pbo(bad, 8)


def test_spa_is_that_of_the_definition() -> None:
    """Hansen (2005) worked out on the same resamples; no trial is poor enough to be set aside."""
    rng = np.random.default_rng(5)
    x = (rng.normal(size=(150, 4)) + 0.08) * [1, 1, 5, 20]
    seed, repetitions, block = 11, 400, 13  # 13: the root of 150, rounded up
    scale = x.std(axis=0)
    observed = (x.mean(axis=0) / scale).max()
    draws = StationaryBootstrap(block, x, seed=seed).bootstrap(repetitions)
    best = [((sample[0].mean(axis=0) - x.mean(axis=0)) / scale).max() for sample, _ in draws]
    expected = ((np.array(best) > observed).sum() + 1) / (repetitions + 1)
    assert spa_p(x, seed=seed, repetitions=repetitions) == pytest.approx(expected)


def test_spa_size_under_serial_correlation_and_power() -> None:
    rng = np.random.default_rng(6)
    p = [spa_p(noise(rng, 0.4, 500, 10), seed=k, repetitions=199) for k in range(120)]
    assert (np.array(p) <= 0.05).mean() <= 0.10
    planted = noise(rng, 0.4, 300, 10) + 0.5 * (np.arange(10) == 3)
    assert spa_p(planted, seed=1) <= 0.01


def test_stepm_names_what_is_above_zero_and_no_other() -> None:
    rng = np.random.default_rng(7)
    planted = noise(rng, 0.2, 400, 12) + 0.4 * np.isin(np.arange(12), [2, 9])
    assert superior(planted, seed=1) == [2, 9]
    assert superior(planted[:, [2, 9]], seed=1) == [0, 1]
    assert superior(planted[:, [9]], seed=1) == [0]
    named = [superior(noise(rng, 0.2, 500, 10), seed=k, repetitions=199) for k in range(60)]
    assert np.mean([bool(columns) for columns in named]) <= 0.12


def test_tests_over_trials_need_common_sessions() -> None:
    apart = np.full((60, 2), np.nan)
    apart[:30, 0], apart[30:, 1] = 1.0, 1.0
    rigid = np.column_stack([np.ones(60), np.arange(60.0)])
    for test in (spa_p, superior):
        with pytest.raises(EvaluationError, match="in only 0 sessions"):
            test(apart, seed=1)
        with pytest.raises(EvaluationError, match="trial 0 never varies"):
            test(rigid, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.2, 0.4, 0.6])
def test_size_in_the_large(rho: float) -> None:
    """The figures of docs/statistics.md: printed with `-s`."""
    rng = np.random.default_rng(8)
    spa, named, halves, lucky = [], [], [], []
    for k in range(250):
        x = noise(rng, rho, 500, 20)
        ratios = x.mean(axis=0) / x.std(axis=0, ddof=1)
        known = {"trials": 20, "variance": float(ratios.var(ddof=1))}
        lucky.append(deflated_sharpe_of(x[:, ratios.argmax()], **known) > 0.95)
        spa.append(spa_p(x, seed=k, repetitions=299) <= 0.05)
        named.append(bool(superior(x, seed=k, repetitions=299)))
        halves.append(pbo(x, 10))
    print(
        f"rho {rho}: SPA {np.mean(spa):.3f}, StepM {np.mean(named):.3f}, mean PBO "
        f"{np.mean(halves):.3f}, Deflated Sharpe above 0.95 {np.mean(lucky):.3f}"
    )
    assert np.mean(spa) <= 0.12
    assert np.mean(named) <= 0.12
    assert 0.45 <= np.mean(halves) <= 0.55
