"""Compiled loops behind `metrics`: ranks of a cross-section, and what a projection leaves of them.

A row is one session. Ranks are average ranks centred to mean zero, 0.0 where missing, so that
sums over a whole row are sums over the instruments that count. Missing is NaN or infinite.
"""

from typing import NamedTuple

import numba
import numpy as np

# Sums may be reordered for SIMD; NaN and infinity keep their meaning.
_FAST = {"reassoc", "contract", "nsz"}

MIN_INSTRUMENTS = 10
"""Fewer instruments with both values make no cross-section."""

MIN_HALF = 5
"""The same for half a universe."""

MIN_FREEDOM = 5
"""Degrees of freedom that the controls must leave for a marginal correlation."""

_COPY = 1e-6
"""A variable of which the controls explain all but this share is a copy of them."""

# Columns of the table that `measure` fills, one row a session.
IC, MARGINAL, ADDED, HALF_A, HALF_B, EXPLAINED, AUTOCORRELATION = range(7)
HITS_HIGH, HITS_LOW, BASE_RATE = range(7, 10)
COLUMNS = 10


class Ranked(NamedTuple):
    """Ranks of one variable, or of K side by side (then with an axis K after the first).

    Parameters
    ----------
    ranks
        (T, S) centred.
    order
        int32 (T, S): columns in ascending order of value, -1 after the last that has one.
    counts
        (T,) how many have one.
    squares
        (T,) sums of squared ranks.
    """

    ranks: np.ndarray
    order: np.ndarray
    counts: np.ndarray
    squares: np.ndarray


class Projected(NamedTuple):
    """What Gram-Schmidt made of controls and label, for sessions that miss no column.

    Parameters
    ----------
    base
        How many of the K controls are the baseline; the others are the pool.
    units
        (T, K, S) orthonormal rows; zero where a control is a copy of earlier ones.
    kept
        (T, 2) how many of the first `base`, and of all, are no copies.
    rests
        (T, 2, S) what the first `base`, and all, leave of the label.
    """

    base: int
    units: np.ndarray
    kept: np.ndarray
    rests: np.ndarray


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
                x = ~x if x & np.uint32(0x80000000) else x | np.uint32(0x80000000)
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
def rank_rows(keys: np.ndarray, counts: np.ndarray, result: Ranked) -> None:
    """Rank every sorted row; fills ranks, squares and order of the result."""
    for t in range(keys.shape[0]):
        result.squares[t] = _rank_row(keys[t], counts[t], result.ranks[t])
        for p in range(keys.shape[1]):
            inside = p < counts[t]
            result.order[t, p] = np.int32(keys[t, p] & np.uint64(0xFFFFFFFF)) if inside else -1


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
        count += np.int64(present[order[p]])
    middle = 0.5 * (count - 1)
    squares = 0.0
    p = 0
    below = 0
    while p < order.shape[0] and order[p] >= 0:
        value = ranks[order[p]]
        end = p
        same = 0
        while end < order.shape[0] and order[end] >= 0 and ranks[order[end]] == value:
            same += np.int64(present[order[end]])
            end += 1
        rank = below + 0.5 * (same - 1) - middle
        for q in range(p, end):
            if present[order[q]] > 0.0:
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
def _project_row(
    label: np.ndarray, base: int, units: np.ndarray, kept: np.ndarray, rests: np.ndarray
) -> None:
    """Make `units` (ranks of the controls on entry) orthonormal; what they leave of the label."""
    _orthonormal(units, base, kept)
    rests[0] = label
    for k in range(base):
        _remove(rests[0], units[k])
    rests[1] = rests[0]
    for k in range(base, units.shape[0]):
        _remove(rests[1], units[k])


@numba.njit(cache=True)
def project(labels: np.ndarray, controls: np.ndarray, result: Projected) -> None:
    """Fill the result from the label's ranks (T, S) and the controls' (T, K, S)."""
    result.units[:] = controls
    for t in range(labels.shape[0]):
        _project_row(labels[t], result.base, result.units[t], result.kept[t], result.rests[t])


