"""The page in a real browser: it draws, fits, asks for nothing, and runs nothing foreign."""

from dataclasses import replace
from pathlib import Path

import pytest

from factor_pool.evaluation.portrait import portray
from factor_pool.expression import parse
from factor_pool.report.account import simulated
from factor_pool.report.page import render
from tests import browser
from tests.factor_pool.evaluation.markets import market
from tests.factor_pool.evaluation.test_portrait import CONFIRM, SEARCH
from tests.factor_pool.report.test_page import BACKGROUND, HOSTILE

_DRAWN = "document.documentElement.dataset.drawn"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which everything that can be hostile is, and every name is long."""
    long = " + ".join(["Mean($signal, 5)"] * 12)
    pool = {"F0001": long, "F0002": "Mean($noise, 3)"}
    portrait = portray(parse(long), market(3), [SEARCH, CONFIRM], pool=pool)
    prices = market(3)
    background = replace(
        BACKGROUND,
        account=simulated(parse(long), 1, prices, [SEARCH, CONFIRM]),
        title=HOSTILE,
        hypothesis=HOSTILE + "x" * 300,
        origin=(("data snapshot", "f" * 64), ("data from", HOSTILE)),
        pool=pool | {"F0002": HOSTILE},
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(portrait, background, "en"), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "phone"), [(1440, False), (390, True), (320, True)])
def test_it_draws_fits_and_asks_for_nothing(
    tab: browser.Tab, page: Path, width: int, phone: bool
) -> None:
    tab.requests.clear()
    tab.complaints.clear()
    tab.size(width, 900, phone=phone)
    tab.open(page.as_uri(), f"{_DRAWN} === '10'")
    assert tab.js("document.querySelectorAll('.chart .main-svg').length") >= 10
    assert tab.js("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('.chart svg')].map(e => e.getBoundingClientRect().right)"
    assert max(tab.js(wide)) <= width
    assert tab.requests == [page.as_uri()]
    assert tab.complaints == []
    assert tab.js("typeof window.hacked") == "undefined"
    assert tab.js("document.images.length") == 0


def test_the_policy_stops_what_escaping_would_miss(
    tab: browser.Tab, page: Path, tmp_path: Path
) -> None:
    """Were a tag to get through one day, it still could not run or reach anything."""
    spoilt = tmp_path / "spoilt.html"
    evil = "<script>window.hacked = 1</script><img src='http://127.0.0.1:9/x' onerror='hacked = 2'>"
    text = page.read_text("utf-8").replace("<main>", f"<main>{evil}", 1)
    spoilt.write_text(text, encoding="utf-8")
    tab.requests.clear()
    tab.open(spoilt.as_uri(), _DRAWN)
    assert tab.js("typeof window.hacked") == "undefined"
    assert tab.complaints, "the browser names what it refused"


def test_without_javascript_the_tables_stand(tab: browser.Tab, page: Path) -> None:
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(page.as_uri())
        assert tab.js("document.querySelectorAll('.chart *').length") == 0
        assert tab.js("document.querySelectorAll('table').length") == 12
        assert "browser of 2023" in tab.js("document.querySelector('noscript').innerText")
    finally:
        tab.ask("Emulation.setScriptExecutionDisabled", value=False)
