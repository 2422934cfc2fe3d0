"""Whether accepted factors still work: monitoring on the sessions that came after acceptance.

Each member's daily rank IC beyond the baseline is followed by a one-sided CUSUM (Page 1954)::

    S[t] = max(0, S[t-1] + (mean / 2 - x[t]) / deviation)

`mean` is what acceptance promised, `deviation` the long-run standard deviation of a session
(Newey-West), so that serial correlation does not count as evidence. The allowance of half the mean
makes the sum sensitive to a factor that works half as well or less. A member is put on watch, and
then retired, where S reaches a level that a factor which keeps its promise reaches once in
`WATCH_RUN` (5 years of 242 sessions) and `RETIRE_RUN` (50 years) sessions on average; the levels
follow from the run length of a Brownian CUSUM (Siegmund 1985, equation 2.50) for the member's own
ratio of mean to deviation.

The promise is the smaller mean of the search and the confirm window: the first is flattered by
selection, the second noisy.

Simulated (`benchmarks/decay.py`: 2,000 factors, promise and deviation ESTIMATED from 900 search and
125 confirm sessions, AR(1) noise), in sessions:

::

                 keeps its promise:    works half as well:   stops working:
                 ever, in 5 years      median sessions to    median sessions to
    strength AR(1)  watch  retired       watch  retired        watch  retired
         0.2   0.0    38%     6.6%         339    1,046          135      265
         0.2   0.5    40%     8.5%         313      900          130      244
         0.4   0.0    37%     6.0%         148      352           50       79
         0.4   0.5    36%     7.3%         148      325           48       74
         0.8   0.0    29%     4.8%          65      117           17       24
         0.8   0.5    20%     3.6%          72      117           17       23

`strength` is mean over deviation; factors accepted on the real panel have 0.25 to 0.9, and AR(1)
coefficients of their daily figures within 0.12 of zero. A pool of 30 kept factors so loses about
one every two years by mistake.

Nothing is ever deleted: every change of status is written to the ledger with its reason, and a
factor on watch stays in use.
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool import universe
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.inference import hac_error
from factor_pool.evaluation.windows import HORIZON, LOOKBACK, Window
from factor_pool.evaluation.yardstick import Yardstick
from factor_pool.expression import evaluate, parse
from factor_pool.ledger import Ledger
from factor_pool.records import Member, Test

YEAR = 242
WATCH_RUN = 5 * YEAR
RETIRE_RUN = 50 * YEAR
SILENT = 20
"""Sessions in a row without a figure after which a factor is put on watch."""
STATE = "decay"
"""Under this name the ledger keeps each member's last check."""


