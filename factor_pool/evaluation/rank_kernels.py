"""Compiled loops behind `metrics`: ranks of a cross-section, and what a projection leaves of them.

They stand in one file because a compiled loop is kept on disk by the age of its own file: one that
is merged into a loop of another file would live on there after it was changed.

A row is one session. Ranks are average ranks centred to mean zero, 0.0 where missing, so that
sums over a whole row are sums over the instruments that count. Missing is NaN or infinite.
"""

import numba
import numpy as np

from factor_pool.evaluation.rank_tables import Projected, Ranked, Scratch

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
COLUMNS = 7


@numba.njit(cache=True)
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


@numba.njit(cache=True)
def _rank_again(
    ranks: np.ndarray, order: np.ndarray, present: np.ndarray, row: np.ndarray
) -> float:
    """Centred ranks among the `present` columns of a row ranked before; their sum of squares."""
    row[:] = 0.0
    count = 0
    for p in range(order.shape[0]):
        if order[p] < 0:
            break
        count += int(present[order[p]])
    middle = 0.5 * (count - 1)
    squares = 0.0
    p = 0
    below = 0
    while p < order.shape[0] and order[p] >= 0:
        value = ranks[order[p]]
        end = p
        same = 0
        while end < order.shape[0] and order[end] >= 0 and ranks[order[end]] == value:
            same += int(present[order[end]])
            end += 1
        rank = below + 0.5 * (same - 1) - middle
        for q in range(p, end):
            if present[order[q]] > 0.0:
                row[order[q]] = rank
        squares += rank * rank * same
        below += same
        p = end
    return squares


