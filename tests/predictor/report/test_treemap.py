"""The boxes fill the whole, do not overlap, and have the areas asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.report.treemap import squarify

AREAS = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=90).map(
    lambda areas: sorted(areas, reverse=True)
)


@given(AREAS, st.integers(10, 2000), st.integers(10, 2000))
def test_areas_are_as_asked_and_the_whole_is_filled(
    areas: list[float], width: int, height: int
) -> None:
    boxes = squarify(areas, width, height)
    whole = sum(areas)
    for area, box in zip(areas, boxes, strict=True):
        assert box.width * box.height == pytest.approx(area / whole * width * height, rel=1e-6)
        assert -1e-4 <= box.x <= box.x + box.width <= width + 1e-4
        assert -1e-4 <= box.y <= box.y + box.height <= height + 1e-4


@given(st.lists(st.integers(1, 100), min_size=2, max_size=30))
def test_no_box_lies_over_another(areas: list[int]) -> None:
    boxes = squarify(sorted(map(float, areas), reverse=True), 100, 60)
    for k, one in enumerate(boxes):
        for other in boxes[:k]:
            across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert across < 1e-6 or down < 1e-6


def test_equal_areas_are_nearly_square() -> None:
    for box in squarify([1.0] * 12, 400, 300):
        assert max(box.width / box.height, box.height / box.width) < 1.6


def test_nothing_to_show() -> None:
    assert squarify([], 10, 10) == []
