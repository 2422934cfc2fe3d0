"""What moves while a command works: bars on a terminal, plain lines elsewhere."""

import contextlib
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from console.display import say, stderr


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


class TrainingProgress:
    """Called with what is being done and the share of all that is done (0..1)."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("training", total=1.0)
        self._last = ""

    def __call__(self, what: str, share: float) -> None:
        """Show the next step; where there is no bar, a line each."""
        self._bar.update(self._task, description=what, completed=share)
        if self._bar.disable and what != self._last:
            say(f"{share:4.0%}  {what}")
        self._last = what


@contextlib.contextmanager
def training_progress() -> Iterator[TrainingProgress]:
    """A progress bar for `predictor.training.train`."""
    with bar() as shown:
        yield TrainingProgress(shown)


@contextlib.contextmanager
def replay_progress() -> Iterator[Callable[[str], None]]:
    """What `predictor.replay.replay` tells: the month whose model is done."""
    with bar() as shown:
        task = shown.add_task("replaying month after month", total=None)
        yield lambda session: shown.update(task, description=f"replayed {session[:7]}")
