"""The morning report as one HTML page and as Markdown: no script, no request, nothing foreign run.

What a model gave (hypotheses, ideas) is escaped as text. Should a tag ever get through, the page's
Content-Security-Policy allows no script and no address at all.
"""

from pathlib import Path

from factor_pool.report import style
from factor_pool.report.pages import LANGUAGE_TAGS, NO_SCRIPT, environment
from scenario.morning import drawing
from scenario.morning.content import Content, Words

_FOLDER = Path(__file__).parent


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

    return environment(_FOLDER, autoescape=True).get_template("page.html").render(
        night=night,
        words=said,
        tag=LANGUAGE_TAGS[language],
        policy=NO_SCRIPT,
        style=Markup(style() + (_FOLDER / "style.css").read_text("utf-8")),
        session=session,
        attempts=f"{attempts:,}",
        course=Markup(drawing.course(night.course)),
        growth=Markup(drawing.growth(night.skill)),
    )  # fmt: skip


def markdown(night: Content, session: str, attempts: int, said: Words) -> str:
    """The same as Markdown, in which nothing untrusted is mark-up."""
    return environment(_FOLDER, autoescape=False).get_template("page.md").render(
        night=night, words=said, session=session, attempts=f"{attempts:,}"
    )  # fmt: skip
