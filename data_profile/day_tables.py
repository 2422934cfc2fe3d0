"""The tables of one day, and the way from their boards and stocks to sectors."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_profile.errors import DataError

Resolve = Callable[[str, str], str | None]
"""(board name, kind) -> sector id, or None where it is in doubt; kind is industry or concept."""

NEEDED: Mapping[str, frozenset[str]] = {
    "board_quotes": frozenset({"board"}),
    "board_flow": frozenset({"board"}),
    "board_main_flow": frozenset({"board"}),
    "stocks": frozenset({"code", "ret"}),
    "limit_up_pool": frozenset({"code", "streak"}),
    "limit_up_previous": frozenset({"code", "streak"}),
    "broken_pool": frozenset({"code"}),
    "limit_down_pool": frozenset({"code"}),
    "lhb_stocks": frozenset({"code", "net_buy"}),
    "northbound": frozenset({"board", "net_buy"}),
    "news": frozenset({"score"}),
}
"""The tables that are used, and the columns that each cannot do without."""

_KEYS = {"stocks", "limit_up_pool", "limit_up_previous", "broken_pool", "limit_down_pool",
         "lhb_stocks"}  # fmt: skip


class AggregateError(DataError):
    """A table of the day cannot be summed up: unknown, without a needed column, contradictory."""


@dataclass(frozen=True)
class Unplaced:
    """What the sectors of a day leave out.

    Parameters
    ----------
    stocks
        Code -> name of stocks in a pool or list that belong to no known sector.
    boards
        Names of boards that no sector was found for.
    contested
        Sector id -> boards of one table that resolve to it and give the same figure; such a
        figure is left out.
    """

    stocks: Mapping[str, str]
    boards: tuple[str, ...]
    contested: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class DayTables:
    """The tables without rows that stand twice, and the way from a row to its sectors."""

    tables: Mapping[str, pd.DataFrame]
    links: pd.DataFrame  # code, sector: by the members
    industrial: frozenset[str]  # codes that an industry lists
    sectors: tuple[str, ...]
    listed: frozenset[str]  # sectors whose members are known
    industries: frozenset[str]
    resolve: Resolve

    @classmethod
    def of(
        cls, tables: Mapping[str, pd.DataFrame], members: pd.DataFrame, resolve: Resolve
    ) -> "DayTables":
        """Check the tables and find every sector that any of them names."""
        clean = {name: _clean(name, table) for name, table in tables.items() if name in NEEDED}
        members = members if len(members.columns) else pd.DataFrame({"board": [], "code": []})
        links = _with_kind(members)[["board", "code", "kind"]]
        links = links.assign(sector=_resolved(links, resolve)).dropna(subset="sector")
        boards = [links[["sector", "kind"]]]
        for table in clean.values():
            if "board" in table:
                boards.append(_with_kind(table).assign(sector=_resolved(table, resolve)))
            if "industry" in table:
                word = _resolved_names(table["industry"], "industry", resolve)
                boards.append(pd.DataFrame({"sector": word, "kind": "industry"}))
        named = pd.concat([part[["sector", "kind"]] for part in boards]).dropna(subset="sector")
        return cls(
            tables=clean,
            links=links[["code", "sector"]].drop_duplicates(),
            industrial=frozenset(links["code"][links["kind"] == "industry"]),
            sectors=tuple(sorted(set(named["sector"]))),
            listed=frozenset(links["sector"]),
            industries=frozenset(named["sector"][named["kind"] == "industry"]),
            resolve=resolve,
        )

    def place(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows with their `sector`: one row a stock and sector, none where unknown."""
        placed = table.merge(self.links, on="code")
        if "industry" in table:
            rest = table[~table["code"].isin(self.industrial)]
            word = _resolved_names(rest["industry"], "industry", self.resolve)
            placed = pd.concat([placed, rest.assign(sector=word).dropna(subset="sector")])
            placed = placed.drop_duplicates(["code", "sector"])
        return placed

    def of_boards(self, table: pd.DataFrame) -> pd.Series:
        """Sector of each row of a table of boards, or None."""
        return _resolved(table, self.resolve)

    def board_values(self, name: str, columns: Iterable[str]) -> pd.DataFrame:
        """Columns of a table of boards by sector, missing where two boards of it give a value."""
        table = self.tables.get(name)
        if table is None:
            return pd.DataFrame()
        there = [column for column in columns if column in table]
        values = table[there].astype(np.float64).groupby(self.of_boards(table))
        return values.sum().where(values.count() == 1)

    def counted(self, per_sector: pd.Series, table: pd.DataFrame) -> pd.Series:
        """Zero for a sector that the table, which was seen, could have held and does not.

        That is a sector whose members are known; an industry also if the table names the
        industry of each stock itself.
        """
        could = self.listed | (self.industries if "industry" in table else frozenset())
        return per_sector.astype(np.float64).reindex(sorted(could), fill_value=0.0)


