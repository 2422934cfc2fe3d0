"""Compiled loops behind `metrics`: ranks of a cross-section, and what a projection leaves of them.

A row is one session. Ranks are average ranks centred to mean zero, 0.0 where missing, so that
sums over a whole row are sums over the instruments that count. Missing is NaN or infinite.
"""

import numba
import numpy as np

# Sums may be reordered for SIMD; NaN and infinity keep their meaning.
_FAST = {"reassoc", "contract", "nsz"}

MIN_INSTRUMENTS = 10
"""Fewer instruments with both values make no cross-section."""

MIN_FREEDOM = 5
"""Degrees of freedom that the controls must leave for a marginal correlation."""

_COPY = 1e-6
"""A variable of which the controls explain all but this share is a copy of them."""

# Columns of the table that `measure` fills, one row a session.
IC, MARGINAL, ADDED, HALF_A, HALF_B, EXPLAINED, AUTOCORRELATION = range(7)
HITS_HIGH, HITS_LOW, BASE_RATE, PERSISTENT_HITS, SIZE_HITS, USED = range(7, 13)
COLUMNS = 13


@numba.njit(cache=True)
def pack(bits: np.ndarray, usable: np.ndarray, keys: np.ndarray, counts: np.ndarray) -> None:
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
                if x & np.uint32(0x80000000):
                    x = ~x
                else:
                    x = x | np.uint32(0x80000000)
                keys[t, i] = (np.uint64(x) << np.uint64(32)) | np.uint64(i)
                count += 1
            else:
                keys[t, i] = missing
        counts[t] = count


@numba.njit(cache=True, fastmath=_FAST)
def _rank_row(keys: np.ndarray, count: int, row: np.ndarray) -> float:
    """Centred average ranks of one sorted row into `row`; their sum of squares."""
    row[:] = 0.0
    middle = 0.5 * (count - 1)
    squares = 0.0
    start = 0
    while start < count:
        head = keys[start] >> np.uint64(32)
        end = start + 1
        while end < count and keys[end] >> np.uint64(32) == head:
            end += 1
        rank = 0.5 * (start + end - 1) - middle
        for p in range(start, end):
            row[np.int64(keys[p] & np.uint64(0xFFFFFFFF))] = rank
        squares += rank * rank * (end - start)
        start = end
    return squares


@numba.njit(cache=True)
def rank_rows(
    keys: np.ndarray, counts: np.ndarray, ranks: np.ndarray, squares: np.ndarray, order: np.ndarray
) -> None:
    """Rank every sorted row; `order` receives the columns in ascending order, -1 where missing."""
    for t in range(keys.shape[0]):
        squares[t] = _rank_row(keys[t], counts[t], ranks[t])
        for p in range(keys.shape[1]):
            inside = p < counts[t]
            order[t, p] = np.int32(keys[t, p] & np.uint64(0xFFFFFFFF)) if inside else -1


@numba.njit(cache=True, fastmath=_FAST)
def _rank_again(
    ranks: np.ndarray, order: np.ndarray, present: np.ndarray, row: np.ndarray
) -> float:
    """Centred ranks among the `present` columns of a row ranked before; their sum of squares."""
    row[:] = 0.0
    count = 0
    for p in range(order.shape[0]):
        if order[p] < 0:
            break
        count += present[order[p]]
    middle = 0.5 * (count - 1)
    squares = 0.0
    p = 0
    below = 0
    while p < order.shape[0] and order[p] >= 0:
        value = ranks[order[p]]
        end = p
        same = 0
        while end < order.shape[0] and order[end] >= 0 and ranks[order[end]] == value:
            same += present[order[end]]
            end += 1
        rank = below + 0.5 * (same - 1) - middle
        for q in range(p, end):
            if present[order[q]]:
                row[order[q]] = rank
        squares += rank * rank * same
        below += same
        p = end
    return squares


