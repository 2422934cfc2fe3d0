"""MLflow's tables, made once for all tests: its migrations take seconds for every new database."""

import contextlib
import os
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any


def share(cache: Path) -> None:
    """Have this process copy a database of empty tables, if it has loaded MLflow's store.

    The first one that MLflow makes is what is copied from then on.
    """
    utils = sys.modules.get("mlflow.store.db.utils")
    if utils is None or hasattr(utils, "_made_by_mlflow"):
        return
    made: Any = utils._initialize_tables
    setattr(utils, "_made_by_mlflow", made)  # noqa: B010
    template = cache / f"mlflow-{sys.modules['mlflow'].__version__}.db"

    def initialize(engine: Any) -> None:
        path = engine.url.database
        if engine.url.get_backend_name() != "sqlite" or not path or path == ":memory:":
            made(engine)
        elif template.exists():
            copy(template, Path(path))
        else:
            made(engine)
            keep(Path(path), template)

    setattr(utils, "_initialize_tables", initialize)  # noqa: B010


def copy(template: Path, path: Path) -> None:
    """Copy a database into another, which may be open and must be empty."""
    with (
        contextlib.closing(sqlite3.connect(template)) as source,
        contextlib.closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)


def keep(path: Path, template: Path) -> None:
    """Copy a database to where it is not yet, whole or not at all."""
    template.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=template.parent) as aside:
        copy(path, Path(aside, "whole.db"))
        os.replace(Path(aside, "whole.db"), template)
