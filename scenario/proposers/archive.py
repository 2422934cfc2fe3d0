"""A MAP-Elites archive: the best expression of each kind of behaviour.

Quality-diversity search keeps one elite a cell of behaviour instead of one best of all, so that the
search does not collapse onto variants of one factor (Mouret and Clune 2015, "Illuminating search
spaces by mapping elites").
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from factor_pool.expression import parse
from scenario.proposers.themes import THEMES, Theme

NODE_COST = 0.1
"""Fitness lost for each node of an expression, in units of the t statistic."""

PACES = ("changing daily", "changing in days", "changing in weeks", "nearly constant")
EXPOSURES = ("unlike persistence and size", "somewhat like them", "much like them")
"""Words for `Cell.pace` and `Cell.exposure`."""

_NODES = re.compile(r"\$|\w(?=\()")
"""Fields and named operators of a text: at least so many nodes it has."""
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
    """Elites by cell, built from attempts in the order of the ledger.

    Parameters
    ----------
    themes
        The families there are.
    """

    def __init__(self, themes: Sequence[Theme] = THEMES) -> None:
        self._themes = themes
        self._elites: dict[Cell, Elite] = {}

    @property
    def cells(self) -> dict[Cell, Elite]:
        """Elites by cell, in the order in which the cells were first reached."""
        return self._elites

    def add(self, text: str, figures: Mapping[str, Any]) -> None:
        """Take in an attempt: it becomes the elite of its cell if it is the fittest there."""
        added_t = figures.get("added_t_hac")
        if added_t is None:
            return
        cell = _cell(text, figures, self._themes)
        best = self._elites.get(cell)
        least = NODE_COST * len(_NODES.findall(text))
        if best is not None and abs(added_t) - least <= best.fitness:
            return  # not worth parsing: a resumed night may have a million to look at
        elite = Elite(text, _fitness(text, added_t))
        if best is None or elite.fitness > best.fitness:
            self._elites[cell] = elite

    def rescore(self, added: Mapping[str, float]) -> None:
        """Give elites the fitness that they have beside a pool that has changed.

        Parameters
        ----------
        added
            Text -> t of what it adds to baseline and pool. An elite that is not named could not be
            measured again and is worth nothing.
        """
        self._elites = {
            cell: Elite(elite.text, _fitness(elite.text, added.get(elite.text, 0.0)))
            for cell, elite in self._elites.items()
        }


def _fitness(text: str, added_t: float) -> float:
    return abs(added_t) - NODE_COST * parse(text).nodes


def _cell(text: str, figures: Mapping[str, Any], themes: Sequence[Theme]) -> Cell:
    exposure = max(abs(figures.get(name) or 0.0) for name in _EXPOSURES)
    return Cell(
        family_of(text, themes),
        _bin(figures.get("rank_autocorrelation") or 0.0, _AUTOCORRELATION_EDGES),
        _bin(exposure, _EXPOSURE_EDGES),
    )


def family_of(text: str, themes: Sequence[Theme] = THEMES) -> str:
    """The theme that names most of the expression's fields; the earlier theme wins a tie."""

    def shared(fields: tuple[str, ...]) -> float:
        return sum(map(text.count, _written(fields))) / len(fields) ** 0.5

    return max(themes, key=lambda theme: shared(theme.fields)).name


@functools.cache
def _written(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"${name}" for name in fields)


def _bin(value: float, edges: tuple[float, ...]) -> int:
    return sum(value >= edge for edge in edges)
