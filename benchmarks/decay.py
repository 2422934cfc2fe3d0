"""How often the decay monitor is wrong, and how soon right: the table of factor_pool/decay.py.

    python -m benchmarks.decay [--factors 2000]

For each strength (mean over long-run deviation of a session) and AR(1) coefficient, factors are
made whose promise is estimated from 900 search and 125 confirm sessions, as at acceptance, and then
followed: one that keeps working (share with a false watch within 5 years, and with a false
retirement), one that works half as well from the first session on, one that vanishes (median
sessions until watch and retirement).
"""

import argparse
import math

import numba
import numpy as np

from factor_pool.decay import RETIRE_RUN, WATCH_RUN, Promise

SEARCH, CONFIRM = 900, 125


def noise(rng: np.random.Generator, phi: float, shape: tuple[int, int]) -> np.ndarray:
    """Gaussian AR(1) paths with long-run deviation 1, stationary from the start."""
    shocks = rng.normal(size=shape) * (1 - phi)
    shocks[:, 0] /= math.sqrt(1 - phi**2)
    for t in range(1, shape[1]):
        shocks[:, t] += phi * shocks[:, t - 1]
    return shocks


@numba.njit
def _first(
    mean: float, promised: float, deviation: float, level: float, phi: float, most: int, seed: int
) -> int:
    """Sessions until the CUSUM of an AR(1) path reaches the level, at most `most`."""
    np.random.seed(seed)
    state = np.random.normal() * (1 - phi) / math.sqrt(1 - phi**2)
    total = 0.0
    for t in range(most):
        total = max(0.0, total + (promised / 2 - mean - state) / deviation)
        if total >= level:
            return t + 1
        state = phi * state + (1 - phi) * np.random.normal()
    return most


def row(strength: float, phi: float, factors: int, seed: int) -> list[float]:
    """One case: shares of kept factors on watch and retired; median delays, halved and gone."""
    rng = np.random.default_rng(seed)
    past = strength + noise(rng, phi, (factors, SEARCH + CONFIRM))
    lengths = np.empty((6, factors))
    for k, series in enumerate(past):
        promise = Promise.of(series[:SEARCH], series[SEARCH:])
        levels = promise.level(WATCH_RUN), promise.level(RETIRE_RUN)
        for place, kept in enumerate((1.0, 0.5, 0.0)):
            for which, level in enumerate(levels):
                lengths[2 * place + which, k] = _first(
                    kept * strength, promise.mean, promise.deviation, level, phi,
                    20_000, int(rng.integers(2**31)),
                )  # fmt: skip
    return [*(lengths[:2] <= WATCH_RUN).mean(axis=1), *np.median(lengths[2:], axis=1)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--factors", type=int, default=2000)
    factors = parser.parse_args().factors
    print("strength  AR(1)  kept: watch   retire   halved: watch  retire   gone: watch  retire")
    for strength in (0.2, 0.4, 0.8):
        for phi in (0.0, 0.3, 0.5):
            figures = row(strength, phi, factors, seed=1)
            print(
                f"{strength:8.1f} {phi:6.1f} {figures[0]:12.0%} {figures[1]:8.1%} "
                f"{figures[2]:15,.0f} {figures[3]:7,.0f} {figures[4]:13,.0f} {figures[5]:7,.0f}"
            )


if __name__ == "__main__":
    main()
