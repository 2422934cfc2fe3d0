"""Tables and progress. Data goes to stdout, everything that moves or comments to stderr."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from data_profile.sources.panel_file import Imported
    from data_profile.store import Manifest

    from data_profile.home import Home

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """One line for the person who waits."""
    stderr.print(line, markup=False)


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner while the block runs; a plain line where there is no terminal."""
    if not stderr.is_terminal:
        say(f"{what} ...")
        yield
        return
    with stderr.status(escape(what)):
        yield


def table(*headings: str, right: Iterable[str] = ()) -> Table:
    """An empty table; headings in `right` are aligned to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    numbers = set(right)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return made


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A figure, or a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:{'+' if signed else ''}.{digits}f}"


def interval(figure: Mapping[str, Any], digits: int = 3, *, signed: bool = False) -> str:
    """A figure with its 95% interval: `0.512 [0.480, 0.541]`."""
    low, high = figure["low"], figure["high"]
    ends = f"[{number(low, digits, signed=signed)}, {number(high, digits, signed=signed)}]"
    return f"{number(figure['value'], digits, signed=signed)} {ends}"


def describe_manifest(manifest: "Manifest") -> str:
    """The store in one line."""
    return (
        f"{manifest.instruments} sectors, {manifest.first_session}..{manifest.last_session} "
        f"({manifest.sessions} sessions, {manifest.rows} rows) from {manifest.source}"
    )


def show_manifest(manifest: "Manifest") -> None:
    """What the store holds."""
    stdout.print(describe_manifest(manifest), markup=False)
    stdout.print(f"snapshot {manifest.snapshot_id[:16]}")


def show_import(imported: "Imported", manifest: "Manifest") -> None:
    """What was taken from a file, and what was left out."""
    show_manifest(manifest)
    if imported.ignored:
        stdout.print(f"left out, as they hold text: {', '.join(imported.ignored)}", markup=False)


def show_places(home: "Home") -> None:
    """Where everything is, and how to look at it."""
    stdout.print(f"MLflow database  {home.mlflow_db}", markup=False)
    stdout.print(
        f"open it with     mlflow ui --backend-store-uri sqlite:///{home.mlflow_db}", markup=False
    )
    stdout.print(f"ledger           {home.ledger}", markup=False)
    stdout.print(f"export the pool  tide pool export --home {home.root} -o pool.json", markup=False)


def show_pool(rows: Sequence[Mapping[str, Any]]) -> None:
    """The accepted factors."""
    if not rows:
        stdout.print("The pool is empty: nothing has survived yet. Mine on: tide mine")
        return
    made = table("id", "status", "expression", "marginal IC", "p", right=("marginal IC", "p"))
    for row in rows:
        made.add_row(
            str(row["id"]),
            row["status"],
            escape(row["expression"]),
            number(row["marginal_rank_ic"], signed=True),
            number(row["p_value"], 4),
        )
    stdout.print(made)
    stdout.print(
        "[dim]marginal IC: daily rank IC with tomorrow's limit-up count beyond persistence and "
        "size, search window; p: confirm window[/dim]"
    )


@contextlib.contextmanager
def training_progress() -> Iterator["TrainingProgress"]:
    """A progress bar for `predictor.training.train`."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    ) as bar:
        yield TrainingProgress(bar)


class TrainingProgress:
    """Called with what is being done and the share of all that is done (0..1)."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("training", total=1.0)

    def __call__(self, what: str, share: float) -> None:
        """Show the next step."""
        self._bar.update(self._task, description=what, completed=share)
        if not stderr.is_terminal:
            say(f"{what} ...")
