"""What is printed about single stocks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from console.display import stdout, table
from console.profile import field_table

if TYPE_CHECKING:
    from data_profile.profile import FieldReport
    from data_profile.seats import Doubt
    from data_profile.sources.stock_files import StockTable
    from data_profile.stock_manifest import StockManifest

_SHOWN = 20
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
    show_stocks(manifest.to_dict())


def show_stocks(manifest: Mapping[str, Any]) -> None:
    """The stock store, a table a line; `manifest` as `StockManifest.to_dict`."""
    made = table("stocks", "rows", "first", "last", "from", right=("rows",))
    made.columns[-1].no_wrap = True
    for name, one in manifest["tables"].items():
        made.add_row(_TITLES[name], str(one["rows"]), one["first"], one["last"], one["source"])
    stdout.print(made)
    if manifest["stocks"]:
        stdout.print(
            f"panel of {manifest['stocks']} stocks x {manifest['sessions']} sessions, prices "
            f"front-adjusted (qfq): {', '.join(manifest['fields'])}\n",
            markup=False,
        )


def show_doubts(waiting: "Sequence[Doubt]") -> None:
    """The pairs of names that wait for a decision, and how to take it."""
    if not waiting:
        stdout.print("no name of a seat waits for a decision")
        return
    made = table("id", "one", "other", "alike", right=("alike",))
    for one in waiting:
        made.add_row(one.id, escape(one.one), escape(one.other), f"{one.score:.0f}")
    stdout.print(made)
    stdout.print(
        "Until then they count as two seats. --same ID: one seat; --apart ID: two. What is decided "
        "holds from the next import or collected day on."
    )


def show_seats(seats: "Sequence[Mapping[str, Any]]") -> None:
    """A seat a line."""
    made = table("seat", "type", "names")
    for one in seats:
        made.add_row(escape(one["seat"]), one["type"], escape("; ".join(one["names"])))
    stdout.print(made)
    stdout.print(f"{len(seats)} seats; type: as of the last session on which each was listed")


def show_seat_history(document: Mapping[str, Any]) -> None:
    """What a seat's past said, a day a line, the latest last."""
    stdout.print(f"[bold]{escape(document['seat'])}[/]: {escape('; '.join(document['names']))}")
    heads = ("buys judged", "hit rate", "exits seen", "held")
    made = table("session", "type", *heads, right=heads)
    for day in document["days"][-_SHOWN:]:
        hit, held = day["hit_rate"], day["holding"]
        made.add_row(
            day["session"], day["type"], f"{day['buys']:.0f}", "-" if hit is None else f"{hit:.0%}",
            f"{day['exits']:.0f}", "-" if held is None else f"{held:.1f}",
        )  # fmt: skip
    stdout.print(made)
    stdout.print(
        "Each line from the days before it. Hit: the close three sessions after the next open was "
        "above that open; held: sessions to the first disclosed net sale."
    )


def show_stock_fields(rows: "Sequence[FieldReport]", absent: Sequence[str]) -> None:
    """The fields of the panel of stocks, and what it has none of."""
    stdout.print(field_table([row for row in rows if row.first is not None]))
    stdout.print(
        "Prices are front-adjusted (qfq): only ratios of one stock's mean anything. What the "
        "dragon-tiger list tells (lhb_...) is known at 18:10 and traded at the next open."
    )
    if absent:
        stdout.print(f"No values here, never filled: {', '.join(absent)}")
