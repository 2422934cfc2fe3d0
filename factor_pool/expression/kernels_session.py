"""The compiled loops across one session: ranks and distances from the mean of all instruments."""

import numpy as np

from factor_pool.expression.kernels import NAN, step


def session_keys(x, unused, out):  # type: ignore[no-untyped-def]
    """One sortable key a cell, as the 64 bits of `out`: the value in float32, then its column.

    The bits of a float, its sign bit turned (of a negative number all bits), order as the numbers
    do. Missing values get the largest key.
    """
    keys = out.view(np.uint64)
    rows, width = x.shape
    for t in range(rows):
        for i in range(width):
            single = np.float32(x[t, i]) + np.float32(0.0)
            bits = np.int64(np.float32(single).view(np.int32))
            place = -1 - bits if bits < 0 else bits + 2147483648
            missing = x[t, i] != x[t, i]
            keys[t, i] = np.uint64(((4294967295 if missing else place) << 32) | i)


def session_rank(x, sorted_keys, unused, out):  # type: ignore[no-untyped-def]
    """Average rank among the values of a row that are not NaN, over their number.

    `sorted_keys` orders each row by its values in float32; values of more precision that are
    equal there are put in order here.
    """
    keys = sorted_keys.view(np.int64)
    rows, width = x.shape
    order = np.empty(width, np.int64)
    for t in range(rows):
        count = 0
        for k in range(width):
            i = keys[t, k] & 4294967295
            v = x[t, i]
            if v != v:
                out[t, i] = NAN
                continue
            j = count
            while j > 0 and x[t, order[j - 1]] > v:
                order[j] = order[j - 1]
                j -= 1
            order[j] = i
            count += 1
        start = 0
        while start < count:
            stop = start + 1
            while stop < count and x[t, order[stop]] == x[t, order[start]]:
                stop += 1
            rank = (start + stop + 1) * 0.5 / count
            for k in range(start, stop):
                out[t, order[k]] = rank
            start = stop


@step
def _row_sum(row, mean, parts):  # type: ignore[no-untyped-def]
    """Sum of the finite values less `mean`, their number, and the sum of their squares.

    Eight partial sums side by side, in `parts`, as one sum could not be vectorised.
    """
    parts[:] = 0.0
    full = len(row) // 8 * 8
    for lo in range(0, len(row), 8):
        part = row[lo : lo + 8]
        for i in range(8 if lo < full else len(row) - full):
            v = np.float64(part[i]) - mean
            ok = v - v == 0.0
            parts[0, i] += v if ok else 0.0
            parts[1, i] += 1.0 if ok else 0.0
            parts[2, i] += v * v if ok else 0.0
    return parts[0].sum(), parts[1].sum(), parts[2].sum()


def session_score(x, scale, out):  # type: ignore[no-untyped-def]
    """Distance of finite values from their row's mean; with scale, in sample deviations."""
    parts = np.empty((3, 8))
    for t in range(x.shape[0]):
        row = x[t]
        res = out[t]
        total, count, _ = _row_sum(row, 0.0, parts)
        mean = total / count
        unit = 1.0
        if scale:
            _, _, squares = _row_sum(row, mean, parts)
            unit = np.sqrt(squares / (count - 1.0))
        for i in range(len(row)):
            v = np.float64(row[i])
            known = v - v == 0.0 and unit > 0.0
            res[i] = (v - mean) / unit if known else NAN
