"""The compiled loops that compare the values of a window: extremes, ranks, quantiles.

As in `kernels`, the innermost loop runs along a block of instruments. Where a window is scanned,
its rows lie in a small ring, in which their order does not matter.
"""

import numpy as np

from factor_pool.expression.kernels import LANES, NAN


def rolling_extreme(x, n, sign, out):  # type: ignore[no-untyped-def]
    """Maximum (sign 1) or minimum (sign -1) of the finite values among the last n rows.

    A window is the end of one block of n rows and the start of the next, and both of these are
    running maxima (van Herk and Gil-Werman), so that the cost does not depend on n.
    """
    rows, width = x.shape
    kind = x.dtype.type
    turn = kind(sign)
    low = kind(-np.inf)
    w = np.empty((n + 2, LANES), x.dtype)
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[:] = low
        for t in range(rows):
            j = t % n
            if j == 0:
                w[n] = low
                w[n + 1] = low
                if t > 0:
                    for k in range(n - 1, 0, -1):
                        row = x[t - n + k, lo : lo + m]
                        for i in range(m):
                            v = row[i] * turn
                            v = v if v - v == 0 else low
                            before = w[k + 1, i]
                            w[k, i] = v if v > before else before
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            for i in range(m):
                v = new[i] * turn
                v = v if v - v == 0 else low
                v = v if v > w[n + 1, i] else w[n + 1, i]
                w[n + 1, i] = v
                v = v if v > w[j + 1, i] else w[j + 1, i]
                res[i] = v * turn if v > low else NAN


def rolling_place(x, n, sign, first, out):  # type: ignore[no-untyped-def]
    """Place of the maximum or minimum among the last n rows, 1 for the oldest listed row.

    NumPy's `argmax` on the window, as Qlib has it: a missing value beats every other, and the
    oldest of equal values wins. Blocks and running maxima are those of `rolling_extreme`; each
    maximum goes with its row, counted from the start of the present block.
    """
    rows, width = x.shape
    kind = x.dtype.type
    turn, zero, low, high = kind(sign), kind(0.0), kind(-np.inf), kind(np.inf)
    w, place = np.empty((n + 2, LANES), x.dtype), np.empty((n + 2, LANES), x.dtype)
    begin, count = np.empty(LANES), np.empty(LANES)
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[:] = low
        count[:] = 0.0
        for k in range(n + 2):
            place[k] = kind(k - n)
        for i in range(m):
            begin[i] = first[lo + i]
        for t in range(rows):
            j = t % n
            if j == 0:
                w[n] = low
                place[n] = zero
                w[n + 1] = low
                place[n + 1] = zero
                for k in range(n - 1, 0, -1) if t > 0 else range(0):
                    row = x[t - n + k, lo : lo + m]
                    now, here = np.float64(t - n + k), kind(k - n)
                    for i in range(m):
                        v = row[i] * turn
                        v = v if v - v == zero else high
                        v = v if now >= begin[i] else low
                        before, there = w[k + 1, i], place[k + 1, i]
                        place[k, i] = here if v >= before else there
                        w[k, i] = v if v >= before else before
            full = t >= n
            old = x[t - n if full else 0, lo : lo + m]
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            now, here, start = np.float64(t), kind(j), np.float64(t - j)
            oldest = np.float64(t - n + 1)
            for i in range(m):
                v = old[i]
                c = count[i] - (1.0 if (full and v - v == zero) else 0.0)
                v = new[i] * turn
                ok = v - v == zero
                c = c + (1.0 if ok else 0.0)
                count[i] = c
                v = v if ok else high
                v = v if now >= begin[i] else low
                top, p = w[n + 1, i], place[n + 1, i]
                p = here if v > top else p
                v = v if v > top else top
                w[n + 1, i] = v
                place[n + 1, i] = p
                top, q = w[j + 1, i], place[j + 1, i]
                p = p if v > top else q
                b = begin[i]
                q = oldest if oldest > b else b
                res[i] = np.float64(p) + start - q + 1.0 if c > 0.0 else NAN


