"""`tide data`: the market data."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.collecting import backfill, collect
from console.commands.options import DEFAULT_HOME, HomeOption, JsonOption, open_home, print_json
from console.commands.seats import seats_app
from console.commands.sectors import sectors_app

if TYPE_CHECKING:
    from data_profile.home import Home
    from data_profile.profile import Profile
    from data_profile.sources.stock_files import StockFile
    from data_profile.sources.table_file import TableFile

data_app = typer.Typer(
    help="Market data: import, look at it, what each field means.", no_args_is_help=True
)
data_app.add_typer(sectors_app, name="sectors")
data_app.add_typer(seats_app, name="seats")
data_app.command("collect")(collect)
data_app.command("backfill")(backfill)


@data_app.command("import")
def data_import(
    file: Annotated[
        Path,
        typer.Argument(help="Panel of sectors by day, or a file about stocks: .parquet or .csv."),
    ],
    add: Annotated[
        bool,
        typer.Option("--add", help="Keep earlier imports on the days that this file lacks."),
    ] = False,
    kind: Annotated[
        str, typer.Option(help="What its sectors are: industry or concept boards.")
    ] = "industry",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Read a file, check every row, and put it into the store.

    A panel of sectors takes the place of earlier panels. What was collected stays, and outranks
    the file. Sectors are known by their names, by which collected days continue them. Files about
    stocks (daily bars, map, dragon-tiger list, its seats, price-limit events) are recognised by
    their columns; each takes the place of earlier ones of its kind.
    """
    from console.display import working
    from data_profile.sources.stock_files import recognise
    from data_profile.sources.table_file import open_table

    opened = open_home(home)
    with working(f"reading {file}"):
        table = open_table(file)
    of_stocks = recognise(table)
    if of_stocks is None:
        _import_panel(opened, table, add=add, kind=kind, as_json=as_json)
    elif add or kind != "industry":
        raise typer.BadParameter("--add and --kind are for panels of sectors")
    else:
        _import_stocks(opened, table, of_stocks, as_json=as_json)


def _import_panel(home: "Home", table: "TableFile", *, add: bool, kind: str, as_json: bool) -> None:
    from console.display import working
    from console.tables import show_import
    from data_profile.list_fields import feed
    from data_profile.sectors import Sectors
    from data_profile.sources.panel_file import parse
    from data_profile.store import Store

    store = Store(home.store)
    with working(f"checking {table.path}"):
        imported = parse(table)
        first = imported.frame["date"].min().date()
        ids = Sectors(store.folder / "sectors").adopt(imported.names, first, kind=kind)
        imported = imported.renamed(ids)
    with working("building the store"):
        store.build(imported.frame, imported.names, source=imported.source, add=add)
        feed(home)
        manifest = store.manifest()
    if as_json:
        print_json(manifest.to_dict())
    else:
        show_import(imported, manifest)


def _import_stocks(home: "Home", table: "TableFile", kind: "StockFile", *, as_json: bool) -> None:
    from console.display import working
    from console.stocks import show_stock_import
    from data_profile.list_fields import feed
    from data_profile.sources.stock_files import parse
    from data_profile.stocks import StockStore

    with working(f"checking {table.path}"):
        taken = parse(table, kind)
    with working("building the stock store"):
        manifest = StockStore(home.stocks).take(taken.table, taken.frame, source=taken.source)
    with working("adding the list to the sectors"):
        feed(home)
    if as_json:
        print_json(manifest.to_dict())
    else:
        show_stock_import(taken, manifest)


@data_app.command("show")
def data_show(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show what the store holds: sectors, their windows, what each label is worth, stocks."""
    from console.windows import describe_store, show_store

    document = describe_store(open_home(home, create=False))
    if as_json:
        print_json(document)
    else:
        show_store(document)


@data_app.command("profile")
def data_profile_(
    fields: Annotated[
        list[str] | None, typer.Argument(help="Fields to explain in full; none for an overview.")
    ] = None,
    universe: Annotated[
        str, typer.Option(help="Whose fields: sector, or stock (single stocks).")
    ] = "sector",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show what each field means, when it is known, and how much of it there is."""
    from console.profile import search_base_rates, show_fields, show_overview, to_document
    from data_profile.profile import FIELDS, STOCK_FIELDS, Profile
    from data_profile.store import Store

    if universe not in ("sector", "stock"):
        raise typer.BadParameter(f"{universe!r} is no universe; sector or stock")
    profile = Profile.load(STOCK_FIELDS if universe == "stock" else FIELDS)
    names = [name.removeprefix("$") for name in fields or ()]
    if wrong := [name for name in names if name not in profile.fields]:
        raise typer.BadParameter(f"no field {wrong[0]!r}; tide data profile lists them")
    opened = open_home(home, create=False)
    if universe == "stock":
        _profile_stocks(opened, profile, names, as_json=as_json)
        return
    store = Store(opened.store)
    panel, days = store.panel(), store.days()
    rows = profile.rows(panel)
    if as_json:
        chosen = [row for row in rows if not names or row.name in names]
        print_json(to_document(chosen, store.manifest(), days, profile.absent(panel)))
    elif names:
        show_fields(names, profile.fields, {row.name: row for row in rows})
    else:
        rates = search_base_rates(profile, panel)
        show_overview(rows, store.manifest(), days, rates, profile.absent(panel))


def _profile_stocks(
    home: "Home", profile: "Profile", names: "Sequence[str]", *, as_json: bool
) -> None:
    from console.profile import show_fields
    from console.stocks import show_stock_fields
    from data_profile.stocks import StockStore

    store = StockStore(home.stocks)
    panel = store.panel()
    rows, absent = profile.rows(panel), profile.absent(panel)
    if as_json:
        chosen = [row.to_dict() for row in rows if not names or row.name in names]
        print_json({"store": store.manifest().to_dict(), "fields": chosen, "absent": absent})
    elif names:
        show_fields(names, profile.fields, {row.name: row for row in rows})
    else:
        show_stock_fields(rows, absent)


@data_app.command("verify")
def data_verify(
    restore: Annotated[
        bool,
        typer.Option("--restore", help="First derive a sound version again from what is whole."),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Prove the store: hashes, calendar, every value on its day, the Qlib tree."""
    from console.display import working
    from console.verification import show_verification
    from data_profile.store import Store
    from data_profile.verify import verify

    folder = open_home(home, create=restore).store
    if restore:
        with working("restoring the store"):
            Store(folder).restore()
    with working("verifying the store"):
        report = verify(folder)
    if as_json:
        print_json(report.to_dict())
    else:
        show_verification(report)
    if not report.ok:
        raise typer.Exit(1)