@numba.njit(cache=True, fastmath=_FAST)
def _correlation(
    a: np.ndarray, has_a: np.ndarray, b: np.ndarray, has_b: np.ndarray, least: int
) -> float:
    """Correlation over the columns that have both (1.0, else 0.0).

    NaN below `least` of them, or if either is constant there.
    """
    n = sum_a = sum_b = aa = bb = ab = 0.0
    for i in range(a.shape[0]):
        both = has_a[i] * has_b[i]
        n += both
        sum_a += both * a[i]
        sum_b += both * b[i]
        aa += both * a[i] * a[i]
        bb += both * b[i] * b[i]
        ab += both * a[i] * b[i]
    if n < least:
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
def correlate_rows(keys: np.ndarray, counts: np.ndarray, label: Ranked, result: np.ndarray) -> None:
    """Rank correlation of each sorted row with the label, over the columns that have both."""
    columns = keys.shape[1]
    row = np.empty(columns)
    again = np.empty(columns)
    present = np.empty(columns)
    for t in range(keys.shape[0]):
        count = counts[t]
        result[t] = np.nan
        if count < MIN_INSTRUMENTS:
            continue
        squares = _rank_row(keys[t], count, row)
        if count == label.counts[t]:
            product = _dot(row, label.ranks[t])
            both = squares * label.squares[t]
        else:
            _mark(keys[t], count, present)
            both = squares * _rank_again(label.ranks[t], label.order[t], present, again)
            product = _dot(row, again)
        if both > 0.0:
            result[t] = product / np.sqrt(both)


@numba.njit(cache=True)
def _mark(keys: np.ndarray, count: int, present: np.ndarray) -> None:
    """1.0 in the columns that occur among the first `count` keys, else 0.0."""
    present[:] = 0.0
    for p in range(count):
        present[np.int64(keys[p] & np.uint64(0xFFFFFFFF))] = 1.0


@numba.njit(cache=True, fastmath=_FAST)
def _explained(row: np.ndarray, units: np.ndarray, start: int, stop: int) -> float:
    """Sum of squares of the row that the unit rows from `start` to `stop` explain."""
    total = 0.0
    for k in range(start, stop):
        share = _dot(row, units[k])
        total += share * share
    return total


@numba.njit(cache=True)
def _partial(row: np.ndarray, squares: float, explained: float, rest: np.ndarray) -> float:
    """Correlation of what is left of the row with what is left of the label (`rest`).

    The rest is orthogonal to the controls, so its product with the row is that of both rests.
    """
    rest_squares = _dot(rest, rest)
    if rest_squares <= 1e-9:
        return np.nan
    if squares - explained <= _COPY * squares:
        return 0.0
    return _dot(row, rest) / np.sqrt((squares - explained) * rest_squares)


@numba.njit(cache=True)
def _partials(
    row: np.ndarray, squares: float, count: int, present: np.ndarray, halves: np.ndarray,
    base: int, units: np.ndarray, kept: np.ndarray, rests: np.ndarray,
    left: np.ndarray, figures: np.ndarray,
) -> None:  # fmt: skip
    """Fill MARGINAL, EXPLAINED, ADDED and both halves of one session's figures."""
    if count - 1 - kept[0] < MIN_FREEDOM:
        return
    explained = _explained(row, units, 0, base)
    figures[EXPLAINED] = explained / squares
    figures[MARGINAL] = _partial(row, squares, explained, rests[0])
    if count - 1 - kept[1] < MIN_FREEDOM:
        return
    explained += _explained(row, units, base, units.shape[0])
    figures[ADDED] = _partial(row, squares, explained, rests[1])
    if squares - explained <= _COPY * squares:
        return
    left[:] = row
    for k in range(units.shape[0]):
        _remove(left, units[k])
    figures[HALF_A] = _correlation(left, present, rests[1], halves[0], MIN_HALF)
    figures[HALF_B] = _correlation(left, present, rests[1], halves[1], MIN_HALF)


@numba.njit(cache=True)
def _project_again(
    t: int, present: np.ndarray, label: Ranked, controls: Ranked, base: int,
    own: np.ndarray, units: np.ndarray, kept: np.ndarray, rests: np.ndarray,
) -> float:  # fmt: skip
    """Rank label and controls among the present columns of one session, and project.

    Fills the arrays of the second line; returns the label's sum of squared ranks.
    """
    squares = _rank_again(label.ranks[t], label.order[t], present, own)
    for k in range(units.shape[0]):
        _rank_again(controls.ranks[t, k], controls.order[t, k], present, units[k])
    _project_row(own, base, units, kept, rests)
    return squares