def rolling_rank(x, n, out):  # type: ignore[no-untyped-def]
    """Rank of the last row among the finite values of the last n rows, as a fraction of them.

    Equal values share their average rank: half of (those below + those not above + 1).
    """
    rows, width = x.shape
    kind = x.dtype.type
    none, one, zero = kind(NAN), kind(1.0), kind(0.0)
    padded = (n + 3) // 4 * 4
    ring = np.empty((padded, LANES), x.dtype)
    below = np.empty(LANES, x.dtype)
    count = np.empty(LANES, x.dtype)
    now = np.zeros(LANES, x.dtype)
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        ring[:] = none
        count[:] = zero
        for t in range(rows):
            slot = ring[t % n]
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            for i in range(m):
                v = new[i]
                v = v if v - v == zero else none
                gone = slot[i]
                count[i] += (one if v == v else zero) - (one if gone == gone else zero)
                slot[i] = v
                now[i] = v
                below[i] = one
            for k in range(0, padded, 4):
                w0, w1, w2, w3 = ring[k], ring[k + 1], ring[k + 2], ring[k + 3]
                for i in range((m + 15) // 16 * 16):
                    c = now[i]
                    s = below[i]
                    s = s + one if w0[i] < c else s
                    s = s + one if w0[i] <= c else s
                    s = s + one if w1[i] < c else s
                    s = s + one if w1[i] <= c else s
                    s = s + one if w2[i] < c else s
                    s = s + one if w2[i] <= c else s
                    s = s + one if w3[i] < c else s
                    s = s + one if w3[i] <= c else s
                    below[i] = s
            for i in range(m):
                c = np.float64(now[i])
                r = np.float64(below[i]) * 0.5 / np.float64(count[i])
                res[i] = r if c == c else NAN


def rolling_quantile(x, n, fraction, out):  # type: ignore[no-untyped-def]
    """Quantile of the finite values of the last n rows, linear between two of them.

    A negative fraction asks for the median, the mean of the middle two. The window is kept sorted,
    missing values last as +inf. One pass over it takes the old value out and puts the new one in
    without a branch: what is not below the old value moves down by one place, and each place takes
    the middle of its lower neighbour, itself and the new value.
    """
    rows, width = x.shape
    kind = x.dtype.type
    high = kind(np.inf)
    half = fraction < 0.0
    part_of = 0.5 if half else fraction
    padded = (n + 3) // 4 * 4
    w = np.empty((padded + 1, LANES), x.dtype)
    come, gone = np.empty(LANES, x.dtype), np.empty(LANES, x.dtype)
    left = np.empty(LANES, x.dtype)
    count = np.empty(LANES, np.int64)
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[:] = high
        come[:] = high
        gone[:] = high
        left[:] = high
        count[:] = 0
        for t in range(rows):
            full = t >= n
            old = x[t - n if full else 0, lo : lo + m]
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            for i in range(m):
                v = new[i]
                come[i] = v if v - v == 0 else high
                v = old[i]
                gone[i] = v if (full and v - v == 0) else high
                left[i] = -high
            least, most = np.int64(n), np.int64(0)
            for i in range(m):
                c = count[i] + (1 if come[i] < high else 0) - (1 if gone[i] < high else 0)
                count[i] = c
                least = min(least, c if c > 0 else n)
                most = max(most, c)
            for k in range(0, padded, 4):
                w0, w1, w2, w3, w4 = w[k], w[k + 1], w[k + 2], w[k + 3], w[k + 4]
                for i in range((m + 15) // 16 * 16):
                    a, b, c, d, e = w0[i], w1[i], w2[i], w3[i], w4[i]
                    g, v, p = gone[i], come[i], left[i]
                    a = a if a < g else b
                    b = b if b < g else c
                    c = c if c < g else d
                    d = d if d < g else e
                    p = p if p > v else v
                    w0[i] = a if a < p else p
                    p = a if a > v else v
                    w1[i] = b if b < p else p
                    p = b if b > v else v
                    w2[i] = c if c < p else p
                    p = c if c > v else v
                    w3[i] = d if d < p else p
                    left[i] = d
            if most > 0:
                place = part_of * np.float64(most - 1)
                k = int(place)
                part = place - k
                lower, upper = w[k], w[k + 1]
                if part == 0.0:
                    for i in range(m):
                        res[i] = lower[i] if count[i] > 0 else NAN
                elif half:
                    for i in range(m):
                        v = (np.float64(lower[i]) + np.float64(upper[i])) / 2.0
                        res[i] = v if count[i] > 0 else NAN
                else:
                    for i in range(m):
                        v = np.float64(lower[i])
                        v = v + (np.float64(upper[i]) - v) * part
                        res[i] = v if count[i] > 0 else NAN
            else:
                for i in range(m):
                    res[i] = NAN
            if least < most:
                for i in range(m):
                    c = count[i]
                    if 0 < c < most:
                        place = part_of * np.float64(c - 1)
                        k = int(place)
                        part = place - k
                        v = np.float64(w[k, i])
                        if half and part != 0.0:
                            v = (v + np.float64(w[k + 1, i])) / 2.0
                        elif part != 0.0:
                            v = v + (np.float64(w[k + 1, i]) - v) * part
                        res[i] = v
