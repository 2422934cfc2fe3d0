"""The compiled loops over time: sums, variances, lines, exponential means.

Every kernel reads C-contiguous float32 or float64 (sessions, instruments), one row a session, and
writes float64. Instruments are taken in blocks of `LANES`; the innermost loop runs along a block,
whose cells lie side by side in memory, so that the compiler makes SIMD instructions of it. What a
kernel keeps between rows is a few rows of one scratch matrix of constant width, small enough for
the nearest cache. There is no `fastmath`: NaN keeps its rules and every operation its place.

The arithmetic is that of pandas' own `rolling(N, min_periods=1)`
(`pandas/_libs/window/aggregations.pyx`, version 3.1), which is what Qlib calls, step by step:
compensated sums, Welford's variance, and the fresh start where cancellation is suspected. An
infinite value counts as missing. So results agree with Qlib's bit by bit, noise included.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types

LANES = 128
"""Instruments of one block."""

NAN = np.nan

UNSTABLE = float(np.finfo(np.float64).eps) * 1e3
"""pandas' `InvCondTol`: a sum of squares that shrinks by this factor is mostly rounding error."""

step = numba.njit(error_model="numpy")
"""Decorator of the scalar steps that kernels call; the compiler merges them into the loops."""


@cache
def compiled(
    kernel: Callable[..., Any], inputs: str, extras: str = "", out: str = "d"
) -> Callable[..., Any]:
    """Compile `kernel(*inputs, window, *extras, out)` for these types, or load it from disk.

    Parameters
    ----------
    kernel
        A plain function of one of the kernel modules.
    inputs
        One letter for each input matrix: `f` float32, `d` float64.
    extras
        One letter for each further argument between window and output: `i` an int64, `d` a
        float64, `r` an int64 row (one value an instrument) that is read, `w` one that is written.
    out
        Letter of the result matrix.
    """
    scalars = {
        "i": types.int64,
        "d": types.float64,
        "r": types.Array(types.int64, 1, "C", readonly=True),
        "w": types.Array(types.int64, 1, "C"),
    }
    given = (
        *(types.Array(_FLOATS[letter], 2, "C", readonly=True) for letter in inputs),
        types.int64,
        *(scalars[letter] for letter in extras),
        types.Array(_FLOATS[out], 2, "C"),
    )
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit([given], cache=True, **options)(kernel)
    except RuntimeError:  # no folder may be written: neither NUMBA_CACHE_DIR nor the sources'
        return numba.njit([given], **options)(kernel)


_FLOATS = {"f": types.float32, "d": types.float64}


@step
def _compensated(total, lost, v, ok):  # type: ignore[no-untyped-def]
    """Kahan's step: v is added where `ok`, and what the sum lost by it is kept."""
    y = v - lost
    s = total + y
    return s if ok else total, s - total - y if ok else lost


def rolling_sum(x, n, mean, out):  # type: ignore[no-untyped-def]
    """Sum of the last n rows, or their mean (pandas `roll_sum`, `roll_mean`).

    A mean that rounding has carried to the other side of zero becomes zero.
    """
    rows, width = x.shape
    w = np.empty((7, LANES))
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[:] = 0.0
        w[5] = NAN
        for t in range(rows):
            full = t >= n
            old = x[t - n if full else 0, lo : lo + m]
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            for i in range(m):
                total, lost, lost_gone, count = w[0, i], w[1, i], w[2, i], w[3, i]
                same, last, minus = w[4, i], w[5, i], w[6, i]
                v = np.float64(old[i])
                ok = full and v - v == 0.0
                total, lost_gone = _compensated(total, lost_gone, -v, ok)
                count = count - 1.0 if ok else count
                minus = minus - (1.0 if (ok and v < 0.0) else 0.0)
                v = np.float64(new[i])
                ok = v - v == 0.0
                total, lost = _compensated(total, lost, v, ok)
                count = count + 1.0 if ok else count
                minus = minus + (1.0 if (ok and v < 0.0) else 0.0)
                same = (same + 1.0 if v == last else 1.0) if ok else same
                last = v if ok else last
                w[0, i], w[1, i], w[2, i], w[3, i] = total, lost, lost_gone, count
                w[4, i], w[5, i], w[6, i] = same, last, minus
                if mean:
                    r = total / count
                    wrong = (minus == 0.0 and r < 0.0) or (minus == count and r > 0.0)
                    r = 0.0 if wrong else r
                    r = last if same >= count else r
                else:
                    r = last * count if same >= count else total
                res[i] = r if count > 0.0 else NAN


