"""Figures of a ranking: right where the answer is known."""

import numpy as np
import pytest

from predictor.holdout import (
    BLOCK,
    METRICS,
    MORE_METRICS,
    RESAMPLES,
    TOP,
    Bootstrap,
    Outcome,
    daily,
    difference,
    table,
)


@pytest.fixture
def outcome() -> Outcome:
    rng = np.random.default_rng(0)
    count = rng.poisson(1.0, (40, 30)).astype(np.float32)
    return Outcome(count, (count >= 3).astype(np.float32))


def test_foresight_is_perfect(outcome: Outcome) -> None:
    figures = daily(dict.fromkeys(METRICS, outcome.count.astype(float)), outcome)
    assert figures["rank_ic"] == pytest.approx(1.0)
    best = np.sort(outcome.count, axis=1)[:, -TOP:].mean(axis=1)
    np.testing.assert_allclose(figures["limit_ups_at_5"], best)


def test_chance_is_the_base_rate_and_so_is_a_constant_score(outcome: Outcome) -> None:
    chance = daily(dict.fromkeys(METRICS, None), outcome)
    constant = daily(dict.fromkeys(METRICS, np.ones(outcome.count.shape)), outcome)
    np.testing.assert_allclose(chance["hit_rate_at_5"], (outcome.count >= 1).mean(axis=1))
    np.testing.assert_allclose(chance["surge_precision_at_5"], outcome.surge.mean(axis=1))
    for metric in ("hit_rate_at_5", "limit_ups_at_5", "surge_precision_at_5"):
        np.testing.assert_allclose(chance[metric], constant[metric])
    assert (chance["rank_ic"] == 0).all()


def test_tied_sectors_share_the_last_places() -> None:
    score = np.array([[3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]])
    count = np.array([[0.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 9.0]])
    figures = daily({"limit_ups_at_5": score}, Outcome(count, np.zeros_like(count)))
    # two certain places give 2; three places among five tied sectors worth 1 in all give 3/5
    assert figures["limit_ups_at_5"][0] == pytest.approx((2 + 3 / 5) / 5)


def test_order_of_sectors_does_not_matter(outcome: Outcome) -> None:
    score = np.floor(outcome.count * 0 + np.arange(30) / 4)
    turned = Outcome(outcome.count[:, ::-1], outcome.surge[:, ::-1])
    one = daily(dict.fromkeys(METRICS, score), outcome)
    two = daily(dict.fromkeys(METRICS, score[:, ::-1]), turned)
    for metric in METRICS:
        np.testing.assert_allclose(one[metric], two[metric], atol=1e-12)


def test_sectors_without_outcome_or_score_are_left_out(outcome: Outcome) -> None:
    score = outcome.count.astype(float)
    count = outcome.count.copy()
    count[:, :10] = np.nan
    figures = daily(dict.fromkeys(METRICS, score), Outcome(count, outcome.surge))
    best = np.sort(count[:, 10:], axis=1)[:, -TOP:].mean(axis=1)
    np.testing.assert_allclose(figures["limit_ups_at_5"], best)
    nobody = daily(dict.fromkeys(METRICS, score * np.nan), outcome)
    assert all(np.isnan(series).all() for series in nobody.values())


def test_intervals_agree_with_another_implementation() -> None:
    from arch.bootstrap import StationaryBootstrap

    rng = np.random.default_rng(1)
    noise = rng.normal(size=(300, 20))
    slow = np.cumsum(noise, axis=0) - np.cumsum(np.roll(noise, 20, axis=0), axis=0)
    ours = Bootstrap(300, seed=3)
    theirs = StationaryBootstrap(BLOCK, np.arange(300), seed=np.random.default_rng(4))
    rows = np.stack([data[0][0] for data in theirs.bootstrap(RESAMPLES)])
    for series in np.concatenate([noise, slow], axis=1).T:
        found = ours.interval(series)
        assert found is not None
        low, high = np.quantile(series[rows].mean(axis=1), [0.025, 0.975])
        assert found.mean == pytest.approx(series.mean())
        assert found.high - found.low == pytest.approx(high - low, rel=0.15)


