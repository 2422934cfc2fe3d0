"""What the best of many trials is worth: Deflated Sharpe, PBO, SPA and StepM.

Choosing the best of N makes even noise look good. These say how good. They are reported to the
owner of a pool (`tide pool audit`); what admits a factor is its confirm test alone. The inputs are
daily figures of the SEARCH window, where choosing took place, in their own units: a Sharpe ratio
here is the mean of the daily figures over their standard deviation, never annualised.

This module is for the host: it needs scipy and `arch`, which the sandbox image does not hold.
"""

import itertools
import math
import warnings

import numpy as np

from factor_pool.errors import EvaluationError
from factor_pool.evaluation.inference import MIN_OBSERVATIONS, block_length

EULER_GAMMA = 0.5772156649015329
BLOCKS = 16
REPETITIONS = 2_000
_HOPELESS = 10.0


def expected_maximum(trials: int, variance: float) -> float:
    """Sharpe ratio to be expected of the best of so many independent trials without skill.

    Parameters
    ----------
    trials
        At least 1.
    variance
        Of the Sharpe ratios over the trials, per-period as they are.

    Examples
    --------
    >>> round(expected_maximum(100, 0.5 / 250), 4)
    0.1132

    References
    ----------
    Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40(5), equation 1.
    """
    from scipy.stats import norm

    if trials < 1 or not variance >= 0:
        raise EvaluationError(
            f"needs at least one trial and a variance of at least 0, got {trials}, {variance}"
        )
    if trials == 1:
        return 0.0
    high, higher = norm.ppf(1 - 1 / trials), norm.ppf(1 - 1 / (trials * math.e))
    return float(math.sqrt(variance) * ((1 - EULER_GAMMA) * high + EULER_GAMMA * higher))


def deflated_sharpe(
    sharpe: float,
    *,
    observations: int,
    skewness: float,
    kurtosis: float,
    trials: int,
    variance: float,
) -> float:
    """Probability that a Sharpe ratio chosen among trials is more than luck in choosing.

    Parameters
    ----------
    sharpe
        Per-period, of the chosen trial.
    observations
        Periods it rests on.
    skewness, kurtosis
        Of the periods' figures; the raw fourth moment, 3 for a normal distribution.
    trials, variance
        How many were tried, ALL of them, and the variance of their per-period Sharpe ratios.

    Returns
    -------
    float
        In [0, 1]. It takes periods for independent; with positive serial correlation it is too
        large.

    Examples
    --------
    The example of the paper, an annualised Sharpe ratio of 2.5 over five years of days:

    >>> round(deflated_sharpe(2.5 / 250**0.5, observations=1250, skewness=-3, kurtosis=10,
    ...                       trials=100, variance=0.5 / 250), 4)
    0.9004

    References
    ----------
    Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40(5), equation 2.
    """
    from scipy.stats import norm

    spread = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if observations < 2 or not spread > 0:
        raise EvaluationError(
            f"no Deflated Sharpe of {observations} observations with skewness {skewness} and "
            f"kurtosis {kurtosis}: at least 2 are needed, and moments that some series can have"
        )
    excess = sharpe - expected_maximum(trials, variance)
    return float(norm.cdf(excess * math.sqrt(observations - 1) / math.sqrt(spread)))


def deflated_sharpe_of(series: np.ndarray, *, trials: int, variance: float) -> float:
    """`deflated_sharpe` of daily figures (T,), their moments taken from themselves.

    NaN entries are left out; NaN with fewer than 20 values or no variance.
    """
    x = np.asarray(series, dtype=np.float64)
    x = x[np.isfinite(x)]
    if len(x) < MIN_OBSERVATIONS or not x.std() > 0:
        return float("nan")
    z = (x - x.mean()) / x.std()
    return deflated_sharpe(
        float(x.mean() / x.std(ddof=1)),
        observations=len(x),
        skewness=float((z**3).mean()),
        kurtosis=float((z**4).mean()),
        trials=trials,
        variance=variance,
    )


