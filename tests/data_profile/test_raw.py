"""The raw zone keeps what was fetched as it was fetched, and can prove it."""

import datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_profile.errors import StoreError
from data_profile.raw import Raw
from data_profile.sources.base import Observation

DAY = datetime.date(2026, 11, 20)
NOON = datetime.datetime(2026, 11, 20, 15, 35, 2, 123456, tzinfo=ZoneInfo("Asia/Shanghai"))


def seen(source="akshare.limit_up_pool", session=DAY, observed_at=NOON, **columns) -> Observation:
    frame = pd.DataFrame({"code": ["600000", "000001"], "streak": [1, 2], **columns})
    return Observation(source, session, observed_at, True, frame, ("code",))


@pytest.fixture
def raw(tmp_path) -> Raw:
    return Raw(tmp_path / "raw")


def test_what_was_put_is_what_is_got(raw) -> None:
    told = seen(value=[1.5, None], name=["浦发", None])
    got = raw.get(raw.put(told))
    pd.testing.assert_frame_equal(got.frame, told.frame)
    assert (got.source, got.session, got.observed_at, got.dated, got.key) == (
        told.source, told.session, told.observed_at, told.dated, told.key,
    )  # fmt: skip
    assert raw.verify() == ()


def test_the_same_observation_is_kept_once_and_another_moment_apart(raw) -> None:
    first = raw.put(seen())
    assert raw.put(seen()) == first
    assert raw.put(seen(observed_at=NOON.astimezone(datetime.UTC))) == first
    later = raw.put(seen(observed_at=NOON + datetime.timedelta(hours=1)))
    changed = raw.put(seen(streak=[1, 3]))
    assert len({first, later, changed}) == 3
    assert raw.get(first).frame["streak"].tolist() == [1, 2]


def test_entries_by_session_source_and_time(raw) -> None:
    hour = datetime.timedelta(hours=1)
    raw.put(seen(observed_at=NOON + hour))
    raw.put(seen())
    raw.put(seen("ths.limit_up_pool"))
    raw.put(seen("akshare.limit_up_pool_previous"))
    raw.put(seen(session=DAY - datetime.timedelta(1)))
    assert len(raw.observations()) == 5
    assert len(raw.observations(session=DAY)) == 4
    assert [e.observed_at for e in raw.observations(DAY, "akshare.limit_up_pool")] == [
        NOON, NOON + hour,
    ]  # fmt: skip
    assert len(raw.observations(as_of=NOON)) == 4
    assert raw.observations(session=datetime.date(2020, 1, 2)) == ()
    with pytest.raises(StoreError, match="no time zone"):
        raw.observations(as_of=datetime.datetime(2026, 1, 1))


def test_quarantine_stands_apart_with_its_reasons(raw) -> None:
    bad = raw.put(seen(), quarantined=("net is not in less out", "复权价"))
    good = raw.put(seen("ths.limit_up_pool"))
    entries = {entry.id: entry for entry in raw.observations()}
    assert entries[bad].quarantined == ("net is not in less out", "复权价")
    assert entries[good].quarantined == ()
    assert "/quarantine/" in bad
    assert raw.get(bad).frame["streak"].tolist() == [1, 2]
    assert raw.verify() == ()


def test_mixed_types_are_refused_as_good_and_kept_as_text_in_quarantine(raw) -> None:
    told = seen(value=[1.5, "--"])
    with pytest.raises(StoreError, match="mixes types"):
        raw.put(told)
    got = raw.get(raw.put(told, quarantined=["value is no number"]))
    assert got.frame["value"].tolist() == ["1.5", "--"]


def test_every_changed_byte_is_found(raw) -> None:
    made = raw.put(seen())
    path = raw.folder / f"{made}.parquet"
    content = path.read_bytes()
    for position in range(0, len(content), 97):
        spoilt = bytearray(content)
        spoilt[position] ^= 1
        path.write_bytes(spoilt)
        [problem] = raw.verify()
        assert "hash differs" in problem
        with pytest.raises(StoreError, match="hash differs"):
            raw.get(made)
    path.write_bytes(content)
    (raw.folder / "2026-11-20" / "notes.txt").write_text("mine")
    (raw.folder / "2026-11-20" / ".left-by-a-killed-write").write_text("x")
    [problem] = raw.verify()
    assert "does not belong" in problem
    assert len(raw.observations()) == 1


@given(st.text())
@settings(max_examples=200)
def test_no_id_is_a_path(tmp_path_factory, text) -> None:
    raw = Raw(tmp_path_factory.getbasetemp() / "nothing")
    for id in (text, f"../{text}", f"2026-11-20/../{text}", "/etc/passwd"):
        with pytest.raises(StoreError):
            raw.get(id)


def test_an_empty_table_and_a_disk_that_refuses(tmp_path) -> None:
    raw = Raw(tmp_path / "raw")
    told = seen()
    nothing = Observation(told.source, DAY, NOON, True, told.frame.iloc[:0], ("code",))
    assert raw.get(raw.put(nothing)).frame.empty
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        Raw(tmp_path / "file").put(told)
    assert Raw(tmp_path / "none").observations() == ()
