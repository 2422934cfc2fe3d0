"""The dragon-tiger list's stock strategy: its weights, its past, and tonight's orders."""

import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    SeedOption,
    open_home,
    print_json,
)

if TYPE_CHECKING:
    from predictor.dragon_tiger.strategy import Options

dragon_app = typer.Typer(
    no_args_is_help=True, help="The strategy on the dragon-tiger list (龙虎榜)."
)

WeightsOption = Annotated[
    str, typer.Option("--weights", help="default, equal, grid, genetic, forest or lightgbm.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        envvar="TIDE_DRAGON_SET",
        help="NAME=VALUE of a rule or a cost, such as stop=0.08; again for more.",
    ),
]
DateOption = Annotated[
    datetime.datetime | None,
    typer.Option(
        "--date",
        formats=["%Y-%m-%d"],
        metavar="YYYY-MM-DD",
        help="Session of the list; default: the last.",
    ),
]


@dragon_app.command()
def tune(
    home: HomeOption = DEFAULT_HOME,
    date: DateOption = None,
    settings: SetOption = None,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Compare the ways to weigh the factors, on purged walk-forward folds."""
    from console.display import say
    from console.dragon import show_tuning
    from predictor.dragon_tiger.making import tune_and_keep

    tuned = tune_and_keep(
        open_home(home), date=_day(date), options=_options("default", settings, seed), say=say
    )
    if as_json:
        print_json(tuned)
    else:
        show_tuning(tuned)


@dragon_app.command()
def backtest(
    home: HomeOption = DEFAULT_HOME,
    date: DateOption = None,
    weights: WeightsOption = "default",
    settings: SetOption = None,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Play the strategy over the list's history, beside what needs no skill; writes a page."""
    from console.display import say
    from console.dragon import show_backtest
    from predictor.dragon_tiger.making import backtest_and_report

    options = _options(weights, settings, seed)
    document = backtest_and_report(open_home(home), date=_day(date), options=options, say=say)
    if as_json:
        print_json(document)
    else:
        show_backtest(document)
    say(f"page: {document['page']}; trades: {document['ledger']}")


@dragon_app.command()
def signals(
    home: HomeOption = DEFAULT_HOME,
    date: DateOption = None,
    weights: WeightsOption = "default",
    settings: SetOption = None,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """What to buy and sell at the open after a list, with reasons; enters the forecast log."""
    from console.display import say, working
    from console.dragon import show_signals
    from predictor.dragon_tiger.making import signals_and_log

    with working("reading the list"):
        made, record = signals_and_log(
            open_home(home), date=_day(date), options=_options(weights, settings, seed)
        )
    if as_json:
        print_json(made.to_dict())
    else:
        show_signals(made.to_dict())
    say(f"record {record.id} of the forecast log, made {record.made_at:%Y-%m-%d %H:%M}")


def _day(date: datetime.datetime | None) -> datetime.date | None:
    return None if date is None else date.date()


def _options(weights: str, settings: list[str] | None, seed: int) -> "Options":
    from predictor.dragon_tiger.strategy import Options

    return Options.of(weights, settings or [], seed)
