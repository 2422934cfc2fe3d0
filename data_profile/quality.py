"""Whether an observation is fit to enter a day, and if not, why, in words.

A table that fails goes to quarantine with its reasons, whole: a table with one column mislabelled
has no row that can be trusted. Checked are the range and kind of every column (pandera), what
must hold between columns (`identities`), and the table against the one before it: equal to
another session's it is stale, a hundred times its scale it is mislabelled.
"""

import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from data_profile.identities import identities
from data_profile.sources.base import Observation

_EVERY_DAY = ("limit_up_pool", "limit_up_previous", "strong_pool")  # never without a row
_LISTS = ("board_flow", "board_main_flow", "board_quotes", "stocks", "opening_quotes")
# Of these an observation may well say what the one before said, or be of another board.
_REPEATS = ("board_members", "news", "board_quotes_history", "board_main_flow_history")
_SCALE = 100.0
_ROWS_TO_COMPARE = 5
_KEPT = 0.8  # share of the rows before that must still be there


@dataclass(frozen=True)
class Verdict:
    """What became of a check.

    Parameters
    ----------
    good
        Whether the table may enter the day.
    reasons
        Why not, one sentence each; empty if good.
    """

    good: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Range:
    """What a column may hold; `filled` is the share of rows that must have a value."""

    low: float
    high: float
    filled: float = 0.9
    whole: bool = False


# Ranges are wide: no day of the market since 1990 leaves them, a wrong unit does.
_COUNT = _Range(0, 10_000, whole=True)
_SHARE = _Range(-1, 1)
_YUAN = _Range(0, 5e13)
_NET_YUAN = _Range(-5e12, 5e12)
_COLUMNS: Mapping[str, _Range] = {
    "ret": _Range(-0.99, 20, filled=0.8),
    "close": _Range(0.01, 1e7, filled=0.8),  # of all stocks some are suspended
    "open": _Range(0.01, 1e7, filled=0),
    "high": _Range(0.01, 1e7, filled=0),
    "low": _Range(0.01, 1e7, filled=0),
    "previous_close": _Range(0.01, 1e7, filled=0),
    "change_points": _Range(-1e6, 1e6),
    "price": _Range(0.01, 1e5),
    "limit_price": _Range(0.01, 1e5, filled=0.5),
    "turnover": _Range(0, 5e13, filled=0),
    "volume": _Range(0, 1e13, filled=0),
    "float_value": _Range(1e5, 1e15, filled=0.8),
    "market_value": _Range(1e5, 1e15, filled=0.8),
    "turnover_rate": _Range(0, 1.5, filled=0.8),
    "amplitude": _Range(0, 5, filled=0.8),
    "sealing_value": _YUAN,
    "breaks": _Range(0, 2_000, whole=True),
    "streak": _Range(1, 100, filled=0, whole=True),
    "inflow": _YUAN,
    "outflow": _YUAN,
    "net_inflow": _NET_YUAN,
    "leader_ret": _Range(-0.99, 20, filled=0.5),
    "company_count": _Range(1, 10_000, whole=True),
    "up_count": _COUNT,
    "down_count": _COUNT,
    "buy": _Range(0, 5e12, filled=0.5),
    "sell": _Range(0, 5e12, filled=0.5),
    "net_buy": _NET_YUAN,
    "listed_turnover": _YUAN,
    "buyers": _COUNT,
    "sellers": _COUNT,
    **{f"{size}_net": _NET_YUAN for size in ("main", "super_large", "large", "medium", "small")},
    **{f"{size}_net_ratio": _SHARE for size in ("main", "super_large", "large", "medium", "small")},
}
_BOARD_CHANGE = _Range(-0.35, 0.45)  # new boards have few members, Beijing ones move by 30%
_CLOCKS = ("first_time", "last_time", "sealed_time")
_OPEN, _SHUT = "09:15:00", "15:30:00"


def check(
    observation: Observation,
    previous: Observation | None = None,
    *,
    expected: Collection[str] | None = None,
) -> Verdict:
    """Judge one observation.

    Parameters
    ----------
    observation
        What a source returned.
    previous
        The last good observation of the same source, of an earlier session or of this one.
    expected
        For the limit-up pool: codes that should be in it, computed from prices or named by the
        second source. ST stocks stand in no pool: leave them out.

    Returns
    -------
    Never raises for what the table holds: everything wrong with it is a reason.
    """
    reasons = list(_schema_reasons(observation))
    reasons += _identity_reasons(observation)
    reasons += _own_reasons(observation)
    if previous is not None and previous.source == observation.source:
        reasons += _history_reasons(observation, previous)
    if expected is not None and observation.table == "limit_up_pool":
        reasons += _count_reasons(observation, expected)
    return Verdict(not reasons, tuple(dict.fromkeys(reasons)))


@functools.cache
def _schema(table: str, columns: tuple[str, ...], key: tuple[str, ...]) -> pa.DataFrameSchema:
    """What pandera checks of a table with these columns."""
    made = {}
    for name in columns:
        limits = _COLUMNS.get(name)
        if name == "ret" and table.startswith("board_"):
            limits = _BOARD_CHANGE
        if limits is not None:
            made[name] = pa.Column(float, _number_checks(limits), nullable=True)
        elif name in _CLOCKS:
            inside = pa.Check(
                lambda cells: cells.astype(str).between(_OPEN, _SHUT),
                error=f"outside {_OPEN} to {_SHUT}",
            )
            made[name] = pa.Column(None, inside, nullable=True)
        elif name == "code":
            digits = pa.Check(
                lambda cells: cells.astype(str).str.fullmatch("[0-9]{6}"), error="no six digits"
            )
            made[name] = pa.Column(None, digits, nullable=name not in key)
        elif name in key:
            made[name] = pa.Column(nullable=False)
    return pa.DataFrameSchema(made)