@dataclass(frozen=True)
class Promise:
    """What acceptance rests on.

    Parameters
    ----------
    mean
        Of the daily rank IC beyond the baseline, in the orientation in which the factor is used.
    deviation
        Long-run standard deviation of a session: that of a mean of n sessions, times root n.
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, search: np.ndarray, confirm: np.ndarray) -> "Promise":
        """The promise of two windows' daily figures, NaN left out.

        Parameters
        ----------
        search, confirm
            (T,) each, oriented.
        """
        parts = [series[np.isfinite(series)] for series in (search, confirm)]
        means = [float(part.mean()) for part in parts if len(part)]
        centred = np.concatenate([part - part.mean() for part in parts if len(part)])
        return cls(min(means), float(hac_error(centred) * math.sqrt(len(centred))))

    def level(self, run: float) -> float:
        """The CUSUM's level that this promise, kept, reaches once in `run` sessions on average.

        Solves ``run = (exp(d b) - d b - 1) / (d^2 / 2)`` for b, with d = mean / deviation: the run
        length of a Brownian CUSUM with drift -d/2. Infinite where nothing was promised.
        """
        ratio = self.mean / self.deviation
        if not ratio > 0:
            return math.inf
        target = run * ratio**2 / 2
        power = math.log1p(target)
        for _ in range(50):  # Newton's method; convex, and started to the left of the root
            power -= (math.expm1(power) - power - target) / math.expm1(power)
        return power / ratio


def cusum(series: np.ndarray, promise: Promise) -> np.ndarray:
    """The CUSUM after each session.

    Parameters
    ----------
    series
        (T,) daily figures, oriented; a NaN leaves the sum as it is.
    promise
        What they are held against.

    Returns
    -------
    numpy.ndarray
        float64 (T,), at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> cusum(np.array([0.1, -0.1, np.nan, 0.0, 0.3]), Promise(0.1, 0.1)).tolist()
    [0.0, 1.5, 1.5, 2.0, 0.0]
    """
    result = np.empty(len(series))
    level = 0.0
    for t, x in enumerate(series):
        if math.isfinite(x):
            level = max(0.0, level + (promise.mean / 2 - x) / promise.deviation)
        result[t] = level
    return result


@dataclass(frozen=True)
class Check:
    """How a member stood when it was last looked at.

    Parameters
    ----------
    member
        Its id.
    status
        "active", "watch" or "retired".
    reason
        A sentence for people.
    start, end
        First and last session that came after acceptance, ISO dates; None where there is none.
    sessions
        How many of them have a figure.
    mean, promised
        Mean daily rank IC beyond the baseline over them, and what acceptance promised.
    cusum, watch_at, retire_at
        Where the CUSUM stands, and the two levels; None where nothing can be held against it.
    """

    member: str
    status: str
    reason: str
    start: str | None
    end: str | None
    sessions: int
    mean: float | None
    promised: float
    cusum: float
    watch_at: float | None
    retire_at: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def judge(member: str, days: Sequence[str], series: np.ndarray, promise: Promise) -> Check:
    """Hold the sessions since acceptance against the promise.

    A member on watch is active again when its CUSUM is back at zero. Once retired, always retired.

    Parameters
    ----------
    member
        Its id.
    days
        The sessions since acceptance, ISO dates.
    series
        (T,) daily rank IC beyond the baseline on those days, oriented; NaN where undefined.
    promise
        Of acceptance.
    """
    watch_at, retire_at = promise.level(WATCH_RUN), promise.level(RETIRE_RUN)
    path = cusum(series, promise)
    finite = series[np.isfinite(series)]
    mean = float(finite.mean()) if len(finite) else None
    status, reason = "active", "no session has come since it was accepted"
    if len(finite):
        reason = (
            f"over {len(finite)} sessions since {days[0]} its rank IC beyond the baseline averaged "
            f"{mean:+.3f}; {promise.mean:+.3f} was promised"
        )
    reached = np.flatnonzero(path >= retire_at)
    quiet = np.flatnonzero(path <= 0)
    risen = path[quiet[-1] + 1 :] if len(quiet) else path
    if len(reached):
        status = "retired"
        reason += _crossing(path[reached[0]], days[reached[0]], retire_at, RETIRE_RUN)
    elif (risen >= watch_at).any():
        first = len(path) - len(risen) + int(np.argmax(risen >= watch_at))
        status = "watch"
        reason += _crossing(path[first], days[first], watch_at, WATCH_RUN)
    elif len(series) >= SILENT and not np.isfinite(series[-SILENT:]).any():
        status = "watch"
        reason = f"it could not be measured in any of the last {SILENT} sessions: is a field gone?"
    known = math.isfinite(watch_at)
    return Check(
        member=member,
        status=status,
        reason=reason,
        start=days[0] if days else None,
        end=days[-1] if days else None,
        sessions=len(finite),
        mean=mean,
        promised=promise.mean,
        cusum=float(path[-1]) if len(path) else 0.0,
        watch_at=watch_at if known else None,
        retire_at=retire_at if known else None,
    )


def _crossing(height: float, day: str, level: float, run: int) -> str:
    return (
        f"; the CUSUM of the shortfall reached {height:.1f} on {day}, and a factor that keeps its "
        f"promise reaches {level:.1f} once in {run // YEAR} years"
    )


def monitor(home: Home) -> list[Check]:
    """Check every member in use on the sessions since its acceptance, and write what changed.

    Statuses and reasons go to the ledger; what nothing changed in is written nowhere twice. The
    pool must be published afterwards (`Pool.publish_pending`).

    Parameters
    ----------
    home
        With a store and a ledger.

    Returns
    -------
    list of Check
        In the order of acceptance.

    Raises
    ------
    StoreError
        There is no market data.
    EvaluationError
        A member cannot be evaluated on the data at hand.
    """
    if not home.ledger.exists():
        return []
    panel = universe.of(home).panel(home)
    with Ledger(home.ledger) as ledger:
        members, tests = ledger.members(), {test.attempt_id: test for test in ledger.tests()}
        checks = examine(panel, members, tests)
        for member, check in zip(members, checks, strict=True):
            ledger.set_status(member.id, check.status, check.reason)
            if ledger.state(STATE, member.id) != check.to_dict():
                ledger.set_state(STATE, member.id, check.to_dict())
    return checks


def examine(panel: Panel, members: Sequence[Member], tests: Mapping[int, Test]) -> list[Check]:
    """Check members on a panel; nothing is written.

    Parameters
    ----------
    panel
        The store as it is now.
    members
        Any.
    tests
        Attempt id -> its confirm test.
    """
    if not members:
        return []
    yardsticks = {label: Yardstick(panel, label) for label in {m.label for m in members}}
    values = evaluate([parse(member.expression) for member in members], panel)
    checks = []
    for member, one in zip(members, values, strict=True):
        series = member.sign * yardsticks[member.label].daily(one).marginal
        test = tests[member.attempt_id]
        search, confirm = windows_of(panel, HORIZON + LOOKBACK, test)
        promise = Promise.of(*(series[window.mask(panel.sessions)] for window in (search, confirm)))
        new = panel.sessions > np.datetime64(_known_until(member, test))
        # The last session has no outcome yet.
        new[-1] = False
        checks.append(judge(member.id, list(map(str, panel.sessions[new])), series[new], promise))
    return checks


def windows_of(panel: Panel, purge: int, test: Test) -> tuple[Window, Window]:
    """The search and confirm windows that a member was accepted by, on the data at hand.

    They are read off its test: data that came since would place other windows.

    Parameters
    ----------
    panel
        The store.
    purge
        Sessions between the two windows.
    test
        The member's confirm test.

    Raises
    ------
    EvaluationError
        The test does not say which sessions it read.
    """
    if "start" not in test.figures:
        raise EvaluationError(f"confirm test {test.position} does not say which sessions it read")
    start, end = (dt.date.fromisoformat(test.figures[name]) for name in ("start", "end"))
    border = int(np.searchsorted(panel.sessions, np.datetime64(start))) - purge - 1
    last = panel.sessions[max(border, 0)].item()
    return Window("search", panel.sessions[0].item(), last), Window("confirm", start, end)


def _known_until(member: Member, test: Test) -> dt.date:
    """The last session of the data by which a member was accepted."""
    known = test.figures.get("data_end")
    return dt.date.fromisoformat(known) if known else member.accepted_at.date()
