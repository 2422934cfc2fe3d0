"""What the factors are for: train the predictor, and ask it for tomorrow's sectors."""

from typing import Annotated, Literal

import typer

from console.commands.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    SeedOption,
    open_home,
    print_json,
)

app = typer.Typer()


@app.command()
def train(
    home: HomeOption = DEFAULT_HOME,
    seed: SeedOption = 1,
    train_months: Annotated[
        int, typer.Option(min=1, envvar="TIDE_TRAIN_MONTHS", help="Months to learn from.")
    ] = 24,
    valid_months: Annotated[
        int,
        typer.Option(min=1, envvar="TIDE_VALID_MONTHS", help="Months to stop and calibrate on."),
    ] = 3,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make the model champion without a contest.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD",
            help="Train every window that is tested since then instead: a replay, for the record.",
        ),
    ] = None,
    step_months: Annotated[
        int, typer.Option(min=1, help="With --since: months from window to window.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Check the pool, train the newest window; a new model challenges the one in use."""
    from console.progress import training_progress
    from console.tables import show_training
    from console.training import show_importance, show_pool_check, show_replay, show_roles
    from predictor.retraining import retrain
    from predictor.training import train as run

    if since is not None:
        with training_progress() as progress:
            replayed = retrain(
                open_home(home),
                since=since,
                seed=seed,
                train_months=train_months,
                valid_months=valid_months,
                step_months=step_months,
                progress=progress,
            ).to_dict()
        print_json(replayed) if as_json else show_replay(replayed)
        return
    with training_progress() as progress:
        trained = run(
            open_home(home),
            seed=seed,
            train_months=train_months,
            valid_months=valid_months,
            promote=promote,
            progress=progress,
        )
    document = trained.to_dict()
    if as_json:
        print_json(document)
        return
    show_pool_check(document["pool_check"])
    show_training(document)
    show_importance(document["importance"])
    show_roles(document)


@app.command()
def predict(
    home: HomeOption = DEFAULT_HOME,
    date: Annotated[str | None, typer.Option(help="As of this session; default: the last.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Sectors to show.")] = 10,
    language: Annotated[
        Literal["zh", "en"] | None, typer.Option("--lang", help="Default: as TIDE_LANG says.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Rank the sectors by the next session's limit-ups, and name the likeliest waves.

    Every forecast is kept in the forecast log; only one made in time counts.
    """
    from console.display import say, working
    from console.forecast import show_forecast
    from data_profile.schedule import china_now
    from factor_pool.report.words import language as preferred
    from predictor.daily import make_forecast

    with working("ranking the sectors"):
        forecast, record = make_forecast(open_home(home), china_now, date=date, top=top)
    chosen = language or preferred()
    if as_json:
        print_json(forecast.to_dict(chosen))
    else:
        show_forecast(forecast.to_dict(chosen), chosen)
    counts = "counts" if record.live else "does not count: it was not made in time"
    say(f"forecast {record.id} of the log, made {record.made_at:%Y-%m-%d %H:%M}; {counts}")