def test_the_same_seed_gives_the_same_interval() -> None:
    series = np.random.default_rng(1).normal(size=80)
    assert Bootstrap(80, seed=3).interval(series) == Bootstrap(80, seed=3).interval(series)
    assert Bootstrap(80, seed=3).interval(series) != Bootstrap(80, seed=4).interval(series)


def test_a_series_with_nothing_in_it_has_no_interval() -> None:
    assert Bootstrap(10, seed=1).interval(np.full(10, np.nan)) is None


def test_differences_are_paired(outcome: Outcome) -> None:
    bootstrap = Bootstrap(40, seed=1)
    score = np.random.default_rng(2).normal(size=outcome.count.shape)
    figures = daily(dict.fromkeys(METRICS, score), outcome)
    same = difference(figures, figures, bootstrap)
    assert all(value == {"mean": 0.0, "low": 0.0, "high": 0.0} for value in same.values())
    assert set(table({"m": figures}, bootstrap)["m"]) == set(METRICS)


def test_each_further_metric_is_perfect_under_foresight(outcome: Outcome) -> None:
    density = outcome.count / np.arange(1, 31)
    full = Outcome(outcome.count, outcome.surge, density)
    best: dict[str, np.ndarray | None] = dict.fromkeys(MORE_METRICS, outcome.count.astype(float))
    best |= {"density_rank_ic": density, "density_at_5": density}
    best |= {"brier_any": (outcome.count >= 1) * 1.0, "brier_surge": outcome.surge * 1.0}
    figures = daily(best, full)
    for metric in ("density_rank_ic", "ndcg_at_5", "surge_auc"):
        known = np.isfinite(figures[metric])
        assert known.sum() > 20
        assert figures[metric][known] == pytest.approx(1.0)
    assert (figures["brier_any"] == 0).all()
    np.testing.assert_allclose(
        figures["density_at_5"], np.sort(density, axis=1)[:, -TOP:].mean(axis=1), rtol=1e-6
    )


def test_each_further_metric_of_chance(outcome: Outcome) -> None:
    full = Outcome(outcome.count, outcome.surge, outcome.count / 10)
    figures = daily(dict.fromkeys(MORE_METRICS, None), full)
    waves = outcome.surge.any(axis=1) & ~outcome.surge.all(axis=1)
    np.testing.assert_array_equal(figures["surge_auc"][waves], 0.5)
    np.testing.assert_allclose(figures["surge_precision_at_1"], outcome.surge.mean(axis=1))
    assert (figures["density_rank_ic"] == 0).all()
    assert (figures["ndcg_at_5"] < 1).all()


def test_ndcg_and_auc_by_hand() -> None:
    score = np.array([[6.0, 5, 4, 3, 2, 1]])
    count = np.array([[0.0, 2, 0, 0, 0, 1]])
    happened = np.array([[0.0, 1, 0, 0, 0, 1]])
    wanted = ("ndcg_at_5", "surge_auc", "surge_precision_at_1", "surge_precision_at_5")
    figures = daily(dict.fromkeys(wanted, score), Outcome(count, happened))
    assert figures["ndcg_at_5"][0] == pytest.approx((2 / np.log2(3)) / (2 + 1 / np.log2(3)))
    assert figures["surge_auc"][0] == pytest.approx(3 / 8)  # pairs in order: 3 of 2 x 4
    assert figures["surge_precision_at_1"][0] == 0
    assert figures["surge_precision_at_5"][0] == pytest.approx(1 / 5)


def test_a_metric_that_cannot_be_had_is_refused(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="density_rank_ic"):
        daily({"density_rank_ic": None}, outcome)
    with pytest.raises(ValueError, match="sharpe"):
        daily({"sharpe": None}, outcome)
