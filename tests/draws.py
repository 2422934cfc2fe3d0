"""The draws of a confirm test, made once for all nights of a test process.

A night tests the same factors on the same series whenever it is repeated, and a million draws take
longer than all the rest of it. That the same series and seed give the same p-value is shown where
`bootstrap_p` is tested.
"""

from functools import cache

import numpy as np

from factor_pool.evaluation.inference import bootstrap_p


@cache
def _p_value(series: bytes, seed: int) -> float:
    return bootstrap_p(np.frombuffer(series), seed=seed)


def drawn_once(series: np.ndarray, *, seed: int) -> float:
    """`bootstrap_p`, or what it said of the same series and seed before."""
    return _p_value(series.tobytes(), seed)


forget = _p_value.cache_clear
"""Draw anew."""
