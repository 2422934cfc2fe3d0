"""Two times: what holds of a session, and what was known of it when. No value moves by a day."""

import datetime
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from data_profile.errors import PanelError, SourceError, StoreError
from data_profile.panel import Panel
from data_profile.store import Store
from data_profile.verify import verify

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS = [datetime.date(2025, 12, day) for day in (24, 25, 26, 29, 30, 31)]
DAYS.append(datetime.date(2026, 1, 5))  # another month
LAST = DAYS[-1]
KNOWN = {"close": 15 * 60 + 35, "lhb_count": 18 * 60 + 10, "odd": 24 * 60}


def at(day: datetime.date, clock: str) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)


def rows(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"instrument": ["A", "B"], **columns})


def history(days=DAYS[:3], **columns: object) -> pd.DataFrame:
    parts = [rows(close=[10.0, 20.0], lhb_count=[1.0, 2.0], **columns).assign(date=d) for d in days]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def store(tmp_path) -> Store:
    made = Store(tmp_path / "store")
    made.build(history(), {"A": "甲", "B": "乙"}, source="history.parquet")
    return made


def value(panel: Panel, name: str, day: datetime.date, instrument: str) -> float:
    row = panel.sessions.astype(object).tolist().index(day)
    return float(panel.values[name][row, panel.instruments.index(instrument)])


def test_as_known_at_1545_there_is_no_evening_list_and_no_recollected_flow(store) -> None:
    day = DAYS[3]
    nan = float("nan")
    first = rows(close=[11.0, 21.0], net_inflow=[5.0, 6.0], lhb_count=[nan, nan])
    again = rows(close=[11.0, 21.0], net_inflow=[7.0, 8.0], lhb_count=[nan, nan])
    lists = rows(close=[11.0, 21.0], net_inflow=[7.0, 8.0], lhb_count=[3.0, 4.0])
    for clock, table, state, missing in (
        ("15:36", first, "partial", ("lhb_stocks",)),
        ("16:46", again, "partial", ("lhb_stocks",)),
        ("18:11", lists, "complete", ()),
    ):
        store.append(table, session=day, observed_at=at(day, clock), state=state, missing=missing)
    final, known = store.panel(), store.panel(cutoff="15:45")
    assert value(final, "net_inflow", day, "A") == 7
    assert value(final, "lhb_count", day, "A") == 3
    assert value(known, "net_inflow", day, "A") == 5
    assert "lhb_count" not in known.fields  # neither that evening's nor the imported ones
    assert value(known, "close", DAYS[0], "B") == 20
    assert known.sessions.tolist() == final.sessions.tolist()
    assert known.instruments == final.instruments
    evening = store.panel(cutoff="16:50")
    assert value(evening, "net_inflow", day, "A") == 7
    assert "lhb_count" not in evening.fields
    assert store.panel(cutoff="18:30").snapshot_id == final.snapshot_id


def test_as_of_an_instant_the_later_is_not_there(store) -> None:
    store.append(rows(close=[1.0, 2.0]), session=DAYS[3], observed_at=at(DAYS[3], "15:36"),
                 state="complete")  # fmt: skip
    store.append(pd.DataFrame({"instrument": ["NEW"], "close": [9.0]}), session=DAYS[4],
                 observed_at=at(DAYS[4], "15:36"), state="complete")  # fmt: skip
    panel = store.panel(as_of=at(DAYS[4], "15:00"))
    assert panel.sessions[-1].item() == DAYS[3]
    assert panel.instruments == ("A", "B")
    # Imported rows count from the time of their field: at noon the day's close is not known.
    noon = store.panel(as_of=at(DAYS[2], "12:00"))
    assert noon.sessions[-1].item() == DAYS[1]
    dusk = store.panel(as_of=at(DAYS[2], "15:35"))
    assert value(dusk, "close", DAYS[2], "A") == 10
    assert np.isnan(value(dusk, "lhb_count", DAYS[2], "A"))
    with pytest.raises(StoreError, match="nothing that was known"):
        store.panel(as_of=at(DAYS[0], "09:00"))


