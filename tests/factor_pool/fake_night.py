"""A night of mining with an evaluator that answers from a table: for killing and resuming."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from factor_pool.acceptance import Acceptance
from factor_pool.evaluation.windows import Window, Windows
from factor_pool.evaluation.yardstick import pool_fingerprint
from factor_pool.ledger import Ledger
from factor_pool.records import Proposal

_DAY = dt.date(2020, 1, 1)
WINDOWS = Windows(
    Window("search", _DAY, _DAY + dt.timedelta(399), 400),
    Window("confirm", _DAY + dt.timedelta(420), _DAY + dt.timedelta(559), 140),
    Window("sealed", _DAY + dt.timedelta(580), _DAY + dt.timedelta(659), 80),
    purge=20,
)


def good_figures(pool: Sequence[str]) -> dict[str, Any]:
    """Search figures that pass every gate, measured against this pool."""
    return {
        "sessions": 400,
        "coverage": 1.0,
        "explained": 0.3,
        "correlations": {"ewm10_count": 0.3, "companies": 0.1},
        "added_rank_ic": 0.06,
        "added_t_hac": 8.0,
        "sign": 1,
        "max_pool_correlation": 0.1 if pool else 0.0,
        "closest_member": 0 if pool else None,
        "pool_fingerprint": pool_fingerprint(pool),
        "same_sign_share": 1.0,
        "periods": {"2023": 0.1, "2024": 0.1},
        "halves": {"a": 0.05, "b": 0.06},
        "rank_autocorrelation": 0.6,
    }


def _generator(text: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))


def strong(text: str) -> list[float | None]:
    """Daily figures of a factor that is confirmed without doubt."""
    return list(0.06 + 0.1 * _generator(text).normal(size=140))


def _search(text: str, pool: Sequence[str]) -> dict[str, Any]:
    """Figures that depend on text and pool alone; one in three resembles some listed factor."""
    rng = _generator(text)
    figures = good_figures(pool)
    figures["added_t_hac"] = float(rng.choice([2.0, 5.0, 9.0]))
    figures["correlations"] = {"ewm10_count": float(rng.random()), "companies": 0.1}
    figures["coverage"] = float(rng.choice([0.1, 1.0, 1.0]))
    if pool and _generator(text + pool[-1]).random() < 1 / 3:
        figures |= {"max_pool_correlation": 0.95, "closest_member": len(pool) - 1}
    return figures


def _confirm(text: str, pool: Sequence[str]) -> list[float | None]:
    rng = _generator(text)
    return list(rng.choice([0.0, 0.035]) + 0.1 * rng.normal(size=140))


def run(path: Path, iterations: int = 6, batch: int = 10) -> None:
    """Mine into the ledger at `path`, going on where an earlier run was cut off."""
    with Ledger(path) as ledger:
        acceptance = Acceptance(ledger, WINDOWS, _confirm, search=_search)
        for iteration in range(iterations):
            texts = [f"Mean($close, {2 + (iteration * 7 + k) % 55})" for k in range(batch)]
            attempts = ledger.record(
                "night", iteration, [Proposal(t, t, "evolve", "an idea") for t in texts],
                snapshot="abc", label="limit_up_count", seed=1,
            )  # fmt: skip
            fresh = [a for a in attempts if a.stage == "proposed"]
            pool = [m.expression for m in ledger.members()]
            ledger.scored([(a.id, _search(str(a.canonical), pool)) for a in fresh])
            for attempt in map(ledger.attempt, [a.id for a in attempts]):
                if attempt.stage == "scored":
                    acceptance.decide(attempt)
