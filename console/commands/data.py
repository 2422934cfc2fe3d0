"""`tide data`: the market data."""

from pathlib import Path
from typing import Annotated

import typer

from console.commands.options import DEFAULT_HOME, HomeOption, JsonOption, open_home, print_json
from console.commands.sectors import sectors_app

data_app = typer.Typer(
    help="Market data: import, look at it, what each field means.", no_args_is_help=True
)
data_app.add_typer(sectors_app, name="sectors")


@data_app.command("import")
def data_import(
    file: Annotated[Path, typer.Argument(help="Panel of sectors by day: .parquet or .csv.")],
    kind: Annotated[
        str, typer.Option(help="What its sectors are: industry or concept boards.")
    ] = "industry",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Read a panel file, check every row, and make it the store.

    Sectors are known by their names, by which collected days continue them.
    """
    from console.display import working
    from console.tables import show_import
    from data_profile.sectors import Sectors
    from data_profile.sources.panel_file import read
    from data_profile.store import Store

    store = Store(open_home(home).store)
    with working(f"reading {file}"):
        imported = read(file)
        first = imported.frame["date"].min().date()
        ids = Sectors(store.folder / "sectors").adopt(imported.names, first, kind=kind)
        imported = imported.renamed(ids)
    with working("building the store"):
        manifest = store.build(imported.frame, imported.names, source=file.name)
    if as_json:
        print_json(manifest.to_dict())
    else:
        show_import(imported, manifest)


@data_app.command("show")
def data_show(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show what the store holds, the windows it is divided into, and what each label is worth."""
    from console.windows import describe_store, show_store

    document = describe_store(open_home(home))
    if as_json:
        print_json(document)
    else:
        show_store(document)


@data_app.command("profile")
def data_profile_(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show what each field means, when it is known, and how much of it there is."""
    from console.tables import show_profile
    from data_profile.profile import Profile
    from data_profile.store import Store

    rows = Profile.load().rows(Store(open_home(home).store).panel())
    if as_json:
        print_json([row.to_dict() for row in rows])
    else:
        show_profile(rows)
