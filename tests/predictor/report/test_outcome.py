"""A forecast against what happened, by hand."""

import numpy as np

from data_profile.panel import Panel
from predictor.report.outcome import outcome

COUNTS = np.zeros((40, 7), dtype=np.float32)
COUNTS[-1] = [4, 0, 1, 2, np.nan, 9, 0]
PANEL = Panel(
    np.datetime64("2025-01-02") + np.arange(40),
    tuple("ABCDEFG"),
    {"limit_up_count": COUNTS, "company_count": np.full((40, 7), 20, dtype=np.float32)},
    np.ones((40, 7), dtype=bool),
)


def row(sector: str, rank: int) -> dict[str, object]:
    return {
        "sector_id": sector, "name": sector.lower(), "rank": rank, "p_at_least_one": 0.5,
        "p_surge": 0.1, "expected_count": 1.5, "value": 1.0,
    }  # fmt: skip


DOCUMENT = {
    "as_of": "2025-02-07",
    "for_session": "2025-02-10",
    "ranking": [row(sector, k) for k, sector in enumerate("ABCDXEFG", start=1)],
    "baselines": {"persistence": [row("F", 1), row("A", 2)], "size": [row("B", 1)]},
}


def test_fates_in_the_order_of_the_forecast() -> None:
    found = outcome(DOCUMENT, PANEL, {"A": "银行"}, top=6)
    assert [fate.sector_id for fate in found.fates] == list("ABCDXE")
    assert [fate.limit_ups for fate in found.fates] == [4, 0, 1, 2, None, None]
    assert [fate.surge for fate in found.fates] == [True, False, False, False, None, None]
    assert found.fates[0].name == "银行"
    assert found.fates[1].name == "b"


def test_the_first_five_beside_what_needs_no_skill() -> None:
    tallies = {one.method: one for one in outcome(DOCUMENT, PANEL, {}).tallies}
    assert (tallies["model"].hits, tallies["model"].limit_ups) == (0.75, 7 / 4)
    assert (tallies["persistence"].hits, tallies["persistence"].waves) == (1.0, 1.0)
    assert tallies["size"].hits == 0.0
    assert tallies["base_rate"].hits == 4 / 6


def test_what_it_missed_is_named() -> None:
    missed = outcome(DOCUMENT, PANEL, {}, top=6).missed
    assert [(fate.sector_id, fate.rank, fate.limit_ups) for fate in missed] == [
        ("F", 7, 9),
        ("G", 8, 0),
    ]


def test_what_the_auction_made_of_it_stands_beside_it() -> None:
    after = {"state": "changed", "ranking": [row(sector, k) for k, sector in enumerate("FACDG")]}
    tallies = {one.method: one for one in outcome(DOCUMENT, PANEL, {}, 10, after).tallies}
    assert tallies["auction"].limit_ups == 16 / 5
    assert tallies["model"].limit_ups == 7 / 4
    without = outcome(DOCUMENT, PANEL, {}, 10, {"state": "absent", "ranking": []}).tallies
    assert "auction" not in {one.method for one in without}
