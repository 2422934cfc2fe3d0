"""What `tide data verify` prints."""

from rich.markup import escape

from console.display import stdout, table
from data_profile.verify import Report

_SHOWN = 5


def show_verification(report: Report) -> None:
    """Each check in a line; then what is wrong, and what to do about it."""
    made = table("", "check", "found")
    for check in report.checks:
        made.add_row("[green]ok[/]" if check.ok else "[red]wrong[/]", check.name,
                     escape(check.detail))  # fmt: skip
    stdout.print(made)
    if report.gaps:
        stdout.print(
            f"{len(report.gaps)} sessions are not in the store; they stay missing until they are "
            "collected, fetched (tide data backfill) or imported"
        )
    for check in report.checks:
        for problem in check.problems[:_SHOWN]:
            stdout.print(f"[red]{check.name}[/]: {escape(problem)}", soft_wrap=True)
        if len(check.problems) > _SHOWN:
            stdout.print(f"[red]{check.name}[/]: and {len(check.problems) - _SHOWN} more")
        if not check.ok:
            stdout.print(f"  what to do: {escape(check.remedy)}", soft_wrap=True)
