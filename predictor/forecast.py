"""Tomorrow's sectors: the current model applied to the last session, with reasons and baselines."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from data_profile.errors import CalendarError
from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.sessions import as_date, next_session
from data_profile.store import Store
from factor_pool.evaluation.baselines import PERSISTENCE, SIZE, design
from predictor.candidates import Offer, offer
from predictor.data_states import data_states
from predictor.dataset import COLD_START, CUTOFF, Dataset, build, panels, require_fields
from predictor.errors import PredictorError
from predictor.explain import LANGUAGES, Language, Reason, explain
from predictor.filters import Removed, Thresholds, screen, usable
from predictor.notes import Words, notes
from predictor.storage import Stored, load_current

WAVES = 5
OFFERED = 10


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
        return {
            "rank": self.rank,
            "sector_id": self.sector_id,
            "name": self.name,
            **self.numbers(),
            "reasons": [reason.to_dict(language) for reason in self.reasons],
        }

    def numbers(self) -> dict[str, float]:
        """What the model says, rounded to 6 digits."""
        names = ("score", "expected_count", "p_at_least_one", "p_surge")
        return {name: round(getattr(self, name), 6) for name in names}


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
        How many were ranked: those with a row that no filter removed.
    ranking
        By the order of limit-ups.
    waves
        The same sectors by the probability of a wave.
    everyone
        What the model says of every sector with a row, the removed ones too, best score first;
        `rank` counts the removed ones here.
    removed
        Why sectors are not in the ranking however they score; see `predictor.filters`.
    offer
        What can be bought of the first `OFFERED` sectors and of the waves.
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
    data_states
        How the days it stands on came in; see `predictor.data_states`.
    snapshot_id
        Of the panel it was made of: SHA-256 of all that was known.
    names
        Sector id -> display name.
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
    everyone: tuple[Row, ...]
    removed: Mapping[str, Removed]
    offer: Offer
    baselines: Mapping[str, Sequence[Mapping[str, Any]]]
    cold_start: Mapping[str, int]
    absent: tuple[str, ...]
    missing_features: Mapping[str, str]
    notes: tuple[Words, ...]
    data_states: Mapping[str, Any]
    snapshot_id: str
    names: Mapping[str, str]
    track_record: Mapping[str, Any]

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """The document of `tide predict --json`; its words in the given language."""
        places = {row.sector_id: row.rank for row in self.everyone}
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
            "removed": [
                {
                    **one.to_dict(language, self.names.get(sector, sector)),
                    "would_rank": places.get(sector),
                }
                for sector, one in self.removed.items()
            ],
            **self.offer.to_dict(language),
            "scores": [
                {
                    "sector_id": row.sector_id,
                    **row.numbers(),
                    "removed": row.sector_id in self.removed,
                }
                for row in self.everyone
            ],
            "notes": [words[language] for words in self.notes],
            "words": {one: self._words(one) for one in LANGUAGES},
            "data_states": dict(self.data_states),
            "snapshot_id": self.snapshot_id,
            "track_record": dict(self.track_record),
        }

    def _words(self, language: Language) -> dict[str, Any]:
        """The sentences in one language, whatever the document's own, for who shows it later."""
        told = self.offer.to_dict(language)
        return {
            "notes": [words[language] for words in self.notes],
            "removed": {
                sector: one.to_dict(language, sector)["why"] for sector, one in self.removed.items()
            },
            **{key: told[key] for key in ("candidates_rule", "candidates_note")},
        }


def predict(
    home: Home,
    *,
    date: datetime.date | str | None = None,
    top: int = 10,
    thresholds: Thresholds | None = None,
) -> Forecast:
    """Rank the sectors for the session after `date`.

    Parameters
    ----------
    home
        Its store and current model are read; nothing is written.
    date
        As-of session, `None` for the store's last. No row after it is read.
    top
        Sectors in the ranking.
    thresholds
        Of the filters; default: those of the environment.

    Raises
    ------
    PredictorError
        No model, one that was tampered with, or one that needs fields the store does not have;
        a date that is no session of the store; a setting of the filters, or the home's table of
        ETFs, that is none.
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
    rules, unapplied = usable(panel, thresholds or Thresholds.from_environment())
    removed = screen(panel, rules)
    everyone, by_wave = _rank(stored, dataset, names)
    order, waves = (_renumbered(rows, removed) for rows in (everyone, by_wave))
    chosen = {row.sector_id: row.name for row in (*order[: min(top, OFFERED)], *waves[:WAVES])}
    ranked = dataset.present[-1]
    return Forecast(
        as_of=as_of,
        for_session=next_session(as_of),
        model=stored.id,
        pool_version=stored.card["pool"]["version"],
        sectors=len(order),
        ranking=order[:top],
        waves=waves[:WAVES],
        everyone=everyone,
        removed=removed,
        offer=offer(home, chosen, as_of, CUTOFF),
        baselines=_baselines(panel, ranked, names, top),
        cold_start=_cold_start(dataset),
        absent=tuple(s for s, here in zip(dataset.sectors, ranked, strict=True) if not here),
        missing_features=stored.card["missing_features"],
        notes=notes(home, stored, market, as_of, unapplied),
        data_states=data_states(store, panel, stored.model.features),
        snapshot_id=panel.snapshot_id,
        names=names,
        track_record=stored.card["track_record"],
    )


def _cold_start(dataset: Dataset) -> dict[str, int]:
    """Sessions of the ranked sectors that have few of them."""
    history, ranked = dataset.present.sum(axis=0), dataset.present[-1]
    return {
        sector: int(n)
        for sector, n, here in zip(dataset.sectors, history, ranked, strict=True)
        if here and n < COLD_START
    }


def _renumbered(rows: Sequence[Row], removed: Collection[str]) -> tuple[Row, ...]:
    """The rows that no filter removed, their ranks without gaps."""
    kept = (row for row in rows if row.sector_id not in removed)
    return tuple(replace(row, rank=place) for place, row in enumerate(kept, start=1))


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
            f"the store knows no sector's limit-ups of {dataset.sessions[-1]} that came in by "
            f"{CUTOFF} or, late, on that evening; collect them with tide daily --once, or ask for "
            "another session with --date"
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
