"""The synthetic market is consistent, looks like the real one, and tells the truth about itself."""

import numpy as np
import pandas as pd
import pytest

from data_profile import sessions
from data_profile.market import LAST_SESSION, Market, synthetic
from data_profile.panel import Panel
from data_profile.profile import Profile
from factor_pool.evaluation.baselines import design, ewm
from factor_pool.evaluation.labels import events, label
from factor_pool.evaluation.metrics import Projection, hit_rate, rank_ic, ranks
from factor_pool.expression import evaluate, parse

SEEDS = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def markets() -> list[Market]:
    return [synthetic(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def nulls() -> list[Panel]:
    return [Panel.from_frame(synthetic(seed, null=True).frame) for seed in SEEDS]


@pytest.fixture(scope="module")
def panels(markets: list[Market]) -> list[Panel]:
    return [Panel.from_frame(market.frame) for market in markets]


def test_a_seed_gives_the_same_market_and_another_seed_another() -> None:
    one, same, other = (synthetic(seed, sectors=9, sessions=50) for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(one.frame, same.frame)
    assert (one.names, one.planted) == (same.names, same.planted)
    assert not one.frame["close"].equals(other.frame["close"])


@pytest.mark.parametrize("bad", [{"sectors": 1}, {"sectors": 501}, {"sessions": 29},
                                 {"flow_from": 1.0}, {"flow_from": -0.1},
                                 {"strength": -1}, {"strength": 4}])  # fmt: skip
def test_arguments_out_of_range(bad: dict) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be|and {next(iter(bad))}"):
        synthetic(1, **bad)


@pytest.mark.parametrize(("sectors", "count"), [(2, 30), (500, 30), (109, 40)])
def test_every_size_works(sectors: int, count: int) -> None:
    market = synthetic(1, sectors=sectors, sessions=count)
    panel = Panel.from_frame(market.frame)
    assert panel.shape == (count, sectors)
    assert len(set(market.names.values())) == sectors
    assert set(market.names) == set(panel.instruments)


def test_its_sessions_are_real_ones_and_its_fields_are_known(panels: list[Panel]) -> None:
    for panel in panels:
        days = [day.item() for day in panel.sessions]
        assert list(sessions.sessions(days[0], LAST_SESSION)) == days
        assert Profile.load().unknown(panel) == ()


def test_counts_agree_with_each_other(markets: list[Market]) -> None:
    for market in markets:
        f = market.frame
        count, companies = f["limit_up_count"], f["company_count"]
        assert (f["limit_up_first_board"] + f["limit_up_multi_board"] == count).all()
        for part in ("one_word_count", "limit_up_20pct_count"):
            assert (f[part] <= count).all()
        assert ((f["max_streak"] > 0) == (count > 0)).all()
        assert ((f["max_streak"] > 1) == (f["limit_up_multi_board"] > 0)).all()
        assert (count + f["broken_limit_count"] <= companies).all()
        assert (f["up_count"] >= count).all()
        assert (f["down_count"] >= f["limit_down_count"]).all()
        assert (f["up_count"] + f["down_count"] <= companies).all()
        counts = f.filter(regex="count$|board$|streak$|_st$")
        assert ((counts >= 0) | counts.isna()).all(axis=None)
        assert (counts.fillna(0) % 1 == 0).all(axis=None)


def test_a_streak_grows_by_one_session_at_most(panels: list[Panel]) -> None:
    for panel in panels:
        streak, multi = panel.values["max_streak"], panel.values["limit_up_multi_board"]
        grown = np.diff(streak, axis=0)
        assert (grown[np.isfinite(grown)] <= 1).all()
        fresh = multi[1:] <= panel.values["limit_up_count"][:-1]
        assert fresh[np.isfinite(multi[1:]) & np.isfinite(multi[:-1])].all()


def test_bars_and_money_agree(markets: list[Market]) -> None:
    for market in markets:
        f = market.frame
        assert (f["high"] > f[["open", "close"]].max(axis=1)).all()
        assert (f["low"] < f[["open", "close"]].min(axis=1)).all()
        assert (f["low"] > 0).all()
        assert (f["turnover"] > 0).all()
        np.testing.assert_allclose(f["inflow_proxy"] + f["outflow_proxy"], f["turnover"])
        np.testing.assert_allclose(f["net_inflow"], f["net_inflow_ratio"] * f["turnover"])
        close = f.pivot(index="date", columns="instrument", values="close")
        change = f.pivot(index="date", columns="instrument", values="ret")
        np.testing.assert_allclose((close / close.shift() - 1).fillna(change), change)


def test_money_flow_begins_later_and_some_sectors_list_late() -> None:
    market = synthetic(1, sectors=36, sessions=200, flow_from=0.5)
    panel = Panel.from_frame(market.frame)
    flow = np.isfinite(panel.values["net_inflow"])
    assert not flow[:100].any()
    assert flow[100:].mean() > 0.95
    assert not panel.listed[0].all()
    assert panel.listed[-1].all()
    holes = panel.listed & ~np.isfinite(panel.values["close"])
    assert 0 < holes.mean() < 0.01
    assert synthetic(1, sectors=5, sessions=60, flow_from=0).frame["net_inflow"].notna().all()


def test_sizes_differ_as_real_sectors_do(panels: list[Panel]) -> None:
    size = np.nanmax(panels[0].values["company_count"], axis=0)
    assert size.min() >= 8
    assert size.max() <= 500
    assert np.quantile(size, 0.9) > 5 * np.quantile(size, 0.1)


REAL = {
    "base rate": 0.38,
    "mean count": 0.85,
    "rank IC of EWM10": 0.50,
    "rank IC of today": 0.42,
    "rank IC of size": 0.42,
    "hit rate at 5 of EWM10": 0.84,
    "hit rate at 5 of size": 0.75,
    "base rate of surges": 0.054,
    "surges in the top 5 of today": 0.15,
}
"""Of 70 industry sectors, 2021 to 2025."""


def figures(panel: Panel) -> dict[str, float]:
    count = np.where(panel.listed, panel.values["limit_up_count"], np.nan).astype(np.float64)
    after, surge = label(panel), label(panel, "limit_up_surge")
    size, past, some = panel.values["company_count"], ewm(count, 10), events(panel)
    there = np.isfinite(count)
    return {
        "base rate": (count[there] >= 1).mean(),
        "mean count": count[there].mean(),
        "rank IC of EWM10": np.nanmean(rank_ic(past, after)),
        "rank IC of today": np.nanmean(rank_ic(count, after)),
        "rank IC of size": np.nanmean(rank_ic(size, after)),
        "hit rate at 5 of EWM10": np.nanmean(hit_rate(past, after, some)),
        "hit rate at 5 of size": np.nanmean(hit_rate(size, after, some)),
        "base rate of surges": np.nanmean(surge),
        "surges in the top 5 of today": np.nanmean(hit_rate(count, surge, surge == 1)),
    }


@pytest.fixture(scope="module", params=[1.0, 0.0], ids=["planted", "persistent"])
def calibrated(request: pytest.FixtureRequest, panels: list[Panel]) -> list[dict[str, float]]:
    if request.param == 1.0:
        return [figures(panel) for panel in panels]
    return [
        figures(Panel.from_frame(synthetic(seed, strength=request.param).frame)) for seed in SEEDS
    ]


@pytest.mark.parametrize("name", REAL)
def test_it_is_calibrated_to_the_real_market(calibrated: list[dict], name: str) -> None:
    assert np.mean([one[name] for one in calibrated]) == pytest.approx(REAL[name], rel=0.15)


def test_the_mood_has_regimes(panels: list[Panel]) -> None:
    """Quiet and wild spells of days: the mean count is autocorrelated, as the real one (0.54)."""
    for panel in panels:
        day = np.nanmean(panel.values["limit_up_count"], axis=1)
        assert 0.3 < np.corrcoef(day[1:], day[:-1])[0, 1] < 0.7
        assert np.quantile(day, 0.95) > 2.5 * np.quantile(day, 0.05)


def marginal(panel: Panel, texts: tuple[str, ...]) -> np.ndarray:
    """Mean marginal rank IC of each text."""
    beyond = Projection(label(panel, "limit_up_count"), design(panel))
    units = Profile.load().units(panel)
    values = evaluate([parse(text, units) for text in texts], panel)
    return np.array([np.nanmean(beyond.marginal_rank_ic(matrix)) for matrix in values])


def test_each_planted_factor_is_true(markets: list[Market], panels: list[Panel]) -> None:
    texts = markets[0].planted
    assert len(texts) == 6
    found = np.mean([marginal(panel, texts) for panel in panels], axis=0)
    for text, value in zip(texts, found, strict=True):
        assert 0.04 < value < 0.07, text


def test_planted_factors_are_of_different_kinds(markets, panels) -> None:
    expressions = [parse(text) for text in markets[0].planted]
    ranks = [pd.DataFrame(v).rank(axis=1, pct=True).to_numpy().ravel()
             for v in evaluate(expressions, panels[0])]  # fmt: skip
    correlation = pd.DataFrame(np.array(ranks).T).corr().to_numpy()
    assert np.abs(correlation - np.eye(len(ranks))).max() < 0.5


NOTHING = (
    "$limit_up_multi_board", "$one_word_count", "$max_streak", "$limit_down_count",
    "$limit_up_count / $company_count", "$limit_up_count * $limit_up_count",
    "Mean($limit_up_count, 5)", "Mean($limit_up_count, 20)", "Std($limit_up_count, 10)",
    "Max($limit_up_count, 10)", "$up_count / $company_count", "$broken_limit_count", "$ret",
    "$turnover", "$net_inflow", "$flow_1000 / $turnover", "Std($ret, 20)",
)  # fmt: skip


def test_in_the_null_market_nothing_predicts_beyond_the_baseline(markets, nulls) -> None:
    texts = NOTHING + markets[0].planted
    found = np.mean([marginal(panel, texts) for panel in nulls], axis=0)
    # One market's mean has a standard error of about 1 / sqrt(60 x 700) = 0.005; here are four.
    for text, value in zip(texts, found, strict=True):
        assert abs(value) < 0.01, f"{text}: {value:.4f}"
    assert np.sqrt((found**2).mean()) < 0.004


def test_in_the_null_market_the_expectation_of_any_label_is_linear_in_the_ranks(nulls) -> None:
    """Sectors without limit-ups today, the small ones, the fresh ones: no curvature is left."""
    residuals = []
    for panel in nulls:
        after = ranks(label(panel))
        design_ranks = np.array([ranks(np.where(np.isfinite(after), x, np.nan))
                                 for x in design(panel)])  # fmt: skip
        there = np.isfinite(design_ranks).all(axis=0) & np.isfinite(after)
        x = np.vstack([np.ones(there.sum()), design_ranks[:, there]]).T
        y = after[there]
        rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        residuals.append([rest[mask].mean() for k in range(5)
                          for mask in _thirds(design_ranks[k][there])])  # fmt: skip
    assert np.abs(np.mean(residuals, axis=0)).max() < 0.5  # ranks, of 60


def _thirds(values: np.ndarray) -> list[np.ndarray]:
    low, high = np.quantile(values, [1 / 3, 2 / 3])
    return [values <= low, (values > low) & (values < high), values >= high]


def test_the_null_market_is_persistent_all_the_same(nulls: list[Panel]) -> None:
    assert synthetic(1, sectors=5, sessions=40, null=True).planted == ()
    mean = {name: np.mean([figures(panel)[name] for panel in nulls]) for name in REAL}
    assert mean["base rate"] == pytest.approx(REAL["base rate"], rel=0.15)
    assert mean["mean count"] == pytest.approx(REAL["mean count"], rel=0.15)
    assert 0.3 < mean["rank IC of EWM10"] < 0.44  # whatever is linear in ranks has no more
    assert mean["hit rate at 5 of EWM10"] > 0.6


def test_strength_multiplies_what_is_planted() -> None:
    texts = synthetic(1, sectors=5, sessions=40).planted
    assert synthetic(1, sectors=5, sessions=40, strength=0).planted == ()
    weak, strong = (
        marginal(Panel.from_frame(synthetic(1, sessions=400, strength=k).frame), texts).mean()
        for k in (0.5, 2.0)
    )
    assert 0.02 < weak < 0.04
    assert strong > 0.07