@numba.njit(cache=True)
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Inner product in four running sums.

    Four because SIMD adds four at once; by hand because the compiler, when it may reorder sums,
    does so otherwise from one build to the next, and a figure must not depend on the build.
    """
    n = a.shape[0]
    one = two = three = four = 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        one += a[i] * b[i]
        two += a[i + 1] * b[i + 1]
        three += a[i + 2] * b[i + 2]
        four += a[i + 3] * b[i + 3]
    for i in range(whole, n):
        one += a[i] * b[i]
    return (one + three) + (two + four)


@numba.njit(cache=True)
def _dot_where(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """Inner product over the columns where the third is 1.0, summed as `_dot` does."""
    n = a.shape[0]
    one = two = three = four = 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        one += a[i] * b[i] * where[i]
        two += a[i + 1] * b[i + 1] * where[i + 1]
        three += a[i + 2] * b[i + 2] * where[i + 2]
        four += a[i + 3] * b[i + 3] * where[i + 3]
    for i in range(whole, n):
        one += a[i] * b[i] * where[i]
    return (one + three) + (two + four)


@numba.njit(cache=True)
def _remove(row: np.ndarray, unit: np.ndarray) -> None:
    """Subtract from `row` its projection on the unit vector."""
    share = _dot(row, unit)
    for i in range(row.shape[0]):
        row[i] -= share * unit[i]


@numba.njit(cache=True)
def project(labels: np.ndarray, controls: np.ndarray, result: Projected) -> None:
    """Gram-Schmidt of the controls' ranks (T, K, S), and of the label's (T, S) after them."""
    result.units[:] = controls
    result.rests[:] = labels
    for t in range(labels.shape[0]):
        units = result.units[t]
        for k in range(units.shape[0]):
            before = _dot(units[k], units[k])
            for j in range(k):
                _remove(units[k], units[j])
            after = _dot(units[k], units[k])
            copy = before <= 0.0 or after <= _COPY * before
            units[k] *= 0.0 if copy else 1.0 / np.sqrt(after)
            result.alive[t, k] = 0.0 if copy else 1.0
            result.shares[t, k] = _dot(labels[t], units[k])
            _remove(result.rests[t], units[k])


@numba.njit(cache=True)
def _correlation(
    a: np.ndarray, has_a: np.ndarray, b: np.ndarray, has_b: np.ndarray, least: int
) -> float:
    """Correlation over the columns that have both (1.0, else 0.0).

    Each must be 0.0 where its own `has` is. NaN below `least` columns, or if either is constant
    there.
    """
    n = _dot(has_a, has_b)
    if n < least:
        return np.nan
    sum_a, sum_b = _dot(a, has_b), _dot(b, has_a)
    aa = _dot_where(a, a, has_b) - sum_a * sum_a / n
    bb = _dot_where(b, b, has_a) - sum_b * sum_b / n
    if aa <= 1e-9 or bb <= 1e-9:
        return np.nan
    return (_dot(a, b) - sum_a * sum_b / n) / np.sqrt(aa * bb)


@numba.njit(cache=True)
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


@numba.njit(cache=True)
def _gram(
    units: np.ndarray, alive: np.ndarray, present: np.ndarray, absent: np.ndarray,
    missing: int, count: int, means: np.ndarray, gram: np.ndarray,
) -> None:  # fmt: skip
    """Lower half of the units' Gram matrix about their means, over the present columns.

    Over all columns of the label the units are orthonormal with mean zero, so the `missing`
    absent ones are taken away where they are few.
    """
    amount, few = units.shape[0], 8 * missing <= units.shape[1]
    for k in range(amount):
        means[k] = 0.0
        for p in range(missing):
            means[k] -= units[k, absent[p]]
        means[k] /= count
    for k in range(amount):
        for j in range(k + 1):
            total = 0.0
            if few:
                total = alive[k] if j == k else 0.0
                for p in range(missing):
                    total -= units[k, absent[p]] * units[j, absent[p]]
            else:
                total = _dot_where(units[k], units[j], present)
            gram[k, j] = total - count * means[k] * means[j]


@numba.njit(cache=True)
def _shares_again(
    row: np.ndarray, label: np.ndarray, units: np.ndarray, alive: np.ndarray,
    present: np.ndarray, absent: np.ndarray, missing: int, count: int, work: Scratch,
) -> None:  # fmt: skip
    """Shares of factor and label in the units where some columns are missing.

    A Cholesky root of the Gram matrix turns products into shares, in the order of the controls;
    what has become a copy of earlier ones is no longer alive.
    """
    root, amount = work.root, units.shape[0]
    _gram(units, alive, present, absent, missing, count, work.means, root)
    for k in range(amount):
        for j in range(k):
            value = root[k, j]
            for i in range(j):
                value -= root[k, i] * root[j, i]
            root[k, j] = value / root[j, j] if work.alive[j] > 0.0 else 0.0
        left = root[k, k]
        first, second = _dot(row, units[k]), _dot(label, units[k])
        for j in range(k):
            left -= root[k, j] * root[k, j]
            first -= root[k, j] * work.row_shares[j]
            second -= root[k, j] * work.label_shares[j]
        work.alive[k] = 1.0 if left > _COPY else 0.0
        root[k, k] = np.sqrt(left) if left > _COPY else 0.0
        work.row_shares[k] = first / root[k, k] if left > _COPY else 0.0
        work.label_shares[k] = second / root[k, k] if left > _COPY else 0.0


@numba.njit(cache=True)
def _leave(
    row: np.ndarray, shares: np.ndarray, units: np.ndarray, present: np.ndarray,
    work: Scratch, left: np.ndarray,
) -> None:  # fmt: skip
    """What the controls leave of a row, from its shares by back substitution."""
    amount = units.shape[0]
    left[:] = row
    weights = shares.copy()
    for k in range(amount - 1, -1, -1):
        if work.alive[k] <= 0.0:
            continue
        for j in range(k + 1, amount):
            weights[k] -= work.root[j, k] * weights[j] * work.alive[j]
        weights[k] /= work.root[k, k]
        for i in range(row.shape[0]):
            left[i] -= weights[k] * (units[k, i] - work.means[k]) * present[i]


@numba.njit(cache=True)
def _partial(
    product: float, squares: float, label_squares: float,
    shares: np.ndarray, label_shares: np.ndarray, stop: int,
) -> float:  # fmt: skip
    """Correlation of what the first `stop` controls leave of factor and label."""
    total = squares
    for k in range(stop):
        squares -= shares[k] * shares[k]
        label_squares -= label_shares[k] * label_shares[k]
        product -= shares[k] * label_shares[k]
    if label_squares <= 1e-9:
        return np.nan
    if squares <= _COPY * total:
        return 0.0
    return product / np.sqrt(squares * label_squares)


@numba.njit(cache=True)
def _alive(alive: np.ndarray, stop: int) -> float:
    total = 0.0
    for k in range(stop):
        total += alive[k]
    return total


@numba.njit(cache=True)
def marginal_rows(
    keys: np.ndarray, counts: np.ndarray, label: Ranked, projected: Projected, work: Scratch,
    result: np.ndarray,
) -> None:  # fmt: skip
    """Marginal rank IC beyond the first `base` controls of each sorted row, and nothing else."""
    columns, base = keys.shape[1], projected.base
    row, present, again = np.empty(columns), np.empty(columns), np.empty(columns)
    absent = np.empty(columns, dtype=np.int64)
    for t in range(keys.shape[0]):
        result[t] = np.nan
        count = counts[t]
        if count < MIN_INSTRUMENTS:
            continue
        squares = _rank_row(keys[t], count, row)
        own, own_squares, units = label.ranks[t], label.squares[t], projected.units[t, :base]
        shares, alive = projected.shares[t], projected.alive[t]
        if count != label.counts[t]:
            _mark(keys[t], count, present)
            own_squares = _rank_again(label.ranks[t], label.order[t], present, again)
            missing = _absent(label.order[t], label.counts[t], present, absent)
            _shares_again(row, again, units, alive, present, absent, missing, count, work)
            own, shares, alive = again, work.label_shares, work.alive
        else:
            for k in range(base):
                work.row_shares[k] = _dot(row, units[k])
        if min(squares, own_squares) > 0.0 and count - 1 - _alive(alive, base) >= MIN_FREEDOM:
            product = _dot(row, own)
            result[t] = _partial(product, squares, own_squares, work.row_shares, shares, base)


@numba.njit(cache=True)
def _absent(order: np.ndarray, count: int, present: np.ndarray, absent: np.ndarray) -> int:
    """Columns among the label's that are not present, into `absent`; how many."""
    missing = 0
    for p in range(count):
        if present[order[p]] <= 0.0:
            absent[missing] = order[p]
            missing += 1
    return missing


