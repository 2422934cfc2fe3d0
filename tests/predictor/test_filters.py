"""What is taken out of the ranking: each rule, its figures, its settings, and only the past."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.panel import Panel
from predictor.errors import PredictorError
from predictor.filters import (
    FILTERS,
    Filter,
    Removed,
    Thresholds,
    removed_each_session,
    screen,
    usable,
)
from predictor.forecast import predict
from predictor.training import Trained

SESSIONS = 70
THRESHOLDS = Thresholds()


def flat(sectors: int = 4) -> dict[str, np.ndarray]:
    """A market that rises a little every session: no rule fires."""
    shape = (SESSIONS, sectors)
    close = 1000 * 1.001 ** np.arange(SESSIONS)[:, None] * np.ones(shape)
    return {
        "open": close * 0.999,
        "close": close,
        "turnover": np.full(shape, 1e9),
        "company_count": np.full(shape, 30.0),
        "limit_up_count": np.ones(shape),
    }


def made(values: dict[str, np.ndarray]) -> Panel:
    days = pd.bdate_range("2025-01-06", periods=SESSIONS)
    frame = pd.concat(
        pd.DataFrame({name: matrix[:, s] for name, matrix in values.items()}).assign(
            date=days, instrument=f"S{s}"
        )
        for s in range(next(iter(values.values())).shape[1])
    )
    return Panel.from_frame(frame)


def removed(
    values: dict[str, np.ndarray], thresholds: Thresholds = THRESHOLDS
) -> dict[str, Removed]:
    panel = made(values)
    return screen(panel, usable(panel, thresholds)[0])


def high_position() -> dict[str, np.ndarray]:
    values = flat()
    values["close"][-20:, 1] *= 1.5
    values["open"][-20:, 1] = values["close"][-20:, 1]
    values["open"][-1, 1] = values["close"][-1, 1] * 1.05
    return values


def test_an_ordinary_market_loses_nobody() -> None:
    assert removed(flat()) == {}


def test_a_fall_in_a_high_position_is_removed_with_its_figures() -> None:
    [(sector, one)] = removed(high_position()).items()
    told = one.to_dict("en", "板块")
    assert (sector, one.rule, told["name"]) == ("S1", "high_position", "板块")
    assert told["figures"]["high_position"] == {
        "risen": pytest.approx(1.5 * 1.001**20 - 1, abs=1e-4),
        "candle": pytest.approx(1 / 1.05 - 1, abs=1e-4),
    }
    assert "53.0%" in told["why"]
    assert "-4.8%" in told["why"]
    assert "30%" in told["why"]
    assert "大阴线" in one.to_dict("zh", "板块")["why"]


def test_a_rise_alone_or_a_fall_alone_is_kept() -> None:
    values = high_position()
    values["open"][-1, 1] = values["close"][-1, 1] * 0.99
    assert removed(values) == {}
    values = flat()
    values["open"][-1, 1] = values["close"][-1, 1] * 1.2
    assert removed(values) == {}


@pytest.mark.parametrize(
    ("thresholds", "fires"),
    [
        (Thresholds(rise=0.5), True),
        (Thresholds(rise=0.6), False),
        (Thresholds(fall=0.04), True),
        (Thresholds(fall=0.06), False),
    ],
)
def test_both_thresholds_can_be_set(thresholds: Thresholds, fires: bool) -> None:
    assert bool(removed(high_position(), thresholds)) == fires


def test_a_thin_sector() -> None:
    values = flat()
    values["company_count"][:, 2] = 7
    [(sector, one)] = removed(values).items()
    assert (sector, one.rule) == ("S2", "thin")
    assert one.to_dict("en", "x")["why"] == "7 companies, fewer than 8"
    assert removed(values, Thresholds(companies=7)) == {}


def test_a_board_without_trade_a_dead_one_and_one_without_a_row() -> None:
    values = flat()
    values["turnover"][-1, 0] = 0
    values["close"][-6:, 1] = 1000
    for matrix in values.values():
        matrix[-3:, 2] = np.nan
    found = removed(values)
    assert {sector: one.rule for sector, one in found.items()} == {
        "S0": "no_trade", "S1": "dead", "S2": "no_row",
    }  # fmt: skip
    assert found["S1"].to_dict("en", "x")["figures"]["dead"] == {"unchanged": 5}
    last = made(values).sessions[-4]
    assert str(last) in found["S2"].to_dict("en", "x")["why"]


def test_a_board_that_is_gone_for_long_is_no_news() -> None:
    values = flat()
    for matrix in values.values():
        matrix[5:, 2] = np.nan
    assert removed(values) == {}


def test_a_source_that_failed_for_everybody_removes_nobody_for_want_of_trade() -> None:
    values = flat()
    values["turnover"][-1] = np.nan
    assert removed(values) == {}


def test_several_rules_give_all_their_reasons() -> None:
    values = high_position()
    values["company_count"][:, 1] = 3
    [one] = removed(values).values()
    told = one.to_dict("zh", "x")
    assert one.rule == "thin"
    assert set(told["figures"]) == {"thin", "high_position"}
    assert "；" in told["why"]
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize("kind", FILTERS)
class TestConformance:
    """What holds for every rule."""

    def panel(self) -> Panel:
        rng = np.random.default_rng(3)
        values = flat(8)
        values["close"] *= np.exp(np.cumsum(rng.normal(0, 0.04, values["close"].shape), axis=0))
        values["open"] = values["close"] * (1 + rng.normal(0, 0.04, values["close"].shape))
        values["company_count"] = rng.integers(4, 14, values["close"].shape).astype(float)
        values["turnover"][rng.random(values["close"].shape) < 0.1] = 0
        for t, s in zip(rng.integers(20, 69, 30), rng.integers(0, 8, 30), strict=True):
            values["close"][t, s] = values["close"][t - 1, s]
            values["limit_up_count"][t, s] = np.nan
        return made(values)

    def test_a_session_is_judged_by_what_was_known_then(self, kind: type[Filter]) -> None:
        panel = self.panel()
        whole = kind(Thresholds(still=1)).fires(panel)
        assert whole.shape == panel.shape
        assert whole.any()
        for t in range(1, SESSIONS, 7):
            cut = panel.between(end=panel.sessions[t])
            np.testing.assert_array_equal(kind(Thresholds(still=1)).fires(cut), whole[: t + 1])

    def test_it_says_why_in_both_languages(self, kind: type[Filter]) -> None:
        panel = self.panel()
        rule = kind(Thresholds(still=1))
        t, s = np.argwhere(rule.fires(panel))[-1]
        figures = rule.figures(panel.between(end=panel.sessions[t]), int(s))
        texts = [rule.why(figures, "en"), rule.why(figures, "zh")]
        assert all(texts)
        assert all("{" not in text and "nan" not in text for text in texts)

    def test_without_its_fields_it_is_named_as_not_applied(self, kind: type[Filter]) -> None:
        panel = self.panel()
        missing = dataclasses.replace(
            panel, values={n: m for n, m in panel.values.items() if n != kind.needs[0]}
        )
        rules, lacking = usable(missing, THRESHOLDS)
        assert kind.needs[0] in lacking[kind.name]
        assert kind.name not in {rule.name for rule in rules}


def test_every_session_at_once() -> None:
    panel = made(high_position())
    mask = removed_each_session(panel, usable(panel, THRESHOLDS)[0])
    assert mask[-1].tolist() == [False, True, False, False]
    assert mask.sum() == 1


def test_thresholds_come_from_the_environment() -> None:
    chosen = Thresholds.from_environment({"TIDE_FILTER_RISE": "0.4", "TIDE_FILTER_COMPANIES": "5"})
    assert chosen == Thresholds(rise=0.4, companies=5)
    with pytest.raises(PredictorError, match="TIDE_FILTER_FALL"):
        Thresholds.from_environment({"TIDE_FILTER_FALL": "much"})
    with pytest.raises(PredictorError, match="still"):
        Thresholds.from_environment({"TIDE_FILTER_STILL": "0"})


def test_the_ranking_goes_on_without_gaps(trained_home: tuple[Home, Trained]) -> None:
    home = trained_home[0]
    before = predict(home, top=100)
    counts = {row.sector_id: row for row in before.everyone}
    limit = Thresholds(companies=10_000)
    assert predict(home, top=100, thresholds=limit).ranking == ()
    found = predict(home, top=100, thresholds=Thresholds(companies=12)).to_dict("zh")
    places = [row["rank"] for row in found["ranking"]]
    assert places == list(range(1, len(places) + 1))
    gone = {one["sector_id"] for one in found["removed"]}
    assert gone
    assert not gone & {row["sector_id"] for row in found["ranking"] + found["waves"]}
    assert gone | {row["sector_id"] for row in found["ranking"]} == set(counts)
    for one in found["removed"]:
        assert one["would_rank"] == counts[one["sector_id"]].rank
    said = {row["sector_id"]: row["removed"] for row in found["scores"]}
    assert {sector for sector, out in said.items() if out} == gone
    assert len(said) == len(counts)