def _number_checks(limits: _Range) -> list[pa.Check]:
    checks = [
        pa.Check.in_range(
            limits.low, limits.high, error=f"outside {limits.low:g} to {limits.high:g}"
        )
    ]
    if limits.whole:
        checks.append(pa.Check(lambda cells: cells % 1 == 0, error="no whole number"))
    if limits.filled:
        checks.append(
            pa.Check(
                lambda cells: bool(cells.notna().mean() >= limits.filled),
                ignore_na=False,
                error=f"missing in more than {1 - limits.filled:.0%} of the rows",
            )
        )
    return checks


def _schema_reasons(observation: Observation) -> Iterator[str]:
    frame = observation.frame
    if frame.empty:
        return
    schema = _schema(observation.table, tuple(frame.columns), observation.key)
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        for (column, problem), cases in errors.failure_cases.groupby(
            ["column", "check"], sort=False, dropna=False
        ):
            example = cases["failure_case"].iloc[0]
            if problem == "not_nullable":
                problem = "missing"
            elif str(problem).startswith("dtype"):
                problem = f"not of type {str(problem)[7:-2]}"
            rows = f"{len(cases)} of {len(frame)} rows, such as {_short(example)}"
            whole = cases["index"].isna().all()
            yield f"{column}: {problem}" if whole else f"{column}: {problem} in {rows}"


def _identity_reasons(observation: Observation) -> Iterator[str]:
    frame = observation.frame
    for identity in identities(observation.source, observation.table):
        broken = identity.broken(frame)
        if len(broken):
            row = broken.iloc[0]
            where = ", ".join(_short(row[name]) for name in observation.key)
            values = ", ".join(
                f"{name} {_short(row[name])}" for name in identity.needs if name != "code"
            )
            yield (
                f"{identity.says}: not so in {len(broken)} of {len(frame)} rows, "
                f"such as {where} ({values})"
            )


def _own_reasons(observation: Observation) -> Iterator[str]:
    frame = observation.frame
    if frame.empty and observation.table in _EVERY_DAY:
        yield "no row: not a single stock at its limit has never been seen, it was asked too early"
    if observation.table == "news" and len(frame):
        ahead = frame["time"] > pd.Timestamp(observation.observed_at) + pd.Timedelta(minutes=5)
        if ahead.any():
            yield f"time: {int(ahead.sum())} headlines are from after they were fetched"


def _history_reasons(observation: Observation, previous: Observation) -> Iterator[str]:
    """Against the last good observation of the same source."""
    now, before = observation.frame, previous.frame
    if observation.table in _REPEATS:
        return
    if observation.table in _LISTS and len(now) < _KEPT * len(before):
        yield f"{len(now)} rows where the observation before had {len(before)}: a page is missing"
    if observation.session != previous.session and _equal(observation, previous):
        yield (
            f"every number is that of {previous.session}: the upstream still shows it, "
            f"and {observation.session} is not out yet"
        )
    if min(len(now), len(before)) < _ROWS_TO_COMPARE:
        return
    for name in now.columns.intersection(before.columns):
        if now[name].dtype != np.float64 or before[name].dtype != np.float64:
            continue
        scale, scale_before = now[name].abs().median(), before[name].abs().median()
        if not (scale > 0 and scale_before > 0):
            continue
        ratio = scale / scale_before
        if ratio > _SCALE or ratio < 1 / _SCALE:
            yield (
                f"{name}: its median was {scale_before:.4g} on {previous.session} and is "
                f"{scale:.4g}: another unit, or another column under this name"
            )


def _equal(observation: Observation, previous: Observation) -> bool:
    """Whether all numbers of the rows that both have are the same."""
    key = list(observation.key)
    if key != list(previous.key):
        return False
    now, before = observation.frame.set_index(key), previous.frame.set_index(key)
    rows = now.index.intersection(before.index)
    names = [
        name
        for name in now.columns.intersection(before.columns)
        if now[name].dtype == np.float64 and before[name].dtype == np.float64
    ]
    if not names or len(rows) < max(3, 0.5 * len(now)):
        return False
    return bool(
        np.array_equal(
            now.loc[rows, names].to_numpy(), before.loc[rows, names].to_numpy(), equal_nan=True
        )
    )


def _count_reasons(observation: Observation, expected: Collection[str]) -> Iterator[str]:
    """The pool against what should be in it."""
    there, wanted = set(observation.frame["code"]), set(expected)
    missing, strange = sorted(wanted - there), sorted(there - wanted)
    if len(missing) + len(strange) > max(3, 0.1 * len(wanted)):
        yield (
            f"the pool has {len(there)} stocks where {len(wanted)} are expected: "
            f"{len(missing)} missing ({', '.join(missing[:3])}), "
            f"{len(strange)} too many ({', '.join(strange[:3])})"
        )


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:40]