def pbo(figures: np.ndarray, blocks: int = BLOCKS) -> float:
    """Probability of backtest overfitting, by combinatorially symmetric cross-validation.

    The sessions are cut into disjoint blocks. For every choice of half of them, the trial with the
    highest Sharpe ratio in that half is looked up in the other half. PBO is the share of choices
    in which it does no better there than the median trial: about one half for noise, near nothing
    where the best is truly best.

    Parameters
    ----------
    figures
        (T, N): daily figures of N trials, each oriented as it would be used; NaN is missing.
    blocks
        Even; their lengths differ by at most one session.

    Raises
    ------
    EvaluationError
        Fewer than two trials, an odd number of blocks, or fewer than two sessions a block.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(400, 20))
    >>> skilled = noise + 0.5 * (np.arange(20) == 3)
    >>> pbo(noise, 8) > 0.2, pbo(skilled, 8)
    (True, 0.0)

    References
    ----------
    Bailey, Borwein, Lopez de Prado and Zhu (2017), Journal of Computational Finance 20(4).
    """
    sessions, trials = figures.shape
    if trials < 2 or blocks < 2 or blocks % 2 or sessions < 2 * blocks:
        raise EvaluationError(
            f"PBO needs at least 2 trials and an even number of blocks of at least 2 sessions; got "
            f"{trials} trials, {sessions} sessions, {blocks} blocks"
        )
    starts = np.linspace(0, sessions, blocks + 1).astype(int)[:-1]
    present = np.isfinite(figures)
    x = np.where(present, figures, 0.0)
    moments = [np.add.reduceat(part, starts) for part in (present.astype(float), x, x * x)]
    halves = list(itertools.combinations(range(blocks), blocks // 2))
    chosen = np.zeros((len(halves), blocks))
    chosen[np.arange(len(halves))[:, None], np.array(halves)] = 1.0
    inside = _sharpe(*(chosen @ part for part in moments))
    outside = _sharpe(*((1.0 - chosen) @ part for part in moments))
    known = np.isfinite(inside) & np.isfinite(outside)
    rows = np.flatnonzero(known.sum(axis=1) >= 2)
    if not len(rows):
        raise EvaluationError("PBO needs two trials with figures in the same sessions")
    inside, outside = np.where(known, inside, -np.inf)[rows], np.where(known, outside, np.nan)[rows]
    best = outside[np.arange(len(rows)), inside.argmax(axis=1)][:, None]
    # Relative rank among the trials, ties in the middle; at most one half is no better than median.
    rank = (outside < best).sum(axis=1) + 0.5 * ((outside == best).sum(axis=1) + 1)
    return float((rank / (known[rows].sum(axis=1) + 1) <= 0.5).mean())


def spa_p(figures: np.ndarray, *, seed: int, repetitions: int = REPETITIONS) -> float:
    """p-value of "not even the best of these trials is above zero", by Hansen's SPA test.

    Parameters
    ----------
    figures
        (T, N): daily figures of ALL trials, oriented before these sessions were looked at, or each
        in both orientations. Sessions in which any is missing are left out.
    seed
        Of the stationary bootstrap.
    repetitions
        Of the bootstrap; the smallest p-value is 1 / (repetitions + 1).

    Returns
    -------
    float
        The consistent p-value, which counts trials far below zero as no competition.

    Raises
    ------
    EvaluationError
        Fewer than 20 sessions in which every trial has a figure, or a trial that never varies.

    References
    ----------
    Hansen (2005), Journal of Business and Economic Statistics 23(4); computed by `arch`.
    """
    from arch.bootstrap import SPA

    whole = _whole(figures)
    test = SPA(np.zeros(len(whole)), -whole, block_size=_block(whole), reps=repetitions, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        test.compute()
    share = float(test.pvalues["consistent"])
    return (share * repetitions + 1) / (repetitions + 1)


def superior(
    figures: np.ndarray, *, seed: int, size: float = 0.05, repetitions: int = REPETITIONS
) -> list[int]:
    """Columns that are above zero, with `size` the chance that any of them is not: StepM.

    Parameters
    ----------
    figures, seed, repetitions
        See `spa_p`.
    size
        Family-wise error rate.

    References
    ----------
    Romano and Wolf (2005), Econometrica 73(4); computed by `arch`.
    """
    from arch.bootstrap import StepM

    whole = _whole(figures)
    # When every trial is above zero, arch 8.0 fails on the empty rest. A last trial far below zero
    # stays in it, and counts for nothing in the consistent test.
    whole = np.column_stack([whole, whole[:, 0] - _HOPELESS])
    test = StepM(
        np.zeros(len(whole)),
        -whole,
        size=size,
        block_size=_block(whole),
        reps=repetitions,
        seed=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        test.compute()
    return sorted(int(column) for column in test.superior_models)


def _sharpe(count: np.ndarray, total: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Mean over standard deviation from sums; NaN with fewer than two values or no variance."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        variance = (squares / count - mean**2) * count / (count - 1)
        return np.where((count >= 2) & (variance > 1e-18), mean / np.sqrt(variance), np.nan)


def _whole(figures: np.ndarray) -> np.ndarray:
    """Sessions without a gap, each trial in units of its own standard deviation.

    The tests of `arch` compare plain means (8.0 does not use its own `studentize` for the p-value),
    and one restless trial would drown the others. The long-run deviation would be the better unit
    if it were known; estimated, it doubles the size in 300 sessions.
    """
    whole = figures[np.isfinite(figures).all(axis=1)]
    if len(whole) < MIN_OBSERVATIONS:
        raise EvaluationError(
            f"every trial has a figure in only {len(whole)} sessions; at least "
            f"{MIN_OBSERVATIONS} are needed"
        )
    deviations = whole.std(axis=0)
    if not (deviations > 0).all():
        raise EvaluationError(f"trial {int((~(deviations > 0)).argmax())} never varies")
    return whole / deviations


def _block(whole: np.ndarray) -> int:
    """Block length: what the trials ask for, and no less than the root of the sample.

    Shorter blocks reject a true null too often: at AR(1) 0.4, blocks of 6 in 500 sessions 10%
    instead of 5%, blocks of 22 6.5%.
    """
    asked = float(np.median([block_length(column) for column in whole.T]))
    return math.ceil(max(asked, math.sqrt(len(whole))))
