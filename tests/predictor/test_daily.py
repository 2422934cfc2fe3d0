"""A day from end to end, against local upstreams and channels; and the days that go wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data_profile.home import Home
from data_profile.schedule import STEPS
from data_profile.store import Store
from predictor.daily import TASKS
from predictor.forecast_log import ForecastLog
from tests.predictor.notify.servers import FEISHU, WECOM, Hook
from tests.predictor.whole_day import (
    CLOCK, FRIDAY, MONDAY, SATURDAY, THURSDAY, Machine, copied, trained_home,
)  # fmt: skip
from tests.replay.server import Upstream

MARKET_CALLS = "/api/qt/clist/get"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return trained_home(tmp_path_factory.mktemp("template") / "home")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
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


def test_a_day_from_the_auction_to_the_night(
    machine: Machine, upstream: Upstream, wecom: Hook, feishu: Hook
) -> None:
    upstream.session = THURSDAY
    machine.wake(THURSDAY, "15:50")
    upstream.session = FRIDAY
    machine.wake(FRIDAY, "09:30")
    print(machine.said)
    machine.wake(FRIDAY, "15:36")
    machine.wake(FRIDAY, "15:51")
    machine.wake(FRIDAY, "16:46")
    machine.wake(FRIDAY, "18:11")
    machine.wake(FRIDAY, "19:05")
    for line in machine.said: print(line)
    for text in wecom.messages(): print(text); print('-----')
    assert 0
