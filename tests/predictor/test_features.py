"""Base features: readable expressions, and words that fit them."""

import pytest

from factor_pool.expression import parse
from predictor.features import BASE_FEATURES, Feature


def test_names_are_unique() -> None:
    names = [feature.name for feature in BASE_FEATURES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("feature", BASE_FEATURES, ids=lambda feature: feature.name)
def test_feature_is_readable_and_speaks_of_its_value(feature: Feature) -> None:
    assert parse(feature.text).fields
    assert feature.zh.format(7) != feature.zh.format(3)
    assert feature.en.format(7) != feature.en.format(3)


@pytest.mark.parametrize("feature", BASE_FEATURES, ids=lambda feature: feature.name)
def test_feature_survives_storage(feature: Feature) -> None:
    assert Feature.from_dict(feature.to_dict()) == feature
