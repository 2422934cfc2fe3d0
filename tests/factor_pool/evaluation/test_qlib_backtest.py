"""The simulator against Qlib's own engine."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_profile.market import synthetic
from data_profile.panel import Panel
from factor_pool.evaluation.backtest import Curve, Market, Rules
from factor_pool.evaluation.qlib_backtest import QlibBacktest
from tests.factor_pool.evaluation.markets import panel_of

NO_LIMITS = {"no_buy": None, "no_sell": None}


def nasty(seed: int, sessions: int = 90, sectors: int = 14) -> tuple[Panel, np.ndarray]:
    """Prices with holes and late listings, sectors at their limits, scores with ties and gaps."""
    rng = np.random.default_rng(seed)
    shape = (sessions, sectors)
    close = 100 * np.exp(np.cumsum(0.03 * rng.normal(size=shape), axis=0))
    opened = close * np.exp(0.02 * rng.normal(size=shape))
    listed = np.arange(sessions)[:, None] >= rng.integers(-40, 40, sectors)
    delisted = np.arange(sessions)[:, None] >= rng.integers(60, 200, sectors)
    close[(rng.random(shape) < 0.08) | ~listed | delisted] = np.nan
    opened[(rng.random(shape) < 0.05) | ~listed | delisted] = np.nan
    opened[rng.random(shape) < 0.02] = 0.0  # no price: Qlib takes the close
    scores = rng.normal(size=shape).round(1)
    scores[rng.random(shape) < 0.12] = np.nan
    scores[rng.random(sessions) < 0.04] = np.nan
    scores[rng.random(shape) < 0.01] = np.inf
    panel = panel_of(
        close=close,
        open=opened,
        limit_up_count=np.where(listed & ~delisted, rng.poisson(3, shape), np.nan),
        limit_down_count=np.where(listed & ~delisted, rng.poisson(2, shape), np.nan),
        company_count=np.where(listed & ~delisted, 9.0, np.nan),
    )
    return panel, scores


def assert_agree(fast: Curve, slow: Curve) -> None:
    assert np.array_equal(fast.sessions, slow.sessions)
    assert np.array_equal(fast.positions, slow.positions)
    assert np.abs(fast.account / slow.account - 1).max() < 1e-9
    for name in ("returns", "cost", "turnover", "benchmark"):
        assert np.abs(getattr(fast, name) - getattr(slow, name)).max() < 1e-9, name


def both(panel: Panel, rules: Rules, folder, scores, start=None, end=None) -> tuple[Curve, Curve]:
    return (
        Market(panel, rules).simulate(scores, start, end),
        QlibBacktest(panel, rules, folder).simulate(scores, start, end),
    )


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(deal="close"),
        Rules(top=3, drop=3),
        Rules(top=1, drop=1),
        Rules(top=8, drop=2, hold=5),
        Rules(top=5, drop=2, only_tradable=True),
        Rules(top=4, drop=2, forbid_all=False),
        Rules(top=4, drop=2, forbid_all=False, only_tradable=True, hold=3),
        Rules(top=6, drop=4, **NO_LIMITS),
        Rules(top=5, drop=2, open_cost=0.01, close_cost=0.02, min_cost=0.0),
        Rules(top=5, drop=2, cash=4000.0),
        Rules(top=5, drop=2, cash=300.0, min_cost=20.0, risk_degree=1.0),
        Rules(top=5, drop=1, risk_degree=0.5),
        Rules(top=3, drop=1, no_buy="$close > Ref($close, 1) * 1.03", no_sell=None),
        Rules(top=14, drop=2),
    ],
    ids=str,
)
def test_the_account_is_qlibs(rules, tmp_path):
    panel, scores = nasty(7)
    fast, slow = both(panel, rules, tmp_path / "tree", scores, panel.sessions[3])
    assert_agree(fast, slow)
    assert fast.turnover.any()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    top=st.integers(1, 9),
    drop=st.integers(1, 6),
    hold=st.integers(0, 4),
    choices=st.tuples(st.booleans(), st.booleans()),
    deal=st.sampled_from(["open", "close"]),
)
def test_the_account_is_qlibs_whatever_the_market(
    seed, top, drop, hold, choices, deal, tmp_path_factory
):
    panel, scores = nasty(seed, sessions=45, sectors=25)
    rules = Rules(
        top=top, drop=drop, hold=hold, only_tradable=choices[0], forbid_all=choices[1], deal=deal
    )
    folder = tmp_path_factory.mktemp("qlib") / "tree"
    assert_agree(*both(panel, rules, folder, scores))


def test_a_market_with_its_own_rules_of_price_and_its_last_session(tmp_path):
    frame = synthetic(3, sectors=30, sessions=160).frame
    panel = Panel.from_frame(frame)
    scores = panel.values["net_inflow_ratio"]
    assert_agree(*both(panel, Rules(), tmp_path / "tree", scores, panel.sessions[60]))


def test_qlib_called_as_its_manual_says_gives_the_same(tmp_path):
    """Raw scores, without ties or gaps, through `backtest_daily` and no code of ours."""
    from qlib.contrib.evaluate import backtest_daily, risk_analysis
    from qlib.contrib.strategy import TopkDropoutStrategy

    frame = synthetic(5, sectors=24, sessions=120).frame
    panel = Panel.from_frame(frame)
    scores = np.random.default_rng(0).normal(size=panel.shape)
    rules = Rules(top=5, drop=2)
    engine = QlibBacktest(panel, rules, tmp_path / "tree")
    engine.simulate(scores)  # leaves Qlib pointed to the tree
    days = pd.DatetimeIndex(panel.sessions)
    codes = [f"S{column:05d}" for column in range(len(panel.instruments))]
    report, _ = backtest_daily(
        start_time=days[1],
        end_time=days[-1],
        strategy=TopkDropoutStrategy(
            signal=pd.DataFrame(scores, days, codes)
            .stack()
            .rename_axis(["datetime", "instrument"]),
            topk=5,
            n_drop=2,
        ),
        account=1e8,
        benchmark=codes,
        exchange_kwargs={
            "deal_price": "open",
            "limit_threshold": (
                "$limit_up_count >= 0.5 * $company_count",
                "$limit_down_count >= 0.5 * $company_count",
            ),
            "trade_unit": None,
        },
    )

    curve = Market(panel, rules).simulate(scores, panel.sessions[1])

    assert np.abs(curve.account / report["account"].to_numpy() - 1).max() < 1e-9
    for name, column in (("returns", "return"), ("cost", "cost"), ("turnover", "turnover")):
        assert np.abs(getattr(curve, name) - report[column].to_numpy()).max() < 1e-9
    assert np.abs(curve.benchmark - report["bench"].to_numpy()).max() < 1e-6  # float32 in Qlib
    excess = report["return"] - report["cost"] - pd.Series(curve.benchmark, report.index)
    risk = risk_analysis(excess, freq="day")["risk"]
    figures = curve.figures()
    assert figures["annual_excess"] == pytest.approx(risk["annualized_return"], abs=1e-9)
    assert figures["information_ratio"] == pytest.approx(risk["information_ratio"], abs=1e-9)
    assert figures["excess_drawdown"] == pytest.approx(risk["max_drawdown"], abs=1e-9)
