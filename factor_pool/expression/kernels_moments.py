"""The compiled loops for skewness, kurtosis, covariance, correlation and absolute deviation.

As `kernels`: pandas' accumulators step by step (`roll_skew`, `roll_kurt`, `roll_cov`, `roll_corr`
of `pandas/_libs/window/aggregations.pyx`, version 3.1), including the origin taken from the window
and the fresh start where cancellation is suspected.
"""

import numpy as np

from factor_pool.expression.kernels import LANES, NAN, UNSTABLE, step

_SHAKY = 1e-3
"""pandas' `PeakDevLimit`."""
_DRIFT = 1.0 / 16.0
"""pandas' `AnchorDriftLimit`."""


@step
def _moment_add(v, count, mean, m2, m3, m4, peak):  # type: ignore[no-untyped-def]
    d = v - mean
    count += 1.0
    dn = d / count
    term = d * dn * (count - 1.0)
    m4 += dn * (-4.0 * m3 + dn * (6.0 * m2 + term * (count * count - 3.0 * count + 3.0)))
    m3 += dn * (term * (count - 2.0) - 3.0 * m2)
    m2 += term
    mean += dn
    away = abs(v - mean)
    return count, mean, m2, m3, m4, away if away > peak else peak


@step
def _moment_remove(v, count, mean, m2, m3, m4, peak):  # type: ignore[no-untyped-def]
    n = count - 1.0
    d = v - mean
    dn = d / n
    term = dn * d * (n + 1.0)
    m4 += dn * (4.0 * m3 + dn * (6.0 * m2 - term * (n * n + 3.0 * n + 3.0)))
    m3 -= dn * (term * (n + 2.0) - 3.0 * m2)
    m2 -= term
    mean -= dn
    away = abs(v - mean)
    return n, mean, m2, m3, m4, away if away > peak else peak


@step
def _moment_shaky(mean, m2, m3, m4, peak):  # type: ignore[no-untyped-def]
    unknown = m2 != m2 or m3 != m3 or m4 != m4
    return unknown or mean * mean * _DRIFT > m2 or peak * peak * _SHAKY > m2


@step
def _moment_ratio(count, m2, m3, m4, fourth):  # type: ignore[no-untyped-def]
    if fourth:
        inner = count * (count + 1.0) * (m4 / (m2 * m2)) - 3.0 * (count - 1.0)
        r = (count - 1.0) / ((count - 2.0) * (count - 3.0)) * inner
        return r if count >= 4.0 else NAN
    r = m3 / (m2 * np.sqrt(m2)) * ((count * np.sqrt(count - 1.0)) / (count - 2.0))
    return r if count >= 3.0 else NAN


def rolling_moment(x, n, fourth, out):  # type: ignore[no-untyped-def]
    """Skewness of the last n rows, or excess kurtosis; NaN for a constant window."""
    rows, width = x.shape
    w = np.empty((8, LANES))
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
                count, mean, m2, m3 = w[0, i], w[1, i], w[2, i], w[3, i]
                m4, peak, origin = w[4, i], w[5, i], w[6, i]
                v = np.float64(old[i])
                ok = full and v - v == 0.0
                c, a, b2, b3, b4, p = _moment_remove(v - origin, count, mean, m2, m3, m4, peak)
                b4 = b4 if fourth else 0.0
                shaky = ok and (c == 0.0 or _moment_shaky(a, b2, b3, b4, p))
                count = c if ok else count
                mean = a if ok else mean
                m2 = b2 if ok else m2
                m3 = b3 if ok else m3
                m4 = b4 if ok else m4
                peak = p if ok else peak
                v = np.float64(new[i])
                ok = v - v == 0.0
                origin = v if (ok and count == 0.0) else origin
                c, a, b2, b3, b4, p = _moment_add(v - origin, count, mean, m2, m3, m4, peak)
                b4 = b4 if fourth else 0.0
                shaky = shaky or (ok and _moment_shaky(a, b2, b3, b4, p))
                count = c if ok else count
                mean = a if ok else mean
                m2 = b2 if ok else m2
                m3 = b3 if ok else m3
                m4 = b4 if ok else m4
                peak = p if ok else peak
                w[0, i], w[1, i], w[2, i], w[3, i] = count, mean, m2, m3
                w[4, i], w[5, i], w[6, i] = m4, peak, origin
                w[7, i] = 1.0 if shaky else 0.0
                bad |= 1 if shaky else 0
                res[i] = _moment_ratio(count, m2, m3, m4, fourth)
            if bad:
                for i in range(m):
                    if w[7, i] > 0.0:
                        count, mean, m2, m3, m4, peak, origin = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
                        for k in range(max(0, t - n + 1), t + 1):
                            v = np.float64(x[k, lo + i])
                            if v - v == 0.0:
                                origin = v if count == 0.0 else origin
                                count, mean, m2, m3, m4, peak = _moment_add(
                                    v - origin, count, mean, m2, m3, m4, peak
                                )
                        m4 = m4 if fourth else 0.0
                        w[0, i], w[1, i], w[2, i], w[3, i] = count, mean, m2, m3
                        w[4, i], w[5, i], w[6, i] = m4, peak, origin
                        res[i] = _moment_ratio(count, m2, m3, m4, fourth)


