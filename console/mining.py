"""A mining run on the screen: a small board on a terminal, plain lines elsewhere."""

import datetime as dt
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from console.display import number, say, stderr, stdout, table

if TYPE_CHECKING:
    from scenario.session import Progress, Summary

_LINE_EVERY = 30.0


class MiningDisplay:
    """Shows a mining run; the `Display` that `scenario.loop.mine` wants."""

    def __init__(self) -> None:
        self._live = Live(
            Text("starting"), console=stderr, transient=True, refresh_per_second=4,
            auto_refresh=stderr.is_terminal,
        )  # fmt: skip
        self._said_at = 0.0

    def __enter__(self) -> Self:
        if stderr.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        """One line worth keeping on the screen."""
        say(line)

    def progress(self, progress: "Progress") -> None:
        """After every iteration: the board, or a line every half minute without a terminal."""
        facts = standing(progress, dt.datetime.now(dt.UTC))
        if stderr.is_terminal:
            self._live.update(_board(progress, facts))
        elif progress.seconds - self._said_at >= _LINE_EVERY:
            self._said_at = progress.seconds
            say(", ".join(f"{name} {value}" for name, value in facts.items()))


def standing(progress: "Progress", now: dt.datetime) -> dict[str, str]:
    """What is shown of a run, name by name.

    Parameters
    ----------
    progress
        Where it stands.
    now
        Timezone-aware; the time left is counted from here.
    """
    facts = {
        "tried": f"{progress.evaluated:,}",
        "a second": per_second(progress.rate),
        "accepted": str(progress.accepted),
        "best marginal IC": number(progress.best_marginal_ic),
        "error budget": f"{progress.error_budget:.0%}",
        "spent": f"{progress.spend_usd:.2f} USD",
    }
    left = _seconds_left(progress, now)
    if left is not None:
        facts["time left"] = _clock(left)
    return facts


def per_second(rate: float) -> str:
    """A rate as it is shown: with a digit behind the point where it is small."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"


def _seconds_left(progress: "Progress", now: dt.datetime) -> float | None:
    """Until the deadline or the target, whichever comes first; None if neither is in sight."""
    ends = []
    if progress.deadline is not None:
        ends.append((progress.deadline - now).total_seconds())
    if progress.target is not None and progress.rate > 0:
        ends.append((progress.target - progress.evaluated) / progress.rate)
    return max(0.0, min(ends)) if ends else None


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _board(progress: "Progress", facts: dict[str, str]) -> Table:
    """Names above their values, and a bar where it is known how much is wanted."""
    grid = Table.grid(padding=(0, 2))
    for _ in facts:
        grid.add_column(justify="left")
    grid.add_row(*(Text(name, style="dim") for name in facts))
    grid.add_row(*(Text(value, style="bold") for value in facts.values()))
    board = Table.grid()
    board.add_row(Text(f"session {progress.session}", style="dim"))
    board.add_row(grid)
    if progress.target is not None:
        board.add_row(ProgressBar(total=progress.target, completed=progress.evaluated, width=72))
    return board


def show_summary(summary: "Summary") -> None:
    """How the night went, gate by gate."""
    from scenario.morning.words import GATES

    stdout.print(
        f"[dim]session {summary.session}[/]\n"
        f"{summary.evaluated} factors tried in {summary.seconds:.0f} s "
        f"({per_second(summary.rate)}/s), [bold]{summary.accepted} accepted[/]"
    )
    made = table("rejected", "", right=("rejected",))
    for gate, count in sorted(summary.rejected.items(), key=lambda item: -item[1]):
        made.add_row(str(count), GATES[gate][0] if gate in GATES else gate)
    stdout.print(made)
    if summary.cost_usd:
        stdout.print(f"language model: {summary.cost_usd:.4f} USD")
