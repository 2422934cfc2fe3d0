"""Reasons: their numbers are the panel's, their words the feature's."""

import functools
import re

import numpy as np
import pytest

from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool.expression import evaluate, parse
from predictor.dataset import COLD_START, Dataset, Panels, build
from predictor.explain import (
    Comparison,
    Reason,
    ThemeImportance,
    explain,
    importance_by_theme,
)
from predictor.features import BASE_FEATURES, Feature
from predictor.storage import Stored, load_current
from predictor.training import Trained

ROW = 430


@pytest.fixture(scope="module")
def stored(trained_home: tuple[Home, Trained]) -> Stored:
    return load_current(trained_home[0].models)


@pytest.fixture(scope="module")
def seen(stored: Stored, panels: Panels) -> Dataset:
    return build(panels, stored.model.features)


@pytest.fixture(scope="module")
def reasons(stored: Stored, seen: Dataset) -> dict[str, tuple[Reason, ...]]:
    return explain(stored.model, seen, ROW)


def test_every_sector_with_a_row_has_reasons(
    seen: Dataset, reasons: dict[str, tuple[Reason, ...]]
) -> None:
    assert set(reasons) == {
        s for s, here in zip(seen.sectors, seen.present[ROW], strict=True) if here
    }
    assert all(reasons.values())


@functools.cache
def values_of(panel: Panel, text: str) -> np.ndarray:
    (values,) = evaluate([parse(text)], panel)
    return np.where(np.isfinite(values), values, np.nan)


def test_values_and_percentiles_are_the_panels(
    panel: Panel, reasons: dict[str, tuple[Reason, ...]]
) -> None:
    checked = 0
    for sector, own in reasons.items():
        column = panel.instruments.index(sector)
        for reason in own:
            if reason.value is None:
                continue
            checked += 1
            source = values_of(panel, reason.feature.text)
            assert reason.value == source[ROW, column]
            for comparison in reason.unusual:
                if comparison.kind == "own":
                    others = source[:ROW, column]
                else:
                    others = np.delete(source[ROW], column)
                others = others[np.isfinite(others)]
                assert comparison.above == pytest.approx((others < reason.value).mean())
                assert comparison.below == pytest.approx((others > reason.value).mean())
    assert checked > 5


def test_each_theme_speaks_once_strongest_first(reasons: dict[str, tuple[Reason, ...]]) -> None:
    for own in reasons.values():
        themes = [reason.feature.theme for reason in own]
        assert len(set(themes)) == len(themes)
        strength = [abs(reason.contribution) for reason in own]
        assert strength == sorted(strength, reverse=True)


def test_contributions_are_against_the_average_sector(
    stored: Stored, seen: Dataset, reasons: dict[str, tuple[Reason, ...]]
) -> None:
    values = seen.values[ROW, seen.present[ROW]]
    order = stored.model.raw("rank", values)
    total = stored.model.contributions("rank", values).sum(axis=1)
    np.testing.assert_allclose(order - order.mean(), total - total.mean(), atol=1e-8)
    best = [s for s, here in zip(seen.sectors, seen.present[ROW], strict=True) if here][
        int(np.argmax(order))
    ]
    assert reasons[best][0].contribution > 0


def test_sentences_hold_the_value_in_both_languages(reasons: dict[str, tuple[Reason, ...]]) -> None:
    for own in reasons.values():
        for reason in own:
            document = reason.to_dict("zh")
            assert document["text"] == reason.text("zh")
            assert re.search(r"[一-鿿]", document["text"])
            assert not re.search(r"[一-鿿]", reason.text("en"))
            if reason.value is not None and reason.feature.member is None:
                assert reason.feature.en.format(reason.value) in reason.text("en")
                assert reason.feature.zh.format(reason.value) in reason.text("zh")
            assert reason.text("en").startswith("against it: ") == (reason.contribution < 0)


def test_words_of_a_known_reason() -> None:
    feature = next(feature for feature in BASE_FEATURES if feature.name == "limit_ups")
    unusual = (Comparison("own", 0.979, 0.01), Comparison("others", 1.0, 0.0))
    reason = Reason(feature, 4.0, unusual, 0.3)
    assert reason.text("en") == (
        "limit-ups today: 4, more than on 97% of its own sessions, "
        "more than 100% of the other sectors"
    )
    assert reason.text("zh") == "今日涨停 4 家，高于自身 97% 的交易日，高于其他 100% 的板块"
    low = Reason(feature, 0.0, (Comparison("own", 0.0, 0.6),), -0.3)
    assert low.text("zh") == "拖累：今日涨停 0 家，低于自身 60% 的交易日"
    same = Reason(feature, 0.0, (Comparison("own", 0.0, 0.0),), 0.3)
    assert same.text("en") == "limit-ups today: 0, the same as on all its sessions"


def test_a_missing_value_is_said_to_be_missing() -> None:
    feature = next(feature for feature in BASE_FEATURES if feature.name == "flow_5")
    text = Reason(feature, None, (), 0.1).text("en")
    assert text == "no value today for Mean($net_inflow / $turnover, 5)"


def test_a_pool_factor_is_explained_by_its_hypothesis_and_expression() -> None:
    hostile = "money {0} leads {__class__} %s"
    feature = Feature("pool_F1", "Mean($net_inflow, 5)", "pool_F1", hostile, hostile, member="F1")
    text = Reason(feature, 0.25, (), 0.1).text("en")
    assert text == f"factor F1 ({hostile}): Mean($net_inflow, 5) = 0.25"


def test_a_young_sector_is_not_compared_with_its_past(stored: Stored, panel: Panel) -> None:
    listed = panel.listed.copy()
    listed[: ROW - 5, 3] = False
    young = Panel(panel.sessions, panel.instruments, panel.values, listed)
    seen = build(Panels(young, young), stored.model.features)
    if not seen.present[ROW, 3]:
        pytest.skip("the sector has a hole in that session")
    own = np.isfinite(seen.values[:ROW, 3]).sum(axis=0)
    for reason in explain(stored.model, seen, ROW)[panel.instruments[3]]:
        k = seen.features.index(reason.feature)
        assert (own[k] >= COLD_START) or all(c.kind != "own" for c in reason.unusual)


def test_importance_is_summed_by_theme(stored: Stored) -> None:
    shares = {name: one["effect"] for name, one in stored.card["importance"]["rank"].items()}
    found = importance_by_theme(stored.model.features, shares)
    assert sum(one.share for one in found) == pytest.approx(1, abs=1e-3)
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)
    by_hand = sum(shares[f.name] for f in stored.model.features if f.theme == found[0].theme)
    assert found[0].share == pytest.approx(by_hand)
    for one in found:
        if one.factor is None:
            assert one.label("en") == one.theme
        else:
            assert one.factor.text in one.label("zh")
            assert str(one.factor.member) in one.label("en")


def test_every_theme_has_a_chinese_name() -> None:
    for theme in {feature.theme for feature in BASE_FEATURES}:
        assert re.search(r"[一-鿿]", ThemeImportance(theme, 0.5).label("zh")), theme


def test_a_document_holds_both_languages(reasons: dict[str, tuple[Reason, ...]]) -> None:
    for own in reasons.values():
        for reason in own:
            document = reason.to_dict("en")
            assert document["texts"] == {"en": reason.text("en"), "zh": reason.text("zh")}
            assert (document["streak"] is None) == (reason.streak is None)
