"""The command line. Each command parses, calls one function of a room below, and prints.

Rooms are imported inside the commands, so that `tide --help` does not pay for them.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from data_profile.home import Home

app = typer.Typer(
    name="tide",
    help="Limit-up Tide (涨停潮): mine factors overnight, rank tomorrow's limit-up sectors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data_app = typer.Typer(
    help="Market data: import, look at it, what each field means.", no_args_is_help=True
)
pool_app = typer.Typer(help="The pool of accepted factors.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(pool_app, name="pool")

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="TIDE_HOME", help="Folder for everything written.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed gives the same run.")]
DEFAULT_HOME = Path("runs")


def _open_home(root: Path) -> "Home":
    """Make the home folder and point every library's own writing into it."""
    from data_profile.home import Home

    home = Home(root).create()
    # numba reads this when it is imported, which no module above does.
    os.environ.setdefault("NUMBA_CACHE_DIR", str((home.cache / "kernels").absolute()))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("MPLCONFIGDIR", str((home.cache / "matplotlib").absolute()))
    return home


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False, default=str))


@app.command()
def demo(
    home: HomeOption = DEFAULT_HOME / "demo",
    evaluations: Annotated[int, typer.Option(min=100, help="Factors to try.")] = 1500,
    seed: SeedOption = 1,
) -> None:
    """Run the main job on the built-in synthetic market: a few minutes, no key, no network."""
    from console.demo import run

    run(_open_home(home), evaluations=evaluations, seed=seed)


