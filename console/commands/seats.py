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


@seats_app.command("history")
def history(
    seat: Annotated[str, typer.Argument(help="Name of a seat, in any spelling.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show what a seat's past said on each day that it was listed: type, hit rate, holding time."""
    from console.stocks import show_seat_history
    from data_profile.stocks import StockStore
    from predictor.dragon_tiger.lists import seats_of
    from predictor.dragon_tiger.seat_history import seat_history

    seats, names = _names(home)
    stocks = StockStore(open_home(home).stocks)
    wanted = seats.unify([*names, seat])[seat]
    rows = seats_of(stocks)
    own = rows[rows["seat_id"] == wanted]
    if own.empty:
        raise typer.BadParameter(f"{wanted} is on no list here; tide data seats list shows all")
    past = seat_history(own, stocks.panel()).reset_index()
    types = own.drop_duplicates("session").set_index("session")["type"]
    document = {
        "seat": wanted,
        "names": sorted(own["seat"].unique()),
        "days": [
            {"session": str(row["session"].date()), "type": types[row["session"]],
             **{name: None if row[name] != row[name] else float(row[name])
                for name in ("buys", "hit_rate", "exits", "holding")}}
            for row in past.to_dict("records")
        ],
    }  # fmt: skip
    if as_json:
        print_json(document)
    else:
        show_seat_history(document)


def _names(home: Path) -> "tuple[Seats, list[str]]":
    from data_profile.seats import Seats
    from data_profile.stocks import StockStore

    stocks = StockStore(open_home(home).stocks)
    return Seats(stocks.folder / "seats"), sorted(stocks.seats()["seat"].unique())
