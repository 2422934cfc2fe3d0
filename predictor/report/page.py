"""The daily page as HTML and as Markdown: no script, no request, nothing foreign run.

Names, hypotheses and what a language model wrote are escaped as text. Should a tag ever get
through, the page's Content-Security-Policy allows no script and no address at all.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from factor_pool.report import style
from factor_pool.report.pages import LANGUAGE_TAGS, NO_SCRIPT, environment, visible
from predictor.explain import Language
from predictor.report.content import Content, told
from predictor.report.facts import TOP, Facts
from predictor.report.formats import filters
from predictor.report.words import terms, words

_FOLDER = Path(__file__).parent
_LOOKALIKES = str.maketrans("<>[]*`|@", "‹›［］∗'¦＠")


def html(facts: Facts, content: Content, language: Language) -> str:
    """The page, as text.

    Parameters
    ----------
    facts, content
        What it tells.
    language
        Of the page.
    """
    from markupsafe import Markup

    sheet = style() + (_FOLDER / "style.css").read_text("utf-8")
    return _rendered(
        "page.html", facts, content, language, autoescape=True,
        tag=LANGUAGE_TAGS[language], policy=NO_SCRIPT, style=Markup(sheet),
    )  # fmt: skip


def markdown(facts: Facts, content: Content, language: Language) -> str:
    """The same as Markdown, in which nothing untrusted is mark-up."""
    return _rendered("page.md", facts, content, language, autoescape=False)


def summary(document: Mapping[str, Any], language: Language, *, top: int = 5) -> str:
    """A forecast in a few lines of Markdown, as a message shows it.

    Names and reasons are shown as they are but for the marks that a chat program could take for
    mark-up, a link or a call of people (`message_line`): few of them know the backslash.

    Parameters
    ----------
    document
        `Forecast.to_dict()`, from now or from the forecast log.
    language
        "zh" or "en".
    top
        Sectors told.
    """
    return _environment(language, autoescape=False).get_template("summary.md").render(
        document=document, top=top, w=words(language)
    )  # fmt: skip


def message_line(text: str) -> str:
    """Text for one line of a message, in which nothing is mark-up, a link or a mention."""
    return " ".join(visible(text).split()).translate(_LOOKALIKES).replace("://", ": //")


def _rendered(
    name: str, facts: Facts, content: Content, language: Language, *, autoescape: bool, **more: Any
) -> str:
    return _environment(language, autoescape=autoescape).get_template(name).render(
        f=facts, c=content, w=words(language), terms=terms(language), language=language, top=TOP,
        **more,
    )  # fmt: skip


def _environment(language: Language, *, autoescape: bool) -> Any:
    from markupsafe import Markup

    made = environment(_FOLDER, autoescape=autoescape)
    made.filters |= filters(language)
    made.filters |= {
        "told": partial(told, language=language), "drawn": Markup, "message": message_line,
    }  # fmt: skip
    return made
