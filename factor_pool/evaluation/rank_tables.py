"""What the compiled loops of `rank_kernels` are given and leave: ranks, projections, memory."""

from typing import NamedTuple

import numpy as np


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
    """What Gram-Schmidt made of controls and label.

    Parameters
    ----------
    base
        How many of the K controls are the baseline; the others are the pool.
    units
        (T, K, S) orthonormal rows; zero where a control is a copy of earlier ones.
    alive
        (T, K) 1.0, or 0.0 for such a copy.
    shares
        (T, K) the label's products with the unit rows.
    rests
        (T, S) what all controls leave of the label.
    """

    base: int
    units: np.ndarray
    alive: np.ndarray
    shares: np.ndarray
    rests: np.ndarray


class Scratch(NamedTuple):
    """Working memory of one session: K controls, S columns.

    Parameters
    ----------
    row_shares, label_shares, alive
        (K,) as `Projected.shares` and `alive`, for the columns that are present.
    root
        (K, K) lower triangular root of the units' Gram matrix over those columns.
    means
        (K,) of the units over those columns.
    row_left, label_left
        (S,) what all controls leave of factor and label.
    """

    row_shares: np.ndarray
    label_shares: np.ndarray
    alive: np.ndarray
    root: np.ndarray
    means: np.ndarray
    row_left: np.ndarray
    label_left: np.ndarray


def scratch(controls: int, columns: int) -> Scratch:
    """Working memory for so many controls and columns."""
    return Scratch(
        row_shares=np.zeros(controls),
        label_shares=np.zeros(controls),
        alive=np.zeros(controls),
        root=np.zeros((controls, controls)),
        means=np.zeros(controls),
        row_left=np.zeros(columns),
        label_left=np.zeros(columns),
    )
