"""How good a forecast's scores were, beside persistence, size and chance, on the same sectors."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from factor_pool.evaluation.baselines import DEFAULT_BASELINE, PERSISTENCE, SIZE, design
from factor_pool.evaluation.labels import label
from factor_pool.evaluation.metrics import Projection, rank_ic
from predictor.dataset import Panels
from predictor.holdout import Bootstrap, Interval
from predictor.judging import auc, by_place, ndcg
from predictor.scores import Scores

PLACES = (1, 3, 5)
BINS = 10
HISTORY = 250
METRICS: Mapping[str, str] = {
    "rank_ic": "daily rank correlation of the score with the next session's limit-ups",
    "marginal_rank_ic": "the part of it beyond " + ", ".join(DEFAULT_BASELINE),
    **{f"hit_rate_at_{k}": f"share of the top {k} with at least one limit-up" for k in PLACES},
    **{f"limit_ups_at_{k}": f"mean limit-ups of the top {k}" for k in PLACES},
    **{f"ndcg_at_{k}": f"discounted limit-ups of the top {k} over those of the best order"
       for k in PLACES[1:]},
    **{f"surge_precision_at_{k}": f"share of waves in the top {k} by the probability of a wave"
       for k in PLACES},
    "surge_auc": "chance that a sector with a wave ranks above one without",
}  # fmt: skip
"""Metric -> what it is; `surge_...` rank by the probability of a wave, the others by the score."""


def skill(market: Panels, scores: Scores, rows: slice, bootstrap: Bootstrap) -> dict[str, Any]:
    """Every figure of a forecast beside the same figure of the baselines.

    Parameters
    ----------
    market
        `known` gives the baselines, `outcome` what happened.
    scores
        Over the sessions and sectors of the market.
    rows
        The as-of sessions that are judged.
    bootstrap
        Over these sessions.

    Returns
    -------
    dict
        JSON-able: `metrics` (what each is), `methods` -> metric -> mean with interval,
        `difference_to_persistence` (paired), `lift` (over the base rate), `probabilities`.
    """
    count = label(market.outcome, "limit_up_count").astype(np.float64)
    surge = label(market.outcome, "limit_up_surge").astype(np.float64)
    baseline = design(market.known, DEFAULT_BASELINE)
    kept = np.isfinite(scores.score) & ~scores.removed
    persistence, size = design(market.known, (PERSISTENCE, SIZE))
    pairs = {
        "model": (scores.score, scores.p_surge),
        "persistence": (persistence, persistence),
        "size": (size, size),
        "chance": (np.zeros_like(count), np.zeros_like(count)),
    }
    known = np.where(kept, count, np.nan)[rows]
    beyond = Projection(known, baseline[:, rows])
    daily = {
        name: _daily(
            np.where(kept, score, np.nan)[rows],
            np.where(kept, wave, np.nan)[rows],
            known,
            surge[rows],
            None if name == "chance" else beyond,
        )
        for name, (score, wave) in pairs.items()
    }
    return {
        "metrics": dict(METRICS),
        "methods": {
            name: {metric: _told(bootstrap.interval(x)) for metric, x in series.items()}
            for name, series in daily.items()
        },
        "difference_to_persistence": {
            metric: _told(bootstrap.interval(x - daily["persistence"][metric]))
            for metric, x in daily["model"].items()
        },
        "lift": {
            name: {
                f"{metric}_at_{k}": _told(
                    bootstrap.ratio(series[f"{metric}_at_{k}"], daily["chance"][f"{metric}_at_{k}"])
                )
                for metric in ("hit_rate", "surge_precision")
                for k in PLACES
            }
            for name, series in daily.items()
            if name != "chance"
        },
        "probabilities": {
            name: _probability(np.where(kept, said, np.nan), event, rows, bootstrap)
            for name, said, event in (
                ("p_at_least_one", scores.p_at_least_one, _at_least_one(count)),
                ("p_surge", scores.p_surge, surge),
            )
        },
    }


def _at_least_one(count: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(count), count >= 1, np.nan)


def _told(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else interval.to_dict()


def _daily(
    score: np.ndarray,
    wave: np.ndarray,
    count: np.ndarray,
    surge: np.ndarray,
    beyond: Projection | None,
) -> dict[str, np.ndarray]:
    """Each metric of each session, float64 (T,); a constant score (`beyond` is None) is chance."""
    deepest = max(PLACES)
    hits = by_place(score, _at_least_one(count), deepest)
    counts = by_place(score, count, deepest)
    waves = by_place(wave, surge, deepest)
    nothing = np.where(np.isfinite(score).any(axis=1), 0.0, np.nan)
    return {
        "rank_ic": nothing if beyond is None else rank_ic(score, count),
        "marginal_rank_ic": nothing if beyond is None else beyond.marginal_rank_ic(score),
        **{f"hit_rate_at_{k}": hits[:, :k].mean(axis=1) for k in PLACES},
        **{f"limit_ups_at_{k}": counts[:, :k].mean(axis=1) for k in PLACES},
        **{f"ndcg_at_{k}": ndcg(score, count, k) for k in PLACES[1:]},
        **{f"surge_precision_at_{k}": waves[:, :k].mean(axis=1) for k in PLACES},
        "surge_auc": auc(wave, surge),
    }


def _probability(
    said: np.ndarray, event: np.ndarray, rows: slice, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Brier score beside two that need no model, and the calibration curve."""
    own = _own_frequency(event)[rows]
    said, event = said[rows], event[rows]
    known = np.isfinite(said) & np.isfinite(event)
    said, event = np.where(known, said, np.nan), np.where(known, event, np.nan)
    if not known.any():
        return {}
    rate = float(np.nanmean(event))
    loss = _mean_of_rows((said - event) ** 2)
    of_rate = _mean_of_rows((rate - event) ** 2)
    of_own = _mean_of_rows((np.where(np.isfinite(own), own, rate) - event) ** 2)
    return {
        "brier": _told(bootstrap.interval(loss)),
        "brier_of_base_rate": _told(bootstrap.interval(of_rate)),
        "brier_of_own_frequency": _told(bootstrap.interval(of_own)),
        "difference_to_base_rate": _told(bootstrap.interval(loss - of_rate)),
        "difference_to_own_frequency": _told(bootstrap.interval(loss - of_own)),
        "base_rate": round(rate, 6),
        "mean_forecast": round(float(np.nanmean(said)), 6),
        "calibration": _calibration(said, event, bootstrap),
    }


