"""The whole page: what it tells, in both languages, with hostile names; and nothing from later."""

import datetime
import shutil
import string
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import Market
from data_profile.store import Store
from factor_pool.report.words import LANGUAGES
from predictor.errors import PredictorError
from predictor.forecast import predict
from predictor.report import Report, daily_report, summary, write
from predictor.report.page import message_line
from predictor.report.prose import Writer, WriterUnavailable
from predictor.report.words import terms, words
from tests import browser

Days = tuple[datetime.date, datetime.date]


@pytest.fixture(scope="module", params=LANGUAGES)
def report(request: pytest.FixtureRequest, full_home: Home) -> Report:
    return daily_report(full_home, language=request.param)


class Page(HTMLParser):
    """Tags, attributes, addresses and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {str(value) for name, value in attrs if name in ("href", "src")}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_tells_everything_in_both_forms(full_home: Home, report: Report, days: Days) -> None:
    said, document = words(report.language), predict(full_home).to_dict(report.language)
    for text in (Page(report.html).text, report.markdown.replace("\\", "")):
        for key in ("ranking", "outcome", "record", "phase", "treemap", "ladder", "importance",
                    "health", "data", "terms"):  # fmt: skip
            assert said[key] in text, key
        for row in document["ranking"]:
            assert row["name"].split("<")[0] in text
            assert row["reasons"][0]["text"] in text
        assert "股票600001" in text
        assert "F0001" in text
        assert str(days[1]) in text
        assert "None" not in text
        assert "Undefined" not in text


def test_the_last_forecast_is_the_logged_one(report: Report, days: Days) -> None:
    said = words(report.language)
    assert said["outcome.note"].format(as_of=days[0], day=days[1]) in report.html
    assert said["made.log"].format(at=f"{days[1]} 15:46") in report.html
    assert said["tally.hits"] in report.html
    assert said["outcome.auction"] in report.html
    assert "two sectors changed places" in report.html


def test_without_a_log_nothing_is_made_up(home: Home, days: Days) -> None:
    made = daily_report(home, language="en")
    assert words("en")["outcome.none"].format(day=days[1]) in made.html
    assert words("en")["made.now"] in made.html
    assert "it is not a live record" in made.html
    assert not home.forecasts.exists()


def test_nothing_hostile_is_mark_up(report: Report) -> None:
    page = Page(report.html)
    assert "window.hacked=1" in page.text
    assert not page.tags & {"script", "img", "iframe", "object", "form"}
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.links == {"data:,"}
    assert "default-src &#39;none&#39;" in report.html
    for text in ("<script", "<img", "](http", "\u202e", "\n# *"):
        assert text not in report.markdown


@pytest.mark.parametrize("logged", [True, False])
def test_what_comes_later_changes_no_byte(
    full_home: Home,
    tmp_path: Path,
    market: Market,
    days: Days,
    spoil: Callable[[Market, datetime.date], pd.DataFrame],
    logged: bool,
) -> None:
    """Garbage after the session, a sector that comes later: the page is as it was."""
    shutil.copytree(full_home.root, tmp_path / "home", symlinks=True)
    home, names = Home(tmp_path / "home"), Store(full_home.store).names()
    if not logged:
        home.forecasts.unlink()
    before = daily_report(home, date=days[0], language="en")
    Store(home.store).build(spoil(market, days[0]), names | {"ZZ99": "later"}, source="test")
    after = daily_report(home, date=days[0], language="en")
    assert after.html == before.html
    assert after.markdown == before.markdown


def test_it_is_the_same_twice(full_home: Home, report: Report) -> None:
    assert daily_report(full_home, language=report.language) == report


def test_a_day_that_is_none_is_refused(full_home: Home) -> None:
    with pytest.raises(PredictorError, match="is no session of the store"):
        daily_report(full_home, date="2020-01-01")


def test_it_is_written_below_the_home(full_home: Home, report: Report, tmp_path: Path) -> None:
    paths = write(Home(tmp_path), report)
    assert [path.suffix for path in paths] == [".html", ".md"]
    assert paths[0].parent == tmp_path / "reports"
    assert paths[0].read_text("utf-8") == report.html


def test_a_paragraph_is_checked_and_escaped(full_home: Home) -> None:
    limit_ups = int(Store(full_home.store).panel().values["limit_up_count"][-1].sum())
    text = f"There were {limit_ups} limit-ups. <b>Bold</b> it was. Tomorrow 12,345 will come."
    made = daily_report(full_home, language="en", writer=Writer("a-model", lambda s, q: text))
    assert f"There were {limit_ups} limit-ups. &lt;b&gt;Bold&lt;/b&gt; it was." in made.html
    for page in (made.html, made.markdown):
        assert "12,345" not in page
        assert "were struck: 1" in page.replace("\\", "")


def test_a_writer_that_fails_fails_nothing(full_home: Home) -> None:
    def refuse(system: str, question: str) -> str:
        raise WriterUnavailable("the budget is spent")

    made = daily_report(full_home, language="en", writer=Writer("a-model", refuse))
    assert "a-model wrote nothing: the budget is spent" in made.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_summary_is_short_and_safe(full_home: Home, language: str) -> None:
    document = predict(full_home, top=100).to_dict("en")
    text = summary(document, language, top=100)  # type: ignore[arg-type]
    assert words(language)["title"].format(day=document["for_session"]) in text  # type: ignore[arg-type]
    for row in document["ranking"]:
        assert message_line(row["name"]) in text
    assert message_line(document["ranking"][0]["reasons"][0]["texts"][language]) in text
    for mark in ("<", "[", "](", "http://", "@", "\u202e", "\\"):
        assert mark not in text
    assert len(summary(document, language)) < 2500  # type: ignore[arg-type]


def test_every_word_exists_in_both_languages() -> None:
    assert len(terms("en")) == len(terms("zh"))
    for key, text in words("zh").items():
        assert text, key
        assert _places(words("en")[key]) == _places(text), key


def _places(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "phone"), [(1440, False), (390, True), (320, True)])
def test_it_fits_and_asks_for_nothing(
    tab: browser.Tab, tmp_path: Path, report: Report, width: int, phone: bool, dark: bool
) -> None:
    page, _ = write(Home(tmp_path), report)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    tab.ask("Emulation.setEmulatedMedia", features=[scheme])
    tab.requests.clear()
    tab.complaints.clear()
    tab.size(width, 900, phone=phone)
    tab.open(page.as_uri())
    tab.js("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert tab.js("document.documentElement.scrollWidth") <= width
    assert tab.requests == [page.as_uri()]
    assert tab.complaints == []
    assert tab.js("typeof window.hacked") == "undefined"
    shown = "[...document.querySelectorAll('.map')].filter(e => e.offsetHeight).length"
    assert tab.js(shown) == 1
    ground = tab.js("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(15, 16, 19)") == dark


def test_it_prints_on_white(tab: browser.Tab, tmp_path: Path, report: Report) -> None:
    page, _ = write(Home(tmp_path), report)
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    tab.ask("Emulation.setEmulatedMedia", media="print", features=[dark])
    tab.open(page.as_uri())
    try:
        assert tab.js("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    finally:
        tab.ask("Emulation.setEmulatedMedia", media="")
