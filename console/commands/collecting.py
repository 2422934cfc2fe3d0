"""`tide data collect`, `tide data backfill`: getting the data in."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from console.commands.options import DEFAULT_HOME, HomeOption, JsonOption, open_home, print_json


def collect(
    date: Annotated[
        str | None,
        typer.Option(help="A session, YYYY-MM-DD; default: all that is due, missed ones too."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Collect what is due: fetch, check, keep, and build the days from what is good."""
    from console.collecting import tell
    from console.display import say
    from data_profile.collector import collect_session
    from data_profile.schedule import china_now, next_opening
    from data_profile.service import run_due
    from data_profile.sessions import as_date
    from data_profile.sources import SOURCES
    from scenario.news_scorer import sentiment

    opened = open_home(home)
    if date is None:
        reports = run_due(opened, SOURCES, china_now, say, sentiment)
        if not reports:
            step, session = next_opening(china_now())
            say(f"nothing is due; the next is {step.name} of {session} at {step.at:%H:%M} in China")
    else:
        reports = collect_session(opened, as_date(date), SOURCES, china_now, sentiment)
        for report in reports:
            for line in report.lines():
                say(line)
    tell(reports, as_json)


def backfill(
    since: Annotated[
        str | None, typer.Option(help="First session wanted, YYYY-MM-DD; default: a year back.")
    ] = None,
    bars: Annotated[
        Path | None,
        typer.Option(
            help="Parquet of stock prices (code, date, open, high, low, close; previous_close or "
            "front-adjusted): limit-ups are computed from it."
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Fetch what upstreams still have of past sessions; stops politely, goes on when run again."""
    from console.collecting import backfill_progress, show_backfill
    from data_profile.backfill import backfill as run
    from data_profile.history import Bars
    from data_profile.sessions import as_date, today
    from data_profile.sources import SOURCES
    from scenario.news_scorer import sentiment

    first = as_date(since) if since else today() - datetime.timedelta(days=365)
    prices = Bars.read(bars) if bars else None
    with backfill_progress() as progress:
        summary = run(open_home(home), SOURCES, first, progress, bars=prices, scoring=sentiment)
    if as_json:
        print_json(summary.to_dict())
    else:
        show_backfill(summary)
    if summary.stopped:
        raise typer.Exit(1)
