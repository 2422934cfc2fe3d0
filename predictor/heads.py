"""The heads: LightGBM models over the same features, each with a question of its own.

=======  ==========  =====================================================================
head     objective   question
=======  ==========  =====================================================================
rank     lambdarank  in which order? Sessions are the groups, limit-ups the grades
place    L2          at which place of the session's sectors (share below it), by limit-ups?
any      binary      at least one limit-up?
count    Tweedie     how many limit-ups?
density  L2          at which place, by limit-ups for each company?
surge    binary      a wave (`limit_up_surge`)?
=======  ==========  =====================================================================

All grow extremely randomised trees (Geurts, Ernst and Wehenkel 2006): on the real market, where
the signal is weak and the features overlap, random borders beat searched ones for every head.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from predictor.dataset import Dataset
from predictor.errors import PredictorError

if TYPE_CHECKING:
    import lightgbm as lgb

SEEDS = 2
MAX_ROUNDS = 400
PATIENCE = 30
# Heads are fitted side by side, each on one thread: LightGBM promises the same bits only for the
# same number of threads, and its own threads spin against whatever else the machine is doing.
WORKERS = 2
THREADS = 1
TOP_GRADE = 30

COMMON: dict[str, Any] = {
    "extra_trees": True,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": THREADS,
    "verbose": -1,
}
HEADS: dict[str, dict[str, Any]] = {
    # Gains grow with the square root of the count: with LightGBM's 2^grade a single sector of
    # twenty limit-ups would outweigh the order of all others.
    "rank": {
        "objective": "lambdarank",
        "label_gain": [round(float(np.sqrt(grade)), 6) for grade in range(TOP_GRADE + 1)],
        "lambdarank_truncation_level": 30,
        "bagging_by_query": True,
        "metric": "ndcg",
        "eval_at": [1000],
    },
    "place": {"objective": "regression", "metric": "l2"},
    "any": {"objective": "binary", "metric": "binary_logloss"},
    # Between Poisson (power 1) and gamma (2): counts vary more than Poisson's.
    "count": {"objective": "tweedie", "tweedie_variance_power": 1.3, "metric": "tweedie"},
    "density": {"objective": "regression", "metric": "l2"},
    "surge": {"objective": "binary", "metric": "binary_logloss"},
}

Step = Callable[[str], None]


@dataclass(frozen=True)
class Fitted:
    """One head.

    Parameters
    ----------
    texts
        One booster a seed, as LightGBM's own text.
    rounds
        Boosting rounds, the same for all seeds.
    """

    texts: tuple[str, ...]
    rounds: int


def parameters() -> dict[str, Any]:
    """Everything that shapes a head beside data and seed, for the record."""
    return {
        "common": COMMON,
        "heads": HEADS,
        "seeds": SEEDS,
        "max_rounds": MAX_ROUNDS,
        "patience": PATIENCE,
    }


def side_by_side(
    heads: Sequence[str], step: Step, fit_one: Callable[[str], Fitted]
) -> dict[str, Fitted]:
    """Each head's result, in the order of `heads`; LightGBM lets go of the interpreter's lock."""
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting = {head: pool.submit(fit_one, head) for head in heads}
        found = {}
        for head, future in waiting.items():
            step(head)
            found[head] = future.result()
    return found


def boost(
    head: str, dataset: Dataset, train: slice, valid: slice | None, rounds: int | None, seed: int
) -> Fitted:
    """Fit one head; its rounds are given, or chosen on `valid`.

    All seeds are stopped together, by the mean of their validation losses: a single one's minimum
    is a matter of luck (measured on the real market: between 30 and 300 rounds).

    Raises
    ------
    PredictorError
        LightGBM cannot fit it.
    """
    import lightgbm as lgb

    base = COMMON | HEADS[head]
    try:
        data = _lgb_data(head, dataset, train, base, None)
        check = None if valid is None else _lgb_data(head, dataset, valid, base, data)
        boosters = [
            lgb.Booster(base | {"seed": (seed * SEEDS + k) % 2**31}, data) for k in range(SEEDS)
        ]
        if check is not None:
            rounds = _chosen_rounds(boosters, check)
        else:
            for booster in boosters:
                for _ in range(rounds or 0):
                    booster.update()
        texts = tuple(booster.model_to_string(num_iteration=rounds) for booster in boosters)
    except lgb.basic.LightGBMError as error:
        raise PredictorError(f"the {head} head cannot be fitted: {error}") from error
    return Fitted(texts, int(rounds or 0))


def _chosen_rounds(boosters: Sequence["lgb.Booster"], check: "lgb.Dataset") -> int:
    """Grow all boosters until their mean score on `check` has stopped improving; the best round."""
    for booster in boosters:
        booster.add_valid(check, "valid")
    best, best_round = -np.inf, 1
    for number in range(1, MAX_ROUNDS + 1):
        score = 0.0
        for booster in boosters:
            booster.update()
            _, _, value, higher_is_better = booster.eval_valid()[0]
            score += value if higher_is_better else -value
        if score > best:
            best, best_round = score, number
        elif number - best_round >= PATIENCE:
            break
    return best_round


def _target(head: str, dataset: Dataset, rows: slice) -> np.ndarray:
    """What a head learns, (rows, S); NaN where unknown."""
    count = np.where(dataset.labelled[rows], dataset.count[rows], np.nan)
    if head == "rank":
        return np.minimum(count, TOP_GRADE)
    if head == "place":
        return _places(count)
    if head == "any":
        return np.where(np.isnan(count), np.nan, count >= 1)
    if head == "density":
        return _places(np.where(np.isnan(count), np.nan, dataset.density[rows]))
    return dataset.surge[rows] if head == "surge" else count


def _places(values: np.ndarray) -> np.ndarray:
    """Average rank in the session as a share in (0, 1]; NaN stays NaN."""
    from factor_pool.evaluation.metrics import ranks

    return ranks(values) / np.maximum(np.isfinite(values).sum(axis=1, keepdims=True), 1)


def _lgb_data(
    head: str, dataset: Dataset, rows: slice, params: dict[str, Any], reference: Any
) -> "lgb.Dataset":
    import lightgbm as lgb

    target = _target(head, dataset, rows)
    mask = dataset.labelled[rows] & np.isfinite(target)
    group = None
    if head == "rank":
        group = mask.sum(axis=1)
        group = group[group > 0]
    return lgb.Dataset(
        dataset.values[rows][mask],
        target[mask],
        group=group,
        reference=reference,
        feature_name=list(dataset.names),
        params=params,
        free_raw_data=False,
    )
