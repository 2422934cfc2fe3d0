"""Files of numba's cache: an index for each kernel, and the files that it names."""

import contextlib
import os
from pathlib import Path


def link(compiled: Path, cache: Path) -> None:
    """Link the kernels of which a cache has nothing yet into it.

    Others may be compiling into it meanwhile: a kernel's index comes last and never replaces one,
    and the files it names have names that nobody else gives (`warming`).

    Raises
    ------
    OSError
        The file system knows no hard links.
    """
    for index in sorted(compiled.rglob("*.nbi")):
        target = cache / index.relative_to(compiled)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        for file in (*sorted(index.parent.glob(f"{index.stem}.*.nbc")), index):
            with contextlib.suppress(FileExistsError):
                os.link(file, target.with_name(file.name))
