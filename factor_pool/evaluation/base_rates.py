"""What each label is worth on the data at hand before any factor: base rates and baselines."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation import baselines, labels, metrics
from factor_pool.evaluation.windows import Window

RIVALS = {
    "persistence": baselines.PERSISTENCE,
    "yesterday": "count",
    "density": "ewm10_density",
    "size": baselines.SIZE,
}
"""Name for people -> baseline."""


@dataclass(frozen=True)
class BaseRate:
    """One label on one window.

    Parameters
    ----------
    label
        Name in `labels.LABELS`.
    cells
        (session, instrument) pairs with a value.
    mean
        Of the label over these cells; of an indicator, its base rate.
    event_rate
        Share of the cells that count as a hit: `labels.events`.
    sessions_with_event
        Share of the sessions with at least one hit.
    rank_ic
        Baseline -> mean daily rank correlation with the label; None where it has none.
    hit_rate_at_5
        Baseline -> share of hits among the 5 that it ranks highest; None where it has none.
    """

    label: str
    cells: int
    mean: float
    event_rate: float
    sessions_with_event: float
    rank_ic: Mapping[str, float | None]
    hit_rate_at_5: Mapping[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def base_rates(panel: Panel, window: Window) -> list[BaseRate]:
    """Every label of sectors that the panel has the fields for, in the order of `labels.LABELS`.

    Parameters
    ----------
    panel
        Cut after the window, so that no label comes from beyond it: see `Windows.search_panel`.
    window
        The sessions that count.
    """
    rows = window.mask(panel.sessions)
    found = []
    for name, one in labels.LABELS.items():
        if one.baseline is not baselines.SECTORS:
            continue
        try:
            label, events = labels.label(panel, name), labels.events(panel, name)
            rivals = {who: baselines.design(panel, [which])[0] for who, which in RIVALS.items()}
        except EvaluationError:  # the panel lacks a field of it
            continue
        label[~rows] = np.nan
        there = np.isfinite(label)
        if not there.any():
            continue
        ic = metrics.RankIC(label)
        found.append(
            BaseRate(
                label=name,
                cells=int(there.sum()),
                mean=float(label[there].mean(dtype=np.float64)),
                event_rate=float(events[there].mean()),
                sessions_with_event=float((events & there).any(axis=1)[there.any(axis=1)].mean()),
                rank_ic={one: _mean(ic(values)) for one, values in rivals.items()},
                hit_rate_at_5={
                    one: _mean(metrics.hit_rate(values, label, events))
                    for one, values in rivals.items()
                },
            )
        )
    return found


def _mean(series: np.ndarray) -> float | None:
    finite = series[np.isfinite(series)]
    return float(finite.mean()) if len(finite) else None
