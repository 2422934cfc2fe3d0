"""Days from end to end, against local upstreams and channels: a good one, and those that go wrong.

Minutes rather than seconds: every step runs in a process of its own, with the real parsers.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data_profile.home import Home
from data_profile.sources.akshare_calls import forget
from predictor.forecast_log import ForecastLog, Record
from tests.data_profile.sound import assert_sound
from tests.predictor.notify.servers import FEISHU, WECOM, Hook
from tests.predictor.whole_day import (
    CLOCK,
    FRIDAY,
    MONDAY,
    SATURDAY,
    THURSDAY,
    Machine,
    copied,
    trained_home,
)  # fmt: skip
from tests.replay.server import Upstream

pytestmark = pytest.mark.slow
LISTS = "/api/qt/clist/get"  # boards' quotes and flow; the pools are elsewhere


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return trained_home(tmp_path_factory.mktemp("template") / "home")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    for module in ("stock.stock_fund_em", "stock.stock_board_concept_em"):
        forget(module)
    with Upstream(FRIDAY) as server:
        yield server


@pytest.fixture
def wecom() -> Iterator[Hook]:
    with Hook(WECOM) as hook:
        yield hook


@pytest.fixture
def feishu() -> Iterator[Hook]:
    with Hook(FEISHU) as hook:
        yield hook


@pytest.fixture
def machine(
    template: Home,
    tmp_path: Path,
    upstream: Upstream,
    wecom: Hook,
    feishu: Hook,
    monkeypatch: pytest.MonkeyPatch,
) -> Machine:
    monkeypatch.setenv(CLOCK, "")
    monkeypatch.setenv("TIDE_NOTIFY_WECOM_WEBHOOK", f"{wecom.url}/send?key=k3y-of-wecom")
    monkeypatch.setenv("TIDE_NOTIFY_FEISHU_WEBHOOK", f"{feishu.url}/hook/k3y-of-feishu")
    return Machine(copied(template, tmp_path / "home"), tmp_path, upstream)


def records(machine: Machine) -> list[Record]:
    with ForecastLog(machine.home.forecasts) as log:
        log.verify()
        return log.records()


def states(machine: Machine) -> dict[str, str]:
    return {name: row.state for name, row in machine.records(FRIDAY).items()}


def test_a_day_from_the_auction_to_the_night(machine: Machine, wecom: Hook, feishu: Hook) -> None:
    home = machine.home
    machine.upstream.session = THURSDAY
    machine.wake(THURSDAY, "18:30")
    machine.upstream.session = FRIDAY
    machine.wake(FRIDAY, "09:30")
    assert states(machine) == {"confirm": "complete", "rerank": "complete"}
    machine.wake(FRIDAY, "15:36")
    assert states(machine)["collect"] == "complete"
    assert "predict" not in states(machine)
    machine.wake(FRIDAY, "15:51")
    [yesterday, auction, today] = records(machine)
    assert (yesterday.live, auction.live, today.live) == (True, False, True)
    assert (auction.step, str(auction.for_session)) == ("confirm", "2026-11-20")
    assert (today.as_of, today.for_session) == (FRIDAY, MONDAY)
    assert f"{today.made_at:%H:%M}" in ("15:51", "15:52", "15:53")
    page = home.reports / "daily-2026-11-20.en.html"
    before = page.stat().st_mtime_ns
    machine.wake(FRIDAY, "18:40")
    assert set(states(machine).values()) == {"complete"}
    assert page.stat().st_mtime_ns > before, "the page has the final figures"
    machine.wake(FRIDAY, "19:30")
    assert set(states(machine)) == {
        "confirm", "rerank", "collect", "predict", "notify", "report", "recollect", "lists",
        "train",
    }  # fmt: skip
    assert set(states(machine).values()) == {"complete"}
    assert len(records(machine)) == 3, "a new model makes no second forecast of a told one"
    for hook in (wecom, feishu):
        [before_it, confirmed, told] = hook.messages()
        assert yesterday.hash[:16] in before_it
        assert "Auction of 2026-11-20" in confirmed
        assert today.document["ranking"][0]["name"] in told
        assert today.hash[:16] in told
        assert "\\" not in told
    assert machine.wake(FRIDAY, "21:00") == []
    assert machine.wake(SATURDAY, "15:40") == [], "no session, nothing to do"
    assert "k3y" not in "\n".join(machine.said)
    for path in home.root.rglob("*"):
        if path.is_file():
            assert b"k3y-of" not in path.read_bytes(), path
    assert_sound(home)


def test_a_broken_source_makes_a_partial_day_and_a_forecast_that_says_so(
    machine: Machine, upstream: Upstream, wecom: Hook, feishu: Hook
) -> None:
    upstream.modes[LISTS] = "403"
    wecom.mode = "limited"
    machine.wake(FRIDAY, "15:36")
    machine.wake(FRIDAY, "15:45:30")
    assert states(machine)["collect"] == "partial"
    assert states(machine)["predict"] == "complete"
    assert states(machine)["notify"] == "partial", "one channel takes no more messages"
    [made] = records(machine)
    lacking = made.document["data_states"]["as_of"]
    assert lacking["state"] == "partial"
    assert "board_quotes.industry" in lacking["missing"]
    assert "from a partial day, without" in machine.records(FRIDAY)["predict"].note
    [told] = feishu.messages()
    assert "Data of 2026-11-20 is partial, without: " in told
    assert "board_quotes.industry" in told
    wecom.mode = "ok"
    wecom.requests.clear()
    machine.wake(FRIDAY, "16:20")
    assert states(machine)["notify"] == "complete"
    assert len(wecom.messages()) == 1
    assert len(feishu.messages()) == 1, "who has it does not get it again"


def test_a_source_that_is_a_day_late_means_no_forecast_until_it_comes(
    machine: Machine, upstream: Upstream, wecom: Hook
) -> None:
    upstream.session = THURSDAY
    machine.wake(FRIDAY, "15:46")
    assert states(machine)["collect"] == "partial"
    assert states(machine)["predict"] == "failed"
    note = machine.records(FRIDAY)["predict"].note
    assert note.startswith("no forecast: the store ")
    assert records(machine) == []
    [told] = wecom.messages()
    assert "No forecast for 2026-11-23" in told
    assert "tide doctor" in told
    upstream.session = FRIDAY
    machine.wake(FRIDAY, "16:50")
    [made] = records(machine)
    assert (made.live, made.as_of) == (True, FRIDAY)
    assert states(machine)["predict"] == "complete"
    assert made.hash[:16] in wecom.messages()[-1], "and now it is told"


def test_a_machine_asleep_at_1535_forecasts_from_the_evening(
    machine: Machine, feishu: Hook
) -> None:
    machine.wake(FRIDAY, "09:30")
    machine.wake(FRIDAY, "20:00")
    assert states(machine)["collect"] == "missed"
    assert states(machine)["recollect"] == "complete"
    assert states(machine)["predict"] == "complete"
    [made] = records(machine)
    assert made.live
    assert any("came in after 15:45" in note for note in made.document["notes"])
    assert len(feishu.messages()) == 1


def test_a_machine_asleep_until_monday_makes_no_forecast_of_friday(machine: Machine) -> None:
    machine.wake(FRIDAY, "09:30")
    machine.upstream.session = MONDAY
    machine.wake(MONDAY, "09:40")
    assert states(machine)["predict"] == "missed"
    assert all(record.for_session != MONDAY for record in records(machine))
    assert any("2026-11-20 predict: missed" in line for line in machine.said)