@app.command()
def doctor(
    home: HomeOption = DEFAULT_HOME,
    build_image: Annotated[
        bool, typer.Option("--build-image", help="Build the evaluator's container image.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is installed, reachable and fresh, and what to do about what is not."""
    from console import doctor as check

    opened = _open_home(home)
    if build_image:
        check.build_image(opened)
        return
    findings = check.examine(opened)
    if as_json:
        _print_json([finding.to_dict() for finding in findings])
    else:
        check.show(findings)


@data_app.command("import")
def data_import(
    file: Annotated[Path, typer.Argument(help="Panel of sectors by day: .parquet or .csv.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Read a panel file, check every row, and make it the store."""
    from console.display import working
    from console.tables import show_import
    from data_profile.sources.panel_file import read
    from data_profile.store import Store

    store = Store(_open_home(home).store)
    with working(f"reading {file}"):
        imported = read(file)
    with working("building the store"):
        manifest = store.build(imported.frame, imported.names, source=file.name)
    if as_json:
        _print_json(manifest.to_dict())
    else:
        show_import(imported, manifest)


@data_app.command("profile")
def data_profile_(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show what each field means, when it is known, and how much of it there is."""
    from console.tables import show_profile
    from data_profile.profile import Profile
    from data_profile.store import Store

    rows = Profile.load().rows(Store(_open_home(home).store).panel())
    if as_json:
        _print_json([row.to_dict() for row in rows])
    else:
        show_profile(rows)


@app.command()
def mine(
    home: HomeOption = DEFAULT_HOME,
    hours: Annotated[float | None, typer.Option(min=0.0, help="Stop after so many hours.")] = None,
    until: Annotated[str | None, typer.Option(help="Stop at HH:MM, China time.")] = None,
    loops: Annotated[int | None, typer.Option(min=1, help="Stop after so many loops.")] = None,
    evaluations: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many factors tried.")
    ] = None,
    proposer: Annotated[
        Literal["auto", "evolve", "llm"], typer.Option(help="Who proposes factors.")
    ] = "auto",
    isolation: Annotated[
        Literal["auto", "docker", "process"], typer.Option(help="Where factors are evaluated.")
    ] = "auto",
    budget_usd: Annotated[float | None, typer.Option(min=0.0, help="Language model spend.")] = None,
    seed: SeedOption = 1,
    new: Annotated[bool, typer.Option("--new", help="Start afresh; default: resume.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Mine factors: propose, evaluate in isolation, accept what survives. Resumes by default."""
    from console.progress import MiningDisplay, show_summary
    from scenario.loop import MineOptions
    from scenario.loop import mine as run

    options = MineOptions(
        hours=hours,
        until=until,
        loops=loops,
        evaluations=evaluations,
        proposer=proposer,
        isolation=isolation,
        budget_usd=budget_usd,
        seed=seed,
        new=new,
    )
    opened = _open_home(home)
    with MiningDisplay() as display:
        summary = run(opened, options, display)
    if as_json:
        _print_json(summary.to_dict())
    else:
        show_summary(summary)
    if summary.interrupted:
        raise typer.Exit(130)


@app.command("eval")
def eval_(
    expression: Annotated[str, typer.Argument(help="For example 'Mean($net_inflow, 5)'.")],
    home: HomeOption = DEFAULT_HOME,
    window: Annotated[Literal["search", "all"], typer.Option(help="Sessions to use.")] = "search",
    label: Annotated[str, typer.Option(help="What it should foretell.")] = "limit_up_count",
    as_json: JsonOption = False,
) -> None:
    """Score one expression, beside its baselines."""
    from console.display import working
    from console.evaluate import evaluate_one
    from console.tables import show_score

    opened = _open_home(home)
    with working("evaluating"):
        document = evaluate_one(opened, expression, window=window, label=label)
    if as_json:
        _print_json(document)
    else:
        show_score(document)


@pool_app.command("list")
def pool_list(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the accepted factors."""
    from console.tables import show_pool
    from factor_pool.pool import Pool

    rows = Pool(_open_home(home)).rows()
    if as_json:
        _print_json(rows)
    else:
        show_pool(rows)


@pool_app.command("export")
def pool_export(
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    home: HomeOption = DEFAULT_HOME,
    format_: Annotated[Literal["json"], typer.Option("--format", help="Format.")] = "json",
) -> None:
    """Write the accepted factors, with where each came from, to a file."""
    from factor_pool.export import export

    count = export(_open_home(home), format_, output)
    print(f"{count} factors written to {output}", file=sys.stderr)


@app.command()
def train(
    home: HomeOption = DEFAULT_HOME, seed: SeedOption = 1, as_json: JsonOption = False
) -> None:
    """Train the predictor on the store and the pool."""
    from console.progress import training_progress
    from console.tables import show_training
    from predictor.training import train as run

    with training_progress() as progress:
        trained = run(_open_home(home), seed=seed, progress=progress)
    if as_json:
        _print_json(trained.to_dict())
    else:
        show_training(trained.to_dict())


@app.command()
def predict(
    home: HomeOption = DEFAULT_HOME,
    date: Annotated[str | None, typer.Option(help="As of this session; default: the last.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Sectors to show.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Rank the sectors most likely to see a wave of limit-ups in the next session."""
    from console.display import working
    from console.tables import show_forecast
    from predictor.forecast import predict as run

    with working("ranking the sectors"):
        forecast = run(_open_home(home), date=date, top=top)
    if as_json:
        _print_json(forecast.to_dict())
    else:
        show_forecast(forecast.to_dict())


def main() -> None:
    """Run the command line; known errors become one clear line and an exit status."""
    from dotenv import load_dotenv

    load_dotenv(Path(".env"))
    try:
        app()
    except Exception as error:
        status = _exit_status(error)
        if status is None:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(status)


def _exit_status(error: Exception) -> int | None:
    """1 the job failed, 2 bad input, 3 a needed service is missing; None: not one of ours."""
    from data_profile.errors import CalendarError, DataError, StoreError
    from factor_pool.errors import FactorError, LedgerError, PoolError
    from predictor.errors import PredictorError
    from scenario.errors import BackendError, IsolationError, OptionsError, ScenarioError

    if isinstance(error, BackendError | IsolationError):
        return 3
    if isinstance(error, OptionsError):
        return 2
    if isinstance(error, ScenarioError | PredictorError | LedgerError | PoolError | StoreError):
        return 1
    if isinstance(error, DataError | FactorError | CalendarError):
        return 2
    return None


if __name__ == "__main__":
    main()
