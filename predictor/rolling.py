"""Rolling windows: the ranges of sessions that a model is fitted to, month after month.

Each window trains on the months before, stops and calibrates on the next few, and is used on the
step after those::

    train 24 months | purge | validate 3 months | purge | test 1 month
                       train 24 months | purge | validate 3 months | purge | test 1 month

Months are those of the calendar, so that "a window of March 2024" means the same on every store.

`fitted` keeps each window's model on disk under a name that is made of all that went into it: a
walk-forward that is killed at any moment goes on where it was.
"""

import datetime as dt
import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from factor_pool.evaluation.windows import HORIZON
from predictor import storage
from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.model import Model, Step, fit, parameters
from predictor.splits import Split, span

TRAIN_MONTHS = 24
VALID_MONTHS = 3
STEP_MONTHS = 1


@dataclass(frozen=True)
class Window:
    """Rows of one re-training, `HORIZON` sessions left out between the ranges.

    The label of a session is known `HORIZON` sessions later, so without the purge the last label
    of one range would be drawn from the next.

    Parameters
    ----------
    train, valid, test
        Rows in time order. `valid` stops the boosting and calibrates; `test` is what the model is
        used on, and nothing is fitted to it.
    """

    train: slice
    valid: slice
    test: slice

    def to_dict(self, sessions: np.ndarray) -> dict[str, Any]:
        """The ranges as dates, for the record."""
        return {name: span(sessions[rows]) for name, rows in vars(self).items()}


def windows(
    sessions: Sequence[Any] | np.ndarray,
    *,
    train_months: int = TRAIN_MONTHS,
    valid_months: int = VALID_MONTHS,
    step_months: int = STEP_MONTHS,
    first_test: dt.date | str | None = None,
    last_test: dt.date | str | None = None,
) -> list[Window]:
    """Place the windows whose tests tile `first_test..last_test`, oldest first.

    A test begins with a calendar month and has `step_months` of them; the first and the last may
    be cut by `first_test`, `last_test` or the end of the sessions. No window reaches back beyond
    the month in which the sessions begin; that month counts as whole.

    Parameters
    ----------
    sessions
        datetime64[D] (T,), increasing; dates in Asia/Shanghai.
    train_months, valid_months, step_months
        Length of the ranges in calendar months. `HORIZON` sessions are taken off the end of train
        and of valid.
    first_test, last_test
        First and last session to be tested, both inclusive; by default the earliest that has the
        months before it, and the last.

    Raises
    ------
    PredictorError
        A length below one month, no date, or no window fits.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.arange("2021-01-01", "2024-01-01", dtype="datetime64[D]")
    >>> found = windows(days, first_test="2023-04-01")
    >>> len(found), found[0].to_dict(days)["train"]
    (9, {'start': '2021-01-01', 'end': '2022-12-30', 'sessions': 729})
    >>> found[0].to_dict(days)["valid"], found[0].to_dict(days)["test"]
    ({'start': '2023-01-01', 'end': '2023-03-30', 'sessions': 89}, \
{'start': '2023-04-01', 'end': '2023-04-30', 'sessions': 30})
    """
    _check_months(train_months, valid_months, step_months)
    days = np.asarray(sessions, dtype="datetime64[D]")
    if not len(days):
        raise PredictorError("the store has no sessions; import data")
    month = days[0].astype("datetime64[M]") + train_months + valid_months
    first = days[0] if first_test is None else _as_day(first_test)
    last = days[-1] if last_test is None else _as_day(last_test)
    month = max(month, first.astype("datetime64[M]"))
    found = []
    while _day(month) <= min(last, days[-1]):
        borders = [month - valid_months - train_months, month - valid_months]
        begin, middle = np.searchsorted(days, [_day(border) for border in borders])
        start = np.searchsorted(days, max(_day(month), first))
        stop = np.searchsorted(days, min(_day(month + step_months), last + 1))
        window = Window(
            train=slice(int(begin), int(middle) - HORIZON),
            valid=slice(int(middle), int(start) - HORIZON),
            test=slice(int(start), int(stop)),
        )
        if all(rows.stop > rows.start for rows in vars(window).values()):
            found.append(window)
        month += step_months
    if not found:
        raise PredictorError(
            f"no window of {train_months} + {valid_months} months lies before {last} in the "
            f"sessions {days[0]}..{days[-1]}; import a longer history, or ask for shorter windows"
        )
    return found


