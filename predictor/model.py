"""The predictor: three LightGBM heads over the same features, each averaged over seeds.

========  ==========  ==============================================================
head      objective   answers
========  ==========  ==============================================================
rank      lambdarank  in which order? Sessions are the groups, limit-ups the grades
count     poisson     how many limit-ups? And, calibrated, how likely is at least one?
surge     binary      how likely is a wave (`limit_up_surge`)? Calibrated
========  ==========  ==============================================================

Missing values stay missing: a tree has a branch for them.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.features import Feature

if TYPE_CHECKING:
    import lightgbm as lgb

SEEDS = 3
MAX_ROUNDS = 400
PATIENCE = 15
# Heads are fitted side by side, each on one thread: LightGBM promises the same bits only for the
# same number of threads, and its own threads spin against whatever else the machine is doing.
WORKERS = 2
THREADS = 1
TOP_GRADE = 30

_COMMON: dict[str, Any] = {
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.5,
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
    "count": {"objective": "poisson", "metric": "poisson"},
    "surge": {"objective": "binary", "metric": "binary_logloss"},
}

Step = Callable[[str], None]


def parameters() -> dict[str, Any]:
    """Everything that shapes a fit beside data and seed, for the record."""
    return {
        "common": _COMMON,
        "heads": HEADS,
        "seeds": SEEDS,
        "max_rounds": MAX_ROUNDS,
        "patience": PATIENCE,
    }


@dataclass(frozen=True)
class Logistic:
    """Probability 1 / (1 + exp(-(intercept + slope x))) of a raw score x; slope >= 0."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, raw: np.ndarray, happened: np.ndarray) -> "Logistic":
        """Maximum likelihood with Platt's smoothed targets.

        Parameters
        ----------
        raw
            float (N,): raw scores.
        happened
            bool (N,).

        Notes
        -----
        Platt (1999), "Probabilistic outputs for support vector machines". The targets
        (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) keep a sample without a single event finite.
        """
        from scipy.optimize import minimize

        events = int(happened.sum())
        others = len(happened) - events
        target = np.where(happened, (events + 1) / (events + 2), 1 / (others + 2))

        def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            z = parameters[0] * raw + parameters[1]
            error = _sigmoid(z) - target
            return (
                float(np.mean(np.logaddexp(0, z) - target * z)),
                np.array([np.mean(error * raw), np.mean(error)]),
            )

        found = minimize(
            loss, x0=np.array([1.0, 0.0]), jac=True, method="L-BFGS-B",
            bounds=((0.0, None), (None, None)),
        )  # fmt: skip
        return cls(float(found.x[0]), float(found.x[1]))

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Probabilities, same shape."""
        return _sigmoid(self.slope * raw + self.intercept)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the model says of N sectors; every array float64 (N,).

    Parameters
    ----------
    score
        Of the ranking head; only its order within a session means anything.
    expected_count
        Limit-ups of the next session.
    p_at_least_one
        Probability of at least one limit-up.
    p_surge
        Probability of a wave: at least 3, and at least twice the sector's own EWM(20).
    """

    score: np.ndarray
    expected_count: np.ndarray
    p_at_least_one: np.ndarray
    p_surge: np.ndarray


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted predictor.

    Parameters
    ----------
    features
        The K inputs, in column order.
    boosters
        Head -> one LightGBM model, as LightGBM's own text, for each seed.
    rounds
        Head -> boosting rounds, the same for all its seeds.
    calibration
        "p_at_least_one" and "p_surge" -> how raw scores become probabilities.
    """

    features: tuple[Feature, ...]
    boosters: Mapping[str, tuple[str, ...]]
    rounds: Mapping[str, int]
    calibration: Mapping[str, Logistic]

    @cached_property
    def _loaded(self) -> dict[str, "tuple[lgb.Booster, ...]"]:
        import lightgbm as lgb

        try:
            return {
                head: tuple(lgb.Booster(model_str=text) for text in texts)
                for head, texts in self.boosters.items()
            }
        except lgb.basic.LightGBMError as error:
            raise PredictorError(f"the model cannot be read: {error}; run `tide train`") from error

    def raw(self, head: str, values: np.ndarray) -> np.ndarray:
        """Mean raw score over the seeds, float64 (N,), of float32 (N, K) values."""
        boosters = self._loaded[head]
        return np.mean(
            [b.predict(values, raw_score=True, num_threads=THREADS) for b in boosters], axis=0
        )

    def predict(self, values: np.ndarray) -> Prediction:
        """What the model says of N sectors, from their float32 (N, K) features."""
        log_count = self.raw("count", values)
        return Prediction(
            score=self.raw("rank", values),
            expected_count=np.exp(log_count),
            p_at_least_one=self.calibration["p_at_least_one"](log_count),
            p_surge=self.calibration["p_surge"](self.raw("surge", values)),
        )

    def contributions(self, head: str, values: np.ndarray) -> np.ndarray:
        """What each feature adds to the raw score, float64 (N, K): exact TreeSHAP values.

        Notes
        -----
        Lundberg et al. (2020), "From local explanations to global understanding with explainable
        AI for trees", as implemented by LightGBM. With the expected raw score, which is the same
        for every sector and left out here, they sum to the raw score.
        """
        found = [
            b.predict(values, pred_contrib=True, num_threads=THREADS) for b in self._loaded[head]
        ]
        return np.mean(found, axis=0)[:, :-1]

    def order(self, head: str, dataset: Dataset, rows: slice) -> np.ndarray:
        """Raw scores of a range of sessions, float64 (rows, S); NaN where a sector has no row."""
        present = dataset.present[rows]
        result = np.full(present.shape, np.nan)
        result[present] = self.raw(head, dataset.values[rows][present])
        return result


def fit(
    dataset: Dataset,
    train: slice,
    valid: slice,
    *,
    seed: int,
    step: Step,
    heads: Sequence[str] = tuple(HEADS),
) -> Model:
    """Fit on `train`; choose the rounds and calibrate the probabilities on `valid`.

    Parameters
    ----------
    dataset
        Features and targets.
    train, valid
        Rows; the caller leaves the purged sessions between them.
    seed
        The same seed gives the same model, bit for bit, on the same machine and versions.
    step
        Called with the name of each head before it is waited for.
    heads
        Which to fit; without all of them the model only orders sectors (`order`).
    """
    fitted = _side_by_side(
        heads, step, lambda head: _boost(head, dataset, train, valid, None, seed)
    )
    texts = {head: found[0] for head, found in fitted.items()}
    rounds = {head: found[1] for head, found in fitted.items()}
    draft = Model(dataset.features, texts, rounds, {})
    return Model(dataset.features, texts, rounds, _calibrate(draft, dataset, valid))


def refit(model: Model, dataset: Dataset, rows: slice, *, seed: int, step: Step) -> Model:
    """The same model with its rounds and calibration, its trees grown anew on `rows`."""
    fitted = _side_by_side(
        tuple(HEADS), step, lambda head: _boost(head, dataset, rows, None, model.rounds[head], seed)
    )
    texts = {head: found[0] for head, found in fitted.items()}
    return Model(model.features, texts, model.rounds, model.calibration)


_Fitted = tuple[tuple[str, ...], int]


def _side_by_side(
    heads: Sequence[str], step: Step, fit_one: Callable[[str], _Fitted]
) -> dict[str, _Fitted]:
    """Each head's result, in the order of `heads`; LightGBM lets go of the interpreter's lock."""
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting = {head: pool.submit(fit_one, head) for head in heads}
        found = {}
        for head, future in waiting.items():
            step(head)
            found[head] = future.result()
    return found


def _boost(
    head: str, dataset: Dataset, train: slice, valid: slice | None, rounds: int | None, seed: int
) -> _Fitted:
    """Texts of one booster a seed, and their rounds: given, or chosen on `valid`.

    All seeds are stopped together, by the mean of their validation losses: a single one's minimum
    is a matter of luck (measured on the real market: between 30 and 300 rounds).
    """
    import lightgbm as lgb

    base = _COMMON | HEADS[head]
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
    return texts, int(rounds or 0)


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


def _lgb_data(
    head: str, dataset: Dataset, rows: slice, params: dict[str, Any], reference: Any
) -> "lgb.Dataset":
    import lightgbm as lgb

    mask = dataset.labelled[rows]
    target = (dataset.surge if head == "surge" else dataset.count)[rows][mask]
    group = None
    if head == "rank":
        target = np.minimum(target, TOP_GRADE)
        group = mask.sum(axis=1)
        group = group[group > 0]
    return lgb.Dataset(
        dataset.values[rows][mask],
        target,
        group=group,
        reference=reference,
        feature_name=list(dataset.names),
        params=params,
        free_raw_data=False,
    )


def _calibrate(draft: Model, dataset: Dataset, valid: slice) -> dict[str, Logistic]:
    mask = dataset.labelled[valid]
    values = dataset.values[valid][mask]
    events = {
        "p_at_least_one": ("count", dataset.count[valid][mask] >= 1),
        "p_surge": ("surge", dataset.surge[valid][mask] == 1),
    }
    return {
        name: Logistic.fit(draft.raw(head, values), happened)
        for name, (head, happened) in events.items()
        if head in draft.boosters
    }


def _sigmoid(z: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(z))