def test_a_day_collected_the_next_morning_was_not_known_that_afternoon(store) -> None:
    store.append(rows(close=[1.0, 2.0]), session=DAYS[3], observed_at=at(DAYS[4], "09:10"),
                 state="complete")  # fmt: skip
    known = store.panel(cutoff="15:45")
    assert known.sessions[-1].item() == DAYS[3]
    assert np.isnan(value(known, "close", DAYS[3], "A"))
    store.append(rows(close=[1.0, 2.0]), session=DAYS[4], observed_at=at(LAST, "09:10"),
                 state="imported")  # fmt: skip
    assert value(store.panel(cutoff="15:45"), "close", DAYS[4], "A") == 1


def test_times_that_are_none(store) -> None:
    with pytest.raises(StoreError, match="no time zone"):
        store.panel(as_of=datetime.datetime(2026, 1, 5, 15, 45))
    for clock in ("1545", "25:00", "", "15:45:00"):
        with pytest.raises(StoreError, match="no time of day"):
            store.panel(cutoff=clock)


def test_imports_and_collected_days_live_together(store) -> None:
    collected = rows(close=[7.0, float("nan")])
    store.append(collected, session=DAYS[3], observed_at=at(DAYS[3], "15:36"), state="complete")
    # A new file takes the place of the old one; what was collected outranks it.
    file = history(DAYS[2:5]).assign(close=99.0)
    manifest = store.build(file, {}, source="second.parquet")
    panel = store.panel()
    assert [day.item() for day in panel.sessions] == DAYS[2:5]
    assert value(panel, "close", DAYS[3], "A") == 7
    assert value(panel, "close", DAYS[3], "B") == 99
    assert (manifest.collected, manifest.partial, manifest.state) == (1, 0, "imported")
    assert (manifest.source, manifest.rows) == ("collected, second.parquet", 6)
    # Added, it takes their place on its own days only.
    store.build(history(DAYS[:3]).assign(close=1.0), {}, source="third.parquet", add=True)
    panel = store.panel()
    assert [day.item() for day in panel.sessions] == DAYS[:5]
    assert [value(panel, "close", day, "B") for day in DAYS[:5]] == [1, 1, 1, 99, 99]
    assert store.names() == {"A": "甲", "B": "乙"}
    assert verify(store.folder).ok


def test_the_same_rows_again_change_nothing_and_a_second_look_is_kept(store) -> None:
    table = rows(close=[7.0, 8.0], note=["x", None])
    observed = at(DAYS[3], "15:36")
    first = store.append(table, session=DAYS[3], observed_at=observed, state="complete")
    files = sorted(path.name for path in store.folder.rglob("*"))
    again = store.append(table[::-1], session=DAYS[3], observed_at=observed, state="complete")
    assert again == first
    assert sorted(path.name for path in store.folder.rglob("*")) == files
    later = store.append(table, session=DAYS[3], observed_at=at(DAYS[3], "16:46"), state="complete")
    assert later.snapshot_id == first.snapshot_id
    assert later.rows == first.rows, "seen twice, they are the same rows"
    assert later.ignored == ("note",)
    [day] = store.days()
    assert (day.session, day.state, day.observations) == (DAYS[3], "complete", 2)


def test_an_earlier_observation_that_arrives_later_does_not_win(store) -> None:
    for clock, close in (("16:46", 2.0), ("15:36", 1.0)):
        store.append(rows(close=[close, close]), session=DAYS[3], observed_at=at(DAYS[3], clock),
                     state="complete")  # fmt: skip
    assert value(store.panel(), "close", DAYS[3], "A") == 2
    assert value(store.panel(cutoff="15:45"), "close", DAYS[3], "A") == 1


def test_a_store_may_begin_with_a_collected_day(tmp_path) -> None:
    store = Store(tmp_path)
    manifest = store.append(
        rows(close=[1.0, 2.0]), session=LAST, observed_at=at(LAST, "15:36"), state="partial",
        missing=("board_flow",), names={"A": "甲"},
    )  # fmt: skip
    assert (manifest.state, manifest.partial, manifest.source) == ("partial", 1, "collected")
    assert store.names() == {"A": "甲", "B": "B"}
    assert store.days()[0].missing == ("board_flow",)


