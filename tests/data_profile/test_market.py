"""The synthetic market is consistent, looks like the real one, and tells the truth about itself."""

import numpy as np
import pandas as pd
import pytest

from data_profile import sessions
from data_profile.market import LAST_SESSION, Market, synthetic
from data_profile.panel import Panel
from data_profile.profile import Profile
from factor_pool.evaluation.baselines import design, ewm
from factor_pool.evaluation.labels import label
from factor_pool.evaluation.metrics import Projection, rank_ic
from factor_pool.expression import evaluate, parse

SEEDS = (1, 2, 3)


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
                                 {"flow_from": 1.0}, {"flow_from": -0.1}])  # fmt: skip
def test_arguments_out_of_range(bad: dict) -> None:
    with pytest.raises(ValueError, match="sectors must be"):
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
    assert size.max() <= 250
    assert np.quantile(size, 0.9) > 5 * np.quantile(size, 0.1)


def figures(panel: Panel) -> dict[str, float]:
    count = np.where(panel.listed, panel.values["limit_up_count"], np.nan).astype(np.float64)
    after = label(panel, "limit_up_count")
    there = np.isfinite(count)
    return {
        "base rate": (count[there] >= 1).mean(),
        "mean count": count[there].mean(),
        "rank IC of EWM10": np.nanmean(rank_ic(ewm(count, 10), after)),
        "rank IC of today": np.nanmean(rank_ic(count, after)),
        "rank IC of size": np.nanmean(rank_ic(panel.values["company_count"], after)),
    }


@pytest.mark.parametrize(
    ("name", "real"),
    [
        ("base rate", 0.38),
        ("mean count", 0.85),
        ("rank IC of EWM10", 0.50),
        ("rank IC of today", 0.42),
        ("rank IC of size", 0.42),
    ],
)
def test_it_is_calibrated_to_the_real_market(panels: list[Panel], name: str, real: float) -> None:
    assert np.mean([figures(panel)[name] for panel in panels]) == pytest.approx(real, rel=0.15)


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
        assert 0.035 < value < 0.09, text


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
    # One market's mean has a standard error of about 1 / sqrt(60 x 600) = 0.005; here are three.
    for text, value in zip(texts, found, strict=True):
        assert abs(value) < 0.0125, f"{text}: {value:.4f}"
    assert np.sqrt((found**2).mean()) < 0.006


def test_the_null_market_is_persistent_all_the_same(nulls: list[Panel]) -> None:
    assert synthetic(1, sectors=5, sessions=40, null=True).planted == ()
    assert np.mean([figures(panel)["rank IC of EWM10"] for panel in nulls]) > 0.4
