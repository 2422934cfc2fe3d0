"""Making the daily page of a home folder."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data_profile.files import write_atomic
from data_profile.home import Home
from predictor.explain import Language
from predictor.report.content import Written, content
from predictor.report.facts import Facts, gather
from predictor.report.page import html, markdown
from predictor.report.prose import Checked, Writer, WriterUnavailable, paragraph
from predictor.report.tables import tables_of
from predictor.report.words import words

Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """A daily page.

    Parameters
    ----------
    session
        The session after which it was made, in Asia/Shanghai.
    language
        "zh" or "en".
    html
        A whole page that asks for nothing.
    markdown
        The same as Markdown.
    """

    session: datetime.date
    language: Language
    html: str
    markdown: str


def daily_report(
    home: Home,
    *,
    date: datetime.date | str | None = None,
    language: Language = "zh",
    say: Say | None = None,
    writer: Writer | None = None,
) -> Report:
    """Make the page of a session.

    Parameters
    ----------
    home
        With a store and a model. The forecast log, the ledger and the day's tables are read where
        they are; nothing is written.
    date
        The session, None for the store's last. Nothing from after it is read.
    language
        "zh" or "en".
    say
        Called with a line on what is being done.
    writer
        A language model that puts the tables into a paragraph, of which only sentences whose
        numbers stand in the tables are shown. None: no paragraph.

    Raises
    ------
    predictor.errors.PredictorError
        There is no model, or `date` is no session of the store.
    data_profile.errors.StoreError
        There is no store, or a table of the day is damaged.
    factor_pool.errors.FactorError
        The ledger cannot be read.
    """
    tell = say or (lambda line: None)
    tell("reading the market")
    facts = gather(home, date=date, language=language)
    written = None
    if writer is not None:
        tell(f"{writer.model} writes")
        written = _written(writer, facts, language)
    tell("drawing the page")
    told = content(facts, language, words(language), written)
    return Report(facts.day, language, html(facts, told, language), markdown(facts, told, language))


def _written(writer: Writer, facts: Facts, language: Language) -> Written:
    try:
        found = paragraph(writer, tables_of(facts), language)
    except WriterUnavailable as error:
        return Written(writer.model, Checked((), ()), str(error))
    return Written(writer.model, found)


def write(home: Home, report: Report) -> tuple[Path, Path]:
    """Write `reports/daily-<session>.<language>.html` and `.md`; an earlier page is replaced.

    Returns
    -------
    tuple of Path
        The page, and the Markdown.
    """
    home.reports.mkdir(parents=True, exist_ok=True)
    stem = f"daily-{report.session}.{report.language}"
    page, text = (home.reports / f"{stem}.{kind}" for kind in ("html", "md"))
    write_atomic(page, report.html)
    write_atomic(text, report.markdown)
    return page, text
