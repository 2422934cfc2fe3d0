"""Everything the daily page tells, gathered from the home folder; nothing is in words yet."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.batches import Day
from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.sectors import Sectors
from data_profile.sessions import as_date
from data_profile.store import Store
from predictor.dataset import panels
from predictor.errors import PredictorError
from predictor.explain import Language, ThemeImportance, importance_by_theme
from predictor.forecast import predict
from predictor.forecast_log import Record
from predictor.report.health import Health, health
from predictor.report.ladder import Ladder, ladder
from predictor.report.market import Breadth, breadth
from predictor.report.outcome import Outcome, outcome
from predictor.report.past import confirmation_of, forecast_after, forecast_for, track_record
from predictor.report.phase import Aftermath, Phase, Phases, aftermath, phases
from predictor.storage import load_current

TOP = 10
_ORDER = "rank"  # whose importance is shown
STATES = 5


@dataclass(frozen=True)
class Flow:
    """One sector of the money-flow map.

    Parameters
    ----------
    name
        Display name.
    size
        Turnover in yuan, or companies.
    net_inflow
        Yuan, None where unknown.
    ratio
        net_inflow / turnover.
    """

    name: str
    size: float
    net_inflow: float | None
    ratio: float | None


@dataclass(frozen=True, eq=False)
class Facts:
    """What the page tells of one session.

    Parameters
    ----------
    day
        The session; dates in Asia/Shanghai.
    document
        The forecast made after it: `Forecast.to_dict()`.
    kept
        Its record in the forecast log, None where it was computed for the page.
    market, phases, after
        The whole market up to that session.
    flows, size_field
        For the map, the largest first, and the field that `size` is.
    ladder
        Of that session.
    outcome, outcome_kept
        The logged forecast for that session against what happened, None where there is none.
    confirmation
        What that session's opening auction said of it, None where it was not asked.
    record
        `predictor.forecast_log.track_record` up to that session, None without a log.
    importance
        Of the current model, the largest first.
    health
        Of the pool.
    states
        How the last sessions came in, the newest first; the rest were imported.
    fields
        Fields of the store.
    """

    day: datetime.date
    document: Mapping[str, Any]
    kept: Record | None
    market: Breadth
    phases: Phases
    after: Mapping[Phase | None, Aftermath]
    flows: tuple[Flow, ...]
    size_field: str | None
    ladder: Ladder
    outcome: Outcome | None
    outcome_kept: Record | None
    confirmation: Mapping[str, Any] | None
    record: Mapping[str, Any] | None
    importance: tuple[ThemeImportance, ...]
    health: Health
    states: tuple[tuple[datetime.date, Day | None], ...]
    fields: tuple[str, ...]


def gather(home: Home, *, date: datetime.date | str | None, language: Language) -> Facts:
    """Read, and compute, what the page tells.

    Parameters
    ----------
    home
        With a store and a model; nothing is written.
    date
        The session, None for the store's last. Nothing later is read.
    language
        Of the reasons, where the forecast is computed now.

    Raises
    ------
    PredictorError
        There is no model, or `date` is no session of the store.
    data_profile.errors.StoreError
        There is no store.
    """
    store = Store(home.store)
    day = _session(store.panel(), date)
    kept = forecast_after(home, day)
    document = kept.document if kept else predict(home, date=day, top=TOP).to_dict(language)
    both = panels(store, day)
    panel, names = both.outcome, store.names()
    before = forecast_for(home, day)
    industries = _industries(home)
    market = breadth(panel, industries)
    judged = phases(market)
    stored = load_current(home.models)
    weights = stored.card["importance"][_ORDER]
    confirmed = confirmation_of(home, day)
    size_field, flows = _flows(panel, names, industries)
    return Facts(
        day=day,
        document=document,
        kept=kept,
        market=market,
        phases=judged,
        after=aftermath(judged, market),
        flows=flows,
        size_field=size_field,
        ladder=ladder(home, panel, names),
        outcome=outcome(before.document, panel, names, TOP, confirmed) if before else None,
        outcome_kept=before,
        confirmation=confirmed,
        record=track_record(home, panel),
        importance=importance_by_theme(
            stored.model.features, {name: share["effect"] for name, share in weights.items()}
        ),
        health=health(home, panel),
        states=_states(store, panel.sessions),
        fields=panel.fields,
    )


def _session(panel: Panel, date: datetime.date | str | None) -> datetime.date:
    if date is None:
        return as_date(panel.sessions[-1])
    day = as_date(date)
    if np.datetime64(day) not in panel.sessions:
        raise PredictorError(
            f"{day} is no session of the store, which holds "
            f"{panel.sessions[0]}..{panel.sessions[-1]}"
        )
    return day


def _industries(home: Home) -> frozenset[str] | None:
    """Sectors that together hold each company once; None where concepts are not known apart.

    A concept board shares its companies with industries, so that a sum over both counts twice.
    """
    known = Sectors(home.store / "sectors").sectors()
    if not any(one.kind == "concept" for one in known.values()):
        return None
    return frozenset(id for id, one in known.items() if one.kind == "industry")


def _flows(
    panel: Panel, names: Mapping[str, str], sectors: frozenset[str] | None
) -> tuple[str | None, tuple[Flow, ...]]:
    for field in ("turnover", "company_count"):
        if field not in panel.values:
            continue
        size = panel.values[field][-1].astype(np.float64)
        if not (size > 0).any():
            continue
        net = panel.values["net_inflow"][-1] if "net_inflow" in panel.values else size * np.nan
        turnover = panel.values["turnover"][-1] if "turnover" in panel.values else size * np.nan
        flows = [
            Flow(names.get(id, id), float(size[k]), _known(net[k]), _known(net[k] / turnover[k]))
            for k, id in enumerate(panel.instruments)
            if size[k] > 0 and (sectors is None or id in sectors)
        ]
        return field, tuple(sorted(flows, key=lambda one: -one.size))
    return None, ()


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _states(store: Store, sessions: np.ndarray) -> tuple[tuple[datetime.date, Day | None], ...]:
    collected = {one.session: one for one in store.days()}
    last: Sequence[datetime.date] = sessions[-STATES:].tolist()
    return tuple((day, collected.get(day)) for day in reversed(last))
