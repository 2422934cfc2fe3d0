"""What became of the last forecast: each sector it named, beside what then happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.evaluation.labels import label

TOP = 5
MISSED = 5


@dataclass(frozen=True)
class Fate:
    """A sector of a forecast, and what happened to it.

    Parameters
    ----------
    sector_id, name
        Which.
    rank, p_at_least_one, p_surge, expected_count
        As was forecast; None where the forecast does not say.
    limit_ups
        Of the session it was for; None without a row.
    surge
        Whether that was a wave.
    """

    sector_id: str
    name: str
    rank: int | None
    p_at_least_one: float | None
    p_surge: float | None
    expected_count: float | None
    limit_ups: int | None
    surge: bool | None


@dataclass(frozen=True)
class Tally:
    """The first five of one way to rank, against what happened.

    Parameters
    ----------
    method
        "model", "auction" (the same after the opening auction), "persistence", "size", or
        "base_rate": any sector at random.
    hits, waves
        Shares (0..1) with at least one limit-up, and with a wave.
    limit_ups
        Mean a sector.
    """

    method: str
    hits: float
    limit_ups: float
    waves: float


@dataclass(frozen=True)
class Outcome:
    """A forecast against what happened.

    Parameters
    ----------
    as_of, for_session
        Of the forecast, ISO dates.
    fates
        The sectors it ranked, in its order.
    tallies
        Its first five beside what needs no skill.
    missed
        The sectors with most limit-ups that it did not rank among its first `len(fates)`.
    """

    as_of: str
    for_session: str
    fates: tuple[Fate, ...]
    tallies: tuple[Tally, ...]
    missed: tuple[Fate, ...]


def outcome(
    document: Mapping[str, Any],
    panel: Panel,
    names: Mapping[str, str],
    top: int = 10,
    confirmation: Mapping[str, Any] | None = None,
) -> Outcome:
    """Hold a forecast's document against the last session of a panel.

    Parameters
    ----------
    document
        For that session.
    panel
        As known after it.
    names
        Sector id -> display name.
    top
        How many sectors of the ranking to tell of.
    confirmation
        What the opening auction made of it, where it was asked.
    """
    count = panel.values["limit_up_count"][-1].astype(np.float64)
    surge = label(panel, "limit_up_surge")[-2] if len(panel.sessions) > 1 else count * np.nan
    column = {sector: k for k, sector in enumerate(panel.instruments)}

    def fate(sector: str, row: Mapping[str, Any] | None) -> Fate:
        k = column.get(sector)
        known = k is not None and np.isfinite(count[k])
        said = row or {}
        return Fate(
            sector,
            names.get(sector, str(said.get("name", sector))),
            said.get("rank"),
            said.get("p_at_least_one"),
            said.get("p_surge"),
            said.get("expected_count"),
            int(count[k]) if known else None,
            bool(surge[k] == 1) if k is not None and np.isfinite(surge[k]) else None,
        )

    ranking = document["ranking"][:top]
    ranked = {row["sector_id"] for row in ranking}
    order = [k for k in np.argsort(-count, kind="stable") if np.isfinite(count[k])]
    beyond = [panel.instruments[k] for k in order if panel.instruments[k] not in ranked]
    said = {row["sector_id"]: row for row in document["ranking"]}
    after = {}
    if confirmation is not None and confirmation["state"] in ("confirmed", "changed"):
        after = {"auction": confirmation["ranking"]}
    methods = {"model": ranking, **after, **document["baselines"]}
    tallies = [
        _tally(method, [column[r["sector_id"]] for r in rows[:TOP] if r["sector_id"] in column],
               count, surge)
        for method, rows in methods.items()
    ]  # fmt: skip
    return Outcome(
        document["as_of"],
        document["for_session"],
        tuple(fate(row["sector_id"], row) for row in ranking),
        (*tallies, _tally("base_rate", list(range(len(count))), count, surge)),
        tuple(fate(sector, said.get(sector)) for sector in beyond[:MISSED]),
    )


def _tally(method: str, columns: list[int], count: np.ndarray, surge: np.ndarray) -> Tally:
    chosen, waves = count[columns], surge[columns]
    chosen, waves = chosen[np.isfinite(chosen)], waves[np.isfinite(waves)]
    return Tally(
        method,
        float((chosen >= 1).mean()) if len(chosen) else 0.0,
        float(chosen.mean()) if len(chosen) else 0.0,
        float((waves == 1).mean()) if len(waves) else 0.0,
    )
