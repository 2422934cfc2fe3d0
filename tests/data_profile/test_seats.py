"""Which names are one seat, by rule, by likeness, and by a person."""

from pathlib import Path

import pytest

from data_profile.seat_names import SeatError
from data_profile.seats import Doubt, Seats, find

BROKER = "长江证券股份有限公司"
BARE, FULL = f"{BROKER}上海仙霞路证券营业部", f"{BROKER}上海长宁区仙霞路证券营业部"
ELSEWHERE = f"{BROKER}上海闵行区仙霞路证券营业部"


def test_a_district_may_be_left_out(tmp_path: Path) -> None:
    found = Seats(tmp_path).unify([BARE, FULL])
    assert set(found.values()) == {"长江证券上海长宁区仙霞路证券营业部"}


def test_with_two_districts_neither_is_sure(tmp_path: Path) -> None:
    found = Seats(tmp_path).unify([BARE, FULL, ELSEWHERE])
    assert len(set(found.values())) == 3


def test_almost_the_same_letters_are_one_unless_a_letter_tells(tmp_path: Path) -> None:
    names = ["国金证券成都新都区马超西路证券营业部", "国金证券成都新都马超西路证券营业部",
             "国金证券成都新都区马超东路证券营业部"]  # fmt: skip
    one, other, east = (Seats(tmp_path).unify(names)[name] for name in names)
    assert one == other != east


def test_a_person_decides_what_is_in_doubt(tmp_path: Path) -> None:
    names = ["信达证券深圳湾科技园证券营业部", "信达证券深圳湾科技生态园证券营业部"]
    seats = Seats(tmp_path)
    (doubt,) = seats.review(names)
    assert len(set(seats.unify(names).values())) == 2  # until then they are two
    seats.decide(doubt, same=True, reason="the same address")
    again = Seats(tmp_path)
    assert again.review(names) == []
    assert set(again.unify(names).values()) == {"信达证券深圳湾科技生态园证券营业部"}
    seats.decide(doubt, same=False)
    assert len(set(Seats(tmp_path).unify(names).values())) == 2  # the latest word holds


def test_a_person_parts_what_the_rules_joined(tmp_path: Path) -> None:
    seats = Seats(tmp_path)
    one, other = "长江证券上海仙霞路证券营业部", "长江证券上海长宁区仙霞路证券营业部"
    seats.decide(Doubt("0" * 6, one, other, 100.0), same=False)
    assert len(set(seats.unify([BARE, FULL]).values())) == 2


def test_an_id_that_waits_for_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeatError, match="no pair 'abcdef' waits"):
        find(Seats(tmp_path).review([BARE]), "abcdef")


def test_damaged_decisions_are_named(tmp_path: Path) -> None:
    (tmp_path / "decisions.jsonl").write_text("{}\n")
    with pytest.raises(SeatError, match=r"decisions\.jsonl cannot be read"):
        Seats(tmp_path).unify([BARE])


def test_every_real_name_belongs_to_one_seat(real_data: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    column = pq.read_table(real_data / "lhb_seats.parquet", columns=["department"])[0]
    names = {name for chunk in column.chunks for name in chunk.dictionary.to_pylist()}
    assert len(names) == 5238
    seats = Seats(tmp_path)
    clusters = seats.clusters(names)
    assert sorted(name for one in clusters for name in one.names) == sorted(names)
    assert 4900 < len(clusters) < 5050
    assert len(seats.review(names)) < 20