@numba.njit(cache=True, fastmath=_FAST)
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@numba.njit(cache=True, fastmath=_FAST)
def _remove(row: np.ndarray, unit: np.ndarray) -> None:
    """Subtract from `row` its projection on the unit vector."""
    share = _dot(row, unit)
    for i in range(row.shape[0]):
        row[i] -= share * unit[i]


@numba.njit(cache=True)
def _orthonormal(rows: np.ndarray, base: int, kept: np.ndarray) -> None:
    """Gram-Schmidt in place; copies of earlier rows become zero.

    `kept[0]` and `kept[1]` receive how many of the first `base` rows, and of all, remain.
    """
    kept[0] = 0
    kept[1] = 0
    for k in range(rows.shape[0]):
        before = _dot(rows[k], rows[k])
        for j in range(k):
            _remove(rows[k], rows[j])
        after = _dot(rows[k], rows[k])
        if before <= 0.0 or after <= _COPY * before:
            rows[k, :] = 0.0
            continue
        rows[k] *= 1.0 / np.sqrt(after)
        kept[1] += 1
        if k < base:
            kept[0] += 1


@numba.njit(cache=True)
def _residuals(
    label: np.ndarray, units: np.ndarray, base: int, rest: np.ndarray, squares: np.ndarray
) -> None:
    """What the first `base` unit rows, and then all, leave of the label: rows 0 and 1 of `rest`."""
    rest[0] = label
    for k in range(base):
        _remove(rest[0], units[k])
    rest[1] = rest[0]
    for k in range(base, units.shape[0]):
        _remove(rest[1], units[k])
    squares[0] = _dot(rest[0], rest[0])
    squares[1] = _dot(rest[1], rest[1])


@numba.njit(cache=True)
def project(
    labels: np.ndarray,
    controls: np.ndarray,
    base: int,
    units: np.ndarray,
    kept: np.ndarray,
    rests: np.ndarray,
    squares: np.ndarray,
) -> None:
    """Gram-Schmidt of the controls and residuals of the label, each session on its own."""
    units[:] = controls
    for t in range(labels.shape[0]):
        _orthonormal(units[t], base, kept[t])
        _residuals(labels[t], units[t], base, rests[t], squares[t])


@numba.njit(cache=True, fastmath=_FAST)
def _common_correlation(
    a: np.ndarray, has_a: np.ndarray, b: np.ndarray, has_b: np.ndarray, least: int
) -> float:
    """Correlation over the columns that have both; NaN below `least` of them or if constant."""
    n = 0
    sum_a = sum_b = aa = bb = ab = 0.0
    for i in range(a.shape[0]):
        if has_a[i] and has_b[i]:
            n += 1
            sum_a += a[i]
            sum_b += b[i]
            aa += a[i] * a[i]
            bb += b[i] * b[i]
            ab += a[i] * b[i]
    if n < least:
        return np.nan
    aa -= sum_a * sum_a / n
    bb -= sum_b * sum_b / n
    if aa <= 1e-9 or bb <= 1e-9:
        return np.nan
    return (ab - sum_a * sum_b / n) / np.sqrt(aa * bb)


@numba.njit(cache=True, fastmath=_FAST)
def _half_correlation(
    a: np.ndarray, b: np.ndarray, present: np.ndarray, half: np.ndarray, which: int
) -> float:
    n = 0
    sum_a = sum_b = aa = bb = ab = 0.0
    for i in range(a.shape[0]):
        if present[i] and half[i] == which:
            n += 1
            sum_a += a[i]
            sum_b += b[i]
            aa += a[i] * a[i]
            bb += b[i] * b[i]
            ab += a[i] * b[i]
    if n < 5:
        return np.nan
    aa -= sum_a * sum_a / n
    bb -= sum_b * sum_b / n
    if aa <= 1e-9 or bb <= 1e-9:
        return np.nan
    return (ab - sum_a * sum_b / n) / np.sqrt(aa * bb)


