"""What the model sees: features known at the cut-off, and the next session's limit-ups."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_profile.panel import Panel
from data_profile.profile import Profile
from data_profile.store import Store
from factor_pool.errors import FactorError
from factor_pool.evaluation.labels import label
from factor_pool.expression import Expression, evaluate, parse
from predictor.errors import PredictorError
from predictor.features import MEMBERS_FIELD, Feature
from predictor.members.expected import with_expected

REQUIRED = ("limit_up_count", "company_count")
CUTOFF = "15:45"
NIGHT = "23:59"
COLD_START = 20


@dataclass(frozen=True, eq=False)
class Panels:
    """The market twice, over the same sessions and sectors.

    Parameters
    ----------
    known
        Each session as it was known at the cut-off of that very day: what features are made of.
        A field without a value by then is not there; where single stocks are known there is one
        more, what they let one expect of their sector (`predictor.members`). A session whose
        limit-up counts came in later is taken as it was known in the night, before the session
        that a forecast is about.
    outcome
        All that is known now: what targets, and the figures after the event, are made of.
    late
        The sessions whose limit-up counts came in after the cut-off.
    """

    known: Panel
    outcome: Panel
    late: frozenset[datetime.date] = frozenset()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features and targets of T sessions and S sectors.

    Parameters
    ----------
    sessions
        datetime64[D], shape (T,); dates in Asia/Shanghai.
    sectors
        S ids, in column order.
    features
        The K features, in column order.
    values
        float32 (T, S, K). NaN is missing and stays so: the model has a branch for it.
    count
        float32 (T, S): the next session's limit-ups; NaN where there is none.
    surge
        float32 (T, S): 1 where the next session is a wave (`limit_up_surge`), 0 where not.
    present
        bool (T, S): the sector has a row that session.
    density
        float32 (T, S): the next session's limit-ups for each of its companies; NaN unknown.
    """

    sessions: np.ndarray
    sectors: tuple[str, ...]
    features: tuple[Feature, ...]
    values: np.ndarray
    count: np.ndarray
    surge: np.ndarray
    present: np.ndarray
    density: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(feature.name for feature in self.features)

    @property
    def labelled(self) -> np.ndarray:
        """Bool (T, S): the sector has a row, and what came of it is known."""
        return self.present & np.isfinite(self.count) & np.isfinite(self.surge)

    def column(self, name: str) -> np.ndarray:
        """Values of one feature, (T, S)."""
        return self.values[:, :, self.names.index(name)]

    def drop(self, names: Sequence[str]) -> "Dataset":
        """The same without some features."""
        keep = [k for k, name in enumerate(self.names) if name not in names]
        features = tuple(self.features[k] for k in keep)
        values = np.ascontiguousarray(self.values[:, :, keep])
        return replace(self, features=features, values=values)


def panels(store: Store, end: object = None, *, cutoff: str = CUTOFF) -> Panels:
    """The store as the predictor may see it after session `end`, and nothing from later.

    Parameters
    ----------
    store
        Is read only.
    end
        Last session, `None` for the store's last.
    cutoff
        "HH:MM", Asia/Shanghai. A value that was collected later that day as a correction is missing
        from `known`; it still is an outcome.

    Raises
    ------
    data_profile.errors.StoreError
        There is no store, it is damaged, or the cut-off is no time.
    PredictorError
        Nothing was known at the cut-off of any session.
    """
    known, outcome = store.panel(cutoff=cutoff), store.panel()
    late = late_sessions(known, outcome)
    if late.any():
        known = _patched(known, store.panel(cutoff=NIGHT), late)
    came_late = frozenset(outcome.sessions[late].tolist())
    both = align(known, outcome, end)
    return replace(both, known=with_expected(both.known, store.folder, cutoff), late=came_late)


def late_sessions(known: Panel, outcome: Panel) -> np.ndarray:
    """Bool (T,): limit-up counts of the session are known now, and none was at the cut-off."""
    name = REQUIRED[0]
    if name not in outcome.values:
        return np.zeros(len(outcome.sessions), dtype=bool)
    now = np.isfinite(outcome.values[name]).any(axis=1)
    if name not in known.values:
        return now
    return now & ~np.isfinite(known.values[name]).any(axis=1)


def _patched(known: Panel, night: Panel, late: np.ndarray) -> Panel:
    """`known` with its late sessions as known in the night, of the cut-off's fields only."""
    values = dict(known.values)
    for name in Profile.load().usable(night, CUTOFF):
        matrix = values.get(name)
        patched = np.full(known.shape, np.nan, np.float32) if matrix is None else matrix.copy()
        patched[late] = night.values[name][late]
        values[name] = patched
    return replace(known, values=values)