@numba.njit(cache=True)
def _with_controls(
    row: np.ndarray, squares: float, keys: np.ndarray, count: int, all_columns: int,
    present: np.ndarray, t: int, controls: Ranked, other: np.ndarray, result: np.ndarray,
) -> None:  # fmt: skip
    """Rank correlation of one session's row with each control, over the columns of both.

    `all_columns` is the number of columns that have a label. Sums of ranks are exact (multiples of
    a quarter, and small), so that the shorter way gives the same bits as the longer one.
    """
    for k in range(controls.ranks.shape[1]):
        control = controls.ranks[t, k]
        if controls.counts[t, k] != all_columns:
            other[:] = 0.0
            for p in range(controls.counts[t, k]):
                other[controls.order[t, k, p]] = 1.0
            result[k] = _correlation(row, present, control, other, MIN_INSTRUMENTS)
            continue
        below = controls.squares[t, k]
        if count < all_columns:
            total = below = 0.0
            for p in range(count):
                value = control[np.int64(keys[p] & np.uint64(0xFFFFFFFF))]
                total += value
                below += value * value
            below -= total * total / count
        if squares > 1e-9 and below > 1e-9:
            result[k] = _dot(row, control) / np.sqrt(squares * below)


@numba.njit(cache=True)
def _partials(
    row: np.ndarray, own: np.ndarray, squares: float, own_squares: float, count: int, base: int,
    shares: np.ndarray, label_shares: np.ndarray, alive: np.ndarray, figures: np.ndarray,
) -> None:  # fmt: skip
    """Fill IC, MARGINAL, EXPLAINED and ADDED of one session's figures."""
    product = _dot(row, own)
    figures[IC] = product / np.sqrt(squares * own_squares)
    if count - 1 - _alive(alive, base) >= MIN_FREEDOM:
        figures[MARGINAL] = _partial(product, squares, own_squares, shares, label_shares, base)
        figures[EXPLAINED] = _dot(shares[:base], shares[:base]) / squares
    amount = shares.shape[0]
    if count - 1 - _alive(alive, amount) >= MIN_FREEDOM:
        figures[ADDED] = _partial(product, squares, own_squares, shares, label_shares, amount)


