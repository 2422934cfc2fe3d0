"""Clearing what no version in use needs: only things that this program made, only when asked.

It is a command and no part of a start: what is old for this checkout may be in use by another one
on the same machine, and a start that deletes surprises. All of it can be made again, but for the
models, of which the current one and the newest are kept.
"""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from data_profile.files import exclusive
from data_profile.home import Home
from scenario.errors import IsolationError, ScenarioError

MODELS_KEPT = 10
PANEL_DAYS = 7
QUARTERS_KEPT = 40
_KERNELS = re.compile(r"workers-[0-9a-f]{16}(-qlib)?")
_PANEL = re.compile(r"[0-9a-f]{64}")
_QUARTER = re.compile(r"[0-9a-f]{32,64}\.npz")
_CARD = "model.json"


@dataclass(frozen=True)
class Removed:
    """One thing that is gone.

    Parameters
    ----------
    what
        image, kernels, panel, model, or quarter (a model of stocks).
    name
        Its id, folder or file.
    bytes
        What it took on the disk; 0 for an image, whose layers others may share.
    """

    what: str
    name: str
    bytes: int

    def to_dict(self) -> dict[str, str | int]:
        """Plain values, for JSON."""
        return asdict(self)


def clean(home: Home) -> list[Removed]:
    """Remove old images of the evaluator, compiled kernels, a node's panels, and models.

    Of the models of stocks, one a quarter, those go that were made before the newest
    `QUARTERS_KEPT`: a corrected past makes all later ones anew.

    Raises
    ------
    ScenarioError
        A night is under way in this home.
    """
    try:
        with exclusive(home.root / "mine.lock"):
            found = [*_kernels(home), *_panels(home), *_models(home), *_quarters(home)]
            removed = [_remove(what, path) for what, path in found]
    except BlockingIOError:
        raise ScenarioError(f"a night is under way in {home.root}: clean when it is over") from None
    return [*_images(), *removed]


def _images() -> Iterator[Removed]:
    from scenario.isolation import engine, image

    with suppress(IsolationError):  # no engine, no images
        for identity in image.remove_old(engine.connect()):
            yield Removed("image", identity[:19], 0)


def _kernels(home: Home) -> Iterator[tuple[str, Path]]:
    from scenario.isolation.process import current_kernels

    current = current_kernels(home.cache / "kernels").name
    for folder in sorted((home.cache / "kernels").glob("workers-*")):
        if _KERNELS.fullmatch(folder.name) and not folder.name.startswith(current):
            yield "kernels", folder


def _panels(home: Home) -> Iterator[tuple[str, Path]]:
    """What this machine was sent as a node of a cluster, and has not used for days."""
    oldest = time.time() - PANEL_DAYS * 86400
    for folder in sorted((home.cache / "panels").glob("*")):
        if _PANEL.fullmatch(folder.name) and folder.stat().st_mtime < oldest:
            yield "panel", folder


def _models(home: Home) -> Iterator[tuple[str, Path]]:
    current = (home.models / "current").resolve()
    found = [
        card.parent for card in home.models.glob(f"*/{_CARD}") if card.parent.name != "current"
    ]
    old = [folder for folder in found if folder.resolve() != current]
    old.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in old[MODELS_KEPT - 1 :]:
        yield "model", folder


def _quarters(home: Home) -> Iterator[tuple[str, Path]]:
    files = [
        path for path in (home.cache / "members").glob("*.npz") if _QUARTER.fullmatch(path.name)
    ]
    files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[QUARTERS_KEPT:]:
        yield "quarter", path


def _remove(what: str, path: Path) -> Removed:
    if path.is_file():
        size = path.stat().st_size
        path.unlink()
    else:
        size = sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
        shutil.rmtree(path)
    return Removed(what, path.name, size)
