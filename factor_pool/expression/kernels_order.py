"""The compiled loops that compare values: extremes, ranks, quantiles, and the session's own ranks.

As in `kernels`, the innermost loop runs along a block of instruments. Where a window is scanned,
its rows lie in a small ring, in which their order does not matter.
"""

import numpy as np

from factor_pool.expression.kernels import LANES, NAN, step


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
    oldest of equal values wins. Each row is kept twice, n places apart, so that a window always
    lies in one piece, oldest row first.
    """
    rows, width = x.shape
    kind = x.dtype.type
    turn, zero, low, high = kind(sign), kind(0.0), kind(-np.inf), kind(np.inf)
    ring = np.empty((2 * n, LANES), x.dtype)
    best, where = np.empty(LANES, x.dtype), np.empty(LANES, x.dtype)
    begin, count = np.empty(LANES), np.empty(LANES)
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        ring[:] = low
        best[:] = low
        count[:] = 0.0
        for i in range(m):
            begin[i] = first[lo + i]
        for t in range(rows):
            j = t % n
            full = t >= n
            slot, twin = ring[j], ring[j + n]
            old = x[t - n if full else 0, lo : lo + m]
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            now = np.float64(t)
            for i in range(m):
                v = old[i]
                c = count[i] - (1.0 if (full and v - v == zero) else 0.0)
                v = new[i] * turn
                ok = v - v == zero
                count[i] = c + (1.0 if ok else 0.0)
                v = v if ok else high
                v = v if now >= begin[i] else low
                slot[i] = v
                twin[i] = v
            for i in range(m):
                best[i] = low
                where[i] = zero
            for k in range(0, n - n % 4, 4):
                s = j + 1 + k
                w0, w1, w2, w3 = ring[s], ring[s + 1], ring[s + 2], ring[s + 3]
                k0, k1, k2, k3 = kind(k), kind(k + 1), kind(k + 2), kind(k + 3)
                for i in range((m + 15) // 16 * 16):
                    b, a = best[i], where[i]
                    a = k0 if w0[i] > b else a
                    b = w0[i] if w0[i] > b else b
                    a = k1 if w1[i] > b else a
                    b = w1[i] if w1[i] > b else b
                    a = k2 if w2[i] > b else a
                    b = w2[i] if w2[i] > b else b
                    a = k3 if w3[i] > b else a
                    b = w3[i] if w3[i] > b else b
                    best[i] = b
                    where[i] = a
            for k in range(n - n % 4, n):
                w0 = ring[j + 1 + k]
                k0 = kind(k)
                for i in range(m):
                    where[i] = k0 if w0[i] > best[i] else where[i]
                    best[i] = w0[i] if w0[i] > best[i] else best[i]
            start = np.float64(t - n + 1)
            for i in range(m):
                q = start if start > begin[i] else begin[i]
                res[i] = np.float64(where[i]) + start - q + 1.0 if count[i] > 0.0 else NAN


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
                least = min(least, c)
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
            half = fraction < 0.0
            part_of = 0.5 if half else fraction
            if least == most and most > 0:
                place = part_of * np.float64(most - 1)
                k = int(place)
                part = place - k
                lower, upper = w[k], w[k + 1]
                if part == 0.0:
                    for i in range(m):
                        res[i] = lower[i]
                elif half:
                    for i in range(m):
                        res[i] = (np.float64(lower[i]) + np.float64(upper[i])) / 2.0
                else:
                    for i in range(m):
                        v = np.float64(lower[i])
                        res[i] = v + (np.float64(upper[i]) - v) * part
            else:
                for i in range(m):
                    c = count[i]
                    place = part_of * np.float64(c - 1)
                    k = int(place)
                    part = place - k
                    if c == 0:
                        res[i] = NAN
                    elif part == 0.0:
                        res[i] = w[k, i]
                    elif half:
                        res[i] = (np.float64(w[k, i]) + np.float64(w[k + 1, i])) / 2.0
                    else:
                        v = np.float64(w[k, i])
                        res[i] = v + (np.float64(w[k + 1, i]) - v) * part


@step
def _split(n):  # type: ignore[no-untyped-def]
    """Ends of the pieces of at most 128 values that NumPy adds one by one (n up to 256)."""
    if n <= 128:
        return 0, n
    half = n // 2 - (n // 2) % 8
    rest = n - half
    return half, half if rest <= 128 else half + rest // 2 - (rest // 2) % 8


@step
def _paired_sum(values, n):  # type: ignore[no-untyped-def]
    """Sum of the first n values in the order in which NumPy adds a contiguous row."""
    one, two = _split(n)
    tail = _paired_block(values[one:two]) + _paired_block(values[two:n])
    return _paired_block(values[:one]) + tail


@step
def _paired_block(values):  # type: ignore[no-untyped-def]
    n = len(values)
    full = n - n % 8
    total = 0.0
    if full:
        a, b, c, d = values[0], values[1], values[2], values[3]
        e, f, g, h = values[4], values[5], values[6], values[7]
        for k in range(8, full, 8):
            a += values[k]
            b += values[k + 1]
            c += values[k + 2]
            d += values[k + 3]
            e += values[k + 4]
            f += values[k + 5]
            g += values[k + 6]
            h += values[k + 7]
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for k in range(full, n):
        total += values[k]
    return total


@step
def _paired_rows(rows, lo, hi, centre, away, parts, m):  # type: ignore[no-untyped-def]
    """Sum rows lo to hi lane by lane, as `_paired_block` adds, into `parts[0]`.

    With `away`, it is their distance from `centre` that is summed.
    """
    full = lo + (hi - lo) // 8 * 8
    parts[:] = 0.0
    for k in range(lo, full):
        p = (k - lo) % 8
        if away:
            for i in range(m):
                parts[p, i] += abs(rows[k, i] - centre[i])
        else:
            for i in range(m):
                parts[p, i] += rows[k, i]
    for i in range(m):
        a = (parts[0, i] + parts[1, i]) + (parts[2, i] + parts[3, i])
        parts[0, i] = a + ((parts[4, i] + parts[5, i]) + (parts[6, i] + parts[7, i]))
    for k in range(full, hi):
        for i in range(m):
            parts[0, i] += abs(rows[k, i] - centre[i]) if away else rows[k, i]


@step
def _paired_mean(rows, n, centre, away, parts, total, m):  # type: ignore[no-untyped-def]
    """Mean of the first n rows, lane by lane, as `_paired_sum` adds, into `total`."""
    one, two = _split(n)
    _paired_rows(rows, one, two, centre, away, parts, m)
    for i in range(m):
        total[i] = parts[0, i]
    if two < n:
        _paired_rows(rows, two, n, centre, away, parts, m)
        for i in range(m):
            total[i] += parts[0, i]
    if one:
        _paired_rows(rows, 0, one, centre, away, parts, m)
        for i in range(m):
            total[i] += parts[0, i]
    for i in range(m):
        total[i] /= n


@step
def _deviation(values, n):  # type: ignore[no-untyped-def]
    """Mean absolute deviation of the first n values, which are overwritten."""
    mean = _paired_sum(values, n) / n
    for k in range(n):
        values[k] = abs(values[k] - mean)
    return _paired_sum(values, n) / n if n else NAN


def rolling_mad(x, n, out):  # type: ignore[no-untyped-def]
    """Mean absolute deviation from the mean, over the finite values of the last n rows.

    Qlib takes it with `numpy.mean`, which adds in pairs; so do we, for the last bit decides where
    deviations that are equal in theory are compared. Rows are kept twice as in `rolling_place`.
    """
    rows, width = x.shape
    ring = np.empty((2 * n, LANES))
    parts = np.empty((8, LANES))
    count, mean, total = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    values = np.empty(n)
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        ring[:] = NAN
        count[:] = 0.0
        for t in range(rows):
            j = t % n
            slot, twin = ring[j], ring[j + n]
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            whole = 0
            for i in range(m):
                fresh = np.float64(new[i])
                v = fresh if fresh - fresh == 0.0 else NAN
                c = count[i] + (1.0 if v == v else 0.0) - (1.0 if slot[i] == slot[i] else 0.0)
                count[i] = c
                slot[i] = v
                twin[i] = v
                whole += 1 if c == n else 0
            window = ring[j + 1 : j + 1 + n]
            if whole == m:
                _paired_mean(window, n, mean, False, parts, mean, m)
                _paired_mean(window, n, mean, True, parts, total, m)
                for i in range(m):
                    res[i] = total[i]
            else:
                for i in range(m):
                    c = 0
                    for k in range(n):
                        v = window[k, i]
                        if v == v:
                            values[c] = v
                            c += 1
                    res[i] = _deviation(values, c)


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
