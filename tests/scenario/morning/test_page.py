"""The report as a page and as Markdown, with hostile words in it."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from scenario.account import Limit
from scenario.morning.content import content
from scenario.morning.page import html, markdown
from scenario.morning.words import GATES, words
from tests import browser
from tests.scenario.morning.ledgers import CONFIRM, HOSTILE, SESSION, SETTINGS
from tests.scenario.morning.test_facts import facts

LIMITS = [Limit("night", "usd", 0.25, 2.0, "raise it")]


def rendered(path: Path, language: str = "en", end: str = "target", trouble: str = "") -> list[str]:
    told, said = facts(path, end=end, trouble=trouble), words(language)
    night = content(told, SETTINGS, CONFIRM, LIMITS, said)
    count = told.total.attempts
    return [
        html(night, SESSION, count, language, said),
        markdown(night, SESSION, count, said),
    ]


class Tags(HTMLParser):
    """The tags of a page, and every attribute of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "end", ["target", "deadline", "budget", "spent", "exhausted", "interrupted"]
)
def test_it_tells_everything(tmp_path: Path, language: str, end: str) -> None:
    for text in rendered(tmp_path / "ledger.db", language, end):
        for fact in ("F0001", "F0002", "Mean($close, 5)", "0.2500", "1:02:05", "2025-06-30",
                     "money leads", "Std($close, 5)", "61.0%", "55.0%", SESSION[:8]):  # fmt: skip
            assert fact in text.replace("\\", ""), fact
        assert "None" not in text
        assert ("入池" in text) == (language == "zh")


def test_every_word_exists_in_both_languages() -> None:
    assert set(words("en")) == set(words("zh"))
    for key, text in words("zh").items():
        assert text
        english = words("en")[key]
        assert sorted(_places(english)) == sorted(_places(text)), key


def _places(text: str) -> list[str]:
    import string

    return [name for _, name, _, _ in string.Formatter().parse(text) if name]


def test_every_gate_has_words() -> None:
    from factor_pool.gates import gates_of

    asked = {gate.name for gate in gates_of(SETTINGS, None, CONFIRM, {})}  # type: ignore[arg-type]
    assert asked <= set(GATES)


def test_nothing_hostile_is_mark_up(tmp_path: Path) -> None:
    page, text = rendered(tmp_path / "ledger.db", end="failed", trouble=HOSTILE)
    found = Tags(page)
    assert not found.tags & {"script", "img", "iframe", "object", "form"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert set(found.links) == {"data:,", "F0001/report.html", "F0002/report.html"}
    assert "script-src" not in page
    assert "default-src &#39;none&#39;" in page
    assert "{{ 7 * 7 }}" in page
    assert "<script" not in text
    assert "<img" not in text
    assert "](javascript" not in text
    assert "![p](" not in text
    assert "\n# heading" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("width", "phone"), [(1440, False), (390, True), (320, True)])
def test_it_fits_and_asks_for_nothing(
    tab: browser.Tab, tmp_path: Path, width: int, phone: bool, language: str
) -> None:
    page = tmp_path / "night.html"
    text, _ = rendered(tmp_path / "ledger.db", language, end="failed", trouble=HOSTILE + "x" * 300)
    page.write_text(text, "utf-8")
    tab.requests.clear()
    tab.complaints.clear()
    tab.size(width, 900, phone=phone)
    tab.open(page.as_uri())
    assert tab.js("document.documentElement.scrollWidth") <= width
    assert tab.requests == [page.as_uri()]
    assert tab.complaints == []
    assert tab.js("typeof window.hacked") == "undefined"
    assert tab.js("document.querySelectorAll('svg').length") == 2
