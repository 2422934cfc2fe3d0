"""`tide data sectors`: which sector a board's name stands for."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.options import DEFAULT_HOME, HomeOption, JsonOption, open_home, print_json

if TYPE_CHECKING:
    from data_profile.sectors import Sectors, Verdict

sectors_app = typer.Typer(
    help="The sectors, their names and ids, and the names that wait for you.", no_args_is_help=True
)

ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the log.")]
SinceOption = Annotated[
    str, typer.Option("--since", help="First session it holds for, YYYY-MM-DD; default today.")
]
_ANSWER = "N, the number of the question, or N=ID to name another sector than the best candidate."


@sectors_app.command("review")
def review(
    accept: Annotated[
        list[str], typer.Option("--accept", help=f"Another name of the candidate. {_ANSWER}")
    ] = [],  # noqa: B006 - Typer reads defaults only
    rename: Annotated[
        list[str], typer.Option("--rename", help="The candidate's name from now on; N or N=ID.")
    ] = [],  # noqa: B006
    new: Annotated[list[int], typer.Option("--new", help="A board of its own; N.")] = [],  # noqa: B006
    split: Annotated[
        list[str], typer.Option("--split", help="Split from the candidate; N or N=ID.")
    ] = [],  # noqa: B006
    reason: ReasonOption = "",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show the names that wait for a decision, after taking those that are given."""
    from console.sectors import show_review

    sectors = _sectors(home)
    answers = {"accept": accept, "rename": rename, "new": map(str, new), "split": split}
    for verdict, given in answers.items():
        for text in given:
            _decide(sectors, verdict, text, reason)  # type: ignore[arg-type]
    waiting = sectors.review()
    if as_json:
        print_json([one.to_dict() for one in waiting])
    else:
        show_review(waiting)


@sectors_app.command("list")
def list_(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Show every sector: id, kind, names, first session."""
    from console.sectors import show_sectors

    known = list(_sectors(home).sectors().values())
    if as_json:
        print_json([one.to_dict() for one in known])
    else:
        show_sectors(known)


@sectors_app.command("history")
def history(
    sector: Annotated[str, typer.Argument(help="Id of a sector; all where none is given.")] = "",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show every decision ever taken, with date and reason."""
    from console.sectors import show_history

    decisions = _sectors(home).history(sector or None)
    if as_json:
        print_json([one.model_dump(mode="json") for one in decisions])
    else:
        show_history(decisions)


@sectors_app.command("merge")
def merge(
    sector: Annotated[str, typer.Argument(help="Id of the sector that ends.")],
    into: Annotated[str, typer.Option("--into", help="Id of the sector that goes on.")],
    since: SinceOption = "",
    reason: ReasonOption = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """End a sector in another; its history stays."""
    _sectors(home).merge(sector, into, _session(since), reason=reason)


@sectors_app.command("rename")
def rename_(
    sector: Annotated[str, typer.Argument(help="Id of the sector.")],
    name: Annotated[str, typer.Argument(help="The name to show; the old ones go on to stand.")],
    since: SinceOption = "",
    reason: ReasonOption = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Give a sector another name; the id stays."""
    _sectors(home).rename(sector, name, _session(since), reason=reason)


@sectors_app.command("separate")
def separate(
    name: Annotated[str, typer.Argument(help="The name that was taken for another sector's.")],
    kind: Annotated[str, typer.Option("--kind", help="industry or concept.")],
    reason: ReasonOption = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Give a name a sector of its own after all, and print its id."""
    print(_sectors(home).separate(name, kind, reason=reason))


def _sectors(home: Path) -> "Sectors":
    from data_profile.sectors import Sectors

    return Sectors(open_home(home).store / "sectors")


def _decide(sectors: "Sectors", verdict: "Verdict", text: str, reason: str) -> None:
    number, _, candidate = text.partition("=")
    if not (number.isascii() and number.isdigit()):
        raise typer.BadParameter(f"{text!r} is no number of a question", param_hint=verdict)
    sectors.decide(int(number), verdict, candidate or None, reason=reason)


def _session(text: str) -> datetime.date:
    from data_profile.sessions import today

    if not text:
        return today()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date; write it like 2025-12-31") from error
