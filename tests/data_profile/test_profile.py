"""The table of fields is complete and strict, and what is told is measured on the rows given."""

import numpy as np
import pandas as pd
import pytest
import yaml

from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.profile import FIELDS, STOCK_FIELDS, Profile, ProfileError
from data_profile.sources.panel_file import read


@pytest.fixture(scope="module")
def panel() -> Panel:
    return Panel.from_frame(synthetic(3, sectors=12, sessions=120).frame)


@pytest.fixture(scope="module")
def profile() -> Profile:
    return Profile.load()


@pytest.mark.real_data
@pytest.mark.parametrize("file", ["sector_day_panel.parquet", "ths90_day_panel.parquet"])
def test_every_numeric_field_of_the_real_panels_is_known(real_data, profile, file) -> None:
    panel = Panel.from_frame(read(real_data / file).frame)
    assert profile.unknown(panel) == ()
    core = {"close", "turnover", "net_inflow", "company_count", "limit_up_count"}
    assert set(profile.core(panel)) == core & set(panel.fields)


def test_units_cover_the_known_fields_only(profile, panel) -> None:
    other = Panel(panel.sessions, panel.instruments, {**panel.values, "odd": panel.values["close"]},
                  panel.listed)  # fmt: skip
    units = profile.units(other)
    assert units["net_inflow"] == "yuan"
    assert units["limit_up_count"] == "count"
    assert "odd" not in units
    assert profile.unknown(other) == ("odd",)
    assert "odd" not in profile.usable(other)
    assert "$odd (its meaning is unknown)" in profile.describe(other)


def test_a_field_is_usable_only_once_it_is_known(profile, panel) -> None:
    assert "net_inflow" in profile.usable(panel)
    assert "lhb_net_buy" not in profile.usable(panel)
    assert "lhb_net_buy" in profile.usable(panel, cutoff="18:30")
    assert profile.usable(panel, cutoff="10:00") == ("flow_1000",)
    for cutoff in ("", "25:00", "9:30", "15:45:00"):
        with pytest.raises(ProfileError, match="no time of day"):
            profile.usable(panel, cutoff=cutoff)


def test_the_list_is_known_to_who_forecasts_stocks_in_the_evening(panel) -> None:
    stocks = Profile.load(STOCK_FIELDS)
    assert (stocks.cutoff, Profile.load().cutoff) == ("18:10", "15:45")
    values = {name: panel.values["close"] for name in ("close", "lhb_net_buy")}
    listed = Panel(panel.sessions, panel.instruments, values, panel.listed)
    assert stocks.usable(listed) == ("close", "lhb_net_buy")
    assert stocks.usable(listed, cutoff="15:45") == ("close",)
    assert "$lhb_net_buy [yuan]" in stocks.describe(listed)


def test_the_next_morning_is_later_than_any_time_of_the_session(profile, panel) -> None:
    assert profile.fields["close"].minutes == 15 * 60 + 35
    north = profile.fields["northbound_net_buy"]
    assert north.minutes == (24 + 9) * 60
    values = {**panel.values, "northbound_net_buy": panel.values["close"]}
    other = Panel(panel.sessions, panel.instruments, values, panel.listed)
    assert "northbound_net_buy" not in profile.usable(other, cutoff="23:59")
    by_text = sorted(profile.fields.values(), key=lambda field: field.known_at)
    assert [field.minutes for field in by_text] == sorted(field.minutes for field in by_text)


def test_the_reference_documents_fields_are_all_there(profile, panel) -> None:
    for name in ("open", "turnover", "ths_inflow", "ths_outflow", "ths_net", "super_large_net",
                 "large_net", "medium_net", "small_net", "sealing_value", "ladder_2", "ladder_5",
                 "promotion_rate", "promotion_rate_1", "promotion_rate_4", "sealing_rate",
                 "limit_up_premium", "lhb_institution_net_buy", "lhb_hot_money_net_buy",
                 "northbound_net_buy", "news_sentiment", "breadth"):  # fmt: skip
        assert name in profile.fields
    for name, field in profile.fields.items():
        assert (field.known_at == "18:10") == name.startswith("lhb_")
    absent = profile.absent(panel)
    assert "sealing_value" in absent
    assert not set(absent) & set(profile.usable(panel))


