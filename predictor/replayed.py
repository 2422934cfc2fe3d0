"""The scores of a walk-forward replay, kept in the cache: minutes the first time, then at once.

The pool's factors are left out: their mining has seen this history, so a replay with them would be
a leak. What the pool adds is measured by `benchmarks/walk_forward.py`, which mines anew.
"""

import hashlib
import importlib.metadata
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from data_profile.files import write_atomic
from data_profile.home import Home
from predictor.dataset import Dataset, Panels, build, split_usable
from predictor.features import BASE_FEATURES
from predictor.filters import Thresholds, removed_each_session, usable
from predictor.model import parameters
from predictor.replay import KIND, Said, expanding, replay
from predictor.rolling import VALID_MONTHS, Window, windows
from predictor.scores import Scores

FIRST_MONTHS = 21
NAMES: Mapping[str, str] = {
    "score": "rank",
    "p_surge": "p_surge",
    "p_at_least_one": "p_at_least_one",
}
"""Field of `Scores` -> key of `Replay.scores`."""


def replayed(
    home: Home,
    market: Panels,
    *,
    thresholds: Thresholds | None = None,
    seed: int = 1,
    workers: int = 2,
    said: Said | None = None,
) -> Scores:
    """What the predictor, re-trained every month on what lay before, would have said.

    Windows and features are those of `benchmarks/walk_forward.py`: the first model is fitted to
    `FIRST_MONTHS` months.

    Parameters
    ----------
    home
        Its cache is read and written.
    market
        The history.
    thresholds
        Of the filters; default: those of the environment.
    seed
        The same seed gives the same scores.
    workers
        Processes, where it is not in the cache.
    said
        Called with the first test session of each window that was fitted.

    Raises
    ------
    PredictorError
        The history is too short for one window, or lacks what the model needs.
    """
    dataset = build(market, split_usable(BASE_FEATURES, market.known)[0])
    found = expanding(windows(dataset.sessions, train_months=FIRST_MONTHS))
    path = home.cache / "replays" / f"{_key(dataset, found, seed)}.npz"
    kept = _kept(path, dataset)
    if kept is None:
        made = replay(dataset, found, seed=seed, workers=workers, said=said).scores
        kept = {name: made[key].astype(np.float64) for name, key in NAMES.items()}
        content = io.BytesIO()
        np.savez(content, **kept)  # type: ignore[arg-type]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content.getvalue())
    rules, _ = usable(market.known, thresholds or Thresholds.from_environment())
    return Scores(
        source="replay",
        what=f"{KIND}, {len(found)} models, each fitted to all before its {VALID_MONTHS} months of "
        f"validation and used on the month after; {len(dataset.features)} features, none of the "
        "pool's",
        sessions=dataset.sessions,
        sectors=dataset.sectors,
        removed=removed_each_session(market.known, rules),
        **kept,
    )


def _kept(path: Path, dataset: Dataset) -> dict[str, np.ndarray] | None:
    """What is in the cache; None where nothing fits, which is then made again."""
    try:
        with np.load(path, allow_pickle=False) as file:
            kept = {name: file[name] for name in NAMES}
    except (OSError, ValueError, KeyError):
        return None
    fits = all(matrix.shape == dataset.present.shape for matrix in kept.values())
    return kept if fits else None


def _key(dataset: Dataset, found: Sequence[Window], seed: int) -> str:
    """Name of everything that shapes the scores: data, features, settings, windows, versions."""
    digest = hashlib.sha256()
    for matrix in (dataset.values, dataset.count, dataset.surge, dataset.present):
        digest.update(np.ascontiguousarray(matrix).tobytes())
    facts = {
        "sectors": dataset.sectors,
        "features": [feature.to_dict() for feature in dataset.features],
        "parameters": parameters(),
        "windows": [window.to_dict(dataset.sessions) for window in found],
        "seed": seed,
        "versions": [importlib.metadata.version(x) for x in ("limit-up-tide", "lightgbm")],
    }
    digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()[:32]
