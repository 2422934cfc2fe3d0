"""Three heads: deterministic, calibrated, and explained to the last bit."""

from dataclasses import replace

import numpy as np
import pytest

from predictor.calibration import Logistic
from predictor.dataset import Dataset
from predictor.features import MEMBERS
from predictor.model import HEADS, ORDERS, SEEDS, Model, fit, refit

TRAIN, VALID, TEST = slice(0, 330), slice(331, 390), slice(391, 459)


def quiet(_: str) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> Model:
    return fit(dataset, TRAIN, VALID, seed=1, step=quiet)


def test_same_seed_same_bytes(dataset: Dataset, model: Model) -> None:
    again = fit(dataset, TRAIN, VALID, seed=1, step=quiet)
    assert again.boosters == model.boosters
    assert again.calibration == model.calibration


def test_another_seed_another_model(dataset: Dataset, model: Model) -> None:
    other = fit(dataset, TRAIN, VALID, seed=2, step=quiet, heads=["rank"])
    assert other.boosters["rank"] != model.boosters["rank"]


def test_shape_of_a_model(model: Model) -> None:
    assert set(model.boosters) == set(HEADS) == set(model.rounds)
    assert all(len(texts) == SEEDS for texts in model.boosters.values())
    assert all(len(set(texts)) == SEEDS for texts in model.boosters.values())


def test_what_lies_after_the_validation_has_no_part(dataset: Dataset, model: Model) -> None:
    values, count, surge = dataset.values.copy(), dataset.count.copy(), dataset.surge.copy()
    values[390:], count[390:], surge[390:] = 1e9, 5, 1
    other = replace(dataset, values=values, count=count, surge=surge)
    assert fit(other, TRAIN, VALID, seed=1, step=quiet).boosters == model.boosters


def test_it_ranks_better_than_chance_and_says_how_many(dataset: Dataset, model: Model) -> None:
    known = dataset.labelled[TEST]
    said = model.predict(dataset.values[TEST][known])
    count = dataset.count[TEST][known]
    assert np.corrcoef(said.score, count)[0, 1] > 0.25
    assert said.expected_count.mean() == pytest.approx(count.mean(), rel=0.5)
    for probability in (said.p_at_least_one, said.p_surge):
        assert ((probability > 0) & (probability < 1)).all()
    assert (said.p_surge < said.p_at_least_one).mean() > 0.99


def test_missing_values_are_answered(dataset: Dataset, model: Model) -> None:
    nothing = np.full((1, len(dataset.features)), np.nan, dtype=np.float32)
    said = model.predict(nothing)
    assert np.isfinite([said.score, said.expected_count, said.p_at_least_one, said.p_surge]).all()


@pytest.mark.parametrize("head", ORDERS)
def test_contributions_sum_to_the_score(dataset: Dataset, model: Model, head: str) -> None:
    values = dataset.values[400][dataset.present[400]]
    total = model.contributions(head, values).sum(axis=1)
    rest = model.raw(head, values) - total
    np.testing.assert_allclose(rest, rest[0], atol=1e-8)


def test_order_leaves_out_sectors_without_a_row(dataset: Dataset, model: Model) -> None:
    order = model.order("rank", dataset, TEST)
    np.testing.assert_array_equal(np.isfinite(order), dataset.present[TEST])


def test_refit_keeps_rounds_and_calibration(dataset: Dataset, model: Model) -> None:
    final = refit(model, dataset, slice(0, 459), seed=1, step=quiet)
    assert final.rounds == model.rounds
    assert final.calibration == model.calibration
    assert final.boosters != model.boosters


@pytest.fixture(scope="module")
def heard(dataset: Dataset) -> Dataset:
    """The dataset with single stocks that know tomorrow's limit-ups, but not of every sector."""
    values = dataset.values.copy()
    column = dataset.names.index(MEMBERS)
    values[:, :, column] = np.nan_to_num(dataset.count) + 0.2
    values[:, 0, column] = np.nan
    return replace(dataset, values=values)


@pytest.fixture(scope="module")
def hearing(heard: Dataset) -> Model:
    return fit(heard, TRAIN, VALID, seed=1, step=quiet)


@pytest.mark.parametrize("order", ORDERS)
def test_what_single_stocks_add_is_told_to_the_last_bit(
    heard: Dataset, hearing: Model, order: str
) -> None:
    values = heard.values[400][heard.present[400]]
    added = hearing.contributions(order, values)
    rest = hearing.raw(order, values) - added.sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], atol=1e-8)
    assert np.isfinite(added).all()


def test_single_stocks_move_what_is_forecast(heard: Dataset, hearing: Model) -> None:
    values = heard.values[400][heard.present[400]].copy()
    before = hearing.predict(values)
    values[3, heard.names.index(MEMBERS)] *= 3
    after = hearing.predict(values)
    assert after.p_at_least_one[3] == before.p_at_least_one[3]
    for name in ("score", "expected_count", "p_surge"):
        assert getattr(after, name)[3] > getattr(before, name)[3]
        np.testing.assert_array_equal(
            np.delete(getattr(after, name), 3), np.delete(getattr(before, name), 3)
        )


def test_without_single_stocks_the_heads_are_the_same_and_speak_alone(
    dataset: Dataset, hearing: Model
) -> None:
    bare = dataset.drop([MEMBERS])
    model = fit(bare, TRAIN, VALID, seed=1, step=quiet)
    values = bare.values[400][bare.present[400]]
    assert model.boosters == hearing.boosters
    assert set(model.scales) == set(HEADS)
    np.testing.assert_array_equal(model.raw("count", values), model.head("count", values))
    np.testing.assert_array_equal(model.raw("any", values), model.head("any", values))


def test_the_count_head_stands_in_where_stocks_are_unknown(dataset: Dataset, model: Model) -> None:
    values = dataset.values[400][dataset.present[400]]
    assert np.isnan(values[:, dataset.names.index(MEMBERS)]).all()
    np.testing.assert_allclose(model.raw("count", values), model.head("count", values))


def test_logistic_finds_the_truth() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(size=20_000)
    truth = 1 / (1 + np.exp(-(0.7 * raw - 1.2)))
    found = Logistic.fit(raw, rng.random(20_000) < truth)
    assert found.slope == pytest.approx(0.7, abs=0.05)
    assert found.intercept == pytest.approx(-1.2, abs=0.05)


@pytest.mark.parametrize("happened", [False, True])
def test_logistic_survives_a_sample_without_contrast(happened: bool) -> None:
    found = Logistic.fit(np.linspace(-1, 1, 100), np.full(100, happened))
    probability = found(np.zeros(1))[0]
    assert (probability > 0.5) is np.True_ if happened else probability < 0.5
    assert 0 < probability < 1


def test_logistic_never_turns_an_order_round() -> None:
    raw = np.linspace(-1, 1, 200)
    assert Logistic.fit(raw, raw < 0).slope == 0