@numba.njit(cache=True)
def _hits(keys: np.ndarray, count: int, events: np.ndarray, top: int, high: bool) -> float:
    """Expected share of hits among the `top` highest (or lowest), ties broken at random."""
    wanted = min(top, count)
    taken = 0
    hits = 0.0
    p = count - 1 if high else 0
    step = -1 if high else 1
    while taken < wanted:
        head = keys[p] >> np.uint64(32)
        same = 0
        good = 0
        while 0 <= p < count and keys[p] >> np.uint64(32) == head:
            same += 1
            good += events[np.int64(keys[p] & np.uint64(0xFFFFFFFF))]
            p += step
        take = min(same, wanted - taken)
        hits += good * take / same
        taken += take
    return hits / wanted


@numba.njit(cache=True)
def hit_rows(
    keys: np.ndarray, counts: np.ndarray, events: np.ndarray, top: int, result: np.ndarray
) -> None:
    """Expected share of hits among the highest `top` of each sorted row."""
    for t in range(keys.shape[0]):
        enough = counts[t] >= MIN_INSTRUMENTS
        result[t] = _hits(keys[t], counts[t], events[t], top, True) if enough else np.nan


@numba.njit(cache=True, fastmath=_FAST)
def correlate_rows(
    keys: np.ndarray,
    counts: np.ndarray,
    labels: np.ndarray,
    label_order: np.ndarray,
    label_counts: np.ndarray,
    label_squares: np.ndarray,
    result: np.ndarray,
) -> None:
    """Rank correlation of each sorted row with the label, over the columns that have both."""
    columns = keys.shape[1]
    row = np.empty(columns)
    again = np.empty(columns)
    present = np.empty(columns, dtype=np.bool_)
    for t in range(keys.shape[0]):
        count = counts[t]
        result[t] = np.nan
        if count < MIN_INSTRUMENTS:
            continue
        squares = _rank_row(keys[t], count, row)
        if count == label_counts[t]:
            product = _dot(row, labels[t])
            both = squares * label_squares[t]
        else:
            _mark(keys[t], count, present)
            both = squares * _rank_again(labels[t], label_order[t], present, again)
            product = _dot(row, again)
        if both > 0.0:
            result[t] = product / np.sqrt(both)


@numba.njit(cache=True)
def _mark(keys: np.ndarray, count: int, present: np.ndarray) -> None:
    present[:] = False
    for p in range(count):
        present[np.int64(keys[p] & np.uint64(0xFFFFFFFF))] = True


@numba.njit(cache=True, fastmath=_FAST)
def _marginal(
    row: np.ndarray,
    squares: float,
    units: np.ndarray,
    start: int,
    stop: int,
    explained: float,
    rest: np.ndarray,
    rest_squares: float,
) -> tuple[float, float]:
    """(correlation of residuals, squares explained by the rows up to `stop`)."""
    for k in range(start, stop):
        share = _dot(row, units[k])
        explained += share * share
    left = squares - explained
    if rest_squares <= 1e-9:
        return np.nan, explained
    if left <= _COPY * squares:
        return 0.0, explained
    return _dot(row, rest) / np.sqrt(left * rest_squares), explained


