"""The account that follows a forecast, and the forecast's skill: plain checks, always baselines."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest

from data_profile.market import Market
from data_profile.panel import Panel
from factor_pool.evaluation.backtest import Market as Trading
from factor_pool.evaluation.backtest import Rules
from factor_pool.evaluation.baselines import PERSISTENCE, SIZE, design
from factor_pool.evaluation.labels import label
from predictor.account import Account, Costs, duty
from predictor.backtest import Options, backtest
from predictor.dataset import Panels, align
from predictor.errors import PredictorError
from predictor.holdout import Bootstrap
from predictor.scores import Scores

FIRST = 300


@pytest.fixture(scope="module")
def panels(market: Market) -> Panels:
    panel = Panel.from_frame(market.frame)
    return align(panel, panel)


def scores(panels: Panels, score: np.ndarray, **more: object) -> Scores:
    """Scores from row `FIRST` on; the last sessions of the panel have them too."""
    said = np.where(np.arange(len(score))[:, None] >= FIRST, score, np.nan)
    given: dict[str, object] = {
        "source": "replay",
        "what": "a test",
        "sessions": panels.outcome.sessions,
        "sectors": panels.outcome.instruments,
        "score": said,
        "p_surge": np.where(np.isfinite(said), 0.05, np.nan),
        "p_at_least_one": np.where(np.isfinite(said), 0.4, np.nan),
        "removed": np.zeros(said.shape, dtype=bool),
    }
    return Scores(**(given | more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def oracle(panels: Panels) -> Scores:
    """Who knows tomorrow."""
    count = label(panels.outcome, "limit_up_count").astype(float)
    surge = label(panels.outcome, "limit_up_surge").astype(float)
    some = np.where(np.isfinite(count), np.where(count >= 1, 0.99, 0.01), np.nan)
    return scores(panels, count, p_surge=0.01 + 0.98 * surge, p_at_least_one=some)


def test_the_document_has_a_baseline_for_every_figure(panels: Panels, oracle: Scores) -> None:
    document = json.loads(json.dumps(backtest(panels, oracle).to_dict(), allow_nan=False))
    assert document["source"] == "replay"
    assert document["scores"] == "a test"
    account, forecast = document["account"], document["forecast"]
    for name in ("model", "persistence", "size", "chance"):
        assert set(account["methods"][name]) == set(account["methods"]["model"])
        assert set(forecast["methods"][name]) == set(forecast["metrics"])
    for figure in ("annual_excess", "information_ratio"):
        found = account["methods"]["model"][figure]
        assert found["low"] <= found["mean"] <= found["high"]
    assert set(forecast["difference_to_persistence"]) == set(forecast["metrics"])
    for said in forecast["probabilities"].values():
        assert {"brier", "brier_of_base_rate", "brier_of_own_frequency"} <= set(said)
    assert document["rules"]["deal"] == "open of the session after the forecast"
    assert account["at_other_price"]["deal"] == "close"
    assert len(document["curve"]["sessions"]) == document["sessions"]["sessions"]


def test_who_knows_tomorrow_has_perfect_skill(panels: Panels, oracle: Scores) -> None:
    forecast = backtest(panels, oracle).document["forecast"]
    model = forecast["methods"]["model"]
    for name in ("ndcg_at_3", "ndcg_at_5", "surge_auc", "rank_ic"):
        assert model[name]["mean"] == pytest.approx(1)
    assert forecast["methods"]["chance"]["surge_auc"]["mean"] == 0.5
    assert forecast["methods"]["chance"]["rank_ic"]["mean"] == 0
    assert forecast["lift"]["model"]["hit_rate_at_3"]["low"] > 1.5
    some = forecast["probabilities"]["p_at_least_one"]
    assert some["brier"]["mean"] == pytest.approx(0.0001)
    assert some["difference_to_base_rate"]["high"] < 0
    assert [round(x["happened"]["mean"]) for x in some["calibration"]] == [0, 1]
    assert sum(x["n"] for x in some["calibration"]) > 0


def test_figures_are_those_of_plain_definitions(panels: Panels) -> None:
    outcome = panels.outcome
    score = np.random.default_rng(1).normal(size=outcome.shape)
    found = backtest(panels, scores(panels, score)).document
    rows = slice(FIRST, outcome.shape[0] - 1)
    count = label(outcome, "limit_up_count")[rows].astype(float)
    known = np.isfinite(count)
    top = np.argsort(np.where(known, -score[rows], np.inf), axis=1)[:, :3]
    hits = (np.take_along_axis(count, top, axis=1) >= 1).mean()
    rate = np.mean([(day[here] >= 1).mean() for day, here in zip(count, known, strict=True)])
    loss = np.where(known, (0.4 - (count >= 1)) ** 2, np.nan)
    methods = found["forecast"]["methods"]
    assert methods["model"]["hit_rate_at_3"]["mean"] == pytest.approx(hits, abs=1e-5)
    assert methods["chance"]["hit_rate_at_3"]["mean"] == pytest.approx(rate, abs=1e-5)
    said = found["forecast"]["probabilities"]["p_at_least_one"]
    assert said["brier"]["mean"] == pytest.approx(np.nanmean(loss, axis=1).mean(), abs=1e-5)
    assert found["sessions"]["sessions"] == len(count)


def test_the_account_is_the_simulators(panels: Panels) -> None:
    outcome = panels.outcome
    score = np.random.default_rng(2).normal(size=outcome.shape)
    options = Options(top=2, drop=1, costs=Costs(0.0003, 0.0005, 0.0007))
    found = backtest(panels, scores(panels, score), options)
    rules = Rules(top=2, drop=1, open_cost=0.001, close_cost=0.0015).on(outcome)
    said = np.where(np.arange(len(score))[:, None] >= FIRST, score, np.nan)
    curve = Trading(outcome, rules).simulate(said, outcome.sessions[FIRST + 1])
    np.testing.assert_array_equal(found.curves["model"].account, curve.account)
    figures = curve.figures()
    model = found.document["account"]["methods"]["model"]
    assert model["annual_excess"]["mean"] == pytest.approx(figures["annual_excess"], abs=1e-5)
    assert model["max_drawdown"] == figures["max_drawdown"]


def test_scores_of_a_session_trade_in_the_next(panels: Panels, oracle: Scores) -> None:
    """Garbage in the scores of the last session changes no account before it."""
    outcome = panels.outcome
    end = outcome.sessions[-10].item()
    spoilt = scores(panels, oracle.score.copy())
    row = len(outcome.sessions) - 10
    spoilt.score[row:] = np.random.default_rng(0).normal(size=spoilt.score[row:].shape)
    one = backtest(panels, scores(panels, oracle.score), Options(end=end))
    other = backtest(panels, spoilt, Options(end=end))
    assert one.to_dict() == other.to_dict()
    assert one.document["sessions"]["end"] == str(end)


def test_costs(panels: Panels) -> None:
    assert duty(datetime.date(2023, 8, 25)) == 0.001
    assert duty(datetime.date(2023, 8, 28)) == 0.0005
    assert Costs(0.0002, 0.001, 0.0005).buying == pytest.approx(0.0007)
    assert Costs(0.0002, 0.001, 0.0005).selling == pytest.approx(0.0017)
    score = np.random.default_rng(3).normal(size=panels.outcome.shape)
    free = backtest(panels, scores(panels, score), Options(costs=Costs(0, 0, 0)))
    paid = backtest(panels, scores(panels, score), Options(costs=Costs(0.01, 0, 0)))
    assert free.curves["model"].cost.max() < 1e-5
    assert paid.curves["model"].cost.mean() > 1e-3


def test_what_the_filters_removed_is_not_held(panels: Panels) -> None:
    score = np.random.default_rng(4).normal(size=panels.outcome.shape)
    removed = np.zeros(score.shape, dtype=bool)
    removed[:, 3:] = True
    found = backtest(panels, scores(panels, score, removed=removed), Options(top=5))
    assert found.curves["model"].positions.max() <= 3
    assert found.curves["model_unfiltered"].positions.max() > 3
    assert found.curves["persistence"].positions.max() <= 3


def test_baselines_are_persistence_and_size(panels: Panels, oracle: Scores) -> None:
    outcome = panels.outcome
    persistence, size = design(panels.known, (PERSISTENCE, SIZE))
    found = backtest(panels, oracle)
    bootstrap = Bootstrap(3, seed=1)
    account = Account(
        outcome, FIRST + 1, len(outcome.sessions) - 1, top=3, drop=1, deal="open", costs=None,
        bootstrap=bootstrap,
    )  # fmt: skip
    here = np.isfinite(oracle.score)
    for name, values in (("persistence", persistence), ("size", size)):
        expected = account.trade(np.where(here, values, np.nan)).account
        np.testing.assert_array_equal(found.curves[name].account, expected)


def test_scores_over_other_axes_are_put_in_place(panels: Panels) -> None:
    panel = panels.outcome
    said = Scores(
        "live", "x",
        np.array([panel.sessions[5], np.datetime64("2031-01-02")]),
        (panel.instruments[3], "gone"),
        np.array([[1.0, 2.0], [3.0, 4.0]]), np.full((2, 2), 0.1), np.full((2, 2), 0.2),
        np.array([[True, False], [False, False]]),
    ).on(panel)  # fmt: skip
    assert np.argwhere(np.isfinite(said.score)).tolist() == [[5, 3]]
    assert (said.score[5, 3], said.removed[5, 3], said.removed.sum()) == (1.0, True, 1)


def test_a_window_without_scores_is_refused(panels: Panels, oracle: Scores) -> None:
    early = pd.Timestamp(panels.outcome.sessions[10]).date()
    with pytest.raises(PredictorError, match="replay scores"):
        backtest(panels, oracle, Options(end=early))
    with pytest.raises(PredictorError, match="no session between"):
        backtest(panels, oracle, Options(start=datetime.date(2050, 1, 1)))


def test_the_same_seed_gives_the_same_document(panels: Panels, oracle: Scores) -> None:
    one, other = (backtest(panels, oracle, Options(seed=3)).to_dict() for _ in range(2))
    assert one == other