def _as_day(given: dt.date | str) -> np.datetime64:
    try:
        return np.datetime64(given, "D")
    except ValueError as error:
        raise PredictorError(f"{given!r} is no date; write YYYY-MM-DD") from error


def _day(month: np.datetime64) -> np.datetime64:
    return month.astype("datetime64[D]")


def newest(
    parts: Split,
    sessions: np.ndarray,
    *,
    train_months: int = TRAIN_MONTHS,
    valid_months: int = VALID_MONTHS,
) -> Split:
    """The ranges of the newest window, whose test is the hold-out that is given.

    Parameters
    ----------
    parts
        Says which sessions are held out, and whether mining has seen them.
    sessions
        datetime64[D] (T,).
    train_months, valid_months
        Months before the hold-out; fewer where the sessions begin later. `everything`, which the
        model in use is fitted to, has the same number of months up to the last known outcome.

    Raises
    ------
    PredictorError
        A length below one month, or nothing lies before the hold-out.
    """
    _check_months(train_months, valid_months)
    days = np.asarray(sessions, dtype="datetime64[D]")
    test = days[parts.test.start]
    middle = _row(days, test, valid_months)
    window = Window(
        train=slice(_row(days, test, train_months + valid_months), middle - HORIZON),
        valid=slice(middle, parts.test.start - HORIZON),
        test=parts.test,
    )
    if not all(rows.stop > rows.start for rows in vars(window).values()):
        raise PredictorError(
            f"nothing is left to train on before the {valid_months} months of validation that end "
            f"at {test}; ask for fewer, or import a longer history"
        )
    stop = parts.everything.stop
    start = _row(days, days[stop - 1], train_months + valid_months)
    return replace(parts, train=window.train, valid=window.valid, everything=slice(start, stop))


def _row(days: np.ndarray, day: np.datetime64, months: int) -> int:
    """The first row later than the same day of so many months before."""
    month = day.astype("datetime64[M]")
    earlier = _day(month - months) + (day - _day(month))
    return int(np.searchsorted(days, earlier, side="left"))


def _check_months(*months: int) -> None:
    if min(months) < 1:
        raise PredictorError(
            f"a window with ranges of {', '.join(map(str, months))} months is impossible: each "
            "must have at least 1"
        )


def fitted(dataset: Dataset, window: Window, folder: Path, *, seed: int, step: Step) -> Model:
    """The model of a window: fitted now, or read where an earlier call has fitted it.

    Parameters
    ----------
    dataset
        Features and targets.
    window
        Fitted on its `train`, stopped and calibrated on its `valid`.
    folder
        Where the models are kept; made if missing. Processes may share it.
    seed
        The same seed gives the same model, bit for bit, whether fitted or read.
    step
        Called with the name of each head that is fitted; not for a model that is read.

    Raises
    ------
    PredictorError
        The window cannot be fitted, or another process is saving the same one.
    """
    place = folder / _key(dataset, window, seed)
    try:
        return storage.load_current(place).model
    except PredictorError:  # never fitted, or damaged since: saving replaces it
        model = fit(dataset, window.train, window.valid, seed=seed, step=step)
    card = {
        "seed": seed,
        "windows": window.to_dict(dataset.sessions),
        "parameters": parameters(),
    }
    storage.save(place, model, card)
    return storage.load_current(place).model


def _key(dataset: Dataset, window: Window, seed: int) -> str:
    """Name of everything that shapes a window's model: data, features, settings, library."""
    digest = hashlib.sha256()
    for rows in (window.train, window.valid):
        for matrix in (
            dataset.values,
            dataset.count,
            dataset.surge,
            dataset.density,
            dataset.present,
        ):
            digest.update(repr((matrix[rows].shape, matrix.dtype.str)).encode())
            digest.update(matrix[rows].tobytes())
    facts = {
        "features": [feature.to_dict() for feature in dataset.features],
        "parameters": parameters(),
        "seed": seed,
        "lightgbm": importlib.metadata.version("lightgbm"),
    }
    digest.update(json.dumps(facts, sort_keys=True).encode())
    test = dataset.sessions[window.test.start]
    return f"{test}-{digest.hexdigest()[:16]}"
