"""What `tide train` says of the pool, of champion and challenger, and of a replay."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from console.display import interval, number, stdout, table

_VERDICTS = {
    "champion": "[green]champion[/]: it forecasts from now on",
    "challenger": "[yellow]challenger[/]: it waits",
    "dismissed": "[dim]dismissed[/]",
    "spare": "[dim]stored without a role[/]",
}
_MOST = 5
_ORDERS = {"rank": "limit-ups", "surge": "waves"}


def show_pool_check(check: Mapping[str, Any]) -> None:
    """What the decay monitor found before the training."""
    changes = check["changes"]
    text = f"pool checked before training: {check['checked']} members"
    stdout.print(f"{text}, {'no status changed' if not changes else f'{len(changes)} changed'}")
    for change in changes:
        stdout.print(
            f"  {change['member']}: {change['before']} -> {change['after']}: "
            f"{escape(change['reason'])}"
        )
    if check["trouble"] is not None:
        stdout.print(f"[yellow]the check is incomplete[/]: {escape(check['trouble'])}")


def show_importance(shares: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """The features that move the forecasts most."""
    for order, title in _ORDERS.items():
        first = list(shares.get(order, {}).items())[:_MOST]
        told = ", ".join(f"{escape(name)} {share['effect']:.0%}" for name, share in first)
        stdout.print(f"[dim]moves the order by {title} most: {told}[/]")


def show_roles(document: Mapping[str, Any]) -> None:
    """What became of waiting models, what becomes of this one, and which forecasts."""
    for decision in (*document["settled"], document["decision"]):
        stdout.print(
            f"model {decision['model']}: {_VERDICTS[decision['verdict']]}; "
            f"{escape(decision['reason'])}",
            soft_wrap=True,
        )
    if document["champion"] != document["model"]:
        stdout.print(f"forecasts are made by the champion, {document['champion']}")


def show_replay(document: Mapping[str, Any]) -> None:
    """Window by window, then all of them, each figure beside persistence."""
    made = table("test", "sessions", "rank IC", "persistence", "waves@5", "persistence",
                 right=("sessions", "rank IC", "persistence", "waves@5"))  # fmt: skip
    for row in document["windows"]:
        cells = [
            number(row[method][figure])
            for figure in ("rank_ic", "surge_precision_at_5")
            for method in ("model", "persistence")
        ]
        test = row["test"]
        made.add_row(f"{test['start']}..{test['end']}", str(test["sessions"]), *cells)
    stdout.print(made)
    for figure, one in document["difference"].items():
        if one is not None:
            stdout.print(f"{figure}: {escape(interval(one, signed=True))} against persistence")
    stdout.print(f"[dim]{escape(document['note'])}[/]", soft_wrap=True)