@numba.njit(cache=True)
def _with_earlier(
    row: np.ndarray, squares: float, present: np.ndarray, count: int,
    earlier: np.ndarray, earlier_squares: float, had: np.ndarray, earlier_count: int,
) -> float:  # fmt: skip
    """Rank correlation of a session's row with the previous one's."""
    if count == earlier_count and _dot(present, had) == count:  # the same columns
        return _dot(row, earlier) / np.sqrt(squares * earlier_squares)
    return _correlation(row, present, earlier, had, MIN_INSTRUMENTS)


@numba.njit(cache=True)
def _in_halves(
    row: np.ndarray, again: np.ndarray, whole: bool, rest: np.ndarray, units: np.ndarray,
    present: np.ndarray, halves: np.ndarray, other: np.ndarray, work: Scratch,
    figures: np.ndarray,
) -> None:  # fmt: skip
    """Fill HALF_A and HALF_B from what all controls leave of factor and label.

    `whole`: the factor misses no column of the label, and `rest` is what is left of the label.
    """
    if whole:
        work.row_left[:] = row
        for k in range(units.shape[0]):
            _remove(work.row_left, units[k])
    else:
        _leave(row, work.row_shares, units, present, work, work.row_left)
        _leave(again, work.label_shares, units, present, work, work.label_left)
        rest = work.label_left
    for which in range(2):
        for i in range(other.shape[0]):
            other[i] = rest[i] * halves[which, i]
        figures[HALF_A + which] = _correlation(
            work.row_left, present, other, halves[which], MIN_HALF
        )


@numba.njit(cache=True)
def measure(
    keys: np.ndarray, counts: np.ndarray, label: Ranked, controls: Ranked, projected: Projected,
    halves: np.ndarray, in_full: bool, work: Scratch, table: np.ndarray, correlations: np.ndarray,
) -> None:  # fmt: skip
    """The daily figures of one factor.

    Parameters
    ----------
    keys, counts
        Sorted keys (T, S) of the factor where the label exists, and how many a row.
    label, controls, projected
        Where the factor misses columns of the label, the label is ranked again among the others;
        the controls keep their ranks, and are projected again.
    halves
        (2, S): 1.0 in the columns of each half of the universe, else 0.0.
    in_full
        Whether the halves are wanted; they take as long as all the rest.
    work
        For all K controls.
    table, correlations
        Receive the daily figures (T, COLUMNS) and rank correlations with each control (T, K).
    """
    columns = keys.shape[1]
    row, earlier, again = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    present, had, other = np.zeros(columns), np.zeros(columns), np.empty(columns)
    absent = np.empty(columns, dtype=np.int64)
    squares = 0.0
    ranked = 0
    table[:] = np.nan
    correlations[:] = np.nan
    for t in range(keys.shape[0]):
        figures, count, all_columns = table[t], counts[t], label.counts[t]
        earlier[:] = row
        had[:] = present
        earlier_squares, earlier_ranked = squares, ranked
        squares = _rank_row(keys[t], count, row) if count >= MIN_INSTRUMENTS else 0.0
        ranked = count if squares > 0.0 else 0
        _mark(keys[t], ranked, present)
        if ranked == 0:  # too few values, or a constant: no ranking
            continue
        figures[AUTOCORRELATION] = _with_earlier(
            row, squares, present, count, earlier, earlier_squares, had, earlier_ranked
        )
        _with_controls(
            row, squares, keys[t], count, all_columns, present, t, controls, other, correlations[t]
        )
        own, own_squares, units = label.ranks[t], label.squares[t], projected.units[t]
        shares, alive = projected.shares[t], projected.alive[t]
        if count == all_columns:
            for k in range(units.shape[0]):
                work.row_shares[k] = _dot(row, units[k])
        else:
            own_squares = _rank_again(own, label.order[t], present, again)
            missing = _absent(label.order[t], all_columns, present, absent)
            _shares_again(row, again, units, alive, present, absent, missing, count, work)
            own, shares, alive = again, work.label_shares, work.alive
        if own_squares <= 0.0:
            continue
        _partials(
            row, own, squares, own_squares, count, projected.base,
            work.row_shares, shares, alive, figures,
        )  # fmt: skip
        if in_full and np.isfinite(figures[ADDED]) and figures[ADDED] != 0.0:
            _in_halves(
                row, again, count == all_columns, projected.rests[t], units, present, halves,
                other, work, figures,
            )  # fmt: skip