def test_a_renamed_board_keeps_its_history(store) -> None:
    before = store.panel()
    store.append(rows(close=[1.0, 2.0]), session=DAYS[3], observed_at=at(DAYS[3], "15:36"),
                 state="complete", names={"A": "甲二"})  # fmt: skip
    assert store.names() == {"A": "甲二", "B": "乙"}
    assert store.panel().between(end=DAYS[2]).snapshot_id == before.snapshot_id


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"session": datetime.date(2026, 1, 3)}, StoreError, "no trading day"),
        ({"state": "done"}, StoreError, "none of complete"),
        ({"observed_at": datetime.datetime(2026, 1, 5, 15, 36)}, StoreError, "no time zone"),
        ({"observed_at": at(DAYS[3], "23:59")}, StoreError, "cannot have been observed"),
        ({"rows": rows(close=[1.0, 2.0], date="2025-12-31")}, StoreError, "speak of 2025-12-31"),
        ({"rows": rows(close=[1.0, 2.0], instrument=["A", "A"])}, PanelError, "2 times"),
        ({"rows": rows(close=[1.0, 2.0], instrument=["A", "../B"])}, SourceError, "name a file"),
        ({"rows": rows(close=["a", "b"])}, SourceError, "numbers here and text"),
        ({"rows": rows(close=[1.0, 2.0]).iloc[:0]}, PanelError, "no rows"),
    ],
)
def test_what_cannot_be_appended_leaves_the_store_as_it_was(store, changes, error, match) -> None:
    before = store.manifest()
    asked = {"rows": rows(close=[1.0, 2.0]), "session": LAST, "observed_at": at(LAST, "15:36"),
             "state": "complete"} | changes  # fmt: skip
    with pytest.raises(error, match=match):
        store.append(asked.pop("rows"), **asked)
    assert store.manifest() == before
    assert verify(store.folder).ok


def test_a_day_touches_its_month_and_the_derived_files_only(store) -> None:
    """However long the history, an append writes and keeps no other rows than its month's."""
    for day in DAYS[3:6]:
        store.append(rows(close=[1.0, 2.0]), session=day, observed_at=at(day, "15:36"),
                     state="complete")  # fmt: skip
    before = {path.name: path.stat() for path in (store.folder / "truth").iterdir()}
    store.append(rows(close=[1.0, 2.0]), session=LAST, observed_at=at(LAST, "15:36"),
                 state="complete")  # fmt: skip
    after = {path.name: path.stat() for path in (store.folder / "truth").iterdir()}
    assert {n: s.st_mtime_ns for n, s in before.items() if n in after} == {
        n: s.st_mtime_ns for n, s in after.items() if n in before
    }
    [new] = set(after) - set(before)
    assert new.startswith("2026-01-")
    assert after[new].st_size < 10_000
    files = [path for path in store.version.rglob("*") if path.is_file()]
    panel = store.panel()
    assert len(files) == 3 + (2 + len(panel.fields)) + 2 + 2 * len(panel.fields)


def test_an_append_reads_no_rows_but_its_own_session_s(store, monkeypatch) -> None:
    """What the import told of other days is in the panel: its file is not opened again."""
    [path] = (store.folder / "truth").iterdir()
    content = path.read_bytes()
    path.unlink()
    store.append(rows(close=[1.0, 2.0]), session=LAST, observed_at=at(LAST, "15:36"),
                 state="complete")  # fmt: skip
    path.write_bytes(content)
    assert verify(store.folder).ok


def test_a_damaged_panel_is_not_built_upon(store) -> None:
    path = next(store.version.glob("panel/field_*.npy"))
    content = bytearray(path.read_bytes())
    content[-2] ^= 0x41
    path.write_bytes(content)
    store.append(rows(close=[1.0, 2.0]), session=LAST, observed_at=at(LAST, "15:36"),
                 state="complete")  # fmt: skip
    assert verify(store.folder).ok


# --- A model of the store as plain dictionaries, compared with it cell by cell.

Cells = dict[tuple[datetime.date, str], dict[str, float]]


@dataclass
class Model:
    """What was put in, told cell by cell with no arrays and no files."""

    files: list[Cells] = field(default_factory=list)
    days: list[tuple[str, datetime.datetime, Cells]] = field(default_factory=list)

    def told(self, cell: tuple[datetime.date, str]) -> list[tuple[datetime.datetime | None, dict]]:
        """(observed, values) of a cell, the later one holding; None: imported."""
        found = []
        covering = [f for f in self.files if min(f)[0] <= cell[0] <= max(f)[0]]
        if covering and cell in covering[-1]:
            found.append((None, covering[-1][cell]))
        history = [(None, c[cell]) for state, _, c in self.days
                   if state == "imported" and cell in c]  # fmt: skip
        seen = [(observed, c[cell]) for state, observed, c in self.days
                if state != "imported" and cell in c]  # fmt: skip
        return found + history + sorted(seen, key=lambda pair: pair[0])

    def value(self, cell, name, limit) -> float:
        held = float("nan")
        for observed, values in self.told(cell):
            midnight = datetime.datetime.combine(cell[0], datetime.time(), SHANGHAI)
            known = observed or midnight + datetime.timedelta(minutes=KNOWN[name])
            if known <= limit(cell[0]) and values.get(name, float("nan")) == values.get(name):
                held = values[name]
        return held

    def cells(self) -> set[tuple[datetime.date, str]]:
        every = {c for f in self.files for c in f} | {c for _, _, d in self.days for c in d}
        return {cell for cell in every if self.told(cell)}


