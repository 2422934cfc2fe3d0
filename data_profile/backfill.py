"""History: what upstreams still keep of past sessions, fetched politely, then built into days.

A run asks until the transport's cap on requests is reached or an upstream refuses; the questions
that remain wait in the backlog for the next run. Once each was asked, the answers become days of
the store, marked as imported: known at their fields' `known_at`, since no one saw them on the day.
Questions that failed wait for another run, three in all.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from data_profile import history, quality, schedule, sessions
from data_profile.backlog import Backlog, Question, Standing
from data_profile.collector import held
from data_profile.errors import SourceError
from data_profile.fetching import Job, Sources, fetch
from data_profile.home import Home
from data_profile.news import Scoring, Sentiment
from data_profile.raw import Raw
from data_profile.sources.akshare_history import BoardMainFlowHistory, BoardQuotesHistory
from data_profile.sources.base import Observation, Source, SourceEmpty, SourceRefused

QUOTES, FLOW = "akshare.board_quotes_history", "akshare.board_main_flow_history"
BOARDS = ("akshare.board_quotes.industry", "akshare.board_quotes.concept")
POOLS = ("akshare.limit_up_pool", "akshare.limit_up_previous", "akshare.broken_pool",
         "akshare.limit_down_pool")  # fmt: skip
LISTS = ("akshare.lhb_stocks", "eastmoney.lhb_seats")
SECOND = "ths.limit_up_pool"
POOL_DAYS = datetime.timedelta(days=14)
SECOND_SINCE = datetime.date(2025, 9, 18)
HISTORIES: Mapping[str, Callable[..., Source]] = {
    QUOTES: BoardQuotesHistory,
    FLOW: BoardMainFlowHistory,
}
CANNOT = (
    "money flow by size of order from more than about 121 sessions ago: Eastmoney keeps no more",
    "THS money flow (in, out): it is only ever shown for now",
    "who belonged to a board before collecting began: today's members are applied backwards, "
    "which flatters the past (survivorship)",
    f"limit-up pools: Eastmoney keeps two weeks, THS those since {SECOND_SINCE}; before that only "
    "counts from stock prices (--bars FILE), without sealing values, times and breaks",
    "news, auctions, and what was revised after 15:35 on those days",
)
"""What no backfill can bring back."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Summary:
    """What a backfill came to.

    Parameters
    ----------
    waiting, done, empty, failed
        Questions by what became of them, of all runs together.
    sessions
        Sessions that were built into the store by this run.
    stopped
        Why this run ended before the backlog did; "" if it did not.
    reasons
        Why questions have no answer, the most frequent first.
    """

    waiting: int
    done: int
    empty: int
    failed: int
    sessions: int
    stopped: str
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"cannot_be_had": list(CANNOT)}


def backfill(
    home: Home,
    sources: Sources,
    since: datetime.date,
    progress: Progress,
    *,
    bars: "history.Bars | None" = None,
    now: Callable[[], datetime.datetime] = schedule.china_now,
    histories: Mapping[str, Callable[..., Source]] = HISTORIES,
    scoring: Scoring = Sentiment,
) -> Summary:
    """Ask for the history since a session, or go on with what an earlier run left.

    Parameters
    ----------
    home
        Where everything is written.
    sources
        `SOURCES`.
    since
        First session wanted; of pools and lists, an unfinished backfill keeps its own.
    progress
        Called with questions answered, questions in all, and what is done.
    bars
        Stock prices from which pools are computed where no upstream has them.
    now
        The clock.
    histories
        Name -> what makes the history of a board.
    scoring
        Who scores headlines.

    Raises
    ------
    CalendarError
        The calendar does not reach `since` or today.
    CollectorError
        Another collector is at work here.
    SourceError
        The list of boards cannot be had.
    StoreError
        The days could not be built; the answers are kept, run it again.
    """
    until = schedule.shown_session(now())
    with held(home.root / "collect.lock", "backfill"), Backlog(home.journal) as backlog:
        run = _Run(home, backlog, sources, histories, now)
        if backlog.empty():
            backlog.add(run.plan(sessions.sessions(since, until)))
        stopped = run.ask(progress)
        standing = backlog.standing()
        built = 0
        if not stopped:
            progress(standing.done, standing.done, "building the days")
            answers = [answer for _, answer in backlog.done()]
            built = history.build(home, answers, tuple(sources), bars, since, now(), scoring)
            if not standing.waiting:
                backlog.clear()
        return _summary(standing, built, stopped)


