"""A home that holds a panel and, where they lie beside its file, the stocks below it."""

from pathlib import Path

from data_profile.home import Home
from data_profile.sectors import Sectors
from data_profile.sources.panel_file import read
from data_profile.sources.stock_files import parse, recognise
from data_profile.sources.table_file import open_table
from data_profile.stocks import StockStore
from data_profile.store import Store

STOCK_FILES = ("stock_map.parquet", "stock_limit_events.parquet")


def filled(file: Path, folder: Path) -> Home:
    """Import a panel, and its `STOCK_FILES`, into a folder that may hold them already."""
    home = Home(folder).create()
    store, stocks = Store(home.store), StockStore(home.stocks)
    if not store.exists():
        imported = read(file)
        first = imported.frame["date"].min().date()
        ids = Sectors(home.store / "sectors").adopt(imported.names, first, kind="industry")
        imported = imported.renamed(ids)
        store.build(imported.frame, imported.names, source=file.name)
    for name in STOCK_FILES:
        path = file.parent / name
        table = open_table(path) if path.exists() else None
        kind = recognise(table) if table is not None else None
        if table is not None and kind is not None and not stocks.has(kind.table):
            taken = parse(table, kind)
            stocks.take(taken.table, taken.frame, source=taken.source)
    return home
