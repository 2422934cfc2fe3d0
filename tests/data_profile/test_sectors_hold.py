"""Whatever is done to the master mapping, and however it dies: no id changes, comes twice, goes."""

import datetime
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_profile.sector_names import SectorError
from data_profile.sectors import Sectors

DAY = datetime.date(2025, 12, 30)
NEXT = datetime.date(2025, 12, 31)
REPOSITORY = Path(__file__).resolve().parents[2]

NAMES = st.sampled_from(
    ["半导体", "半导体概念", "电池", "锂电池", "锂电池概念", "电池Ⅱ", "白酒", "非白酒", "通用设备",
     "专用设备", "通用专用设备", "汽车轻量化一体压铸", "汽车轻量化一体压铸件", "5G", "6G", "游戏"]
)  # fmt: skip
DAYS = st.integers(0, 20).map(lambda n: DAY + datetime.timedelta(days=n))
STEPS = st.one_of(
    st.tuples(st.just("enter"), st.lists(NAMES, min_size=1, max_size=6), DAYS),
    st.tuples(st.just("adopt"), st.lists(NAMES, min_size=1, max_size=4), DAYS),
    st.tuples(st.just("decide"), st.integers(0, 3), st.sampled_from(["accept", "rename", "new"])),
    st.tuples(st.just("merge"), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("rename"), st.integers(0, 9), NAMES),
    st.tuples(st.just("separate"), NAMES, st.none()),
)


def step(sectors: Sectors, what: str, one: object, other: object) -> None:
    known = list(sectors.sectors())
    waiting = sectors.review()
    match what:
        case "enter":
            sectors.enter(one, "concept", other)  # type: ignore[arg-type]
        case "adopt":
            sectors.adopt({f"C{i}": n for i, n in enumerate(one)}, other, kind="concept")  # type: ignore[arg-type]
        case "decide" if waiting:
            sectors.decide(waiting[int(one) % len(waiting)].number, other)  # type: ignore[arg-type,call-overload]
        case "merge" if known:
            sectors.merge(known[int(one) % len(known)], known[int(other) % len(known)], NEXT)  # type: ignore[call-overload]
        case "rename" if known:
            sectors.rename(known[int(one) % len(known)], str(other), NEXT)  # type: ignore[call-overload]
        case "separate":
            sectors.separate(str(one), "concept")


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=14))
def test_whatever_happens_no_id_changes_or_comes_twice(steps: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sectors = Sectors(Path(folder))
        for what, one, other in steps:
            before, log = sectors.sectors(), sectors.history()
            try:
                step(sectors, what, one, other)
            except SectorError:
                assert sectors.history() == log
            after = sectors.sectors()
            assert sectors.history()[: len(log)] == log
            ours = [sector_id for sector_id in after if sector_id.startswith("BK")]
            assert ours == [f"BK{n + 1:04d}" for n in range(len(ours))]
            assert list(after)[: len(before)] == list(before)
            for sector_id, sector in before.items():
                now = after[sector_id]
                assert (now.kind, now.since, now.parent) == (
                    sector.kind, sector.since, sector.parent,
                )  # fmt: skip
                assert now.names[: len(sector.names)] == sector.names
            if what == "enter" and not isinstance(other, str):
                again = sectors.enter(one, "concept", other)
                assert sectors.enter(one, "concept", other) == again
        assert Sectors(Path(folder)).sectors() == sectors.sectors()


CHILD = """
import sys, datetime
from pathlib import Path
from data_profile.sectors import Sectors
sectors = Sectors(Path(sys.argv[1]))
for n in range(10_000):
    name = f"board{n}x"
    print(name, sectors.enter([name], "concept", datetime.date(2025, 12, 30))[name].sector_id,
          flush=True)
"""


def test_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    answered: dict[str, str] = {}
    for round_ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)],
            stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
        )  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.01 * round_)
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read()
        child.wait()
        for line in rest.splitlines()[:-1]:
            name, sector_id = line.split()
            assert answered.setdefault(name, sector_id) == sector_id
        sectors = Sectors(tmp_path)
        assert sectors.allocate(f"after{round_}x", "concept", DAY)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["lock", "log.jsonl"]
        for name, sector_id in answered.items():
            assert sectors.resolve(name, "concept", DAY).sector_id == sector_id


def _enter_many(folder: str, names: list[str]) -> dict[str, str | None]:
    sectors = Sectors(Path(folder))
    return {name: sectors.enter([name], "concept", DAY)[name].sector_id for name in names}


def test_two_processes_agree(tmp_path: Path) -> None:
    names = [f"board{n}x" for n in range(60)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, other = pool.starmap(
            _enter_many, [(str(tmp_path), names), (str(tmp_path), names[::-1])]
        )
    assert one == other
    assert len(set(one.values())) == len(names)