def align(known: Panel, outcome: Panel, end: object = None) -> Panels:
    """Cut two panels of the same sessions and instruments after `end`, alike.

    A panel's `listed` reaches over a hole when a later row exists, and its instruments include
    those first seen later; here both end with what has been seen by the cut-off, so that a
    cross-section of the last session never depends on the future.

    Raises
    ------
    PredictorError
        No sector was known by then.
    """
    known, outcome = known.between(end=end), outcome.between(end=end)
    present = _present(known)
    keep = np.flatnonzero(present.any(axis=0))
    if len(keep) == 0:
        raise PredictorError(
            "the store knew of no sector at the cut-off of any session; "
            "import a history, or collect in time"
        )
    known, outcome = _seen(known, keep), _seen(outcome, keep)
    valued = {n: matrix for n, matrix in known.values.items() if np.isfinite(matrix).any()}
    return Panels(replace(known, values=valued), outcome)


def _seen(panel: Panel, keep: np.ndarray) -> Panel:
    """Some instruments, each listed up to its last value."""
    lasting = np.logical_or.accumulate(_present(panel)[::-1], axis=0)[::-1]
    return Panel(
        panel.sessions,
        tuple(panel.instruments[k] for k in keep),
        {name: np.ascontiguousarray(matrix[:, keep]) for name, matrix in panel.values.items()},
        np.ascontiguousarray((panel.listed & lasting)[:, keep]),
    )


def split_usable(
    features: Sequence[Feature], panel: Panel
) -> tuple[tuple[Feature, ...], dict[str, str]]:
    """Features that the panel can give by the cut-off, and why each of the others cannot.

    Returns
    -------
    usable
        In the given order.
    missing
        Feature name -> reason in words.

    Raises
    ------
    PredictorError
        The panel lacks a field without which there is nothing to predict.
    """
    profile = Profile.load()
    known = profile.usable(panel, CUTOFF)
    for name in REQUIRED:
        if name not in known:
            raise PredictorError(
                f"the store has no usable field {name!r}, which the forecast is about; "
                "import data that has it"
            )
    usable, missing = [], {}
    for feature in features:
        barred = sorted(set(_parse(feature).fields) - set(known))
        if not barred:
            usable.append(feature)
            continue
        names = ", ".join(f"${name}" for name in barred)
        absent = any(name not in panel.values for name in barred)
        missing[feature.name] = (
            "the store has no limit events and no map of stocks, or too few sessions of them"
            if MEMBERS_FIELD in barred
            else f"the store has no {names}"
            if absent
            else f"no usable values of {names} by {CUTOFF}"
        )
    return tuple(usable), missing


def require_fields(features: Sequence[Feature], panel: Panel) -> None:
    """Check that the panel has every field that a model's features read.

    A field without a value yet is no obstacle: the model has a branch for what is missing. Nor is
    a store without single stocks: the model's count head stands in for what they would say.

    Raises
    ------
    PredictorError
        Names the feature and the fields.
    """
    for feature in features:
        absent = sorted(set(_parse(feature).fields) - set(panel.fields) - {MEMBERS_FIELD})
        if absent:
            raise PredictorError(
                f"the model's feature {feature.name} reads {', '.join(absent)}, which the store "
                "does not have; run `tide train` on this store, or import data that has it"
            )


def build(panels: Panels, features: Sequence[Feature]) -> Dataset:
    """Evaluate the features on what was known, and the targets on what came of it.

    Raises
    ------
    PredictorError
        A feature cannot be evaluated; names it.
    """
    expressions = [_parse(feature) for feature in features]
    try:
        columns = evaluate(expressions, _with_missing(panels.known, expressions))
        count = label(panels.outcome, "limit_up_count")
        surge = label(panels.outcome, "limit_up_surge")
        density = label(panels.outcome, "limit_up_density")
    except FactorError as error:
        raise PredictorError(f"a feature cannot be evaluated: {error}") from error
    values = np.stack(columns, axis=-1).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return Dataset(
        panels.known.sessions,
        panels.known.instruments,
        tuple(features),
        values,
        count,
        surge,
        _present(panels.known),
        density,
    )


def _with_missing(panel: Panel, expressions: Sequence[Expression]) -> Panel:
    """The panel with every field that the expressions read; one not known yet has no values."""
    absent = {name for e in expressions for name in e.fields if name not in panel.values}
    nothing = np.full(panel.shape, np.nan, dtype=np.float32)
    return replace(panel, values={**panel.values, **dict.fromkeys(sorted(absent), nothing)})


def _parse(feature: Feature) -> Expression:
    try:
        return parse(feature.text)
    except FactorError as error:
        raise PredictorError(f"feature {feature.name} is not readable: {error}") from error


def _present(panel: Panel) -> np.ndarray:
    """Bool (T, S): at least one required field has a value."""
    found = np.zeros(panel.shape, dtype=bool)
    for name in REQUIRED:
        if name in panel.values:
            found |= np.isfinite(panel.values[name])
    return found
