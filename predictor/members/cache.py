"""What was once computed of a quarter, kept under a name made of all that went into it."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from data_profile.files import write_atomic


@dataclass(eq=False)
class Part:
    """A quarter: its model, and its sessions' figures as far as they are made.

    Parameters
    ----------
    start, stop
        Sessions, `stop` excluded.
    keys
        Of the sessions before `start` at first, then of each session: what its figure depends on.
    path
        The file; None where nothing is kept.
    model
        LightGBM's own text; None where it was never fitted.
    expected
        float32 (n, S): figures of the first n sessions; None where there are none.
    """

    start: int
    stop: int
    keys: Sequence[str]
    path: Path | None
    model: str | None = None
    expected: np.ndarray | None = None

    @classmethod
    def read(cls, folder: Path | None, start: int, stop: int, keys: Sequence[str]) -> Self:
        """What is kept of the very same sessions; a file that is not what was written is none.

        Parameters
        ----------
        folder
            May not exist.
        start, stop
            Sessions.
        keys
            Of all sessions, one more in front.
        """
        path = None if folder is None else folder / f"{keys[start]}.npz"
        part = cls(start, stop, keys[start : stop + 1], path)
        if path is None or not path.is_file():
            return part
        try:
            content = path.read_bytes()
            digest, content = content[:64].decode(), content[64:]
            if hashlib.sha256(content).hexdigest() != digest:
                return part
            with np.load(io.BytesIO(content), allow_pickle=False) as kept:
                said, figures, model = kept["keys"], kept["expected"], str(kept["model"])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return part
        same = 0
        while same < min(len(said), stop - start) and said[same] == part.keys[same + 1]:
            same += 1
        part.model, part.expected = model, figures[:same]
        return part

    @property
    def done(self) -> int:
        """How many of its sessions have a figure, from the first on."""
        return 0 if self.expected is None else len(self.expected)

    @property
    def missing(self) -> bool:
        """Whether a session has none."""
        return self.done < self.stop - self.start

    def write(self, expected: np.ndarray) -> None:
        """Keep the figures of all its sessions, float32 (stop - start, S)."""
        if self.path is None or self.model is None:
            return
        buffer = io.BytesIO()
        np.savez(buffer, keys=np.array(self.keys[1:]), expected=expected,
                 model=np.array(self.model))  # fmt: skip
        content = buffer.getvalue()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path, hashlib.sha256(content).hexdigest().encode() + content)
