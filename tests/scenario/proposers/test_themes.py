"""The sentences of the themes: true of every expression that may be proposed with them."""

import re

import pytest

from data_profile.profile import FIELDS, STOCK_FIELDS, Profile
from scenario.alignment import SCALES, Alignment
from scenario.proposers.stock_themes import BY_UNIVERSE
from scenario.proposers.themes import Theme

ALIGNMENTS = {
    "sector": Alignment(Profile.load(FIELDS).fields),
    "stock": Alignment(Profile.load(STOCK_FIELDS).fields),
}
ALL = [
    pytest.param(universe, theme, id=f"{universe}-{theme.name}")
    for universe, themes in BY_UNIVERSE.items()
    for theme in themes
]
SPANS = r"days?|weeks?|months?|years?|sessions?|yesterday|today|recent\w*|late|latest|long|short"
DIRECTIONS = (
    r"more|less|fewer|high\w*|low\w*|large[rs]t?|small\w*|strong\w*|weak\w*|above|below"
    r"|rises?|risen|falls?|fell|fallen|keeps?|flows in"
)


@pytest.mark.parametrize(("universe", "theme"), ALL)
def test_a_hypothesis_speaks_of_every_field_of_its_theme(universe: str, theme: Theme) -> None:
    assert set(theme.fields) - SCALES <= ALIGNMENTS[universe].spoken_of(theme.hypothesis)


@pytest.mark.parametrize(("universe", "theme"), ALL)
def test_a_hypothesis_names_neither_window_nor_direction(universe: str, theme: Theme) -> None:
    """Expressions of one theme have windows from 1 up, and are used with either sign."""
    assert re.findall(rf"\b(?:{SPANS}|{DIRECTIONS})\b", theme.hypothesis.lower()) == []


def test_an_idea_is_found_by_its_sentence() -> None:
    for themes in BY_UNIVERSE.values():
        assert len({theme.hypothesis for theme in themes}) == len(themes)
