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
_KERNELS = re.compile(r"workers-[0-9a-f]{16}(-qlib)?")
_PANEL = re.compile(r"[0-9a-f]{64}")
_CARD = "model.json"


@dataclass(frozen=True)
class Removed:
    """One thing that is gone.

    Parameters
    ----------
    what
        image, kernels, panel or model.
    name
        Its id or folder.
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

    Raises
    ------
    ScenarioError
        A night is under way in this home.
    """
    try:
        with exclusive(home.root / "mine.lock"):
            folders = [*_kernels(home), *_panels(home), *_models(home)]
            removed = [_remove(what, folder) for what, folder in folders]
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


def _remove(what: str, folder: Path) -> Removed:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder)
    return Removed(what, folder.name, size)
