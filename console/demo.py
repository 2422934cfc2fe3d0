"""The demonstration: the main job, from raw data to tomorrow's ranking, on a made-up market."""

from rich.markup import escape

from console import display, tables
from console.forecast import show_forecast
from console.mining import MiningDisplay, show_summary
from console.progress import training_progress
from data_profile.home import Home

SECTORS = 60
SESSIONS = 700


def run(home: Home, *, evaluations: int, seed: int) -> None:
    """Make a market, mine it, train, predict, and say where everything is.

    Parameters
    ----------
    home
        Where to write. A second run mines no more than the first left to be mined; it trains and
        predicts again.
    evaluations
        Factors to try in all.
    seed
        Of the market and of the search.
    """
    from data_profile.market import synthetic
    from data_profile.store import Store
    from factor_pool.pool import Pool
    from factor_pool.report.words import language
    from predictor.forecast import predict
    from predictor.training import train
    from scenario.loop import MineOptions, mine

    out = display.stdout
    out.rule("[bold]1. A synthetic market")
    with display.working("making the market"):
        market = synthetic(seed, sectors=SECTORS, sessions=SESSIONS)
        manifest = Store(home.store).build(market.frame, market.names, source=f"synthetic-{seed}")
    tables.show_manifest(manifest)
    out.print("Six factors are true in it by construction; the search is not told which:")
    for text in market.planted:
        out.print(f"  [cyan]{escape(text)}")

    out.rule("[bold]2. Mining")
    options = MineOptions(evaluations=evaluations, seed=seed, reopen=True)
    with MiningDisplay() as progress:
        summary = mine(home, options, progress)
    show_summary(summary)

    out.rule("[bold]3. The accepted factors")
    tables.show_pool(Pool(home).rows(), home)

    out.rule("[bold]4. The predictor")
    with training_progress() as progress:
        trained = train(home, seed=seed, promote=True, progress=progress)
    tables.show_training(trained.to_dict())

    out.rule("[bold]5. Tomorrow")
    chosen = language()
    show_forecast(predict(home, date=None, top=10).to_dict(chosen), chosen)

    out.rule("[bold]6. Where everything is")
    tables.show_places(home)
