"""The two consoles and the bricks of tables: data goes to stdout, comments to stderr."""

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """One line for the person who waits."""
    stderr.print(line, markup=False, soft_wrap=True)


def runnable(name: str) -> str:
    """How a program installed beside this one is started from here.

    Its name where that is what PATH finds, else its path, below the working directory if it is.
    """
    beside, found = Path(sys.executable).with_name(name), shutil.which(name)
    if not beside.exists() or (found is not None and os.path.samefile(found, beside)):
        return name
    below = beside.is_relative_to(Path.cwd()) and beside.parent != Path.cwd()
    return shlex.quote(str(beside.relative_to(Path.cwd()) if below else beside))


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner while the block runs; nothing where there is no terminal."""
    if not stderr.is_terminal:
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


def oriented(value: float | None, sign: int, digits: int = 3) -> str:
    """A factor's figure in the orientation in which the factor is used."""
    return number(None if value is None else sign * value, digits, signed=True)


def interval(figure: Mapping[str, Any], digits: int = 3, *, signed: bool = False) -> str:
    """A mean with the ends of its interval: `0.512 [0.480, 0.541]`."""
    ends = ", ".join(number(figure[end], digits, signed=signed) for end in ("low", "high"))
    return f"{number(figure['mean'], digits, signed=signed)} [{ends}]"