def compare(panel: Panel, model: Model, limit, limited: bool, axes=None) -> None:
    """Every cell of the panel against the model; nothing on another day, nothing extra."""
    known = {
        cell for cell in model.cells()
        if not limited or any(model.value(cell, name, limit) == model.value(cell, name, limit)
                              for name in KNOWN)
    }  # fmt: skip
    on_axes = {
        cell for cell in model.cells()
        if axes is None or any(model.value(cell, name, axes) == model.value(cell, name, axes)
                               for name in KNOWN)
    }  # fmt: skip
    days = [day.item() for day in panel.sessions]
    assert days == sorted({day for day, _ in on_axes})
    assert list(panel.instruments) == sorted({name for _, name in on_axes})
    for i, day in enumerate(days):
        for j, instrument in enumerate(panel.instruments):
            own = [d for d, name in known if name == instrument]
            assert panel.listed[i, j] == (bool(own) and min(own) <= day <= max(own))
            for name in KNOWN:
                expected = np.float32(model.value((day, instrument), name, limit))
                held = panel.values[name][i, j] if name in panel.values else np.float32("nan")
                np.testing.assert_equal(held, expected, err_msg=f"{day} {instrument} {name}")


numbers = st.one_of(st.just(float("nan")), st.integers(-9, 9).map(float))
values = st.fixed_dictionaries({}, optional={name: numbers for name in KNOWN}).filter(bool)
cells = st.dictionaries(st.tuples(st.sampled_from(DAYS), st.sampled_from("ABCD")), values,
                        min_size=1, max_size=8)  # fmt: skip
imports = st.tuples(st.just("import"), cells, st.booleans())
appends = st.tuples(
    st.just("append"), st.sampled_from(DAYS),
    st.dictionaries(st.sampled_from("ABCD"), values, min_size=1),
    st.sampled_from(["complete", "partial", "imported"]),
    st.integers(9 * 60, 40 * 60),
)  # fmt: skip


TWICE = {(DAYS[0], "A"): {"close": 2.0}, (DAYS[1], "B"): {"close": 3.0}}


def frame_of(told: Cells) -> pd.DataFrame:
    made = pd.DataFrame(
        [{"date": day, "instrument": name, **row} for (day, name), row in told.items()]
    )
    return made.astype({name: float for name in KNOWN if name in made})


@settings(max_examples=30, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@example(steps=[("import", TWICE, False), ("import", TWICE, True)])
@given(steps=st.lists(st.one_of(imports, appends, appends), min_size=1, max_size=6))
def test_any_sequence_of_imports_and_days_holds_what_a_dictionary_holds(steps) -> None:
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for step in steps:
            if step[0] == "import":
                _, told, add = step
                store.build(frame_of(told), {}, source="file", add=add)
                model.files = [*model.files, told] if add else [told]
            else:
                _, day, by_name, state, minute = step
                told = {(day, name): row for name, row in by_name.items()}
                observed = at(day, "00:00") + datetime.timedelta(minutes=minute)
                store.append(frame_of(told), session=day, observed_at=observed, state=state)
                model.days.append((state, observed, told))
        end = at(datetime.date(2100, 1, 1), "00:00")
        compare(store.panel(), model, lambda _: end, limited=False)
        assert verify(store.folder).ok
        if any(
            model.value(cell, name, lambda _: end) == model.value(cell, name, lambda _: end)
            for cell in model.cells()
            for name in KNOWN
        ):
            known = store.panel(cutoff="15:45")
            compare(known, model, lambda day: at(day, "15:45"), limited=True)
        instant = at(DAYS[3], "16:00")
        try:
            panel = store.panel(as_of=instant)
        except StoreError:
            return
        compare(panel, model, lambda _: instant, limited=True, axes=lambda _: instant)
