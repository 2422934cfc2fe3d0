"""What commands share: options, opening the home folder, printing JSON."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from data_profile.home import Home

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="TIDE_HOME", help="Folder for everything written.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed gives the same run.")]
UniverseOption = Annotated[
    Literal["sector", "stock"],
    typer.Option("--universe", help="What factors are of: sectors, or single stocks."),
]
DEFAULT_HOME = Path("runs")


def open_home(
    root: Path, universe: Literal["sector", "stock"] = "sector", *, create: bool = True
) -> "Home":
    """The home folder, for a universe's factors; every library writes into it too.

    A command that only reads does not make it: a mistyped `--home` leaves no trace.
    """
    from data_profile.home import Home

    home = Home(root).of(universe)
    if create:
        home.create()
    # numba reads this when it is imported, which no module above does.
    os.environ.setdefault("NUMBA_CACHE_DIR", str((home.cache / "kernels").absolute()))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("MPLCONFIGDIR", str((home.cache / "matplotlib").absolute()))
    return home


def print_json(document: Any) -> None:
    """Print one JSON document on stdout; NaN and infinity are refused."""
    print(json.dumps(document, ensure_ascii=False, allow_nan=False, default=str))