@step
def _pair(v, u, sign, count, mx, my, sxy, sxx, syy, px, py):  # type: ignore[no-untyped-def]
    """Step of a covariance: a pair comes (sign 1) or goes (sign -1)."""
    count += sign
    dx = v - mx
    dy = u - my
    mx += sign * (dx / count)
    my += sign * (dy / count)
    ax = v - mx
    ay = u - my
    sxy += sign * (ax * dy)
    sxx += sign * (ax * dx)
    syy += sign * (ay * dy)
    px = abs(ax) if abs(ax) > px else px
    py = abs(ay) if abs(ay) > py else py
    return count, mx, my, sxy, sxx, syy, px, py


@step
def _pair_shaky(sxy, sxx, syy, px, py):  # type: ignore[no-untyped-def]
    unknown = sxy != sxy or sxx != sxx or syy != syy
    small = px * px * UNSTABLE > sxx or py * py * UNSTABLE > syy
    return unknown or small or px * py * UNSTABLE > abs(sxy)


@step
def _pair_ratio(count, sxy, sxx, syy, corr):  # type: ignore[no-untyped-def]
    if corr:
        r = sxy / np.sqrt(sxx * syy)
        r = 1.0 if r > 1.0 else r
        r = -1.0 if r < -1.0 else r
        return r if (sxx != 0.0 and syy != 0.0) else NAN
    return sxy / (count - 1.0) if count > 1.0 else NAN


def rolling_cov(x, y, n, corr, out):  # type: ignore[no-untyped-def]
    """Sample covariance, or correlation, over the rows among the last n in which both are finite.

    Returns
    -------
    int
        Number of cells in which one series may hardly move, or only one of the two is finite:
        if any, the caller must look at their own standard deviations.
    """
    rows, width = x.shape
    w = np.empty((11, LANES))
    still = 0
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[:] = 0.0
        for t in range(rows):
            full = t >= n
            gone = t - n if full else 0
            old_x, old_y = x[gone, lo : lo + m], y[gone, lo : lo + m]
            new_x, new_y = x[t, lo : lo + m], y[t, lo : lo + m]
            res = out[t, lo : lo + m]
            bad = 0
            for i in range(m):
                count, mx, my, sxy, sxx = w[0, i], w[1, i], w[2, i], w[3, i], w[4, i]
                syy, px, py, ox, oy = w[5, i], w[6, i], w[7, i], w[8, i], w[9, i]
                v = np.float64(old_x[i])
                u = np.float64(old_y[i])
                ok = full and (v - v) + (u - u) == 0.0
                c, a, b, q, qx, qy, rx, ry = _pair(
                    v - ox, u - oy, -1.0, count, mx, my, sxy, sxx, syy, px, py
                )
                shaky = ok and (c == 0.0 or _pair_shaky(q, qx, qy, rx, ry))
                count = c if ok else count
                mx = a if ok else mx
                my = b if ok else my
                sxy = q if ok else sxy
                sxx = qx if ok else sxx
                syy = qy if ok else syy
                px = rx if ok else px
                py = ry if ok else py
                v = np.float64(new_x[i])
                u = np.float64(new_y[i])
                ok = (v - v) + (u - u) == 0.0
                fresh = ok and count == 0.0
                ox = v if fresh else ox
                oy = u if fresh else oy
                c, a, b, q, qx, qy, rx, ry = _pair(
                    v - ox, u - oy, 1.0, count, mx, my, sxy, sxx, syy, px, py
                )
                shaky = shaky or (ok and _pair_shaky(q, qx, qy, rx, ry))
                count = c if ok else count
                mx = a if ok else mx
                my = b if ok else my
                sxy = q if ok else sxy
                sxx = qx if ok else sxx
                syy = qy if ok else syy
                px = rx if ok else px
                py = ry if ok else py
                w[0, i], w[1, i], w[2, i], w[3, i], w[4, i] = count, mx, my, sxy, sxx
                w[5, i], w[6, i], w[7, i], w[8, i], w[9, i] = syy, px, py, ox, oy
                w[10, i] = 1.0 if shaky else 0.0
                bad |= 1 if shaky else 0
                res[i] = _pair_ratio(count, sxy, sxx, syy, corr)
                least = 1.6e-9 * (count - 1.0)
                alone = (v - v == 0.0) != (u - u == 0.0)
                moves = sxx > least and syy > least
                still += 1 if (alone or (count > 1.0 and not moves)) else 0
            if bad:
                for i in range(m):
                    if w[10, i] > 0.0:
                        count, mx, my, sxy, sxx, syy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
                        px, py, ox, oy = 0.0, 0.0, 0.0, 0.0
                        for k in range(max(0, t - n + 1), t + 1):
                            v = np.float64(x[k, lo + i])
                            u = np.float64(y[k, lo + i])
                            if (v - v) + (u - u) == 0.0:
                                ox = v if count == 0.0 else ox
                                oy = u if count == 0.0 else oy
                                count, mx, my, sxy, sxx, syy, px, py = _pair(
                                    v - ox, u - oy, 1.0, count, mx, my, sxy, sxx, syy, px, py
                                )
                        w[0, i], w[1, i], w[2, i], w[3, i], w[4, i] = count, mx, my, sxy, sxx
                        w[5, i], w[6, i], w[7, i], w[8, i], w[9, i] = syy, px, py, ox, oy
                        res[i] = _pair_ratio(count, sxy, sxx, syy, corr)
    return still


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
    deviations that are equal in theory are compared. Rows are kept twice, as they are in
    `kernels_order.rolling_place`.
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
