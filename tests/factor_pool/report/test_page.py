"""The page: complete, in two languages, harmless whatever a model wrote, true to its figures."""

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from factor_pool.evaluation.portrait import Portrait, portray
from factor_pool.expression import parse
from factor_pool.report.page import Background, render
from factor_pool.report.words import _WORDS, LANGUAGES, language, words
from tests.factor_pool.evaluation.markets import market
from tests.factor_pool.evaluation.test_portrait import CONFIRM, SEARCH

HOSTILE = (
    '</script><script>window.hacked = 1</script><img src="https://192.0.2.1/x" onerror="alert(1)">'
    "</blockquote><style>*{display:none}</style>{{ 7 * 7 }} \"'<!-- &lt; 涨停"
)


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    pool = {"F0001": "$noise < $signal", "F0002": "Mean($noise, 3)"}
    return portray(parse("$signal * 2"), market(3), [SEARCH, CONFIRM], pool=pool)


BACKGROUND = Background(
    title="Factor F0003",
    hypothesis="Signals tell.",
    evidence=("It was tested once.",),
    origin=(("data snapshot", "abc"),),
    caveats=("Beware.",),
    pool={"F0001": "$noise < $signal", "F0002": "Mean($noise, 3)"},
)


@pytest.fixture(scope="module")
def page(portrait: Portrait) -> str:
    return render(portrait, BACKGROUND, "en")


class Reader(HTMLParser):
    """Every tag with its attributes, and the text that is seen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.seen = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.seen += data


def element(page: str, name: str) -> str:
    found = re.search(rf'<script type="[^"]+" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return found[1]


def test_it_says_what_it_is_about(page: str, portrait: Portrait) -> None:
    seen = Reader(page).seen
    for text in ("$signal * 2", "Signals tell.", "Factor F0003", "It was tested once.", "Beware.",
                 "search", "confirm", "2020-10-20", "persistence", "size", "chance", "abc",
                 "$noise < $signal"):  # fmt: skip
        assert text in seen, text
    assert "sealed" not in seen.lower()
    for view in portrait.views:
        assert f"{view.beyond_baseline.mean:+.3f}" in seen


def test_the_charts_hold_the_figures(page: str, portrait: Portrait) -> None:
    figures = json.loads(element(page, "figures"))
    assert set(figures) == {
        "cumulative", "marginal_by_year", "rank_ic_by_year", "groups_beyond", "groups_outcome",
        "decay", "exposures", "pool",
    }  # fmt: skip
    search, confirm = portrait.views
    lines = figures["cumulative"]["data"]
    total = search.marginal.sum() + confirm.marginal.sum()
    assert lines[0]["y"][-1] == pytest.approx(total, abs=1e-3)
    assert lines[0]["x"][-1] == confirm.days[-1]
    bars = figures["groups_beyond"]["data"]
    assert [bar["name"] for bar in bars] == ["search", "confirm"]
    assert bars[0]["y"] == pytest.approx([100 * x for x in search.groups.beyond])  # type: ignore[operator]
    assert figures["exposures"]["data"][1]["x"] == list(confirm.exposures.values())
    assert figures["pool"]["data"][0]["y"] == ["F0001", "F0002"]


def test_every_chart_is_also_a_table(page: str) -> None:
    charts = [a for t, a in Reader(page).tags if t == "div" and a.get("class") == "chart"]
    assert len(charts) == page.count("<details>") == 8


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    for tag, attributes in Reader(page).tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            target = attributes.get(name)
            assert target is None or target.startswith("data:"), (tag, target)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    assert len(page) < 2_500_000


def test_the_policy_names_exactly_the_scripts_it_carries(page: str) -> None:
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1])  # type: ignore[index]
    library = gzip.decompress(base64.b64decode(element(page, "plotly")))
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]  # type: ignore[index]
    hashes = [
        base64.b64encode(hashlib.sha256(text).digest()).decode()
        for text in (script.encode(), library)
    ]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]


@pytest.mark.parametrize("where", ["title", "hypothesis", "origin", "caveats", "pool"])
def test_hostile_text_stays_text(portrait: Portrait, page: str, where: str) -> None:
    value = {
        "origin": (("data from", HOSTILE),), "caveats": (HOSTILE,), "pool": {"F0001": HOSTILE}
    }.get(where, HOSTILE)  # fmt: skip
    spoilt = render(portrait, replace(BACKGROUND, **{where: value}), "en")  # type: ignore[arg-type]
    expected = [tag for tag, _ in Reader(page).tags]
    found = [tag for tag, _ in Reader(spoilt).tags]
    assert sorted(set(found)) == sorted(set(expected))
    assert found.count("script") == 3
    assert "img" not in found
    assert HOSTILE in Reader(spoilt).seen


def test_both_languages_have_every_word(portrait: Portrait) -> None:
    assert all(len(texts) == len(LANGUAGES) and all(texts) for texts in _WORDS.values())
    for english, chinese in _WORDS.values():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese))
    page = render(portrait, BACKGROUND, "zh")
    assert 'lang="zh-Hans"' in page
    seen = Reader(page).seen
    assert words("zh")["groups"] in seen
    assert words("en")["groups"] not in seen


@pytest.mark.parametrize(
    ("setting", "expected"), [("", "en"), ("zh", "zh"), ("zh_CN.UTF-8", "zh"), ("fr", "en")]
)
def test_the_language_is_set_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, setting: str, expected: str
) -> None:
    monkeypatch.setenv("TIDE_LANG", setting)
    assert language() == expected