@step
def _spread(v, sign, count, mean, squares, lost):  # type: ignore[no-untyped-def]
    """Welford's step: a value comes (sign 1) or goes (sign -1)."""
    count += sign
    before = mean - lost
    y = v - lost
    d = y - mean
    lost = d + mean - y
    mean = mean + sign * (d / count)
    return count, mean, squares + sign * ((v - before) * (v - mean)), lost


def rolling_var(x, n, root, out):  # type: ignore[no-untyped-def]
    """Sample variance of the last n rows, or its square root (pandas `roll_var`)."""
    rows, width = x.shape
    w = np.empty((6, LANES))
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[:] = 0.0
        for t in range(rows):
            full = t >= n
            old = x[t - n if full else 0, lo : lo + m]
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            bad = 0
            for i in range(m):
                count, mean, squares, lost, lost_gone = w[0, i], w[1, i], w[2, i], w[3, i], w[4, i]
                v = np.float64(old[i])
                ok = full and v - v == 0.0
                c, a, q, k = _spread(v, -1.0, count, mean, squares, lost_gone)
                empty = c == 0.0
                shaky = ok and not empty and squares * UNSTABLE > q
                lost_gone = k if (ok and not empty) else lost_gone
                mean = (0.0 if empty else a) if ok else mean
                squares = (0.0 if empty else q) if ok else squares
                count = c if ok else count
                v = np.float64(new[i])
                ok = v - v == 0.0
                c, a, q, k = _spread(v, 1.0, count, mean, squares, lost)
                shaky = shaky or (ok and squares * UNSTABLE > q)
                lost = k if ok else lost
                mean = a if ok else mean
                squares = q if ok else squares
                count = c if ok else count
                w[0, i], w[1, i], w[2, i], w[3, i], w[4, i] = count, mean, squares, lost, lost_gone
                w[5, i] = 1.0 if shaky else 0.0
                bad |= 1 if shaky else 0
                r = squares / (count - 1.0)
                r = np.sqrt(r) if root else r
                res[i] = r if count > 1.0 else NAN
            if bad:
                for i in range(m):
                    if w[5, i] > 0.0:
                        count, mean, squares, lost = 0.0, 0.0, 0.0, 0.0
                        for k in range(max(0, t - n + 1), t + 1):
                            v = np.float64(x[k, lo + i])
                            if v - v == 0.0:
                                count, mean, squares, lost = _spread(
                                    v, 1.0, count, mean, squares, lost
                                )
                        w[0, i], w[1, i], w[2, i], w[3, i], w[4, i] = (
                            count, mean, squares, lost, 0.0,
                        )  # fmt: skip
                        r = squares / (count - 1.0)
                        r = np.sqrt(r) if root else r
                        res[i] = r if count > 1.0 else NAN


def rolling_count(x, n, out):  # type: ignore[no-untyped-def]
    """Count the values that are not NaN among the last n rows; infinite ones count."""
    rows, width = x.shape
    w = np.empty((1, LANES))
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[:] = 0.0
        for t in range(rows):
            full = t >= n
            old = x[t - n if full else 0, lo : lo + m]
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            for i in range(m):
                gone = 1.0 if (full and old[i] == old[i]) else 0.0
                come = 1.0 if new[i] == new[i] else 0.0
                w[0, i] += come - gone
                res[i] = w[0, i]


def exponential_mean(x, n, out):  # type: ignore[no-untyped-def]
    """Mean of all rows so far with weights (1 - 2 / (n + 1)) ** age (pandas `ewm(span=n)`)."""
    rows, width = x.shape
    w = np.empty((2, LANES))
    keep = 1.0 - 1.0 / (1.0 + (n - 1.0) / 2.0)
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[0] = NAN
        w[1] = 1.0
        for t in range(rows):
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            for i in range(m):
                v = np.float64(new[i])
                ok = v - v == 0.0
                level = w[0, i]
                started = level == level
                weight = w[1, i] * keep if started else 1.0
                moved = (weight * level + v) / (weight + 1.0) if level != v else level
                w[1, i] = weight + 1.0 if (ok and started) else weight
                level = (moved if started else v) if ok else level
                w[0, i] = level
                res[i] = level


