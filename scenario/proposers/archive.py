"""A MAP-Elites archive: the best expression of each kind of behaviour.

Quality-diversity search keeps one elite a cell of behaviour instead of one best of all, so that the
search does not collapse onto variants of one factor (Mouret and Clune 2015, "Illuminating search
spaces by mapping elites").
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from factor_pool.expression import parse
from scenario.proposers.themes import THEMES

if TYPE_CHECKING:
    from factor_pool.records import Attempt

NODE_COST = 0.1
"""Fitness lost for each node of an expression, in units of the t statistic."""

PACES = ("changing daily", "changing in days", "changing in weeks", "nearly constant")
EXPOSURES = ("unlike persistence and size", "somewhat like them", "much like them")
"""Words for `Cell.pace` and `Cell.exposure`."""

_EXPOSURES = ("persistence_exposure", "size_exposure")
_AUTOCORRELATION_EDGES = (0.3, 0.6, 0.85)
_EXPOSURE_EDGES = (0.15, 0.4)


@dataclass(frozen=True)
class Cell:
    """A kind of behaviour.

    Parameters
    ----------
    family
        Theme whose fields the expression mostly reads.
    pace
        How fast the factor's ranking changes: 0 (fast) to 3 (slow), by rank autocorrelation.
    exposure
        How much it resembles persistence or size: 0 (little) to 2 (much).
    """

    family: str
    pace: int
    exposure: int


@dataclass(frozen=True)
class Elite:
    """The fittest expression of its cell."""

    text: str
    fitness: float


class Archive:
    """Elites by cell, built from attempts in the order of the ledger."""

    def __init__(self) -> None:
        self._elites: dict[Cell, Elite] = {}
        self._tried: set[str] = set()
        self._seen = 0

    @property
    def cells(self) -> dict[Cell, Elite]:
        """Elites by cell, in the order in which the cells were first reached."""
        return self._elites

    @property
    def tried(self) -> set[str]:
        """Canonical texts of every attempt."""
        return self._tried

    def update(self, attempts: "Iterable[Attempt]") -> None:
        """Take in attempts that it has not seen yet."""
        for attempt in attempts:
            self._seen += 1
            if attempt.canonical is None:
                continue
            self._tried.add(attempt.canonical)
            if attempt.figures.get("added_t_hac") is None:
                continue
            text, figures = attempt.canonical, attempt.figures
            cell, elite = _cell(text, figures), Elite(text, _fitness(text, figures))
            best = self._elites.get(cell)
            if best is None or elite.fitness > best.fitness:
                self._elites[cell] = elite

    @property
    def seen(self) -> int:
        """How many attempts were taken in."""
        return self._seen


def _fitness(text: str, figures: Mapping[str, Any]) -> float:
    gain: float = abs(figures["added_t_hac"])
    return gain - NODE_COST * parse(text).nodes


def _cell(text: str, figures: Mapping[str, Any]) -> Cell:
    exposure = max(abs(figures.get(name) or 0.0) for name in _EXPOSURES)
    return Cell(
        family_of(text),
        _bin(figures.get("rank_autocorrelation") or 0.0, _AUTOCORRELATION_EDGES),
        _bin(exposure, _EXPOSURE_EDGES),
    )


def family_of(text: str) -> str:
    """The theme that names most of the expression's fields; the earlier theme wins a tie."""

    def shared(fields: tuple[str, ...]) -> float:
        return sum(text.count(f"${name}") for name in fields) / len(fields) ** 0.5

    return max(THEMES, key=lambda theme: shared(theme.fields)).name


def _bin(value: float, edges: tuple[float, ...]) -> int:
    return sum(value >= edge for edge in edges)