def _summary(standing: Standing, built: int, stopped: str) -> Summary:
    return Summary(
        standing.waiting, standing.done, standing.empty, standing.failed,
        built, stopped, standing.reasons,
    )  # fmt: skip


class _Run:
    """One run, while the lock is held."""

    def __init__(
        self,
        home: Home,
        backlog: Backlog,
        sources: Sources,
        histories: Mapping[str, Callable[..., Source]],
        now: Callable[[], datetime.datetime],
    ) -> None:
        self._home, self._backlog = home, backlog
        self._sources, self._histories, self._now = sources, histories, now
        self._raw = Raw(home.store / "raw")

    def plan(self, span: Sequence[datetime.date]) -> Iterable[Question]:
        """Every question, the most valuable first: flow runs out, the rest does not."""
        until = span[-1]
        boards = self._boards(until)
        for history_name in (FLOW, QUOTES):
            for kind, rows in boards.items():
                for code, name in rows:
                    yield Question(history_name, until, name, kind, code)
        for session in reversed(span):
            recent = self._now().date() - session <= POOL_DAYS
            names = POOLS * recent + LISTS + (SECOND,) * (session >= SECOND_SINCE)
            yield from (Question(name, session) for name in names if name in self._sources)

    def ask(self, progress: Progress) -> str:
        """Ask what waits; why it stopped, "" if nothing stopped it."""
        waiting = self._backlog.waiting()
        total, answered = len(waiting), 0
        by_name = {question.name: question for question in waiting}
        jobs = [Job(name, self._make(q), q.session) for name, q in by_name.items()]
        answers = fetch(jobs, self._home.cache / "collect")
        try:
            for name, answer in answers:
                if isinstance(answer, SourceRefused):
                    return str(answer)
                self._take(by_name[name], answer)
                answered += 1
                progress(answered, total, name)
        finally:
            answers.close()  # type: ignore[attr-defined]  # ends the fetching process
        return ""

    def _take(self, question: Question, answer: Observation | SourceError) -> None:
        if isinstance(answer, SourceEmpty):
            self._backlog.answered(question, "empty", str(answer))
        elif isinstance(answer, SourceError):
            self._backlog.failed(question, str(answer))
        else:
            told = replace(answer, observed_at=self._now())
            verdict = quality.check(told)
            made = self._raw.put(told, quarantined=None if verdict.good else verdict.reasons)
            if verdict.good:
                self._backlog.answered(question, "done", made)
            else:
                self._backlog.answered(question, "failed", "; ".join(verdict.reasons))

    def _make(self, question: Question) -> Callable[[], Source]:
        if question.source in self._histories:
            return partial(
                self._histories[question.source], question.board, question.kind, question.code
            )
        return self._sources[question.source]

    def _boards(self, session: datetime.date) -> dict[str, list[tuple[str, str]]]:
        """(code, name) of today's boards, by kind."""
        jobs = [Job(name, self._sources[name], session) for name in BOARDS if name in self._sources]
        boards: dict[str, list[tuple[str, str]]] = {}
        for _, answer in fetch(jobs, self._home.cache / "collect"):
            if isinstance(answer, SourceError):
                raise answer
            for kind, rows in answer.frame.groupby("kind"):
                boards[str(kind)] = list(zip(rows["board_code"], rows["board"], strict=True))
        return boards