def _clean(name: str, table: pd.DataFrame) -> pd.DataFrame:
    if missing := sorted(NEEDED[name] - set(table.columns)):
        raise AggregateError(f"table {name} lacks {', '.join(missing)}")
    if name == "news" and "board" not in table and "code" not in table:
        raise AggregateError("table news needs board or code")
    if "board" not in table and (wrong := [c for c in table["code"] if not _is_code(c)]):
        raise AggregateError(
            f"table {name} has the code {wrong[0]}; codes are six digits as text, zeros included"
        )
    # In an order of its own, so that sums come out the same whatever order it arrived in.
    table = table.iloc[np.argsort(pd.util.hash_pandas_object(table, index=False), kind="stable")]
    table = table.drop_duplicates(ignore_index=True)
    if name in _KEYS and (twice := table["code"].duplicated()).any():
        raise AggregateError(
            f"table {name} says two things of {table['code'][twice].iloc[0]}; refuse it whole, "
            "or fetch it again"
        )
    return table


def _is_code(code: object) -> bool:
    return isinstance(code, str) and len(code) == 6 and code.isdecimal()


def _with_kind(table: pd.DataFrame) -> pd.DataFrame:
    return table if "kind" in table else table.assign(kind="industry")


def _resolved(table: pd.DataFrame, resolve: Resolve) -> pd.Series:
    table = _with_kind(table)
    boards = [None if pd.isna(board) else str(board) for board in table["board"]]
    pairs = list(zip(boards, table["kind"].astype(str), strict=True))
    found = {pair: None if pair[0] is None else resolve(pair[0], pair[1]) for pair in set(pairs)}
    return pd.Series([found[pair] for pair in pairs], index=table.index, dtype=object)


def _resolved_names(names: pd.Series, kind: str, resolve: Resolve) -> pd.Series:
    found = {name: resolve(str(name), kind) for name in names.dropna().unique()}
    return names.astype(object).map(found)


def unplaced(
    tables: Mapping[str, pd.DataFrame], members: pd.DataFrame, resolve: Resolve
) -> Unplaced:
    """Name what `aggregate.sector_day` has to leave out of every sector; parameters as there."""
    day = DayTables.of(tables, members, resolve)
    stocks: dict[str, str] = {}
    for name in sorted(day.tables):
        table = day.tables[name]
        if "board" not in table and name != "stocks":
            lost = table[~table["code"].isin(day.place(table)["code"])]
            names = lost["name"] if "name" in lost else lost["code"]
            stocks |= dict(zip(lost["code"], names.astype(str), strict=True))
    contested: dict[str, tuple[str, ...]] = {}
    lost_boards: set[str] = set()
    for name, table in day.tables.items():
        if "board" in table:
            sector = day.of_boards(table)
            lost_boards |= set(table["board"][sector.isna()].dropna())
            if name == "news":  # many headlines a board, which agree to differ
                continue
            numbers = table.select_dtypes("number").notna().groupby(sector).sum()
            for owner in numbers.index[(numbers > 1).any(axis=1)]:
                contested[str(owner)] = tuple(sorted(table["board"][sector == owner].unique()))
    return Unplaced(dict(sorted(stocks.items())), tuple(sorted(lost_boards)), contested)
