"""The predictor: LightGBM heads (`predictor.heads`), blended into the orders that are asked for.

=========  ==================================================================================
order      made of
=========  ==================================================================================
rank       rank, place, any and count, each in units of its own spread: sectors by limit-ups
any        any: how likely is at least one limit-up? Calibrated
count      count: the logarithm of the expected number
density    density: sectors by limit-ups for each company
intensity  the logarithm of the expected number for each company
surge      how likely is a wave? The mean of two log odds: those of the surge head, and those
           that follow from the expected number beside the threshold that makes a wave, which
           is known the evening before. Calibrated
=========  ==================================================================================

Where the single stocks are known, half of rank, count, intensity and surge is theirs: **members**
stands there like a head, the logarithm of the limit-ups that the stocks' own states let one expect
(`predictor.members`). The trees do not see it, so that they are the same with and without it. Of a
sector of which it is missing, the count head says it.

Every order is a sum over heads, and over logarithms of features; so what each feature adds to it
is exact. Missing values stay missing: a tree has a branch for them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from predictor import heads as heads_module
from predictor.calibration import Logistic
from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.features import COMPANIES, MEMBERS, THRESHOLD, Feature
from predictor.heads import HEADS, SEEDS, THREADS, Step, boost, side_by_side

if TYPE_CHECKING:
    import lightgbm as lgb

__all__ = ["HEADS", "ORDERS", "SEEDS", "Logistic", "Model", "Order", "Prediction", "Step", "fit",
           "heads_of", "parameters", "refit"]  # fmt: skip


@dataclass(frozen=True)
class Order:
    """A sum of heads and of logarithms of features.

    Parameters
    ----------
    heads
        Head -> weight.
    logs
        Feature -> weight of its logarithm, and the value that stands for a missing one.
    standard
        Whether each head is divided by its mean spread within a session.
    """

    heads: Mapping[str, float]
    logs: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    standard: bool = False


# Where a wave is improbable its log odds rise by about 1.8 when the logarithm of the expected
# count rises by 1 (a negative binomial count of dispersion 2), and fall by 1.3 times that with the
# logarithm of the threshold.
_ODDS, _STEEPNESS = 1.8, 1.3
ORDERS: Mapping[str, Order] = {
    "rank": Order({"rank": 1.0, "place": 1.0, "any": 1.0, "count": 1.0}, standard=True),
    "any": Order({"any": 1.0}),
    "count": Order({"count": 1.0}),
    "density": Order({"density": 1.0}),
    "intensity": Order({"count": 1.0}, {COMPANIES: (-1.0, 1.0)}),
    "surge": Order(
        {"surge": 0.5, "count": 0.5 * _ODDS}, {THRESHOLD: (-0.5 * _ODDS * _STEEPNESS, 3.0)}
    ),
}
# The same where the feature `MEMBERS` is there. The ranking's four heads move together, so that
# four times its own spread is as much as they have.
ORDERS_WITH_MEMBERS: Mapping[str, Order] = {
    **ORDERS,
    "rank": replace(ORDERS["rank"], heads={**ORDERS["rank"].heads, MEMBERS: 4.0}),
    "count": Order({"count": 0.5, MEMBERS: 0.5}),
    "intensity": Order({"count": 0.5, MEMBERS: 0.5}, {COMPANIES: (-1.0, 1.0)}),
    "surge": Order(
        {"surge": 0.25, "count": 0.25 * _ODDS, MEMBERS: 0.5 * _ODDS},
        {THRESHOLD: (-0.75 * _ODDS * _STEEPNESS, 3.0)},
    ),
}
_LEAST = 0.01  # limit-ups, below which a logarithm would say too much


def heads_of(orders: Iterable[str]) -> tuple[str, ...]:
    """The heads that some orders are made of, in the order of `HEADS`."""
    needed = {head for order in orders for head in ORDERS[order].heads}
    return tuple(head for head in HEADS if head in needed)


def parameters() -> dict[str, Any]:
    """Everything that shapes a fit beside data and seed, for the record."""

    def told(orders: Mapping[str, Order]) -> dict[str, Any]:
        return {
            name: {"heads": dict(order.heads), "logs": dict(order.logs), "standard": order.standard}
            for name, order in orders.items()
        }

    return heads_module.parameters() | {
        "orders": told(ORDERS),
        "orders_with_members": told(ORDERS_WITH_MEMBERS),
    }


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the model says of N sectors; every array float64 (N,).

    Parameters
    ----------
    score
        The order `rank`; only its order within a session means anything.
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
    scales
        Head, and `MEMBERS` where it is a feature -> its mean spread (standard deviation) within a
        session of the validation.
    """

    features: tuple[Feature, ...]
    boosters: Mapping[str, tuple[str, ...]]
    rounds: Mapping[str, int]
    calibration: Mapping[str, Logistic]
    scales: Mapping[str, float]

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

    @cached_property
    def _orders(self) -> Mapping[str, Order]:
        return ORDERS_WITH_MEMBERS if self._members is not None else ORDERS

    @cached_property
    def _members(self) -> int | None:
        """The column of what the single stocks say."""
        names = [feature.name for feature in self.features]
        return names.index(MEMBERS) if MEMBERS in names else None

    def head(self, name: str, values: np.ndarray) -> np.ndarray:
        """Mean raw score of a head over its seeds, float64 (N,), of float32 (N, K) values."""
        if name == MEMBERS:
            said = self._log_members(values)
            unknown = np.isnan(said)
            if unknown.any():
                said[unknown] = self.head("count", values[unknown])
            return said
        boosters, values = self._loaded[name], self._seen(values)
        return np.mean(
            [b.predict(values, raw_score=True, num_threads=THREADS) for b in boosters], axis=0
        )

    def _seen(self, values: np.ndarray) -> np.ndarray:
        """The columns that the trees see."""
        return values if self._members is None else np.delete(values, self._members, axis=1)

    def _log_members(self, values: np.ndarray) -> np.ndarray:
        """Logarithm of the limit-ups expected of the stocks, float64 (N,); NaN unknown."""
        column = values[:, self._members].astype(np.float64)
        return np.log(np.maximum(column, _LEAST))

    def raw(self, order: str, values: np.ndarray) -> np.ndarray:
        """Scores of an order, float64 (N,), of float32 (N, K) values."""
        said = {head: self.head(head, values) for head in self._orders[order].heads}
        return self._blend(order, values, said)

    def _blend(self, order: str, values: np.ndarray, said: Mapping[str, np.ndarray]) -> np.ndarray:
        total = np.zeros(len(values))
        for head, weight in self._weights(order).items():
            total += weight * said[head]
        for added in self._logs(order, values).values():
            total += added
        return total

    def predict(self, values: np.ndarray) -> Prediction:
        """What the model says of N sectors, from their float32 (N, K) features."""
        asked = ("rank", "count", "any", "surge")
        heads = dict.fromkeys(head for order in asked for head in self._orders[order].heads)
        said = {head: self.head(head, values) for head in heads}
        raw = {order: self._blend(order, values, said) for order in asked}
        return Prediction(
            score=raw["rank"],
            expected_count=np.exp(raw["count"]),
            p_at_least_one=self.calibration["p_at_least_one"](raw["any"]),
            p_surge=self.calibration["p_surge"](raw["surge"]),
        )

    def contributions(self, order: str, values: np.ndarray) -> np.ndarray:
        """What each feature adds to an order's score, float64 (N, K): exact TreeSHAP values.

        Notes
        -----
        Lundberg et al. (2020), "From local explanations to global understanding with explainable
        AI for trees", as implemented by LightGBM. With the expected raw score, which is the same
        for every sector and left out here, they sum to the raw score.
        """
        total = np.zeros(values.shape)
        for head, weight in self._weights(order).items():
            total += weight * self._added(head, values)
        for column, added in self._logs(order, values).items():
            total[:, column] += added
        return total

    def _added(self, head: str, values: np.ndarray) -> np.ndarray:
        """What each feature adds to a head, float64 (N, K); with a constant they are its score."""
        seen = self._seen(values)
        whole = np.mean(
            [
                b.predict(seen, pred_contrib=True, num_threads=THREADS)
                for b in self._loaded["count" if head == MEMBERS else head]
            ],
            axis=0,
        )
        added, constant = whole[:, :-1], whole[:, -1]
        if self._members is not None:
            added = np.insert(added, self._members, 0.0, axis=1)
        if head == MEMBERS:  # the count head stands in for it, and lends it its constant
            said = self._log_members(values)
            known = np.isfinite(said)
            added[known] = 0.0
            added[known, self._members] = said[known] - constant[known]
        return added

    def order(self, order: str, dataset: Dataset, rows: slice) -> np.ndarray:
        """An order's scores of a range of sessions, float64 (rows, S); NaN without a row."""
        present = dataset.present[rows]
        result = np.full(present.shape, np.nan)
        result[present] = self.raw(order, dataset.values[rows][present])
        return result

    def _weights(self, order: str) -> dict[str, float]:
        made_of = self._orders[order]
        return {
            head: weight / (self.scales[head] if made_of.standard else 1.0)
            for head, weight in made_of.heads.items()
        }

    def _logs(self, order: str, values: np.ndarray) -> dict[int, np.ndarray]:
        """Column of a feature -> what its logarithm adds."""
        names = [feature.name for feature in self.features]
        result = {}
        for name, (weight, missing) in self._orders[order].logs.items():
            column = names.index(name)
            value = values[:, column].astype(np.float64)
            result[column] = weight * np.log(np.where(value > 0, value, missing))
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
        Which to fit; without all of them the model gives only the orders made of these.

    Raises
    ------
    PredictorError
        A head cannot be fitted.
    """
    seen = dataset.drop([MEMBERS])
    found = side_by_side(heads, step, lambda head: boost(head, seen, train, valid, None, seed))
    texts = {head: fitted.texts for head, fitted in found.items()}
    rounds = {head: fitted.rounds for head, fitted in found.items()}
    draft = Model(dataset.features, texts, rounds, {}, {})
    mask = dataset.labelled[valid]
    values = dataset.values[valid][mask]
    spoken = (*heads, MEMBERS) if draft._members is not None and "count" in heads else heads
    said = {head: draft.head(head, values) for head in spoken}
    scales = {head: _spread(raw, mask) for head, raw in said.items()}
    draft = Model(dataset.features, texts, rounds, {}, scales)
    calibration = {}
    for name, order, happened in (
        ("p_at_least_one", "any", dataset.count[valid][mask] >= 1),
        ("p_surge", "surge", dataset.surge[valid][mask] == 1),
    ):
        if set(draft._orders[order].heads) <= set(said):
            calibration[name] = Logistic.fit(draft._blend(order, values, said), happened)
    return Model(dataset.features, texts, rounds, calibration, scales)


def refit(model: Model, dataset: Dataset, rows: slice, *, seed: int, step: Step) -> Model:
    """The same model with its rounds, calibration and scales, its trees grown anew on `rows`."""
    seen = dataset.drop([MEMBERS])
    found = side_by_side(
        tuple(model.boosters),
        step,
        lambda head: boost(head, seen, rows, None, model.rounds[head], seed),
    )
    texts = {head: fitted.texts for head, fitted in found.items()}
    return Model(model.features, texts, model.rounds, model.calibration, model.scales)


def _spread(raw: np.ndarray, mask: np.ndarray) -> float:
    """Mean standard deviation within a session, of raw scores (N,) that fill `mask` (T, S)."""
    sessions = np.split(raw, np.cumsum(mask.sum(axis=1))[:-1])
    spreads = [float(session.std()) for session in sessions if len(session) > 1]
    mean = float(np.mean(spreads)) if spreads else 0.0
    return mean if mean > 0 else 1.0
