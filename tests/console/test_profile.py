"""`tide data profile` as a person reads it."""

import datetime
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import console.profile as shown
from data_profile.batches import Day
from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.profile import Profile
from data_profile.store import Store
from tests.commands import document, tide

MARKET = synthetic(5, sectors=8, sessions=60)
NOW = datetime.datetime(2025, 9, 1, 8, tzinfo=datetime.UTC)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch):
    """What is printed to a console of 100 columns."""
    made = Console(width=100, record=True, highlight=False)
    monkeypatch.setattr(shown, "stdout", made)
    return lambda: made.export_text()


def day(session: str, state: str, *missing: str) -> Day:
    return Day(datetime.date.fromisoformat(session), state, missing, NOW, 1)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "yuan", "-"), (-0.00004, "ratio", "0.0%"), (0.0312, "ratio", "3.1%"),
     (-1.69e8, "yuan", "-169m"), (9.53e9, "yuan", "9.53bn"), (12_345.0, "count", "12.3k"),
     (1141.2, "points", "1141"), (3.0, "count", "3"), (0.0, "yuan", "0")],
)  # fmt: skip
def test_quantities(value, unit, text) -> None:
    assert shown.quantity(value, unit) == text


def test_the_state_of_the_days_is_told() -> None:
    assert shown.describe_days([]) == ["state: imported; no session was collected yet"]
    days = [day("2025-08-28", "imported"), day("2025-08-29", "partial", "lhb_seats", "news"),
            day("2025-09-01", "complete")]  # fmt: skip
    assert shown.describe_days(days) == [
        "collected: 1 complete, 1 partial, 1 imported; the latest is 2025-09-01, complete",
        "partial 2025-08-29: without lhb_seats, news",
    ]


def test_the_overview_fits_and_names_what_is_barred_and_absent(tmp_path, printed) -> None:
    store = Store(tmp_path)
    manifest = store.build(MARKET.frame, MARKET.names, source="synthetic-5")
    profile, panel = Profile.load(), store.panel()
    shown.show_overview(profile.rows(panel), manifest, (), ["A rate."], profile.absent(panel))
    text = printed()
    assert max(map(len, text.splitlines())) <= 100
    for field in panel.fields:
        assert f"\n{field} " in text
    flat = " ".join(text.split())
    assert "Core fields (bold)" in flat
    assert "synthetic-5" in flat
    assert "In the search window: A rate." in flat
    assert "sealing_value" in flat.partition("No values here")[2]


def test_a_field_in_full_says_everything_the_table_says(printed) -> None:
    profile = Profile.load()
    panel = Panel.from_frame(MARKET.frame)
    rows = {row.name: row for row in profile.rows(panel)}
    shown.show_fields(["net_inflow", "northbound_net_buy"], profile.fields, rows)
    text = " ".join(printed().split())
    for field in (profile.fields["net_inflow"], profile.fields["northbound_net_buy"]):
        for words in (field.zh, field.en, field.meaning, field.caveat, field.source, field.depth,
                      field.missing, field.known_at):  # fmt: skip
            assert words in text
    assert "a core field" in text
    assert "no values" in text


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "panel.parquet"
    frame = MARKET.frame.assign(date=pd.to_datetime(MARKET.frame["date"]))
    frame.to_parquet(file)
    home = tmp_path / "home"
    tide(home, "data", "import", str(file))
    told = document(tide(home, "data", "profile", "--json"))
    assert isinstance(told, dict)
    assert told["store"]["sessions"] == 60
    assert told["days"] == []
    assert [row["name"] for row in told["fields"]] == list(Panel.from_frame(frame).fields)
    assert "news_sentiment" in told["absent"]
    assert "closing level" in tide(home, "data", "profile", "$close").stdout
    assert "colour" in tide(home, "data", "profile", "colour", status=2).stderr
