"""The page as one HTML file: no script, no request, names of stocks escaped as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factor_pool.report import style
from factor_pool.report.pages import LANGUAGE_TAGS, NO_SCRIPT, environment
from predictor.dragon_tiger.report.drawing import LINES, curves
from predictor.dragon_tiger.report.words import caveats, words

_FOLDER = Path(__file__).parent


def html(document: Mapping[str, Any], tuned: Mapping[str, Any] | None, language: str) -> str:
    """The page, as text.

    Parameters
    ----------
    document
        Of `study.backtest`.
    tuned
        Of `tuning.tune` on the same data, rules and costs; None where there is none.
    language
        One of `factor_pool.report.words.LANGUAGES`.
    """
    from markupsafe import Markup

    said = words(language)
    made = environment(_FOLDER, autoescape=True)
    made.filters |= {"percent": percent, "number": number, "ends": ends}
    return made.get_template("page.html").render(
        d=document, tuned=tuned, w=said, tag=LANGUAGE_TAGS[language], policy=NO_SCRIPT,
        style=Markup(style() + (_FOLDER / "style.css").read_text("utf-8")),
        drawing=Markup(curves(document["curve"], said)), lines=LINES,
        caveats=caveats(document["caveat_facts"], language),
    )  # fmt: skip


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a signed percentage."""
    return "–" if value is None else f"{100 * value:+.{digits}f}%".replace("-", "−")


def number(value: float | None, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}".replace("-", "−")


def ends(interval: list[float] | None, share: bool = False) -> str:
    """The ends of an interval in brackets; nothing where there is none."""
    if interval is None:
        return ""
    low, high = (percent(x, 0) if share else number(x, 1) for x in interval)
    return f"[{low}, {high}]"
