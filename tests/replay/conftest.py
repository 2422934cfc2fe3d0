"""What the replay tests share: one session, a clock that does not wait, all sources."""

import datetime
from collections.abc import Callable, Iterator

import pytest

from data_profile.sources import SOURCES
from data_profile.sources.akshare_calls import forget
from data_profile.sources.akshare_history import BoardMainFlowHistory, BoardQuotesHistory
from data_profile.sources.answers import SHANGHAI
from data_profile.sources.base import Source
from data_profile.sources.pace import Clock, Limits
from data_profile.sources.transport import Transport
from tests.replay.bodies import board_code, codes
from tests.replay.server import Upstream

SESSION = datetime.date(2026, 11, 20)
LIMITS = Limits(timeout=30, deadline=30, attempts=2, backoff=1, interval=1, size=200_000)


class FixedClock(Clock):
    """After the close of the session; waiting moves it on and takes no time."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def now(self) -> datetime.datetime:
        return datetime.datetime.combine(SESSION, datetime.time(15, 40), SHANGHAI)

    def monotonic(self) -> float:
        return sum(self.waited)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


BOARD = (board_code("半导体"), "半导体")
ASKED: dict[str, dict[str, object]] = {  # of sources that ask for one thing after the other
    "akshare.news": {"subjects": ("600101", "半导体")},
    "akshare.auction": {"codes": codes()[:3]},
    "akshare.board_members.industry": {"boards": (BOARD,)},
    "akshare.board_members.concept": {"boards": ((board_code("减肥药"), "减肥药"),)},
}
Make = Callable[[Transport], Source]
MADE: dict[str, Make] = {
    **{
        name: (lambda transport, name=name: SOURCES[name](
            transport=transport, **ASKED.get(name, {})))
        for name in SOURCES
    },
    **{
        f"akshare.{table}.{kind}": (
            lambda transport, made=made, kind=kind, board=board: made(
                board, kind, board_code(board), transport
            )
        )
        for table, made in (
            ("board_quotes_history", BoardQuotesHistory),
            ("board_main_flow_history", BoardMainFlowHistory),
        )
        for kind, board in (("industry", "半导体"), ("concept", "减肥药"))
    },
}  # fmt: skip


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream(SESSION) as server:
        yield server


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def transport(upstream: Upstream, clock: FixedClock) -> Transport:
    return Transport(LIMITS, base_url=upstream.url, clock=clock)


class _Today(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        return datetime.datetime.combine(SESSION, datetime.time(15, 40), tz)


@pytest.fixture(autouse=True)
def akshare_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of akshare, by which it refuses to ask for old pools; and it remembers nothing."""
    monkeypatch.setattr("akshare.stock_feature.stock_ztb_em.datetime", _Today)
    for module in ("stock.stock_fund_em", "stock.stock_board_concept_em"):
        forget(module)
