"""Small panels for the tests of this folder."""

import numpy as np

from data_profile.panel import Panel


def panel_of(**fields: np.ndarray) -> Panel:
    """A panel of the fields (T, S), listed wherever any of them has a value."""
    shape = next(iter(fields.values())).shape
    sessions = np.datetime64("2020-01-01") + np.arange(shape[0])
    values = {name: np.ascontiguousarray(x, dtype=np.float32) for name, x in fields.items()}
    present = np.logical_or.reduce([np.isfinite(x) for x in values.values()])
    listed = np.logical_or.accumulate(present) & np.logical_or.accumulate(present[::-1])[::-1]
    ids = tuple(f"S{k:03d}" for k in range(shape[1]))
    return Panel(sessions.astype("datetime64[D]"), ids, values, listed)


def market(seed: int, sessions: int = 400, sectors: int = 30, strength: float = 0.6) -> Panel:
    """Counts that persist, and a field `signal` that raises the next session's counts."""
    rng = np.random.default_rng(seed)
    size = rng.integers(10, 200, sectors).astype(float)
    signal = rng.normal(size=(sessions, sectors))
    counts = np.zeros((sessions, sectors))
    level = np.log(size / 60)
    for t in range(sessions):
        before = signal[t - 1] if t else 0.0
        recent = np.log1p(counts[t - 1]) if t else 0.0
        counts[t] = rng.poisson(np.exp(np.clip(level + 0.4 * recent + strength * before, -4, 4)))
    close = 1000 * np.exp(np.cumsum(0.01 * rng.normal(size=(sessions, sectors)), axis=0))
    return panel_of(
        limit_up_count=counts,
        company_count=np.tile(size, (sessions, 1)),
        close=close,
        signal=signal,
        noise=rng.normal(size=(sessions, sectors)),
    )


def stocks(seed: int, sessions: int = 60, count: int = 20) -> Panel:
    """The fields of single stocks that their labels and baseline need, all random."""
    rng = np.random.default_rng(seed)
    opens, close = 10 * np.exp(np.cumsum(0.02 * rng.normal(size=(2, sessions, count)), axis=1))
    limit_up = (rng.random((sessions, count)) < 0.1).astype(float)
    return panel_of(
        open=opens,
        close=close,
        high=np.maximum(opens, close) * 1.01,
        low=np.minimum(opens, close) * 0.99,
        turnover=np.exp(rng.normal(size=(sessions, count))),
        float_value=np.exp(rng.normal(size=(sessions, count))),
        limit_up=limit_up,
        streak=limit_up * rng.integers(1, 4, (sessions, count)),
    )
