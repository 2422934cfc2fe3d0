"""`tide data seats`: the seats of the dragon-tiger list, and their names."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.options import DEFAULT_HOME, HomeOption, JsonOption, open_home, print_json

if TYPE_CHECKING:
    from data_profile.seats import Seats

seats_app = typer.Typer(help="Seats of the dragon-tiger list: who is who.", no_args_is_help=True)


@seats_app.command("review")
def review(
    same: Annotated[
        list[str] | None, typer.Option("--same", help="Pair that is one seat, by its id.")
    ] = None,
    apart: Annotated[
        list[str] | None, typer.Option("--apart", help="Pair that is two seats, by its id.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for people.")] = "",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show the names that may be one seat, after taking the decisions that are given."""
    from console.stocks import show_doubts
    from data_profile.seats import find

    seats, names = _names(home)
    for given, verdict in ((same, True), (apart, False)):
        for pair in given or ():
            seats.decide(find(seats.review(names), pair), same=verdict, reason=reason)
    waiting = seats.review(names)
    if as_json:
        print_json([one.to_dict() for one in waiting])
    else:
        show_doubts(waiting)


@seats_app.command("list")
def list_(
    several: Annotated[
        bool, typer.Option("--several", help="Only seats that go by more than one name.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show every seat with the names it goes by and what kind of money it was last."""
    from console.stocks import show_seats
    from data_profile.list_fields import typed_seats
    from data_profile.stocks import StockStore

    seats, names = _names(home)
    rows = typed_seats(StockStore(open_home(home).stocks))
    last = rows.sort_values("session").drop_duplicates("seat_id", keep="last")
    kinds = last.set_index("seat_id")["type"]
    shown = [
        {"seat": one.seat, "type": str(kinds[one.seat]), "names": list(one.names)}
        for one in seats.clusters(names)
        if len(one.names) > 1 or not several
    ]
    if as_json:
        print_json(shown)
    else:
        show_seats(shown)


def _names(home: Path) -> "tuple[Seats, list[str]]":
    from data_profile.seats import Seats
    from data_profile.stocks import StockStore

    stocks = StockStore(open_home(home).stocks)
    return Seats(stocks.folder / "seats"), sorted(stocks.seats()["seat"].unique())
