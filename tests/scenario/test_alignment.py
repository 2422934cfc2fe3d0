"""Fields against the words of an idea."""

import re

import pytest

from data_profile.profile import Profile
from scenario.alignment import Alignment
from scenario.proposers.themes import THEMES, Theme

ALIGNMENT = Alignment(Profile.load().fields)


@pytest.mark.parametrize(
    ("idea", "read", "holds"),
    [
        ("Main-force money flows in quietly.", ["net_inflow", "turnover"], True),
        ("Main-force money flows in quietly.", ["one_word_count"], False),
        ("主力资金悄悄流入", ["flow_1430"], True),
        ("主力资金悄悄流入", ["max_streak", "company_count"], False),
        ("一字板次日继续被抢", ["one_word_count", "company_count"], True),
        ("Uses $news_sentiment only.", ["close"], False),
        ("Uses the tallest streak.", ["max_streak"], True),
        ("Anything at all.", ["close"], True),
        ("Main-force money flows in quietly.", ["company_count"], True),
        ("Main-force money flows in quietly.", ["no_such_field"], False),
        ("", ["close"], True),
    ],
)
def test_one_field_in_common_is_enough(idea: str, read: list[str], holds: bool) -> None:
    assert ALIGNMENT.holds(idea, read) is holds


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_a_person_who_writes_an_idea_down_is_hardly_ever_refused(theme: Theme) -> None:
    said = f"{theme.hypothesis} {theme.reason}"
    held = [ALIGNMENT.holds(said, re.findall(r"\$(\w+)", text)) for text in theme.templates]
    assert sum(held) >= 0.75 * len(held)


def test_hostile_text_costs_no_time_and_names_nothing() -> None:
    assert ALIGNMENT.spoken_of("(" * 5_000 + "\ud800" + "[a-z]+" * 500) == frozenset()
