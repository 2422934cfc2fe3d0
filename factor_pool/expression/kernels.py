"""The compiled loops: rolling and cross-sectional operators on a (sessions, instruments) matrix.

Every kernel reads float32 or float64, C-contiguous, one row a session, and writes float64. The
inner loop runs along the instruments, which lie side by side in memory, so that the compiler turns
it into SIMD instructions; there is no `fastmath`, so NaN keeps its rules.

A rolling sum over N sessions is a suffix of one block of N rows plus a prefix of the next (van
Herk's scheme). Nothing is ever subtracted, so an outlier leaves no rounding error behind when it
leaves the window, and a value depends on the rows of its window only. Squares and higher powers
are summed around an anchor taken from the window itself, which bounds cancellation.

As in Qlib (pandas `rolling(N, min_periods=1)`), an infinite value counts as missing.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types

_WIDTH = 256
"""Instruments treated together: what one kernel keeps of them stays in the nearest cache."""

NAN = np.nan


@cache
def compiled(kernel: Callable[..., None], *inputs: str, extras: str = "") -> Callable[..., Any]:
    """Compile `kernel(*inputs, window, *extras, out)` for these input types, or load it from disk.

    Parameters
    ----------
    kernel
        A plain function of this module.
    inputs
        `float32` or `float64` for each input matrix.
    extras
        One letter for each further argument between window and output: `i` an int64, `f` a
        float64, `r` an int64 row (one value an instrument).
    """
    kinds = {
        "i": types.int64,
        "f": types.float64,
        "r": types.Array(types.int64, 1, "C", readonly=True),
    }
    matrices = [types.Array(getattr(types, kind), 2, "C", readonly=True) for kind in inputs]
    signature = types.void(
        *matrices, types.int64, *(kinds[letter] for letter in extras), types.float64[:, ::1]
    )
    return numba.njit(signature, cache=True, nogil=True, error_model="numpy")(kernel)


# --- sums -----------------------------------------------------------------------------------------


def rolling_sum(x, n, mean, out):  # type: ignore[no-untyped-def]
    """Sum, or mean, of the last n rows; a run of equal values gives that value exactly."""
    rows, width = x.shape
    older = np.zeros((n + 1, width))
    older_count = np.zeros((n + 1, width))
    total = np.zeros(width)
    count = np.zeros(width)
    last = np.full(width, NAN)
    same = np.zeros(width)
    for t in range(rows):
        j = t % n
        if j == 0:
            total[:] = 0.0
            count[:] = 0.0
            if t > 0:
                for k in range(n - 1, 0, -1):
                    r = t - n + k
                    for i in range(width):
                        v = np.float64(x[r, i])
                        ok = v - v == 0.0
                        total[i] += v if ok else 0.0
                        count[i] += 1.0 if ok else 0.0
                        older[k, i] = total[i]
                        older_count[k, i] = count[i]
                total[:] = 0.0
                count[:] = 0.0
        for i in range(width):
            v = np.float64(x[t, i])
            ok = v - v == 0.0
            total[i] += v if ok else 0.0
            count[i] += 1.0 if ok else 0.0
            same[i] = (same[i] + 1.0 if v == last[i] else 1.0) if ok else same[i]
            last[i] = v if ok else last[i]
        for i in range(width):
            c = count[i] + older_count[j + 1, i]
            s = total[i] + older[j + 1, i]
            s = last[i] * c if same[i] >= c else s
            m = last[i] if same[i] >= c else s / c
            out[t, i] = (m if mean else s) if c > 0.0 else NAN


def rolling_var(x, n, root, out):  # type: ignore[no-untyped-def]
    """Sample variance of the last n rows, or its square root."""
    rows, width = x.shape
    older = np.zeros((3, n + 1, width))
    now = np.zeros((3, width))
    anchor = np.empty(width)
    for t in range(rows):
        j = t % n
        if j == 0:
            now[:] = 0.0
            for i in range(width):
                v = np.float64(x[t, i])
                anchor[i] = v if v - v == 0.0 else NAN
            if t > 0:
                for k in range(n - 1, 0, -1):
                    r = t - n + k
                    for i in range(width):
                        v = np.float64(x[r, i])
                        ok = v - v == 0.0
                        a = anchor[i]
                        a = v if (a != a and ok) else a
                        anchor[i] = a
                        d = v - a if ok else 0.0
                        now[0, i] += 1.0 if ok else 0.0
                        now[1, i] += d
                        now[2, i] += d * d
                        older[0, k, i] = now[0, i]
                        older[1, k, i] = now[1, i]
                        older[2, k, i] = now[2, i]
                now[:] = 0.0
        for i in range(width):
            v = np.float64(x[t, i])
            ok = v - v == 0.0
            a = anchor[i]
            a = v if (a != a and ok) else a
            anchor[i] = a
            d = v - a if ok else 0.0
            now[0, i] += 1.0 if ok else 0.0
            now[1, i] += d
            now[2, i] += d * d
        for i in range(width):
            c = now[0, i] + older[0, j + 1, i]
            s = now[1, i] + older[1, j + 1, i]
            q = now[2, i] + older[2, j + 1, i]
            v = (q - s * s / c) / (c - 1.0)
            v = v if v > 0.0 else 0.0
            v = np.sqrt(v) if root else v
            out[t, i] = v if c > 1.0 else NAN


def rolling_moment(x, n, fourth, out):  # type: ignore[no-untyped-def]
    """Skewness, or excess kurtosis, of the last n rows; NaN for a constant window."""
    rows, width = x.shape
    older = np.zeros((5, n + 1, width))
    now = np.zeros((5, width))
    anchor = np.empty(width)
    for t in range(rows):
        j = t % n
        if j == 0:
            now[:] = 0.0
            for i in range(width):
                v = np.float64(x[t, i])
                anchor[i] = v if v - v == 0.0 else NAN
            if t > 0:
                for k in range(n - 1, 0, -1):
                    r = t - n + k
                    for i in range(width):
                        v = np.float64(x[r, i])
                        ok = v - v == 0.0
                        a = anchor[i]
                        a = v if (a != a and ok) else a
                        anchor[i] = a
                        d = v - a if ok else 0.0
                        now[0, i] += 1.0 if ok else 0.0
                        now[1, i] += d
                        now[2, i] += d * d
                        now[3, i] += d * d * d
                        now[4, i] += d * d * d * d
                        for m in range(5):
                            older[m, k, i] = now[m, i]
                now[:] = 0.0
        for i in range(width):
            v = np.float64(x[t, i])
            ok = v - v == 0.0
            a = anchor[i]
            a = v if (a != a and ok) else a
            anchor[i] = a
            d = v - a if ok else 0.0
            now[0, i] += 1.0 if ok else 0.0
            now[1, i] += d
            now[2, i] += d * d
            now[3, i] += d * d * d
            now[4, i] += d * d * d * d
        for i in range(width):
            c = now[0, i] + older[0, j + 1, i]
            m1 = (now[1, i] + older[1, j + 1, i]) / c
            m2 = (now[2, i] + older[2, j + 1, i]) / c
            m3 = (now[3, i] + older[3, j + 1, i]) / c
            m4 = (now[4, i] + older[4, j + 1, i]) / c
            v2 = m2 - m1 * m1
            v3 = m3 - 3.0 * m1 * m2 + 2.0 * m1 * m1 * m1
            v4 = m4 - 4.0 * m1 * m3 + 6.0 * m1 * m1 * m2 - 3.0 * m1 * m1 * m1 * m1
            if fourth:
                v = ((c + 1.0) * v4 / (v2 * v2) - 3.0 * (c - 1.0)) * (c - 1.0)
                v = v / ((c - 2.0) * (c - 3.0))
                enough = c >= 4.0
            else:
                v = v3 / (v2 * np.sqrt(v2)) * np.sqrt(c * (c - 1.0)) / (c - 2.0)
                enough = c >= 3.0
            out[t, i] = v if (enough and v2 > 0.0) else NAN


def rolling_cov(x, y, n, corr, out):  # type: ignore[no-untyped-def]
    """Sample covariance, or correlation, over the rows among the last n in which both are finite.

    As Qlib does, a correlation is NaN where a standard deviation is at most 2e-5.
    """
    rows, width = x.shape
    older = np.zeros((6, n + 1, width))
    now = np.zeros((6, width))
    anchor = np.empty((2, width))
    for t in range(rows):
        j = t % n
        if j == 0:
            now[:] = 0.0
            for i in range(width):
                v = np.float64(x[t, i])
                w = np.float64(y[t, i])
                ok = (v - v) + (w - w) == 0.0
                anchor[0, i] = v if ok else NAN
                anchor[1, i] = w if ok else NAN
        for k in range(n - 1 if (j == 0 and t > 0) else 0, -1, -1):
            r = t - n + k if k > 0 else t
            if k == 0 and j == 0:
                now[:] = 0.0
            for i in range(width):
                v = np.float64(x[r, i])
                w = np.float64(y[r, i])
                ok = (v - v) + (w - w) == 0.0
                a = anchor[0, i]
                b = anchor[1, i]
                fresh = a != a and ok
                a = v if fresh else a
                b = w if fresh else b
                anchor[0, i] = a
                anchor[1, i] = b
                d = v - a if ok else 0.0
                e = w - b if ok else 0.0
                now[0, i] += 1.0 if ok else 0.0
                now[1, i] += d
                now[2, i] += e
                now[3, i] += d * d
                now[4, i] += e * e
                now[5, i] += d * e
            if k > 0:
                for m in range(6):
                    for i in range(width):
                        older[m, k, i] = now[m, i]
        for i in range(width):
            c = now[0, i] + older[0, j + 1, i]
            p = now[1, i] + older[1, j + 1, i]
            q = now[2, i] + older[2, j + 1, i]
            pp = now[3, i] + older[3, j + 1, i] - p * p / c
            qq = now[4, i] + older[4, j + 1, i] - q * q / c
            pq = now[5, i] + older[5, j + 1, i] - p * q / c
            if corr:
                least = 2e-5 * 2e-5 * (c - 1.0)
                v = pq / np.sqrt(pp * qq)
                v = min(max(v, -1.0), 1.0)
                v = v if (pp > least and qq > least) else NAN
            else:
                v = pq / (c - 1.0)
            out[t, i] = v if c > 1.0 else NAN


def rolling_count(x, n, out):  # type: ignore[no-untyped-def]
    """Count the values that are not NaN among the last n rows."""
    rows, width = x.shape
    for t in range(rows):
        for i in range(width):
            before = out[t - 1, i] if t > 0 else 0.0
            gone = 1.0 if (t >= n and x[t - n, i] == x[t - n, i]) else 0.0
            out[t, i] = before + (1.0 if x[t, i] == x[t, i] else 0.0) - gone


def exponential_mean(x, n, out):  # type: ignore[no-untyped-def]
    """Mean of all rows so far with weights (1 - 2 / (n + 1)) ** age, as pandas `ewm(span=n)`."""
    rows, width = x.shape
    keep = 1.0 - 2.0 / (n + 1.0)
    level = np.full(width, NAN)
    weight = np.ones(width)
    for t in range(rows):
        for i in range(width):
            v = np.float64(x[t, i])
            ok = v - v == 0.0
            m = level[i]
            started = m == m
            w = weight[i] * keep if started else 1.0
            moved = (w * m + v) / (w + 1.0) if m != v else m
            weight[i] = w + 1.0 if (ok and started) else w
            m = (moved if started else v) if ok else m
            level[i] = m
            out[t, i] = m


# --- order ----------------------------------------------------------------------------------------


def rolling_extreme(x, n, sign, out):  # type: ignore[no-untyped-def]
    """Maximum (sign 1) or minimum (sign -1) of the finite values among the last n rows."""
    rows, width = x.shape
    older = np.full((n + 1, width), -np.inf)
    now = np.empty(width)
    for t in range(rows):
        j = t % n
        for k in range(n - 1 if (j == 0 and t > 0) else 0, -1, -1):
            r = t - n + k if k > 0 else t
            if j == 0 and (k == 0 or k == n - 1):
                now[:] = -np.inf
            for i in range(width):
                v = np.float64(x[r, i]) * sign
                v = v if v - v == 0.0 else -np.inf
                now[i] = v if v > now[i] else now[i]
            if k > 0:
                for i in range(width):
                    older[k, i] = now[i]
        for i in range(width):
            v = max(now[i], older[j + 1, i])
            out[t, i] = v * sign if v > -np.inf else NAN


def rolling_place(x, n, sign, first, out):  # type: ignore[no-untyped-def]
    """Place of the maximum or minimum among the last n rows, 1 for the oldest listed row.

    NumPy's `argmax` on the window: a missing value beats every other, the oldest of equals wins.
    """
    rows, width = x.shape
    for t in range(rows):
        for i in range(width):
            start = max(t - n + 1, first[i])
            best = -np.inf
            place = 0
            some = False
            for r in range(start, t + 1):
                v = np.float64(x[r, i]) * sign
                ok = v - v == 0.0
                some = some or ok
                v = v if ok else np.inf
                if v > best:
                    best = v
                    place = r - start + 1
            out[t, i] = np.float64(place) if some else NAN


def rolling_rank(x, n, out):  # type: ignore[no-untyped-def]
    """Rank of the last row among the finite values of the last n rows, as a fraction of them."""
    rows, width = x.shape
    below = np.empty(width)
    count = np.empty(width)
    for t in range(rows):
        below[:] = 0.0
        count[:] = 0.0
        for r in range(max(0, t - n + 1), t + 1):
            for i in range(width):
                v = x[r, i]
                c = x[t, i]
                ok = v - v == 0.0
                below[i] += ((1.0 if v < c else 0.0) + (1.0 if v <= c else 0.0)) if ok else 0.0
                count[i] += 1.0 if ok else 0.0
        for i in range(width):
            c = x[t, i]
            rank = (below[i] + 1.0) * 0.5
            out[t, i] = rank / count[i] if c - c == 0.0 else NAN


def rolling_quantile(x, n, fraction, out):  # type: ignore[no-untyped-def]
    """Quantile of the finite values of the last n rows, linear between two of them.

    A negative fraction asks for the median, the mean of the middle two.
    """
    rows, width = x.shape
    ordered = np.full((n + 1, width), np.inf)
    count = np.zeros(width, np.int64)
    for t in range(rows):
        for i in range(width):
            v = np.float64(x[t, i])
            added = v if v - v == 0.0 else np.inf
            gone = np.inf
            if t >= n:
                v = np.float64(x[t - n, i])
                gone = v if v - v == 0.0 else np.inf
            count[i] += (1 if added < np.inf else 0) - (1 if gone < np.inf else 0)
            before = -np.inf
            for k in range(n):
                a = ordered[k, i]
                kept = a if a < gone else ordered[k + 1, i]
                ordered[k, i] = min(kept, max(before, added))
                before = kept
            c = count[i]
            if c == 0:
                out[t, i] = NAN
            elif fraction < 0.0:
                if c % 2:
                    out[t, i] = ordered[c // 2, i]
                else:
                    out[t, i] = (ordered[c // 2 - 1, i] + ordered[c // 2, i]) / 2.0
            else:
                place = fraction * np.float64(c - 1)
                k = int(place)
                low = ordered[k, i]
                if place == np.float64(k):
                    out[t, i] = low
                else:
                    out[t, i] = low + (ordered[k + 1, i] - low) * (place - k)


def rolling_mad(x, n, out):  # type: ignore[no-untyped-def]
    """Mean absolute deviation from the mean, over the finite values of the last n rows."""
    rows, width = x.shape
    total = np.empty(width)
    count = np.empty(width)
    for t in range(rows):
        total[:] = 0.0
        count[:] = 0.0
        start = max(0, t - n + 1)
        for r in range(start, t + 1):
            for i in range(width):
                v = np.float64(x[r, i])
                ok = v - v == 0.0
                total[i] += v if ok else 0.0
                count[i] += 1.0 if ok else 0.0
        for i in range(width):
            total[i] = total[i] / count[i]
            out[t, i] = 0.0
        for r in range(start, t + 1):
            for i in range(width):
                v = np.float64(x[r, i])
                ok = v - v == 0.0
                out[t, i] += abs(v - total[i]) if ok else 0.0
        for i in range(width):
            out[t, i] = out[t, i] / count[i]


# --- lines ----------------------------------------------------------------------------------------


def rolling_line(x, n, what, out):  # type: ignore[no-untyped-def]
    """Least-squares line through the last n rows: 0 its slope, 1 R squared, 2 the last residual.

    These are the accumulators of Qlib's `_libs/rolling.pyx` step by step: an infinite value is
    not taken as missing there, and what follows it in the series is NaN.
    """
    rows, width = x.shape
    si = np.zeros(width)
    sx = np.zeros(width)
    sxx = np.zeros(width)
    sy = np.zeros(width)
    syy = np.zeros(width)
    sxy = np.zeros(width)
    w = np.float64(n)
    for t in range(rows):
        for i in range(width):
            v = np.float64(x[t, i])
            ok = v == v
            gone = np.float64(x[t - n, i]) if t >= n else NAN
            was = gone == gone
            xy = sxy[i] - sy[i]
            xx = sxx[i] + si[i] - 2.0 * sx[i]
            x1 = sx[i] - si[i]
            c = si[i] - (1.0 if was else 0.0)
            y1 = sy[i] - (gone if was else 0.0)
            yy = syy[i] - (gone * gone if was else 0.0)
            c = c + (1.0 if ok else 0.0)
            x1 = x1 + (w if ok else 0.0)
            xx = xx + (w * w if ok else 0.0)
            y1 = y1 + (v if ok else 0.0)
            yy = yy + (v * v if ok else 0.0)
            xy = xy + (w * v if ok else 0.0)
            si[i] = c
            sx[i] = x1
            sxx[i] = xx
            sy[i] = y1
            syy[i] = yy
            sxy[i] = xy
            over = c * xy - x1 * y1
            under = c * xx - x1 * x1
            if what == 1:
                r = over / np.sqrt(under * (c * yy - y1 * y1))
                out[t, i] = r * r
            elif what == 2:
                slope = over / under
                start = y1 / c - slope * (x1 / c)
                out[t, i] = v - (slope * w + start)
            else:
                out[t, i] = over / under


# --- one session ----------------------------------------------------------------------------------


def session_rank(x, unused, out):  # type: ignore[no-untyped-def]
    """Average rank among the values of a row that are not NaN, over their number."""
    rows, width = x.shape
    for t in range(rows):
        order = np.argsort(x[t])
        count = width
        while count > 0 and np.isnan(x[t, order[count - 1]]):
            count -= 1
            out[t, order[count]] = NAN
        start = 0
        while start < count:
            stop = start + 1
            while stop < count and x[t, order[stop]] == x[t, order[start]]:
                stop += 1
            for k in range(start, stop):
                out[t, order[k]] = (start + stop + 1) * 0.5 / count
            start = stop


def session_score(x, scale, out):  # type: ignore[no-untyped-def]
    """Distance of finite values from their row's mean; with scale, in sample deviations."""
    rows, width = x.shape
    for t in range(rows):
        total = 0.0
        count = 0.0
        for i in range(width):
            v = np.float64(x[t, i])
            if v - v == 0.0:
                total += v
                count += 1.0
        mean = total / count
        squares = 0.0
        for i in range(width):
            v = np.float64(x[t, i])
            if v - v == 0.0:
                squares += (v - mean) ** 2
        unit = np.sqrt(squares / (count - 1.0)) if scale else 1.0
        for i in range(width):
            v = np.float64(x[t, i])
            known = v - v == 0.0 and unit > 0.0
            out[t, i] = (v - mean) / unit if known else NAN
