"""What is printed about sectors and their names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from console.display import stdout, table

if TYPE_CHECKING:
    from data_profile.sector_log import Decision, Sector
    from data_profile.sectors import Review


def show_review(waiting: "Sequence[Review]") -> None:
    """The names that wait for a decision, and how to take it."""
    if not waiting:
        stdout.print("no name waits for a decision")
        return
    made = table("N", "name", "kind", "seen", "may be")
    for one in waiting:
        several = ", ".join(f"{i} {name} ({score:.0f})" for i, name, score in one.candidates)
        made.add_row(str(one.number), escape(one.name), one.kind, str(one.session), escape(several))
    stdout.print(made)
    stdout.print(
        "Boards on this list are not in the data. --accept N: another name of the first candidate; "
        "--new N: a board of its own; --rename N: the candidate's new name; --split N: split from "
        "it; N=ID names another sector."
    )


def show_sectors(known: "Sequence[Sector]") -> None:
    """Every sector on a line."""
    made = table("id", "name", "kind", "since", "other names", "ids in files", "")
    for one in known:
        others = ", ".join(name for name in one.names if name != one.name)
        fate = f"ended in {one.merged[0]} on {one.merged[1]}" if one.merged else ""
        born = f"split from {one.parent}" if one.parent else ""
        made.add_row(
            one.id, escape(one.name), one.kind, str(one.since), escape(others),
            ", ".join(one.codes), "; ".join(filter(None, (born, fate))),
        )  # fmt: skip
    stdout.print(made)


def show_history(decisions: "Sequence[Decision]") -> None:
    """Decisions, oldest first."""
    made = table("taken", "from session", "by", "decision", "name", "sector", "other", "reason")
    for one in decisions:
        made.add_row(
            f"{one.at:%Y-%m-%d %H:%M}", str(one.session), one.by, one.action, escape(one.name),
            one.sector, one.other, escape(one.reason),
        )  # fmt: skip
    stdout.print(made)
