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
    home: HomeOption = DEFAULT_HOME, seed: SeedOption = 1, as_json: JsonOption = False
) -> None:
    """Train the predictor on the store and the pool."""
    from console.progress import training_progress
    from console.tables import show_training
    from predictor.training import train as run

    with training_progress() as progress:
        trained = run(open_home(home), seed=seed, progress=progress)
    if as_json:
        print_json(trained.to_dict())
    else:
        show_training(trained.to_dict())


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
    """Rank the sectors most likely to see a wave of limit-ups in the next session."""
    from console.display import working
    from console.forecast import show_forecast
    from factor_pool.report.words import language as preferred
    from predictor.forecast import predict as run

    with working("ranking the sectors"):
        forecast = run(open_home(home), date=date, top=top)
    chosen = language or preferred()
    if as_json:
        print_json(forecast.to_dict(chosen))
    else:
        show_forecast(forecast.to_dict(chosen), chosen)
