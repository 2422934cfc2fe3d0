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
_PART, _COUNT, _MEAN, _AWAY, _RING = 8, 9, 10, 11, 12
"""Rows of the scratch matrix of `rolling_mad` behind the eight sums; the windows come last."""


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


def rolling_cov(x, y, n, corr, still, out):  # type: ignore[no-untyped-def]
    """Sample covariance, or correlation, over the rows among the last n in which both are finite.

    `still` receives 1 for instruments of which one series may hardly move in some window that has a
    result: their own standard deviations must be looked at. The window of one series alone may hold
    more values than the pairs do, but moves no less: `least` is four times the largest sum of
    squares of a whole window that Qlib takes to stand still.
    """
    rows, width = x.shape
    least = 1.6e-9 * (n - 1.0)
    w = np.empty((12, LANES))
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
                moves = sxx > least and syy > least
                known = res[i] == res[i] and not shaky
                w[11, i] = 1.0 if (known and not moves) else w[11, i]
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
                        moves = sxx > least and syy > least
                        w[11, i] = 1.0 if (res[i] == res[i] and not moves) else w[11, i]
        for i in range(m):
            still[lo + i] = np.int64(w[11, i])


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
    total = _paired_block(values, one, two)
    if two < n:
        total += _paired_block(values, two, n)
    if one:
        total += _paired_block(values, 0, one)
    return total


@step
def _paired_block(values, lo, hi):  # type: ignore[no-untyped-def]
    full = hi - ((hi - lo) & 7)
    total = 0.0
    if full > lo:
        a, b, c, d = values[lo], values[lo + 1], values[lo + 2], values[lo + 3]
        e, f, g, h = values[lo + 4], values[lo + 5], values[lo + 6], values[lo + 7]
        for k in range(lo + 8, full, 8):
            a += values[k]
            b += values[k + 1]
            c += values[k + 2]
            d += values[k + 3]
            e += values[k + 4]
            f += values[k + 5]
            g += values[k + 6]
            h += values[k + 7]
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for k in range(full, hi):
        total += values[k]
    return total


@step
def _paired_rows(w, lo, hi, away, to, m):  # type: ignore[no-untyped-def]
    """Sum rows lo to hi lane by lane, as `_paired_block` adds, into row `to`.

    With `away`, it is their distance from row `_MEAN` that is summed. Rows 0 to 7 hold the eight
    sums of which it is made. What is left is added one by one, missing values left out.
    """
    full = hi - ((hi - lo) & 7)
    if full == lo:
        for i in range(m):
            w[to, i] = 0.0
    elif full == lo + 8:
        for i in range(m):
            a = (_term(w, lo, i, away) + _term(w, lo + 1, i, away)) + (
                _term(w, lo + 2, i, away) + _term(w, lo + 3, i, away)
            )
            w[to, i] = a + (
                (_term(w, lo + 4, i, away) + _term(w, lo + 5, i, away))
                + (_term(w, lo + 6, i, away) + _term(w, lo + 7, i, away))
            )
    else:
        for p in range(8):
            k = lo + p
            for i in range(m):
                w[p, i] = _term(w, k, i, away) + _term(w, k + 8, i, away)
            for k in range(lo + 16 + p, full, 8):
                for i in range(m):
                    w[p, i] += _term(w, k, i, away)
        for i in range(m):
            a = (w[0, i] + w[1, i]) + (w[2, i] + w[3, i])
            w[to, i] = a + ((w[4, i] + w[5, i]) + (w[6, i] + w[7, i]))
    for k in range(full, hi):
        for i in range(m):
            v = _term(w, k, i, away)
            w[to, i] += v if v == v else 0.0


@step
def _term(w, k, i, away):  # type: ignore[no-untyped-def]
    return abs(w[k, i] - w[_MEAN, i]) if away else w[k, i]


@step
def _paired_mean(w, lo, n, away, to, m):  # type: ignore[no-untyped-def]
    """Mean of n rows from `lo` on, lane by lane, as `_paired_sum` adds, into row `to`."""
    one, two = _split(n)
    _paired_rows(w, lo + one, lo + two, away, to, m)
    if two < n:
        _paired_rows(w, lo + two, lo + n, away, _PART, m)
        for i in range(m):
            w[to, i] += w[_PART, i]
    if one:
        _paired_rows(w, lo, lo + one, away, _PART, m)
        for i in range(m):
            w[to, i] += w[_PART, i]
    for i in range(m):
        w[to, i] /= w[_COUNT, i]


def rolling_mad(x, n, out):  # type: ignore[no-untyped-def]
    """Mean absolute deviation from the mean, over the finite values of the last n rows.

    Qlib takes it with `numpy.mean`, which adds in pairs; so do we, for the last bit decides where
    deviations that are equal in theory are compared. Each row is kept twice, n places apart, so
    that a window always lies in one piece, oldest row first. An instrument that lacks values,
    whose pairs are other ones, is computed alone; windows of up to seven are added one by one,
    whether values are missing or not.
    """
    rows, width = x.shape
    w = np.empty((_RING + 2 * n, LANES))
    values = np.empty(n + 1)
    for lo in range(0, width, LANES):
        m = min(LANES, width - lo)
        w[_RING:] = NAN
        w[_COUNT] = 0.0
        for t in range(rows):
            j = _RING + t % n
            new = x[t, lo : lo + m]
            res = out[t, lo : lo + m]
            whole, parts = 0, 0
            for i in range(m):
                fresh = np.float64(new[i])
                v = fresh if fresh - fresh == 0.0 else NAN
                gone = w[j, i]
                c = w[_COUNT, i] + (1.0 if v == v else 0.0) - (1.0 if gone == gone else 0.0)
                w[_COUNT, i] = c
                w[j, i] = v
                w[j + n, i] = v
                whole += 1 if c == n else 0
                parts += 1 if 0.0 < c < n else 0
            if whole or n < 8:
                _paired_mean(w, j + 1, n, False, _MEAN, m)
                _paired_mean(w, j + 1, n, True, _AWAY, m)
                for i in range(m):
                    res[i] = w[_AWAY, i]
            else:
                for i in range(m):
                    res[i] = NAN
            if parts and n >= 8:
                for i in range(m):
                    if 0.0 < w[_COUNT, i] < n:
                        c = 0
                        for k in range(j + 1, j + 1 + n):
                            v = w[k, i]
                            values[c] = v
                            c += 1 if v == v else 0
                        mean = _paired_sum(values, c) / c
                        for k in range(c):
                            values[k] = abs(values[k] - mean)
                        res[i] = _paired_sum(values, c) / c
