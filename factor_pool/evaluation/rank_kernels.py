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

# Centred ranks are multiples of a half, and their products of a quarter, so that a sum of them is
# exact in any order: the compiler may choose a fast one, and every build gives the same bits.
_ANY_ORDER = {"reassoc", "contract", "nsz"}

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
    """Rank every sorted row; fills ranks, squares, groups and sizes of the result."""
    row = np.empty(keys.shape[1])
    for t in range(keys.shape[0]):
        result.squares[t] = _rank_row(keys[t], counts[t], row)
        result.ranks[t] = row
        group = -1
        for p in range(counts[t]):
            if p == 0 or keys[t, p] >> np.uint64(32) != keys[t, p - 1] >> np.uint64(32):
                group += 1
            result.groups[t, np.int64(keys[t, p] & np.uint64(0xFFFFFFFF))] = group
            result.sizes[t, group] += 1


@numba.njit(cache=True)
def _absent(groups: np.ndarray, present: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """Columns that are ranked but not present, in the memory of `absent`."""
    missing = 0
    for i in range(groups.shape[0]):
        absent[missing] = i
        missing += int(groups[i] >= 0 and present[i] <= 0.0)
    return absent[:missing]


@numba.njit(cache=True)
def _rank_again(
    groups: np.ndarray, sizes: np.ndarray, present: np.ndarray, absent: np.ndarray, count: int,
    work: Scratch,
) -> float:  # fmt: skip
    """The label's centred ranks less its absent columns, into `work`; their sum of squares."""
    left, ranks = work.sizes, work.ranks
    left[:] = sizes
    for column in absent:
        left[groups[column]] -= 1
    middle = 0.5 * (count - 1)
    squares = 0.0
    below = group = 0
    while below < count:
        same = left[group]
        ranks[group] = below + 0.5 * (same - 1) - middle
        squares += ranks[group] * ranks[group] * same
        below += same
        group += 1
    for i in range(groups.shape[0]):
        work.label[i] = ranks[max(groups[i], 0)] * present[i]
    return squares


@numba.njit(cache=True, fastmath=_ANY_ORDER)
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Inner product of ranks, or of ranks and marks: exact."""
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@numba.njit(cache=True, fastmath=_ANY_ORDER)
def _dot_where(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """Inner product over the columns where the third is 1.0: exact."""
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i] * where[i]
    return total


@numba.njit(cache=True)
def _cholesky(gram: np.ndarray, root: np.ndarray) -> None:
    """Lower triangular root of a Gram matrix, of which the lower half is read.

    A variable of which the earlier ones explain all but `_COPY` gets a column of zeros.
    """
    for k in range(gram.shape[0]):
        left = gram[k, k]
        for j in range(k):
            value = gram[k, j]
            for i in range(j):
                value -= root[k, i] * root[j, i]
            root[k, j] = value / root[j, j] if root[j, j] > 0.0 else 0.0
            left -= root[k, j] * root[k, j]
        root[k, k] = np.sqrt(left) if left > _COPY * gram[k, k] else 0.0


@numba.njit(cache=True)
def _shares(root: np.ndarray, products: np.ndarray, result: np.ndarray) -> None:
    """A variable's products with orthonormal controls, from its products with the controls."""
    for k in range(root.shape[0]):
        value = products[k]
        for j in range(k):
            value -= root[k, j] * result[j]
        result[k] = value / root[k, k] if root[k, k] > 0.0 else 0.0


@numba.njit(cache=True)
def project(labels: np.ndarray, controls: np.ndarray, result: Projected) -> None:
    """Normal equations of the label's ranks (T, S) on the controls' (T, K, S)."""
    amount = controls.shape[1]
    products = np.empty(amount)
    for t in range(labels.shape[0]):
        for k in range(amount):
            products[k] = _dot(labels[t], controls[t, k])
            for j in range(k + 1):
                result.gram[t, k, j] = _dot(controls[t, k], controls[t, j])
        _cholesky(result.gram[t], result.root[t])
        _shares(result.root[t], products, result.shares[t])


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
def correlate_rows(
    keys: np.ndarray, counts: np.ndarray, label: Ranked, work: Scratch, result: np.ndarray
) -> None:
    """Rank correlation of each sorted row with the label, over the columns that have both."""
    columns = keys.shape[1]
    row, present = np.empty(columns), np.empty(columns)
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
            missing = _absent(label.groups[t], present, work.absent)
            both = squares * _rank_again(
                label.groups[t], label.sizes[t], present, missing, count, work
            )
            product = _dot(row, work.label)
        if both > 0.0:
            result[t] = product / np.sqrt(both)


@numba.njit(cache=True)
def _mark(keys: np.ndarray, count: int, present: np.ndarray) -> None:
    """1.0 in the columns that occur among the first `count` keys, else 0.0."""
    present[:] = 0.0
    for p in range(count):
        present[np.int64(keys[p] & np.uint64(0xFFFFFFFF))] = 1.0


@numba.njit(cache=True)
def _gram_again(
    controls: np.ndarray, gram: np.ndarray, present: np.ndarray, absent: np.ndarray,
    count: int, work: Scratch,
) -> None:  # fmt: skip
    """Lower half of the controls' Gram matrix about their means, over the present columns.

    Over all columns of the label a control's ranks add up to zero. So where few columns are absent,
    those are taken away from the sums over all; the sums are exact, so that both ways agree.
    """
    amount, few = controls.shape[0], 4 * len(absent) <= controls.shape[1]
    sums, result = work.sums, work.gram
    for k in range(amount):
        sums[k] = 0.0
        for j in range(k + 1):
            result[k, j] = gram[k, j] if few else _dot_where(controls[k], controls[j], present)
    for column in absent:
        for k in range(amount):
            sums[k] -= controls[k, column]
            if few:
                for j in range(k + 1):
                    result[k, j] -= controls[k, column] * controls[j, column]
    for k in range(amount):
        for j in range(k + 1):
            result[k, j] -= sums[k] * sums[j] / count


@numba.njit(cache=True)
def _solve_again(
    t: int, label: Ranked, controls: np.ndarray, projected: Projected, present: np.ndarray,
    count: int, work: Scratch,
) -> float:  # fmt: skip
    """The normal equations of a session over the present columns; the label's sum of squares.

    Fills the label's ranks and shares, the Gram matrix and its root in `work`.
    """
    missing = _absent(label.groups[t], present, work.absent)
    squares = _rank_again(label.groups[t], label.sizes[t], present, missing, count, work)
    _gram_again(controls[t], projected.gram[t], present, missing, count, work)
    _cholesky(work.gram, work.root)
    for k in range(controls.shape[1]):
        work.products[k] = _dot(work.label, controls[t, k])
    _shares(work.root, work.products, work.label_shares)
    return squares


@numba.njit(cache=True)
def _leave(
    row: np.ndarray, shares: np.ndarray, root: np.ndarray, means: np.ndarray,
    controls: np.ndarray, present: np.ndarray, left: np.ndarray,
) -> None:  # fmt: skip
    """What the controls leave of a row, from its shares by back substitution."""
    amount = controls.shape[0]
    left[:] = row
    weights = shares.copy()
    for k in range(amount - 1, -1, -1):
        if root[k, k] <= 0.0:
            continue
        for j in range(k + 1, amount):
            weights[k] -= root[j, k] * weights[j]
        weights[k] /= root[k, k]
        for i in range(row.shape[0]):
            left[i] -= weights[k] * (controls[k, i] - means[k]) * present[i]


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
def _freedom(count: int, root: np.ndarray, stop: int) -> int:
    """Degrees of freedom that the first `stop` controls leave."""
    free = count - 1
    for k in range(stop):
        free -= int(root[k, k] > 0.0)
    return free


@numba.njit(cache=True)
def marginal_rows(
    keys: np.ndarray, counts: np.ndarray, label: Ranked, controls: np.ndarray,
    projected: Projected, work: Scratch, result: np.ndarray,
) -> None:  # fmt: skip
    """Marginal rank IC of each sorted row beyond the baseline, and nothing else."""
    columns, base = keys.shape[1], projected.base
    row, present = np.empty(columns), np.empty(columns)
    for t in range(keys.shape[0]):
        result[t] = np.nan
        count = counts[t]
        if count < MIN_INSTRUMENTS:
            continue
        squares = _rank_row(keys[t], count, row)
        own, own_squares = label.ranks[t], label.squares[t]
        root, label_shares = projected.root[t], projected.shares[t]
        if count != label.counts[t]:
            _mark(keys[t], count, present)
            own_squares = _solve_again(t, label, controls, projected, present, count, work)
            own, root, label_shares = work.label, work.root, work.label_shares
        if min(squares, own_squares) > 0.0 and _freedom(count, root, base) >= MIN_FREEDOM:
            for k in range(controls.shape[1]):
                work.products[k] = _dot(row, controls[t, k])
            _shares(root, work.products, work.row_shares)
            result[t] = _partial(
                _dot(row, own), squares, own_squares, work.row_shares, label_shares, base
            )


@numba.njit(cache=True)
def _with_controls(
    row: np.ndarray, squares: float, count: int, all_columns: int, present: np.ndarray, t: int,
    controls: Ranked, other: np.ndarray, work: Scratch, result: np.ndarray,
) -> None:  # fmt: skip
    """Rank correlation of one session's row with each control, over the columns of both.

    `all_columns` is the number of columns that have a label; the row's products with the controls,
    and where columns are missing the controls' own sums, are in `work`.
    """
    for k in range(controls.ranks.shape[1]):
        if controls.counts[t, k] != all_columns:
            for i in range(row.shape[0]):
                other[i] = 1.0 if controls.groups[t, k, i] >= 0 else 0.0
            result[k] = _correlation(row, present, controls.ranks[t, k], other, MIN_INSTRUMENTS)
            continue
        below = controls.squares[t, k] if count == all_columns else work.gram[k, k]
        if squares > 1e-9 and below > 1e-9:
            result[k] = work.products[k] / np.sqrt(squares * below)


@numba.njit(cache=True)
def _partials(
    product: float, squares: float, own_squares: float, count: int, base: int, root: np.ndarray,
    shares: np.ndarray, label_shares: np.ndarray, figures: np.ndarray,
) -> None:  # fmt: skip
    """Fill IC, MARGINAL, EXPLAINED and ADDED of one session's figures."""
    figures[IC] = product / np.sqrt(squares * own_squares)
    if _freedom(count, root, base) >= MIN_FREEDOM:
        figures[MARGINAL] = _partial(product, squares, own_squares, shares, label_shares, base)
        explained = 0.0
        for k in range(base):
            explained += shares[k] * shares[k]
        figures[EXPLAINED] = explained / squares
    amount = len(shares)
    if _freedom(count, root, amount) >= MIN_FREEDOM:
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
def _in_half(a: np.ndarray, b: np.ndarray, present: np.ndarray, half: np.ndarray) -> float:
    """Correlation over the present columns of a half, summed in their order."""
    count = sum_a = sum_b = aa = bb = ab = 0.0
    for i in range(len(a)):
        if present[i] * half[i] > 0.0:
            count += 1.0
            sum_a += a[i]
            sum_b += b[i]
            aa += a[i] * a[i]
            bb += b[i] * b[i]
            ab += a[i] * b[i]
    if count < MIN_HALF:
        return np.nan
    aa -= sum_a * sum_a / count
    bb -= sum_b * sum_b / count
    if aa <= 1e-9 or bb <= 1e-9:
        return np.nan
    return (ab - sum_a * sum_b / count) / np.sqrt(aa * bb)


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
        the controls keep their ranks, and the normal equations are made again.
    halves
        (2, S): 1.0 in the columns of each half of the universe, else 0.0.
    in_full
        Whether the halves are wanted; they take as long as all the rest.
    work
        For all K controls.
    table, correlations
        Receive the daily figures (T, COLUMNS) and rank correlations with each control (T, K).
    """
    columns, amount = keys.shape[1], controls.ranks.shape[1]
    row, earlier = np.zeros(columns), np.zeros(columns)
    present, had, other = np.zeros(columns), np.zeros(columns), np.empty(columns)
    squares = 0.0
    ranked = 0
    table[:] = np.nan
    correlations[:] = np.nan
    for t in range(keys.shape[0]):
        figures, count, all_columns = table[t], counts[t], label.counts[t]
        row, earlier, present, had = earlier, row, had, present
        earlier_squares, earlier_ranked = squares, ranked
        squares = _rank_row(keys[t], count, row) if count >= MIN_INSTRUMENTS else 0.0
        ranked = count if squares > 0.0 else 0
        _mark(keys[t], ranked, present)
        if ranked == 0:  # too few values, or a constant: no ranking
            continue
        figures[AUTOCORRELATION] = _with_earlier(
            row, squares, present, count, earlier, earlier_squares, had, earlier_ranked
        )
        own, own_squares, around = label.ranks[t], label.squares[t], controls.ranks[t]
        root, label_shares = projected.root[t], projected.shares[t]
        work.sums[:] = 0.0
        if count != all_columns:
            own_squares = _solve_again(t, label, controls.ranks, projected, present, count, work)
            own, root, label_shares = work.label, work.root, work.label_shares
        for k in range(amount):
            work.products[k] = _dot(row, around[k])
        _with_controls(
            row, squares, count, all_columns, present, t, controls, other, work, correlations[t]
        )
        if own_squares <= 0.0:
            continue
        _shares(root, work.products, work.row_shares)
        _partials(
            _dot(row, own), squares, own_squares, count, projected.base, root,
            work.row_shares, label_shares, figures,
        )  # fmt: skip
        if in_full and np.isfinite(figures[ADDED]) and figures[ADDED] != 0.0:
            means = work.sums / count
            _leave(row, work.row_shares, root, means, around, present, work.row_left)
            _leave(own, label_shares, root, means, around, present, work.label_left)
            for which in range(2):
                figures[HALF_A + which] = _in_half(
                    work.row_left, work.label_left, present, halves[which]
                )
