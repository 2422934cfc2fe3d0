"""What is printed about single stocks."""

from typing import TYPE_CHECKING

from console.display import stdout, table

if TYPE_CHECKING:
    from data_profile.sources.stock_files import StockTable
    from data_profile.stock_manifest import StockManifest

_TITLES = {
    "bars": "daily bars",
    "map": "map of stocks",
    "list_rows": "dragon-tiger list, as disclosed",
    "seat_rows": "its seats, as disclosed",
    "limit_events": "days at a price limit",
    "lists": "list, each stock once a day and span",
    "seats": "seats, each once",
}


def show_stock_import(taken: "StockTable", manifest: "StockManifest") -> None:
    """What was taken from a file, what was left out, and what the stock store holds now."""
    stdout.print(f"{len(taken.frame)} rows: {_TITLES[taken.table]}", markup=False)
    if taken.future:
        stdout.print(
            f"dropped, for it is the future of the session: {', '.join(taken.future)}", markup=False
        )
    if rest := [name for name in taken.ignored if name not in taken.future]:
        stdout.print(f"not used: {', '.join(rest)}", markup=False)
    show_stocks(manifest)


def show_stocks(manifest: "StockManifest") -> None:
    """The stock store, a table a line."""
    made = table("stocks", "rows", "first", "last", "from", right=("rows",))
    for name, one in manifest.tables.items():
        made.add_row(_TITLES[name], str(one.rows), one.first, one.last, one.source)
    stdout.print(made)
    if manifest.stocks:
        stdout.print(
            f"panel of {manifest.stocks} stocks x {manifest.sessions} sessions, prices "
            f"front-adjusted (qfq): {', '.join(manifest.fields)}",
            markup=False,
        )