def test_a_field_without_values_is_neither_usable_nor_core(profile, panel) -> None:
    early = panel.between(None, panel.sessions[5])  # before money flow begins
    assert "net_inflow" not in profile.usable(early)
    assert "net_inflow" not in profile.core(early)
    assert "net_inflow" in profile.core(panel)


def test_rows_measure_each_field(profile, panel) -> None:
    rows = {row.name: row for row in profile.rows(panel)}
    assert tuple(rows) == panel.fields
    flow = rows["net_inflow"]
    there = np.isfinite(panel.values["net_inflow"]) & panel.listed
    assert flow.coverage == pytest.approx(there.sum() / panel.listed.sum())
    assert flow.first == str(panel.sessions[there.any(axis=1)][0])
    assert flow.median == pytest.approx(np.median(panel.values["net_inflow"][there]), rel=1e-6)
    assert flow.core
    assert flow.usable
    count = panel.values["limit_up_count"][panel.listed]
    count = count[np.isfinite(count)]
    assert rows["limit_up_count"].zeros == pytest.approx((count == 0).mean())
    assert rows["limit_up_count"].to_dict()["unit"] == "count"


def test_the_description_tells_nothing_of_later_sessions(profile, panel) -> None:
    end = panel.sessions[80]
    rng = np.random.default_rng(0)
    poisoned = {}
    for name, matrix in panel.values.items():
        poisoned[name] = matrix.copy()
        poisoned[name][81:] = rng.normal(size=matrix[81:].shape) * 1e9
    later = Panel(panel.sessions, panel.instruments, poisoned, panel.listed)
    told = profile.describe(panel, end=end)
    assert told == profile.describe(later, end=end) == profile.describe(panel.between(None, end))
    assert told != profile.describe(panel)
    assert str(panel.sessions[81]) not in told


def test_base_rates_are_those_of_the_rows(profile) -> None:
    frame = pd.DataFrame(
        {
            "date": ["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07"] * 2,
            "instrument": ["A"] * 4 + ["B"] * 4,
            "limit_up_count": [0, 0, 5, 1, 1, 1, 0, 0],
        }
    )
    told = profile.describe(Panel.from_frame(frame))
    assert "on 50.0% of sector-days; the mean count is 1.00" in told
    assert "after 66.7% of the sector-days with a limit-up and 33.3% of those without" in told
    assert "follows 16.7% of sector-days" in told  # A's 5 after 0, 0


def test_a_panel_without_the_label_or_without_sessions_is_described(profile, panel) -> None:
    assert "limit-up on" not in profile.describe(panel.select(["close"]))
    assert "no session" in profile.describe(panel, end="1999-01-01")


ENTRY = yaml.safe_load(FIELDS.read_text(encoding="utf-8"))["close"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "dollars"}, "field close: unit"),
        ({"known_at": "26:00"}, "field close: known_at"),
        ({"known_at": "next"}, "field close: known_at"),
        ({"known_at": 930}, "field close: known_at"),
        ({"core": "yes"}, "field close: core"),
        ({"zh": ""}, "field close: zh"),
        ({"colour": "red"}, "field close: colour"),
        ({"meaning": None}, "field close: meaning"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change: dict, message: str) -> None:
    path = tmp_path / "fields.yaml"
    path.write_text(yaml.safe_dump({"close": ENTRY | change}), encoding="utf-8")
    with pytest.raises(ProfileError, match=message) as caught:
        Profile.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- close",
        "close: 3",
        "Close!: {zh: x}",
        "close: {zh: a}\nclose: {zh: b}",
        "a: [",
        "\x00",
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text: str) -> None:
    path = tmp_path / "fields.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"fields\.yaml"):
        Profile.load(path)


def test_no_entry_claims_to_predict() -> None:
    text = FIELDS.read_text(encoding="utf-8").lower().split("\n\n", 1)[1]
    for word in ("predictive", "correlation of", "rankic", "rank ic", "hit rate"):
        assert word not in text
