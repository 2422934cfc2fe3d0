"""Results that a benchmark keeps between runs."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class Work:
    """Results that are kept between runs, in a folder; without one they are not kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def arrays(
        self, name: str, key: str, make: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """What `make` gave, now or for the same key before."""
        if self._folder is None:
            return make()
        path = self._folder / f"{name}-{key}.npz"
        if not path.exists():
            found = make()
            aside = path.with_suffix(".part.npz")
            with aside.open("wb") as file:
                np.savez(file, allow_pickle=False, **found)
            os.replace(aside, path)
        with np.load(path, allow_pickle=False) as kept:
            return {one: kept[one] for one in kept.files}

    def document(self, name: str, make: Callable[[], Any]) -> Any:
        """The same for a JSON document."""
        if self._folder is None:
            return make()
        path = self._folder / f"{name}.json"
        if not path.exists():
            aside = path.with_suffix(".part")
            aside.write_text(json.dumps(make()))
            os.replace(aside, path)
        return json.loads(path.read_text())
