"""What moves while a command works: bars on a terminal, plain lines elsewhere."""

import contextlib
import datetime as dt
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from console.display import number, say, stderr, stdout, table

if TYPE_CHECKING:
    from scenario.session import Progress as Standing
    from scenario.session import Summary

_LINE_EVERY = 30.0
_GATES = {
    "validity": "no valid expression",
    "duplicate": "attempted before",
    "evaluation": "could not be evaluated",
    "coverage": "too few values",
    "complexity": "too long",
    "novelty": "in the pool already",
    "baseline_copy": "persistence or size in other words",
    "strength": "adds too little in the search window",
    "power": "too weak for the confirm window to show",
    "kin": "close kin of one that did not hold in the confirm window",
    "correlation": "too close to a pool member",
    "stability": "not the same in most periods",
    "halves": "not the same in both halves of the sectors",
    "turnover": "reverses from day to day",
    "confirm": "did not hold in the confirm window",
}


def bar() -> Progress:
    """A bar on a terminal, nothing elsewhere."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


class MiningDisplay:
    """Shows a mining run; the `Display` that `scenario.loop.mine` wants."""

    def __init__(self) -> None:
        self._bar = bar()
        self._task = self._bar.add_task("starting", total=None)
        self._said_at = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        """One line worth keeping on the screen."""
        say(line)

    def progress(self, progress: "Standing") -> None:
        """After every iteration: the bar, or a line every half minute without a terminal."""
        line = _standing(progress)
        self._bar.update(
            self._task,
            description=escape(line),
            total=progress.target,
            completed=progress.evaluated,
        )
        if not stderr.is_terminal and progress.seconds - self._said_at >= _LINE_EVERY:
            self._said_at = progress.seconds
            say(line)


def _standing(progress: "Standing") -> str:
    parts = [
        f"{progress.evaluated} tried",
        f"{progress.accepted} accepted",
        f"{progress.rate:.0f}/s",
        f"best marginal IC {number(progress.best_marginal_ic)}",
    ]
    if progress.spend_usd:
        parts.append(f"{progress.spend_usd:.2f} USD")
    if progress.deadline is not None:
        left = progress.deadline - dt.datetime.now(dt.UTC)
        parts.append(f"{max(left.total_seconds(), 0) / 60:.0f} min left")
    return ", ".join(parts)


def show_summary(summary: "Summary") -> None:
    """How the night went, gate by gate."""
    rate = summary.evaluated / max(summary.seconds, 1e-9)
    stdout.print(
        f"session {summary.session}: {summary.evaluated} factors tried in "
        f"{summary.seconds:.0f} s ({rate:.0f}/s), [bold]{summary.accepted} accepted[/]"
    )
    made = table("rejected", "", right=("rejected",))
    for gate, count in sorted(summary.rejected.items(), key=lambda item: -item[1]):
        made.add_row(str(count), _GATES.get(gate, gate))
    stdout.print(made)
    if summary.cost_usd:
        stdout.print(f"language model: {summary.cost_usd:.4f} USD")


class TrainingProgress:
    """Called with what is being done and the share of all that is done (0..1)."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("training", total=1.0)

    def __call__(self, what: str, share: float) -> None:
        """Show the next step."""
        self._bar.update(self._task, description=what, completed=share)


@contextlib.contextmanager
def training_progress() -> Iterator[TrainingProgress]:
    """A progress bar for `predictor.training.train`."""
    with bar() as shown:
        yield TrainingProgress(shown)
