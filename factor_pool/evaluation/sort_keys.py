"""A cross-section in order: values packed with their columns into keys that sort as integers."""

import numba
import numpy as np


def sorted_keys(values: np.ndarray, usable: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Sort every row of a matrix.

    Parameters
    ----------
    values
        (T, S), compared as float32; NaN and infinite are missing.
    usable
        bool (T, S): others are missing too; None for all.

    Returns
    -------
    tuple
        uint64 (T, S), each row ascending: the value in the upper 32 bits, its column in the lower
        ones; missing cells last. And int64 (T,): how many of each row are not missing.
    """
    values = np.ascontiguousarray(values, dtype=np.float32)
    if usable is None:
        usable = np.ones(values.shape, dtype=np.bool_)
    keys = np.empty(values.shape, dtype=np.uint64)
    counts = np.empty(len(values), dtype=np.int64)
    _pack(values.view(np.uint32), usable, keys, counts)
    keys.sort(axis=1)
    return keys, counts


@numba.njit(cache=True)
def _pack(bits: np.ndarray, usable: np.ndarray, keys: np.ndarray, counts: np.ndarray) -> None:
    """Sortable keys of float32 values: order-preserving bits above, column number below.

    `bits` is the uint32 view of the values. Missing cells get the largest key, hence sort last;
    `counts` receives the number of the others in each row.
    """
    missing = np.uint64(0xFFFFFFFFFFFFFFFF)
    for t in range(bits.shape[0]):
        count = 0
        for i in range(bits.shape[1]):
            x = bits[t, i]
            if usable[t, i] and (x & np.uint32(0x7F800000)) != np.uint32(0x7F800000):
                if x == np.uint32(0x80000000):  # -0.0 ties with 0.0
                    x = np.uint32(0)
                x = ~x if x & np.uint32(0x80000000) else x | np.uint32(0x80000000)
                keys[t, i] = (np.uint64(x) << np.uint64(32)) | np.uint64(i)
                count += 1
            else:
                keys[t, i] = missing
        counts[t] = count
