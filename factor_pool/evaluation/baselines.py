"""What every factor is measured beyond: persistence of limit-ups, and size.

The exponential average of past limit-up counts, and the mere number of companies, already rank
tomorrow's sectors well (daily RankIC about 0.5 and 0.4 on the real market). A factor is worth
something only for what it adds to these.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numba
import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError

DEFAULT_BASELINE = ("ewm10_count", "ewm40_count", "count", "ewm10_density", "companies")
PERSISTENCE = "ewm10_count"
SIZE = "companies"


@dataclass(frozen=True)
class Baseline:
    """What the factors of a universe are measured beyond.

    Parameters
    ----------
    names
        Of `BASELINES`: the variables that are controlled for.
    persistence, size
        Those of them that stand for persistence and for size beside a factor's figures.
    """

    names: tuple[str, ...]
    persistence: str
    size: str

    @property
    def rivals(self) -> Mapping[str, str]:
        """Name for people -> variable."""
        return {"persistence": self.persistence, "size": self.size}


SECTORS = Baseline(DEFAULT_BASELINE, PERSISTENCE, SIZE)
STOCKS = Baseline(
    ("ewm20_limit_up", "streak", "turnover", "return_5", "return_20", "float_value"),
    "ewm20_limit_up",
    "float_value",
)
"""A stock's own limit-ups and streak, how much it trades, where it comes from, and its size: what
every list of yesterday's winners already knows."""


def field(panel: Panel, name: str) -> np.ndarray:
    """A field as float64 (T, S), NaN where the instrument is not listed.

    Raises
    ------
    EvaluationError
        The panel does not have it.
    """
    if name not in panel.values:
        raise EvaluationError(
            f"labels and baselines need the field {name!r}; the panel has {', '.join(panel.values)}"
        )
    return np.where(panel.listed, panel.values[name], np.nan).astype(np.float64)


def ewm(values: np.ndarray, span: float) -> np.ndarray:
    """Exponentially weighted mean down each column, today included.

    The same numbers as ``pandas.DataFrame.ewm(span=span).mean()``: weights (1 - 2/(span+1))^age,
    divided by their sum; a missing value ages the others and repeats the last mean.

    Parameters
    ----------
    values
        (T, S); NaN is missing.
    span
        In sessions.

    Returns
    -------
    numpy.ndarray
        float64 (T, S); NaN before a column's first value.
    """
    return _ewm(np.ascontiguousarray(values, dtype=np.float64), 1.0 - 2.0 / (span + 1.0))


@numba.njit(cache=True)
def _ewm(values: np.ndarray, decay: float) -> np.ndarray:
    rows, columns = values.shape
    result = np.full((rows, columns), np.nan)
    total = np.zeros(columns)
    weight = np.zeros(columns)
    for t in range(rows):
        for i in range(columns):
            total[i] *= decay
            weight[i] *= decay
            if np.isfinite(values[t, i]):
                total[i] += values[t, i]
                weight[i] += 1.0
                result[t, i] = total[i] / weight[i]
            elif t > 0:
                result[t, i] = result[t - 1, i]
    return result


def design(panel: Panel, names: Sequence[str] = DEFAULT_BASELINE) -> np.ndarray:
    """The baseline variables of every session and instrument.

    Parameters
    ----------
    panel
        Must have the fields that the names need.
    names
        Of `BASELINES`.

    Returns
    -------
    numpy.ndarray
        float64 (K, T, S) in the order of the names; NaN where unknown or not listed. Session t
        uses values up to and including t.

    Raises
    ------
    EvaluationError
        Unknown name or missing field.
    """
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise EvaluationError(f"no baseline {unknown[0]!r}; have {', '.join(BASELINES)}")
    result = np.empty((len(names), *panel.shape))
    for k, name in enumerate(names):
        result[k] = BASELINES[name](panel)
    result[:, ~panel.listed] = np.nan
    return result


def _density(panel: Panel) -> np.ndarray:
    companies = field(panel, "company_count")
    return field(panel, "limit_up_count") / np.where(companies > 0, companies, np.nan)


def _past_return(panel: Panel, sessions: int) -> np.ndarray:
    """Change of the close over so many sessions, a ratio; adjusted prices are comparable in it."""
    close = field(panel, "close")
    result = np.full(close.shape, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        result[sessions:] = close[sessions:] / close[:-sessions] - 1
    return result


BASELINES: dict[str, Callable[[Panel], np.ndarray]] = {
    "ewm10_count": lambda panel: ewm(field(panel, "limit_up_count"), 10),
    "ewm40_count": lambda panel: ewm(field(panel, "limit_up_count"), 40),
    "count": lambda panel: field(panel, "limit_up_count"),
    "ewm10_density": lambda panel: ewm(_density(panel), 10),
    "companies": lambda panel: field(panel, "company_count"),
    "ewm20_limit_up": lambda panel: ewm(field(panel, "limit_up"), 20),
    "streak": lambda panel: field(panel, "streak"),
    "turnover": lambda panel: field(panel, "turnover"),
    "return_5": lambda panel: _past_return(panel, 5),
    "return_20": lambda panel: _past_return(panel, 20),
    "float_value": lambda panel: field(panel, "float_value"),
}