def rolling_line(x, n, what, still, out):  # type: ignore[no-untyped-def]
    """Least-squares line through the last n rows: 0 its slope, 1 R squared, 2 the last residual.

    These are the accumulators of Qlib's own `_libs/rolling.pyx` step by step: an infinite value is
    not taken as missing there, and what follows it in the series is NaN.

    For R squared, `still` receives 1 for instruments that may hardly move in some window that has a
    result: whose variance is small, or small beside the rounding error of their largest sum of
    squares so far.
    """
    rows, width = x.shape
    w = np.empty((8, LANES))
    span = np.float64(n)
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[:] = 0.0
        for t in range(rows):
            full = t >= n
            old = x[t - n if full else 0, lo : lo + m]
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            for i in range(m):
                count, sx, sxx = w[0, i], w[1, i], w[2, i]
                sy, syy, sxy = w[3, i], w[4, i], w[5, i]
                sxy = sxy - sy
                sxx = sxx + count - 2.0 * sx
                sx = sx - count
                v = np.float64(old[i])
                ok = full and v == v
                count = count - (1.0 if ok else 0.0)
                sy = sy - v if ok else sy
                syy = syy - v * v if ok else syy
                v = np.float64(new[i])
                ok = v == v
                count = count + (1.0 if ok else 0.0)
                sx = sx + (span if ok else 0.0)
                sxx = sxx + (span * span if ok else 0.0)
                sy = sy + v if ok else sy
                syy = syy + v * v if ok else syy
                sxy = sxy + span * v if ok else sxy
                w[0, i], w[1, i], w[2, i] = count, sx, sxx
                w[3, i], w[4, i], w[5, i] = sy, syy, sxy
                w[6, i] = syy if syy > w[6, i] else w[6, i]
            if what == 0:
                for i in range(m):
                    over = w[0, i] * w[5, i] - w[1, i] * w[3, i]
                    res[i] = over / (w[0, i] * w[2, i] - w[1, i] * w[1, i])
            elif what == 1:
                for i in range(m):
                    count, sy = w[0, i], w[3, i]
                    over = count * w[5, i] - w[1, i] * sy
                    under = count * w[2, i] - w[1, i] * w[1, i]
                    moves = count * w[4, i] - sy * sy
                    r = over / np.sqrt(under * moves)
                    res[i] = r * r
                    enough = 1e-8 * count * count + 1e-11 * count * w[6, i]
                    w[7, i] = 1.0 if (r == r and not moves > enough) else w[7, i]
            else:
                for i in range(m):
                    count = w[0, i]
                    over = count * w[5, i] - w[1, i] * w[3, i]
                    slope = over / (count * w[2, i] - w[1, i] * w[1, i])
                    start = w[3, i] / count - slope * (w[1, i] / count)
                    res[i] = np.float64(new[i]) - (slope * span + start)
        for i in range(m):
            still[lo + i] = np.int64(w[7, i])


def combine(x, y, what, out):  # type: ignore[no-untyped-def]
    """Cell by cell in float64: 0 the sum, 1 the difference, 2 the product, 3 the quotient.

    NumPy does this as well, but converts float32 operands in a second pass, and the result to
    float32 in a third.
    """
    a, b, c = x.reshape(-1), y.reshape(-1), out.reshape(-1)
    if what == 0:
        for i in range(len(c)):
            c[i] = np.float64(a[i]) + np.float64(b[i])
    elif what == 1:
        for i in range(len(c)):
            c[i] = np.float64(a[i]) - np.float64(b[i])
    elif what == 2:
        for i in range(len(c)):
            c[i] = np.float64(a[i]) * np.float64(b[i])
    else:
        for i in range(len(c)):
            c[i] = np.float64(a[i]) / np.float64(b[i])


def sign(x, unused, out):  # type: ignore[no-untyped-def]
    """Cell by cell -1, 0 or 1 in float32; missing where x is. NumPy's own is not vectorised."""
    a, b = x.reshape(-1), out.reshape(-1)
    for i in range(len(b)):
        v = np.float32(a[i])
        one = np.float32(1.0) if v > 0.0 else np.float32(-1.0)
        b[i] = one if v != 0.0 and v == v else v + np.float32(0.0)
