"""What the compiled loops of `rank_kernels` are given and leave: ranks, projections, memory."""

from typing import NamedTuple

import numpy as np


class Ranked(NamedTuple):
    """Ranks of one variable, or of K side by side (then with an axis K after the first).

    Parameters
    ----------
    ranks
        float32 (T, S) centred.
    groups
        int32 (T, S): which group of equal values a column is in, from the lowest; -1 without value.
    sizes
        int32 (T, S): how many columns are in each group, 0 after the last.
    counts
        (T,) how many have one.
    squares
        (T,) sums of squared ranks.
    """

    ranks: np.ndarray
    groups: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    squares: np.ndarray


class Projected(NamedTuple):
    """The normal equations of the label on K controls, a session a row.

    Parameters
    ----------
    base
        How many of the controls are the baseline; the others are the pool.
    gram
        (T, K, K) products of the controls' ranks, of which the lower half is filled.
    root
        (T, K, K) its lower triangular root; 0.0 on the diagonal where a control is a copy of
        earlier ones.
    shares
        (T, K) the label's products with the orthonormal controls.
    """

    base: int
    gram: np.ndarray
    root: np.ndarray
    shares: np.ndarray


class Scratch(NamedTuple):
    """Working memory of one session: K controls, S columns.

    Parameters
    ----------
    products, row_shares
        (K,) the factor's products with the controls, and with the orthonormal ones.
    label_shares, gram, root
        As in `Projected`, over the columns that are present, about the controls' means there.
    sums
        (K,) of the controls over those columns.
    absent, sizes, ranks
        (S,) the columns that are missing; size and rank of the label's groups without them.
    label
        (S,) the label's ranks among the others.
    row_left, label_left
        (S,) what all controls leave of factor and label.
    """

    absent: np.ndarray
    sizes: np.ndarray
    ranks: np.ndarray
    label: np.ndarray
    products: np.ndarray
    row_shares: np.ndarray
    label_shares: np.ndarray
    gram: np.ndarray
    root: np.ndarray
    sums: np.ndarray
    row_left: np.ndarray
    label_left: np.ndarray


def scratch(controls: int, columns: int) -> Scratch:
    """Working memory for so many controls and columns."""
    return Scratch(
        absent=np.zeros(columns, dtype=np.int64),
        sizes=np.zeros(columns, dtype=np.int32),
        ranks=np.zeros(columns),
        label=np.zeros(columns, dtype=np.float32),
        products=np.zeros(controls),
        row_shares=np.zeros(controls),
        label_shares=np.zeros(controls),
        gram=np.zeros((controls, controls)),
        root=np.zeros((controls, controls)),
        sums=np.zeros(controls),
        row_left=np.zeros(columns),
        label_left=np.zeros(columns),
    )