def _own_frequency(event: np.ndarray) -> np.ndarray:
    """Share of the last `HISTORY` sessions whose outcome was known, by sector; NaN before any.

    The outcome of session t is known after t + 1, so t looks at those up to t - 1.
    """
    known = np.isfinite(event)
    happened = np.cumsum(np.where(known, event, 0.0), axis=0)
    counted = np.cumsum(known, axis=0, dtype=np.float64)
    for total in (happened, counted):
        total[HISTORY:] -= total[:-HISTORY].copy()
    result = np.full(event.shape, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        result[1:] = happened[:-1] / counted[:-1]
    return result


def _mean_of_rows(values: np.ndarray) -> np.ndarray:
    count = np.isfinite(values).sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def _calibration(said: np.ndarray, event: np.ndarray, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    """Of tenths of all forecasts, lowest first: mean said, and the share that happened."""
    borders = np.unique(np.nanquantile(said, np.linspace(0, 1, BINS + 1)[1:-1]))
    bin_of = np.where(np.isfinite(said), np.digitize(said, borders), -1)
    curve = []
    for k in range(len(borders) + 1):
        inside = bin_of == k
        n = inside.sum(axis=1).astype(np.float64)
        if not n.sum():
            continue
        happened = np.where(inside, event, 0.0).sum(axis=1)
        curve.append(
            {
                "n": int(n.sum()),
                "said": round(float(said[inside].mean()), 6),
                "happened": _told(bootstrap.ratio(happened, n)),
            }
        )
    return curve
