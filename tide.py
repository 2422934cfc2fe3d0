"""The command line: the commands of `console/commands`, and what an error becomes."""

import sys
from pathlib import Path

import typer

from console.commands.backtesting import app as backtesting_app
from console.commands.data import data_app
from console.commands.day import app as day_app
from console.commands.dragon import dragon_app
from console.commands.forecasting import app as forecasting_app
from console.commands.pool import pool_app
from console.commands.reporting import app as reporting_app
from console.commands.work import app as work_app

app = typer.Typer(
    name="tide",
    help="Limit-up Tide (涨停潮): mine factors overnight, rank tomorrow's limit-up sectors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(work_app)
app.add_typer(forecasting_app)
app.add_typer(backtesting_app)
app.add_typer(day_app)
app.add_typer(reporting_app)
app.add_typer(data_app, name="data")
app.add_typer(pool_app, name="pool")
app.add_typer(dragon_app, name="dragon")


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
    from data_profile.collector import CollectorError
    from data_profile.errors import CalendarError, DataError, StoreError
    from data_profile.journal import JournalError
    from factor_pool.errors import FactorError, LedgerError, PoolError
    from predictor.dragon_tiger.rules import RulesError
    from predictor.errors import PredictorError
    from scenario.errors import BackendError, IsolationError, OptionsError, ScenarioError

    if isinstance(error, BackendError | IsolationError):
        return 3
    if isinstance(error, OptionsError | RulesError):
        return 2
    if isinstance(error, CollectorError | JournalError):
        return 1
    if isinstance(error, ScenarioError | PredictorError | LedgerError | PoolError | StoreError):
        return 1
    if isinstance(error, DataError | FactorError | CalendarError):
        return 2
    return None


if __name__ == "__main__":
    main()
