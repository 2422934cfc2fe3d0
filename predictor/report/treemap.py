"""A treemap: every sector a rectangle, large where it is large, coloured by where money went."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle.

    Parameters
    ----------
    x, y, width, height
        From the upper left corner, in the units of the whole.
    """

    x: float
    y: float
    width: float
    height: float


def squarify(areas: Sequence[float], width: float, height: float) -> list[Box]:
    """Fill a rectangle with one box an area, as square as may be.

    Parameters
    ----------
    areas
        Positive, the largest first.
    width, height
        Of the whole.

    Returns
    -------
    list of Box
        In the order of the areas; together they are the whole, and none lies over another.

    Notes
    -----
    Bruls, Huizing and van Wijk (2000), "Squarified treemaps": boxes are laid along the shorter
    side of what is left, as long as that makes the worst ratio of sides in the row better.

    Examples
    --------
    >>> [(box.x, box.y, box.width, box.height) for box in squarify([2, 1, 1], 4, 2)]
    [(0.0, 0.0, 2.0, 2.0), (2.0, 0.0, 2.0, 1.0), (2.0, 1.0, 2.0, 1.0)]
    """
    whole = sum(areas)
    if not areas:
        return []
    scaled = [area * width * height / whole for area in areas]
    left, boxes, start = Box(0.0, 0.0, float(width), float(height)), [], 0
    while start < len(scaled):
        side = min(left.width, left.height)
        end = start + 1
        while end < len(scaled) and _worst(scaled[start : end + 1], side) <= _worst(
            scaled[start:end], side
        ):
            end += 1
        row, left = _lay(scaled[start:end], left)
        boxes += row
        start = end
    return boxes


def _worst(row: Sequence[float], side: float) -> float:
    """The largest ratio of sides in a row of areas laid along `side`."""
    total = sum(row)
    if side <= 0 or total <= 0:
        return float("inf")
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))


def _lay(row: Sequence[float], left: Box) -> tuple[list[Box], Box]:
    """Boxes along the shorter side of what is left, and what is left then."""
    total, boxes = sum(row), []
    if left.width >= left.height:
        thick, y = total / left.height, left.y
        for area in row:
            boxes.append(Box(left.x, y, thick, area / thick))
            y += area / thick
        return boxes, Box(left.x + thick, left.y, max(left.width - thick, 0.0), left.height)
    thick, x = total / left.width, left.x
    for area in row:
        boxes.append(Box(x, left.y, area / thick, thick))
        x += area / thick
    return boxes, Box(left.x, left.y + thick, left.width, max(left.height - thick, 0.0))
