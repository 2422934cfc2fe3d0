"""What auctions teach, and what they do to a forecast."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.auction import Auction
from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.model import Model, Prediction, fit
from predictor.update import FEWEST, Line, Update

TRAIN, VALID, TEST = slice(0, 330), slice(331, 420), slice(421, 600)


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> Model:
    return fit(dataset, TRAIN, VALID, seed=3, step=lambda _: None)


@pytest.fixture(scope="module")
def auction(dataset: Dataset) -> Auction:
    """Openings that know a part of what the day will bring, and nothing else."""
    rng = np.random.default_rng(1)
    count = np.nan_to_num(dataset.count)
    gap = 0.01 * rng.standard_normal(count.shape) + 0.003 * count
    sealed = np.floor(count * rng.random(count.shape))
    return Auction(gap, sealed)


def log_loss(chance: np.ndarray, happened: np.ndarray) -> float:
    return float(-np.mean(np.where(happened, np.log(chance), np.log(1 - chance))))


def test_auctions_that_know_something_make_the_forecast_better(
    dataset: Dataset, model: Model, auction: Auction
) -> None:
    update = Update.fit(model, dataset, auction, VALID)
    assert update is not None
    assert update.sessions == VALID.stop - VALID.start
    mask = dataset.labelled[TEST]
    said = model.predict(dataset.values[TEST][mask])
    made = update(said, auction.rows(TEST).terms(dataset.present[TEST])[mask])
    count, surge = dataset.count[TEST][mask], dataset.surge[TEST][mask] == 1
    for name, happened in (("p_at_least_one", count >= 1), ("p_surge", surge)):
        evening, after = getattr(said, name), getattr(made, name)
        assert log_loss(after, happened) < 0.9 * log_loss(evening, happened)
        assert after.mean() == pytest.approx(happened.mean(), rel=0.3)
    assert (
        np.corrcoef(made.expected_count, count)[0, 1]
        > np.corrcoef(said.expected_count, count)[0, 1]
    )
    assert made.expected_count.mean() == pytest.approx(count.mean(), rel=0.2)


def test_auctions_that_know_nothing_change_little(dataset: Dataset, model: Model) -> None:
    rng = np.random.default_rng(2)
    shape = dataset.present.shape
    noise = Auction(0.01 * rng.standard_normal(shape), rng.poisson(0.1, shape).astype(float))
    update = Update.fit(model, dataset, noise, VALID)
    assert update is not None
    mask = dataset.labelled[TEST]
    said = model.predict(dataset.values[TEST][mask])
    made = update(said, noise.rows(TEST).terms(dataset.present[TEST])[mask])
    happened = dataset.count[TEST][mask] >= 1
    evening = log_loss(said.p_at_least_one, happened)
    assert log_loss(made.p_at_least_one, happened) < 1.02 * evening


def test_what_comes_after_validation_changes_nothing(
    dataset: Dataset, model: Model, auction: Auction
) -> None:
    last = VALID.stop  # its outcome, and its auction, are of the session after
    spoilt = {name: getattr(dataset, name).copy() for name in ("values", "count", "surge")}
    for matrix in spoilt.values():
        matrix[last:] = 1
    wrong = Auction(auction.gap.copy(), auction.sealed.copy())
    wrong.gap[last:], wrong.sealed[last:] = 9.0, 9.0
    garbage = replace(dataset, **spoilt)
    expected = Update.fit(model, dataset, auction, VALID)
    assert Update.fit(model, garbage, wrong, VALID) == expected


def test_too_few_auctions_teach_nothing(dataset: Dataset, model: Model, auction: Auction) -> None:
    few = slice(VALID.start, VALID.start + FEWEST - 1)
    assert Update.fit(model, dataset, auction, few) is None
    assert Update.fit(model, dataset, None, VALID) is None
    calm = replace(dataset, surge=np.zeros_like(dataset.surge))
    assert Update.fit(model, calm, auction, VALID) is None


def test_a_card_keeps_it_exactly(dataset: Dataset, model: Model, auction: Auction) -> None:
    update = Update.fit(model, dataset, auction, VALID)
    assert update is not None
    assert Update.from_dict(json.loads(json.dumps(update.to_dict()))) == update
    with pytest.raises(PredictorError, match="auction"):
        Update.from_dict({"count": {"intercept": 1}})


LINE = Line(-0.2, 1.1, (0.4, 0.5))
UPDATE = Update(LINE, LINE, LINE, (-2.0,) * 2, (2.0,) * 2, 60)


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.one_of(st.just(np.nan), st.floats(-3, 3))),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_chances_stay_chances_and_the_unknown_stays_as_it_was(
    rows: list[tuple[float, float]],
) -> None:
    chance = np.array([x for x, _ in rows])
    terms = np.array([[t, 0.0] for _, t in rows])
    made = UPDATE(Prediction(chance, 3 * chance, chance, chance), terms)
    for after in (made.p_at_least_one, made.p_surge):
        assert ((after >= 0) & (after <= 1)).all()
    assert np.isfinite(made.score).all()
    unknown = np.isnan(terms[:, 0])
    np.testing.assert_allclose(made.p_surge[unknown], chance[unknown], atol=2e-6)
    np.testing.assert_allclose(made.expected_count[unknown], 3 * chance[unknown], atol=2e-6)


def test_an_auction_beyond_all_others_counts_as_the_most_extreme_of_them() -> None:
    evening = Prediction(*(np.full(2, 0.2) for _ in range(4)))
    made = UPDATE(evening, np.array([[2.0, 2.0], [50.0, 9.0]]))
    assert made.p_surge[0] == made.p_surge[1] > 0.2
