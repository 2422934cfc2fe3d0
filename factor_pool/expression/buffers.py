"""Arrays that are used again: fresh memory costs more than most operators do.

The first touch of a fresh page traps into the kernel. At 90 x 1,500 that takes ten times as long
as adding two matrices, so the engine keeps the arrays of earlier calls.
"""

import sys
import threading
from collections import defaultdict

import numpy as np

KEPT_BYTES = 96 * 2**20
"""What a thread keeps between calls."""

_ONLY_OURS = 3  # the pool's list, the loop variable, and the argument of getrefcount


class Buffers(threading.local):
    """A pool of arrays, one for each thread.

    An array is free once nobody but the pool refers to it, or to a view of it: results that were
    handed out come back by themselves when their owner drops them.
    """

    def __init__(self) -> None:
        self._pools: dict[tuple[tuple[int, int], np.dtype], list[np.ndarray]] = defaultdict(list)

    def take(self, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
        """Return an array with any content that nobody else uses."""
        pool = self._pools[shape, dtype]
        for array in pool:
            if sys.getrefcount(array) == _ONLY_OURS:
                return array
        fresh = np.empty(shape, dtype)
        pool.append(fresh)
        return fresh

    def trim(self) -> None:
        """Forget arrays beyond `KEPT_BYTES`, those of other shapes than the last used first."""
        total = 0
        for key in reversed(list(self._pools)):
            pool = self._pools[key]
            size = pool[0].nbytes if pool else 0
            room = max(0, (KEPT_BYTES - total) // size) if size else 0
            del pool[room:]
            total += len(pool) * size
            if not pool:
                del self._pools[key]


BUFFERS = Buffers()