@numba.njit(cache=True)
def marginal_rows(
    keys: np.ndarray, counts: np.ndarray, label: Ranked, controls: Ranked, projected: Projected,
    result: np.ndarray,
) -> None:  # fmt: skip
    """Marginal rank IC beyond the first `base` controls of each sorted row, and nothing else."""
    columns, base = keys.shape[1], projected.base
    row, present, own = np.empty(columns), np.empty(columns), np.empty(columns)
    own_units, own_rests = np.empty((base, columns)), np.empty((2, columns))
    own_kept = np.empty(2, dtype=np.int64)
    for t in range(keys.shape[0]):
        result[t] = np.nan
        count = counts[t]
        if count < MIN_INSTRUMENTS:
            continue
        squares = _rank_row(keys[t], count, row)
        units, kept, rests = projected.units[t], projected.kept[t], projected.rests[t]
        if count != label.counts[t]:
            _mark(keys[t], count, present)
            _project_again(t, present, label, controls, base, own, own_units, own_kept, own_rests)
            units, kept, rests = own_units, own_kept, own_rests
        if squares > 0.0 and count - 1 - kept[0] >= MIN_FREEDOM:
            result[t] = _partial(row, squares, _explained(row, units, 0, base), rests[0])


@numba.njit(cache=True)
def _with_controls(
    row: np.ndarray, squares: float, count: int, whole: bool, present: np.ndarray,
    t: int, controls: Ranked, other: np.ndarray, result: np.ndarray,
) -> None:  # fmt: skip
    """Rank correlation of one session's row with each control."""
    for k in range(controls.ranks.shape[1]):
        if whole and controls.counts[t, k] == count:
            both = squares * controls.squares[t, k]
            if both > 0.0:
                result[k] = _dot(row, controls.ranks[t, k]) / np.sqrt(both)
            continue
        other[:] = 0.0
        for p in range(controls.counts[t, k]):
            other[controls.order[t, k, p]] = 1.0
        result[k] = _correlation(row, present, controls.ranks[t, k], other, MIN_INSTRUMENTS)


@numba.njit(cache=True)
def _hit_figures(
    keys: np.ndarray, count: int, events: np.ndarray, top: int, figures: np.ndarray
) -> None:
    figures[HITS_HIGH] = _hits(keys, count, events, top, True)
    figures[HITS_LOW] = _hits(keys, count, events, top, False)
    good = 0
    for p in range(count):
        good += events[np.int64(keys[p] & np.uint64(0xFFFFFFFF))]
    figures[BASE_RATE] = good / count


@numba.njit(cache=True)
def measure(
    keys: np.ndarray, counts: np.ndarray, label: Ranked, controls: Ranked, projected: Projected,
    halves: np.ndarray, events: np.ndarray, top: int, table: np.ndarray, correlations: np.ndarray,
) -> None:  # fmt: skip
    """Every daily figure of one factor.

    Parameters
    ----------
    keys, counts
        Sorted keys (T, S) of the factor where the label exists, and how many a row.
    label, controls, projected
        Where factor and label cover the same columns; other sessions are ranked and projected
        again here, among the columns that have both.
    halves
        (2, S): 1.0 in the columns of each half of the universe, else 0.0.
    events, top
        bool (T, S) of hits, and how many are chosen.
    table, correlations
        Receive the daily figures (T, COLUMNS) and rank correlations with each control (T, K).
    """
    columns, amount = keys.shape[1], controls.ranks.shape[1]
    row, earlier, left = np.zeros(columns), np.zeros(columns), np.empty(columns)
    present, had, other = np.zeros(columns), np.zeros(columns), np.empty(columns)
    own_label, own_units = np.empty(columns), np.empty((amount, columns))
    own_rests, own_kept = np.empty((2, columns)), np.empty(2, dtype=np.int64)
    for t in range(keys.shape[0]):
        table[t] = np.nan
        correlations[t] = np.nan
        count = counts[t]
        earlier[:] = row
        had[:] = present
        squares = 0.0
        if count >= MIN_INSTRUMENTS:
            squares = _rank_row(keys[t], count, row)
            _mark(keys[t], count, present)
        if squares <= 0.0:  # too few values, or a constant: no ranking
            present[:] = 0.0
            continue
        whole = count == label.counts[t]
        table[t, AUTOCORRELATION] = _correlation(row, present, earlier, had, MIN_INSTRUMENTS)
        _with_controls(row, squares, count, whole, present, t, controls, other, correlations[t])
        own, own_squares = label.ranks[t], label.squares[t]
        units, kept, rests = projected.units[t], projected.kept[t], projected.rests[t]
        if not whole:
            own_squares = _project_again(
                t, present, label, controls, projected.base,
                own_label, own_units, own_kept, own_rests,
            )  # fmt: skip
            own, units, kept, rests = own_label, own_units, own_kept, own_rests
        if own_squares <= 0.0:
            continue
        table[t, IC] = _dot(row, own) / np.sqrt(squares * own_squares)
        _partials(
            row, squares, count, present, halves, projected.base, units, kept, rests, left, table[t]
        )
        _hit_figures(keys[t], count, events[t], top, table[t])
