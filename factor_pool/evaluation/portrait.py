"""One factor from every side, window by window: what its score report shows.

Every figure has the same figure of the plain rivals beside it: persistence (the exponential
average of past limit-up counts), size (the number of companies), and chance.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation import baselines, labels
from factor_pool.evaluation.inference import hac_error
from factor_pool.evaluation.metrics import rank_ic
from factor_pool.evaluation.quantiles import autocorrelation, beyond, quantile_means
from factor_pool.evaluation.windows import Window
from factor_pool.evaluation.yardstick import Yardstick
from factor_pool.expression import Expression, evaluate, parse

LAGS = (1, 2, 3, 5, 10, 20)


@dataclass(frozen=True)
class Estimate:
    """A mean over sessions.

    Parameters
    ----------
    mean
        None where there is none.
    error
        Newey-West standard error (lag 10); None with fewer than 20 sessions.
    sessions
        How many sessions it is the mean of.
    """

    mean: float | None
    error: float | None
    sessions: int

    @classmethod
    def of(cls, series: np.ndarray) -> "Estimate":
        """The estimate of a daily series; NaN is left out."""
        finite = series[np.isfinite(series)]
        error = hac_error(finite)
        return cls(
            float(finite.mean()) if len(finite) else None,
            float(error) if np.isfinite(error) else None,
            len(finite),
        )

    @property
    def t(self) -> float | None:
        """Mean over error."""
        return None if self.mean is None or not self.error else self.mean / self.error


@dataclass(frozen=True)
class Groups:
    """The label in equal groups of the instruments, from the lowest oriented values to the highest.

    Parameters
    ----------
    label
        Name of a ranking ("factor", "persistence", "size") -> mean label of each group.
    overall
        Mean label of all instruments: what a group of chance would show.
    beyond
        For the factor, what is left beyond the baseline: mean place in the ranking of the label
        (0.01 is one place of a hundred) of each group of what is left of the factor.
    spread
        Of the last: the highest group less the lowest.
    rising
        Share of the steps from group to group, beyond the baseline, that go up.
    """

    label: Mapping[str, tuple[float | None, ...]]
    overall: float | None
    beyond: tuple[float | None, ...]
    spread: Estimate
    rising: float | None


@dataclass(frozen=True)
class View:
    """A factor in one window; everything in the orientation in which it is used.

    Parameters
    ----------
    window
        Which sessions.
    figures
        As `Yardstick.figures`, as the expression is written.
    days
        Sessions with a rank IC, as ISO dates.
    marginal, added
        Daily rank IC beyond the baseline, and beyond baseline and pool, one a day of `days`; NaN
        where undefined.
    rank_ic
        Name of a ranking -> rank IC on the days of `days`.
    beyond_baseline, beyond_pool
        Estimates of `marginal` and `added`.
    years
        Year -> name of a ranking, or "marginal" -> estimate.
    groups
        Monotonicity.
    persistence
        Name of a ranking -> lag in sessions -> mean rank autocorrelation.
    exposures
        Baseline variable -> mean rank correlation.
    pool
        Id of a pool member -> mean rank correlation.
    """

    window: Window
    figures: Mapping[str, Any]
    days: tuple[str, ...]
    marginal: np.ndarray
    added: np.ndarray
    rank_ic: Mapping[str, Estimate]
    beyond_baseline: Estimate
    beyond_pool: Estimate
    years: Mapping[str, Mapping[str, Estimate]]
    groups: Groups
    persistence: Mapping[str, Mapping[int, float | None]]
    exposures: Mapping[str, float | None]
    pool: Mapping[str, float | None]


@dataclass(frozen=True)
class Portrait:
    """One factor in its windows.

    Parameters
    ----------
    expression
        Parsed.
    label
        What it should foretell.
    sign
        +1 or -1: `sign` times its values is what is shown.
    views
        One a window.
    """

    expression: Expression
    label: str
    sign: int
    views: tuple[View, ...]


def portray(
    expression: Expression,
    panel: Panel,
    windows: Sequence[Window],
    *,
    label: str = labels.DEFAULT_LABEL,
    sign: int | None = None,
    pool: Mapping[str, str] | None = None,
) -> Portrait:
    """Look at a factor from every side.

    Parameters
    ----------
    expression
        Of fields that the panel has.
    panel
        Rows after a window's end are not read for it.
    windows
        In order of time.
    label
        Name in `labels.LABELS`.
    sign
        Orientation in which the factor is used; by default that of its rank IC beyond the baseline
        in the first window.
    pool
        Id -> canonical text of the factors beside it.

    Raises
    ------
    EvaluationError
        Unknown label, a missing field, or a window without any figure.
    """
    views: list[View] = []
    for window in windows:
        view = _view(expression, panel, window, label, sign, pool or {})
        sign = int(view.figures["sign"])
        views.append(view)
    if sign is None:
        raise EvaluationError("a portrait needs at least one window")
    return Portrait(expression, label, sign, tuple(views))


def _view(
    expression: Expression,
    whole: Panel,
    window: Window,
    label: str,
    sign: int | None,
    pool: Mapping[str, str],
) -> View:
    panel = whole.between(None, window.end)
    texts = list(pool.values())
    values, *others = evaluate([expression, *map(parse, texts)], panel)
    yardstick = Yardstick(panel, label, pool=texts, pool_values=others)
    daily, inside = yardstick.daily(values), window.mask(panel.sessions)
    sign = sign or (-1 if (_mean(daily.marginal[inside]) or 0.0) < 0 else 1)
    figures = yardstick.figures(expression, values, inside, sign)
    used = _used(panel, window, figures, daily.rank_ic)
    if not used.any():
        raise EvaluationError(
            f"{expression} has no figure in the {window.name} window {window.start}..{window.end}"
        )
    outcome = labels.label(panel, label)
    shared = np.where(np.isfinite(values), outcome, np.nan)  # rivals on the same cells
    rankings = {"factor": sign * values} | {
        name: baselines.design(panel, [which])[0]
        for name, which in yardstick.foretold.baseline.rivals.items()
    }
    ics = {name: rank_ic(ranking, shared) for name, ranking in rankings.items()}
    means = _means(daily.correlations[used] * sign)
    own = len(yardstick.baseline)
    return View(
        window=window,
        figures=figures,
        days=tuple(map(str, panel.sessions[used])),
        marginal=sign * daily.marginal[used],
        added=sign * daily.added[used],
        rank_ic={name: Estimate.of(series[used]) for name, series in ics.items()},
        beyond_baseline=Estimate.of(sign * daily.marginal[used]),
        beyond_pool=Estimate.of(sign * daily.added[used]),
        years=_years(panel.sessions, used, ics | {"marginal": sign * daily.marginal}),
        groups=_groups(panel, outcome, rankings, used, yardstick.baseline),
        persistence={
            name: {lag: _mean(series[used]) for lag, series in autocorrelation(one, LAGS).items()}
            for name, one in rankings.items()
        },
        exposures=dict(zip(yardstick.baseline, means[:own], strict=True)),
        pool=dict(zip(pool, means[own:], strict=True)),
    )


def _used(
    panel: Panel, window: Window, figures: Mapping[str, Any], series: np.ndarray
) -> np.ndarray:
    """The sessions that `figures` are means of."""
    first = str(figures["first_session"])
    start = dt.date(int(first[:4]), int(first[4:6]), int(first[6:]))
    return (
        window.mask(panel.sessions) & (panel.sessions >= np.datetime64(start)) & np.isfinite(series)
    )


def _years(
    sessions: np.ndarray, used: np.ndarray, series: Mapping[str, np.ndarray]
) -> dict[str, dict[str, Estimate]]:
    year = sessions.astype("datetime64[Y]").astype(int) + 1970
    return {
        str(one): {name: Estimate.of(x[used & (year == one)]) for name, x in series.items()}
        for one in np.unique(year[used])
    }


def _groups(
    panel: Panel,
    outcome: np.ndarray,
    rankings: Mapping[str, np.ndarray],
    used: np.ndarray,
    baseline: Sequence[str],
) -> Groups:
    factor = rankings["factor"][used]
    shared = np.where(np.isfinite(factor), outcome[used], np.nan)
    design = baselines.design(panel, baseline)[:, used]
    left, left_label = beyond(factor, outcome[used], design)
    steps = quantile_means(left, left_label)
    means = [_mean(column) for column in steps.T]
    rises = np.diff([np.nan if mean is None else mean for mean in means]) > 0
    return Groups(
        label={
            name: tuple(_mean(column) for column in quantile_means(one[used], shared).T)
            for name, one in rankings.items()
        },
        overall=_mean(shared.ravel()),
        beyond=tuple(means),
        spread=Estimate.of(steps[:, -1] - steps[:, 0]),
        rising=float(rises.mean()) if None not in means else None,
    )


def _means(table: np.ndarray) -> list[float | None]:
    return [_mean(column) for column in table.T]


def _mean(series: np.ndarray) -> float | None:
    finite = series[np.isfinite(series)]
    return float(finite.mean()) if len(finite) else None