@numba.njit(cache=True)
def measure(
    keys: np.ndarray,
    counts: np.ndarray,
    labels: np.ndarray,
    label_order: np.ndarray,
    label_counts: np.ndarray,
    label_squares: np.ndarray,
    controls: np.ndarray,
    control_order: np.ndarray,
    control_counts: np.ndarray,
    control_squares: np.ndarray,
    base: int,
    units: np.ndarray,
    kept: np.ndarray,
    rests: np.ndarray,
    rest_squares: np.ndarray,
    half: np.ndarray,
    events: np.ndarray,
    top: int,
    table: np.ndarray,
    correlations: np.ndarray,
) -> None:
    """Every daily figure of one factor.

    Parameters
    ----------
    keys, counts
        Sorted keys (T, S) of the factor where the label exists, and how many a row.
    labels, label_order, label_counts, label_squares
        The label's centred ranks (T, S), order (T, S), counts (T,), sums of squares (T,).
    controls, control_order, control_counts, control_squares
        The same of K controls, (T, K, S) and (T, K); the first `base` are the baseline.
    units, kept, rests, rest_squares
        What `project` made of label and controls, for rows where factor and label cover the same
        columns; other rows are ranked and projected again here.
    half
        int8 (S,): which half of the universe a column belongs to.
    events, top
        bool (T, S) of hits, and how many are chosen.
    table, correlations
        Receive the daily figures (T, COLUMNS) and rank correlations with each control (T, K).
    """
    columns = keys.shape[1]
    amount = controls.shape[1]
    row = np.empty(columns)
    left = np.empty(columns)
    earlier = np.zeros(columns)
    had = np.zeros(columns, dtype=np.bool_)
    present = np.zeros(columns, dtype=np.bool_)
    control_present = np.empty(columns, dtype=np.bool_)
    own_label = np.empty(columns)
    own_units = np.empty((amount, columns))
    own_rests = np.empty((2, columns))
    own_squares = np.empty(2)
    own_kept = np.empty(2, dtype=np.int64)
    for t in range(keys.shape[0]):
        table[t] = np.nan
        correlations[t] = np.nan
        count = counts[t]
        had[:] = present
        earlier[:] = row
        squares = 0.0
        if count >= MIN_INSTRUMENTS:
            squares = _rank_row(keys[t], count, row)
            _mark(keys[t], count, present)
        if squares <= 0.0:
            present[:] = False
            continue
        whole = count == label_counts[t]
        label, unit, rest, rest_square, keep = (
            labels[t], units[t], rests[t], rest_squares[t], kept[t],
        )  # fmt: skip
        label_square = label_squares[t]
        if not whole:
            label_square = _rank_again(labels[t], label_order[t], present, own_label)
            for k in range(amount):
                _rank_again(controls[t, k], control_order[t, k], present, own_units[k])
            _orthonormal(own_units, base, own_kept)
            _residuals(own_label, own_units, base, own_rests, own_squares)
            label, unit, rest, rest_square, keep = (
                own_label, own_units, own_rests, own_squares, own_kept,
            )  # fmt: skip
        table[t, AUTOCORRELATION] = _common_correlation(row, present, earlier, had, MIN_INSTRUMENTS)
        for k in range(amount):
            if whole and control_counts[t, k] == count:
                both = squares * control_squares[t, k]
                if both > 0.0:
                    correlations[t, k] = _dot(row, controls[t, k]) / np.sqrt(both)
                continue
            control_present[:] = False
            for p in range(control_counts[t, k]):
                control_present[control_order[t, k, p]] = True
            correlations[t, k] = _common_correlation(
                row, present, controls[t, k], control_present, MIN_INSTRUMENTS
            )
        if label_square <= 0.0:
            continue
        table[t, USED] = 1.0
        table[t, IC] = _dot(row, label) / np.sqrt(squares * label_square)
        if count - 1 - keep[0] >= MIN_FREEDOM:
            table[t, MARGINAL], explained = _marginal(
                row, squares, unit, 0, base, 0.0, rest[0], rest_square[0]
            )
            table[t, EXPLAINED] = explained / squares
            if count - 1 - keep[1] >= MIN_FREEDOM:
                table[t, ADDED], explained = _marginal(
                    row, squares, unit, base, amount, explained, rest[1], rest_square[1]
                )
                if squares - explained > _COPY * squares:
                    left[:] = row
                    for k in range(amount):
                        _remove(left, unit[k])
                    table[t, HALF_A] = _half_correlation(left, rest[1], present, half, 0)
                    table[t, HALF_B] = _half_correlation(left, rest[1], present, half, 1)
        table[t, HITS_HIGH] = _hits(keys[t], count, events[t], top, True)
        table[t, HITS_LOW] = _hits(keys[t], count, events[t], top, False)
        good = 0
        for p in range(count):
            good += events[t, np.int64(keys[t, p] & np.uint64(0xFFFFFFFF))]
        table[t, BASE_RATE] = good / count
