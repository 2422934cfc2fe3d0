"""What following the forecast would have earned."""

from typing import TYPE_CHECKING, Annotated, Literal

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
    import datetime

app = typer.Typer()


@app.command()
def backtest(
    home: HomeOption = DEFAULT_HOME,
    start: Annotated[str | None, typer.Option(help="First session that is traded.")] = None,
    end: Annotated[str | None, typer.Option(help="Last session that is traded.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Sectors held.")] = 3,
    drop: Annotated[int, typer.Option(min=1, help="Sectors exchanged a session at most.")] = 1,
    deal: Annotated[
        Literal["open", "close"], typer.Option(help="Price of a trade, of the next session.")
    ] = "open",
    source: Annotated[
        Literal["replay", "live"],
        typer.Option(help="Walk-forward replay on history, or the live records of the log."),
    ] = "replay",
    workers: Annotated[
        int, typer.Option(min=1, help="Processes of a replay that is not in the cache yet.")
    ] = 2,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Trade the forecast's top sectors session by session, and judge its scores.

    Every figure stands beside the same figure of persistence, size and chance.
    """
    from console.backtest import show_backtest
    from console.progress import replay_progress
    from data_profile.store import Store
    from predictor.backtest import Options
    from predictor.backtest import backtest as run
    from predictor.dataset import panels
    from predictor.forecast_log import ForecastLog
    from predictor.replayed import replayed
    from predictor.scores import of_log

    opened = open_home(home)
    options = Options(_day(start), _day(end), top, drop, deal, seed=seed)
    market = panels(Store(opened.store))
    if source == "live":
        with ForecastLog(opened.forecasts) as log:
            scores = of_log(log)
    else:
        with replay_progress() as said:
            scores = replayed(opened, market, seed=seed, workers=workers, said=said)
    document = run(market, scores, options).to_dict()
    if as_json:
        print_json(document)
    else:
        show_backtest(document)


def _day(text: str | None) -> "datetime.date | None":
    """A date of the command line.

    Raises
    ------
    CalendarError
        It is none.
    """
    from data_profile.sessions import as_date

    return None if text is None else as_date(text)
