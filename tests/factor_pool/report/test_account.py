"""The factor as a portfolio on its page."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from data_profile.panel import Panel
from factor_pool.evaluation.backtest import Market, Rules
from factor_pool.evaluation.portrait import portray
from factor_pool.evaluation.windows import Window
from factor_pool.expression import parse
from factor_pool.report.account import Account, account_charts, from_document, simulated
from factor_pool.report.page import render
from factor_pool.report.words import LANGUAGES, words
from tests.factor_pool.evaluation.markets import market, panel_of
from tests.factor_pool.evaluation.test_portrait import CONFIRM, SEARCH
from tests.factor_pool.report.test_page import BACKGROUND


@pytest.fixture(scope="module")
def priced() -> Panel:
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(0.02 * rng.normal(size=(60, 8)), axis=0))
    return panel_of(close=close, open=close * 1.001, signal=rng.normal(size=(60, 8)))


def windows(panel: Panel) -> list[Window]:
    days = [day.item() for day in panel.sessions]
    return [Window("search", days[0], days[30]), Window("confirm", days[35], days[50])]


def test_the_simulators_account_of_each_window(priced: Panel) -> None:
    account = simulated(parse("Mean($signal, 5)"), -1, priced, windows(priced))
    assert account is not None
    assert list(account.windows) == ["search", "confirm"]
    assert account.engine is None
    days = account.windows["confirm"]["curve"]["sessions"]
    assert (days[0], days[-1]) == (str(priced.sessions[35]), str(priced.sessions[50]))


def test_no_session_after_the_last_window_is_read(priced: Panel) -> None:
    poisoned = {name: matrix.copy() for name, matrix in priced.values.items()}
    for matrix in poisoned.values():
        matrix[51:] = 1e9
    one = simulated(parse("$signal"), 1, priced, windows(priced))
    other = simulated(parse("$signal"), 1, replace(priced, values=poisoned), windows(priced))
    assert one == other


def test_without_prices_there_is_no_account() -> None:
    panel = panel_of(signal=np.ones((60, 8)))
    assert simulated(parse("$signal"), 1, panel, windows(panel)) is None


def test_the_accounts_own_numbers_are_drawn_and_tabled(priced: Panel) -> None:
    account = simulated(parse("$signal"), 1, priced, windows(priced))
    assert account is not None
    value, excess = account_charts(account, words("en"))
    rules = Rules().on(priced)
    first, last = windows(priced)[1].start, windows(priced)[1].end
    curve = Market(priced, rules).simulate(priced.values["signal"], first, last)
    drawn = next(line for line in value.figure.data if line.name == "factor (confirm)")
    assert np.allclose(np.asarray(drawn.y), curve.net_value(), atol=1e-4)
    assert value.rows[0][0] == "Excess over the market, a year"
    shown = f"{100 * curve.figures()['annual_excess']:+.1f}%".replace("-", "−")
    assert value.rows[0][2] == shown
    gained = 100 * (curve.returns - curve.benchmark - curve.cost).sum()
    assert excess.rows[1][1] == pytest.approx(gained)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_who_traded_and_how(priced: Panel, language: str) -> None:
    portrait = portray(parse("$signal * 2"), market(3), [SEARCH, CONFIRM])
    account = simulated(parse("$signal"), 1, priced, windows(priced))
    assert account is not None
    document: dict[str, Any] = {
        "engine": "Qlib 0.9.7",
        "rules": account.rules,
        "windows": {name: part | {"difference": 4e-16} for name, part in account.windows.items()},
    }
    page = render(portrait, replace(BACKGROUND, account=from_document(document)), language)
    assert "Qlib 0.9.7" in page
    assert "4e-16" in page
    assert 'id="account_excess"' in page
    simulators = render(portrait, replace(BACKGROUND, account=account), language)
    assert words(language)["account.simulator"] in simulators.replace("&#39;", "'")
    assert 'id="account"' not in render(portrait, BACKGROUND, language)


def test_an_account_that_never_moved_has_figures_to_show() -> None:
    flat = {"sessions": ["2025-01-02", "2025-01-03"]}
    flat |= {name: [0.0, 0.0] for name in ("returns", "cost", "benchmark")}
    flat |= {name: [1.0, 1.0] for name in ("net_value", "benchmark_value")}
    figures = {"annual_excess": 0.0, "information_ratio": None, "sessions": 2.0}
    account = Account(None, {"search": {"figures": figures, "curve": flat}})
    value, _ = account_charts(account, words("zh"))
    assert {row[1] for row in value.rows} == {"+0.0%", "2", None}
