"""The morning report as one HTML page and as Markdown: no script, no request, nothing foreign run.

What a model gave (hypotheses, ideas) is escaped as text. Should a tag ever get through, the page's
Content-Security-Policy allows no script and no address at all.
"""

import unicodedata
from pathlib import Path
from typing import Any

from factor_pool.report import style
from factor_pool.run_card import escaped, quoted
from scenario.morning import drawing
from scenario.morning.content import Content, Words

_FOLDER = Path(__file__).parent
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def html(night: Content, session: str, attempts: int, language: str, said: Words) -> str:
    """The page, as text.

    Parameters
    ----------
    night
        What it says.
    session, attempts
        Id of the session, and its number of attempts.
    language, said
        One of `factor_pool.report.words.LANGUAGES`, and its words.
    """
    from markupsafe import Markup

    return _environment(autoescape=True).get_template("page.html").render(
        night=night,
        words=said,
        language={"en": "en", "zh": "zh-Hans"}[language],
        policy=_POLICY,
        style=Markup(style()),
        session=session,
        attempts=f"{attempts:,}",
        course=Markup(drawing.course(night.course)),
        growth=Markup(drawing.growth(night.skill)),
    )  # fmt: skip


def markdown(night: Content, session: str, attempts: int, said: Words) -> str:
    """The same as Markdown, in which nothing untrusted is mark-up."""
    return _environment(autoescape=False).get_template("page.md").render(
        night=night, words=said, session=session, attempts=f"{attempts:,}"
    )  # fmt: skip


def _environment(*, autoescape: bool) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=autoescape, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"md": _one_line, "quoted": lambda text: quoted(_visible(text))}
    return environment


def _one_line(text: str) -> str:
    return escaped(" ".join(_visible(text).split()))


def _visible(text: str) -> str:
    """Without characters that only steer: they could turn the direction of what follows."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")
