"""`tide pool`: the accepted factors."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from console.commands.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    UniverseOption,
    open_home,
    print_json,
)

pool_app = typer.Typer(help="The pool of accepted factors.", no_args_is_help=True)


@pool_app.command("list")
def pool_list(
    home: HomeOption = DEFAULT_HOME,
    universe: UniverseOption = "sector",
    as_json: JsonOption = False,
) -> None:
    """List the accepted factors."""
    from console.tables import show_pool
    from factor_pool.pool import Pool

    opened = open_home(home, universe, create=False)
    rows = Pool(opened).rows()
    if as_json:
        print_json(rows)
    else:
        show_pool(rows, opened)


@pool_app.command("show")
def pool_show(
    factor: Annotated[str, typer.Argument(help="Its id, for example F0003.")],
    home: HomeOption = DEFAULT_HOME,
    universe: UniverseOption = "sector",
    as_json: JsonOption = False,
) -> None:
    """Show one factor: hypothesis, figures, how it holds up, where its report is."""
    from console.member import show_member
    from factor_pool.pool import Pool

    document = Pool(open_home(home, universe)).show(factor)
    if as_json:
        print_json(document)
    else:
        show_member(document)


@pool_app.command("retire")
def pool_retire(
    factor: Annotated[str, typer.Argument(help="Its id, for example F0003.")],
    why: Annotated[str, typer.Option("--why", help="The reason, for whoever asks later.")],
    home: HomeOption = DEFAULT_HOME,
    universe: UniverseOption = "sector",
) -> None:
    """Take a factor out of use, for good. It is not deleted, and the reason is kept."""
    from factor_pool.pool import Pool

    pool = Pool(open_home(home, universe))
    member = pool.retire(factor, why)
    pool.publish_pending()
    print(f"{member.id} is retired; the pool without it is published", file=sys.stderr)


@pool_app.command("monitor")
def pool_monitor(
    home: HomeOption = DEFAULT_HOME,
    universe: UniverseOption = "sector",
    as_json: JsonOption = False,
) -> None:
    """Check every factor in use on the sessions since its acceptance; watch or retire it."""
    from console.display import working
    from console.member import show_checks
    from factor_pool.decay import monitor
    from factor_pool.pool import Pool

    opened = open_home(home, universe)
    with working("checking the pool"):
        checks = monitor(opened)
    Pool(opened).publish_pending()
    if as_json:
        print_json([check.to_dict() for check in checks])
    else:
        show_checks(checks)


@pool_app.command("export")
def pool_export(
    output: Annotated[Path, typer.Option("-o", "--output", help="File (qlib: folder) to write.")],
    home: HomeOption = DEFAULT_HOME,
    universe: UniverseOption = "sector",
    format_: Annotated[
        Literal["json", "csv", "parquet", "qlib", "python"],
        typer.Option("--format", help="csv, parquet: values. qlib: a folder for qrun."),
    ] = "json",
) -> None:
    """Write the accepted factors for use elsewhere."""
    from factor_pool.export import export

    count = export(open_home(home, universe), format_, output)
    print(f"{count} factors written to {output}", file=sys.stderr)


@pool_app.command("unseal")
def pool_unseal(
    why: Annotated[str, typer.Option("--why", help="Reason; kept in the ledger for good.")],
    home: HomeOption = DEFAULT_HOME,
    universe: UniverseOption = "sector",
    as_json: JsonOption = False,
) -> None:
    """Open the sealed window for the whole pool, and write down who did and why. Do it once."""
    from console.windows import show_unsealing
    from factor_pool.unseal import unseal

    document = unseal(open_home(home, universe), why=why).to_dict()
    if as_json:
        print_json(document)
    else:
        show_unsealing(document)


@pool_app.command("audit")
def pool_audit(
    home: HomeOption = DEFAULT_HOME,
    universe: UniverseOption = "sector",
    as_json: JsonOption = False,
) -> None:
    """Show the trail: attempts, tests, error budget, borders, openings; and what luck explains."""
    from console.display import working
    from console.windows import show_audit
    from factor_pool.audit import audit

    opened = open_home(home, universe)
    with working("measuring what choosing explains"):
        document = audit(opened)
    if as_json:
        print_json(document)
    else:
        show_audit(document)
