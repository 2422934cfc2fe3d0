"""Writing the pool for use elsewhere: a file, or for Qlib a folder, complete or not at all."""

import io
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from data_profile.files import fsync_tree, write_atomic
from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool import borders, universe
from factor_pool.errors import ExportError
from factor_pool.exporters import json_file, python_file, qlib_folder, values
from factor_pool.pool import Pool
from factor_pool.records import Member

_Files = dict[str, str]
_Writer = Callable[[Home, Sequence[Member]], "str | bytes | _Files"]


def export(home: Home, format_: str, output: Path) -> int:
    """Write the members of the pool that are in use; how many there are.

    Parameters
    ----------
    home
        Whose pool.
    format_
        `json`: every factor with its expression, Qlib text, figures and provenance.
        `csv`, `parquet`: the factors' values on the home's store.
        `qlib`: a folder that `qrun` executes with stock Qlib.
        `python`: one file that needs numpy and pandas only.
    output
        File to write, which is replaced; its folder must exist. For `qlib` a folder, which must
        not exist or be empty.

    Raises
    ------
    ExportError
        An unknown format, an empty pool where the format needs factors, or `output` cannot be
        written.
    StoreError
        The format needs the home's data and there are none.
    """
    if format_ not in _WRITERS:
        raise ExportError(f"no format {format_!r}; there is: {', '.join(_WRITERS)}")
    members = [member for member in Pool(home).members() if member.status != "retired"]
    if not members and format_ != "json":
        raise ExportError("the pool has no factor in use to export; run `tide mine` first")
    content = _WRITERS[format_](home, members)
    try:
        if isinstance(content, dict):
            _write_folder(output, content)
        else:
            write_atomic(output, content)
    except OSError as error:
        raise ExportError(f"{output} cannot be written: {error}") from error
    return len(members)


def _write_folder(output: Path, files: _Files) -> None:
    """Make the folder beside its place and rename it there."""
    aside = Path(tempfile.mkdtemp(dir=output.absolute().parent, prefix=f".{output.name}."))
    try:
        for name, text in files.items():
            (aside / name).write_text(text, encoding="utf-8")
        aside.chmod(0o755)
        fsync_tree(aside)
        aside.rename(output)
    except OSError:
        shutil.rmtree(aside)
        raise


def _json(home: Home, members: Sequence[Member]) -> str:
    return json_file.source(members, Pool(home).version())


def _python(home: Home, members: Sequence[Member]) -> str:
    return python_file.source(members)


def _csv(home: Home, members: Sequence[Member]) -> str:
    return values.table(members, _panel(home)).to_csv(index=False)


def _parquet(home: Home, members: Sequence[Member]) -> bytes:
    buffer = io.BytesIO()
    values.table(members, _panel(home)).to_parquet(buffer)
    return buffer.getvalue()


def _qlib(home: Home, members: Sequence[Member]) -> _Files:
    if home.universe != "sector":
        raise ExportError(
            "the store has no Qlib tree of single stocks, which a folder for qrun reads: take "
            "json, csv, parquet or python"
        )
    panel = _panel(home)
    profile = universe.of(home).profile()
    windows = borders.current(home.ledger, panel, profile.core(panel)).windows
    # The link, not the version behind it, which a later build may remove.
    data = home.store / "current" / "qlib"
    return qlib_folder.files(members, Pool(home).version(), data, panel.sessions, windows)


def _panel(home: Home) -> Panel:
    return universe.of(home).panel(home)


_WRITERS: Mapping[str, _Writer] = {
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
    "qlib": _qlib,
    "python": _python,
}
FORMATS = tuple(_WRITERS)
"""What `export` can write."""
