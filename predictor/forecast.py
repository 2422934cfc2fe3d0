"""Tomorrow's sectors: the current model applied to the last session, with reasons and baselines."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.errors import CalendarError
from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.sessions import as_date, next_session
from data_profile.store import Store
from factor_pool.evaluation.baselines import PERSISTENCE, SIZE, design
from predictor.dataset import (
    COLD_START,
    CUTOFF,
    Dataset,
    Panels,
    align,
    build,
    panels,
    require_fields,
)
from predictor.errors import PredictorError
from predictor.explain import Language, Reason, explain
from predictor.pool import read_pool
from predictor.storage import Stored, load_current

WAVES = 5


@dataclass(frozen=True)
class Row:
    """One sector of a ranking.

    Parameters
    ----------
    rank
        1 is first.
    sector_id, name
        Id in the store, and its display name.
    score
        Of the ranking head; only its order within a session means anything.
    expected_count
        Limit-ups expected in the next session.
    p_at_least_one, p_surge
        Calibrated probabilities of at least one limit-up, and of a wave (at least 3, and at least
        twice the sector's own EWM(20)).
    reasons
        Strongest first.
    """

    rank: int
    sector_id: str
    name: str
    score: float
    expected_count: float
    p_at_least_one: float
    p_surge: float
    reasons: tuple[Reason, ...]

    def to_dict(self, language: Language) -> dict[str, Any]:
        """Numbers rounded to 6 digits."""
        numbers = ("score", "expected_count", "p_at_least_one", "p_surge")
        return {
            "rank": self.rank,
            "sector_id": self.sector_id,
            "name": self.name,
            **{name: round(getattr(self, name), 6) for name in numbers},
            "reasons": [reason.to_dict(language) for reason in self.reasons],
        }


@dataclass(frozen=True, eq=False)
class Forecast:
    """A ranking for one session.

    Parameters
    ----------
    as_of
        Last session whose data was used; dates in Asia/Shanghai.
    for_session
        The session it is about: the next one of the exchange.
    model
        Id of the model.
    pool_version
        Version of the pool that the model was trained with: its number of changes until then.
    sectors
        How many were ranked.
    ranking
        By the order of limit-ups.
    waves
        The same sectors by the probability of a wave.
    baselines
        "persistence" and "size" -> what needs no model: rank, sector_id, name, value.
    cold_start
        Ranked sectors with fewer than 20 sessions -> how many they have.
    absent
        Sectors of the store without a row that session: not ranked.
    missing_features
        Feature -> why the model had to do without it.
    notes
        What a reader must know before trusting it, in words.
    track_record
        See `predictor.track_record.track_record`.
    """

    as_of: datetime.date
    for_session: datetime.date
    model: str
    pool_version: int
    sectors: int
    ranking: tuple[Row, ...]
    waves: tuple[Row, ...]
    baselines: Mapping[str, Sequence[Mapping[str, Any]]]
    cold_start: Mapping[str, int]
    absent: tuple[str, ...]
    missing_features: Mapping[str, str]
    notes: tuple[str, ...]
    track_record: Mapping[str, Any]

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """The document of `tide predict --json`; reasons in the given language."""
        return {
            "as_of": self.as_of.isoformat(),
            "for_session": self.for_session.isoformat(),
            "model": self.model,
            "pool_version": self.pool_version,
            "sectors": self.sectors,
            "ranking": [row.to_dict(language) for row in self.ranking],
            "waves": [row.to_dict(language) for row in self.waves],
            "baselines": {name: list(rows) for name, rows in self.baselines.items()},
            "cold_start": dict(self.cold_start),
            "absent": list(self.absent),
            "missing_features": dict(self.missing_features),
            "notes": list(self.notes),
            "track_record": dict(self.track_record),
        }


def predict(home: Home, *, date: datetime.date | str | None = None, top: int = 10) -> Forecast:
    """Rank the sectors for the session after `date`.

    Parameters
    ----------
    home
        Its store and current model are read; nothing is written.
    date
        As-of session, `None` for the store's last. No row after it is read.
    top
        Sectors in the ranking.

    Raises
    ------
    PredictorError
        No model, one that was tampered with, or one that needs fields the store does not have;
        a date that is no session of the store.
    data_profile.errors.StoreError
        There is no store.
    data_profile.errors.CalendarError
        The trading calendar does not reach the next session.
    """
    if top < 1:
        raise PredictorError(f"top must be at least 1, got {top}")
    store = Store(home.store)
    market = panels(store, _as_of(store.panel(), date))
    panel = market.known
    stored = load_current(home.models)
    require_fields(stored.model.features, market.outcome)
    dataset = build(market, stored.model.features)
    as_of = as_date(panel.sessions[-1])
    names = store.names()
    order, waves = _rank(stored, dataset, names)
    history = dataset.present.sum(axis=0)
    ranked = dataset.present[-1]
    return Forecast(
        as_of=as_of,
        for_session=next_session(as_of),
        model=stored.id,
        pool_version=stored.card["pool"]["version"],
        sectors=len(order),
        ranking=order[:top],
        waves=waves[:WAVES],
        baselines=_baselines(panel, ranked, names, top),
        cold_start={
            sector: int(n)
            for sector, n, here in zip(dataset.sectors, history, ranked, strict=True)
            if here and n < COLD_START
        },
        absent=tuple(s for s, here in zip(dataset.sectors, ranked, strict=True) if not here),
        missing_features=stored.card["missing_features"],
        notes=_notes(home, stored, market, as_of),
        track_record=stored.card["track_record"],
    )


def _as_of(panel: Panel, date: datetime.date | str | None) -> np.datetime64:
    if date is None:
        return np.datetime64(panel.sessions[-1])
    try:
        day = np.datetime64(as_date(date))
    except CalendarError as error:
        raise PredictorError(str(error)) from error
    if day not in panel.sessions:
        first, last = panel.sessions[0], panel.sessions[-1]
        raise PredictorError(f"{day} is no session of the store, which holds {first}..{last}")
    return day


def _rank(
    stored: Stored, dataset: Dataset, names: Mapping[str, str]
) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """All sectors with a row: by score, and by the probability of a wave."""
    columns = np.flatnonzero(dataset.present[-1])
    if len(columns) == 0:
        raise PredictorError(
            f"of no sector the limit-ups of {dataset.sessions[-1]} were known by {CUTOFF} that day"
        )
    said = stored.model.predict(dataset.values[-1, columns])
    rankings = []
    for head, by in (("rank", said.score), ("surge", said.p_surge)):
        reasons = explain(stored.model, dataset, len(dataset.sessions) - 1, head)
        rankings.append(
            tuple(
                Row(
                    place,
                    sector := dataset.sectors[columns[i]],
                    names.get(sector, sector),
                    float(said.score[i]),
                    float(said.expected_count[i]),
                    float(said.p_at_least_one[i]),
                    float(said.p_surge[i]),
                    reasons[sector],
                )
                for place, i in enumerate(np.argsort(-by, kind="stable"), start=1)
            )
        )
    return rankings[0], rankings[1]


def _baselines(
    panel: Panel, ranked: np.ndarray, names: Mapping[str, str], top: int
) -> dict[str, list[dict[str, Any]]]:
    result = {}
    for name, values in zip(
        ("persistence", "size"), design(panel, (PERSISTENCE, SIZE))[:, -1], strict=True
    ):
        known = ranked & np.isfinite(values)
        order = [i for i in np.argsort(-values, kind="stable") if known[i]][:top]
        result[name] = [
            {
                "rank": place,
                "sector_id": panel.instruments[i],
                "name": names.get(panel.instruments[i], panel.instruments[i]),
                "value": round(float(values[i]), 6),
            }
            for place, i in enumerate(order, start=1)
        ]
    return result


def _notes(home: Home, stored: Stored, market: Panels, as_of: datetime.date) -> tuple[str, ...]:
    data, pool = stored.card["data"], stored.card["pool"]
    learnt = datetime.date.fromisoformat(data["end"])
    notes = []
    if as_of < learnt:
        notes.append(
            f"hindsight: the model was fitted on sessions up to {learnt}, later than {as_of}; "
            "this is no forecast that could have been made then"
        )
    elif align(market.known, market.outcome, learnt).known.snapshot_id != data["snapshot_id"]:
        notes.append(
            f"stale model: the sessions up to {learnt} that it was trained on have changed in the "
            "store since; run `tide train`"
        )
    newer = int((market.known.sessions > np.datetime64(learnt)).sum())
    if newer:
        notes.append(
            f"the model was trained on data up to {learnt}; sessions in the store since: {newer}"
        )
    current = read_pool(home).version
    if as_of >= learnt and current != pool["version"]:
        notes.append(
            f"the pool has changed (version {current}) since the model was trained "
            f"(version {pool['version']}); run `tide train` to use it"
        )
    return tuple(notes)
