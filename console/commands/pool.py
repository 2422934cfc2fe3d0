"""`tide pool`: the accepted factors."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from console.commands.options import DEFAULT_HOME, HomeOption, JsonOption, open_home, print_json

pool_app = typer.Typer(help="The pool of accepted factors.", no_args_is_help=True)


@pool_app.command("list")
def pool_list(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the accepted factors."""
    from console.tables import show_pool
    from factor_pool.pool import Pool

    rows = Pool(open_home(home)).rows()
    if as_json:
        print_json(rows)
    else:
        show_pool(rows)


@pool_app.command("export")
def pool_export(
    output: Annotated[Path, typer.Option("-o", "--output", help="File (qlib: folder) to write.")],
    home: HomeOption = DEFAULT_HOME,
    format_: Annotated[
        Literal["json", "csv", "parquet", "qlib", "python"],
        typer.Option("--format", help="csv, parquet: values. qlib: a folder for qrun."),
    ] = "json",
) -> None:
    """Write the accepted factors for use elsewhere."""
    from factor_pool.export import export

    count = export(open_home(home), format_, output)
    print(f"{count} factors written to {output}", file=sys.stderr)
