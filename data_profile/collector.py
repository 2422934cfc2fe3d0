"""One step of one session: fetch, check, keep, build the day from what is good.

A step may be killed at any line and run again: what the raw zone holds already is not fetched a
second time, the day is built again from all of it, and building the same day twice changes nothing.
Nothing that the quality checks refused enters the store.
"""

import contextlib
import datetime
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from data_profile import day, quality, schedule, sessions
from data_profile.errors import DataError, SourceError
from data_profile.fetching import DEADLINE, Job, Sources, fetch
from data_profile.files import exclusive
from data_profile.home import Home
from data_profile.journal import Fetch, Journal, Outcome
from data_profile.news import Scoring, Sentiment
from data_profile.raw import Raw
from data_profile.schedule import Step
from data_profile.sources.base import Observation

State = Literal["closed", "complete", "partial", "missed", "failed"]


class CollectorError(DataError):
    """Another collector is at work in this home folder."""


@dataclass(frozen=True)
class Report:
    """What a step came to.

    Parameters
    ----------
    session, step
        Which.
    state
        closed: no session, nothing done; complete; partial: sources are missing; missed: a later
        step has taken its place; failed: a task (`data_profile.tasks`) could not be done.
    note
        What a person should know.
    fetches
        What became of every source of the step.
    built
        The day as it was built; None where it was not.
    """

    session: datetime.date
    step: str
    state: State
    note: str = ""
    fetches: tuple[Fetch, ...] = ()
    built: "day.Built | None" = None

    def lines(self) -> list[str]:
        """The report for a person, the summary first."""
        if self.state == "closed":
            return [self.note]
        lines = [f"{self.session} {self.step}: {self.state}" + (self.note and f"; {self.note}")]
        lines += [
            f"  {fetch.source} {fetch.outcome}: {fetch.reason}"
            for fetch in self.fetches
            if fetch.outcome != "good"
        ]
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "session": self.session.isoformat(),
            "step": self.step,
            "state": self.state,
            "note": self.note,
            "sources": [
                {"source": fetch.source, "outcome": fetch.outcome, "reason": fetch.reason}
                for fetch in self.fetches
            ],
            "built": self.built and self.built.to_dict(),
        }


def collect(
    home: Home,
    session: datetime.date,
    step: str,
    *,
    sources: Sources,
    now: Callable[[], datetime.datetime] = schedule.china_now,
    deadline: float = DEADLINE,
    scoring: Scoring = Sentiment,
    patience: float = 0.0,
) -> Report:
    """Run one step of one session, or go on with it where an earlier run stopped.

    Parameters
    ----------
    home
        Where everything is written.
    session
        Date in Asia/Shanghai; a day that is no session is left alone.
    step
        "confirm", "collect", "recollect" or "lists".
    sources
        Name -> what makes the source (`data_profile.sources.SOURCES`).
    now
        The clock, timezone-aware; it stamps what is collected.
    deadline
        Seconds that one source may take.
    scoring
        Who scores headlines.
    patience
        Seconds to wait where another step of this home is at work.

    Raises
    ------
    ScheduleError
        No such step, or it has not opened yet.
    CalendarError
        The calendar does not reach the session or today; the message says how to extend it.
    CollectorError
        Another collector is at work here; the message says which.
    StoreError
        The day could not be built. What was fetched is kept; run the step again.
    """
    chosen = schedule.step(step)
    if not sessions.is_session(session):
        return Report(session, step, "closed", schedule.describe_closed(session))
    schedule.require_open(chosen, session, now())
    with (
        held(home.root / "collect.lock", f"{step} of {session}", patience=patience),
        Journal(home.journal) as journal,
    ):
        if schedule.superseded(chosen, session, now()):
            note = schedule.describe_missed(chosen)
            journal.miss(session, step, now(), note)
            return Report(session, step, "missed", note)
        return _Run(home, session, chosen, sources, now, journal, scoring).go(deadline)


def collect_session(
    home: Home,
    session: datetime.date,
    sources: Sources,
    now: Callable[[], datetime.datetime],
    scoring: Scoring = Sentiment,
) -> list[Report]:
    """Run every step of a session that has opened and no later step has replaced, in order.

    Raises
    ------
    ScheduleError
        None has opened yet.
    CalendarError, CollectorError, StoreError
        As `collect`.
    """
    if not sessions.is_session(session):
        return [Report(session, "", "closed", schedule.describe_closed(session))]
    schedule.require_open(schedule.STEPS[0], session, now())
    return [
        collect(home, session, step.name, sources=sources, now=now, scoring=scoring)
        for step in schedule.open_steps(session, now())
    ]


class _Run:
    """One run of one step, while the lock is held."""

    def __init__(
        self,
        home: Home,
        session: datetime.date,
        step: Step,
        sources: Sources,
        now: Callable[[], datetime.datetime],
        journal: Journal,
        scoring: Scoring,
    ) -> None:
        self._home, self._session, self._step, self._scoring = home, session, step, scoring
        self._sources, self._now, self._journal = sources, now, journal
        self._raw = Raw(home.store / "raw")
        self._fetches: dict[str, Fetch] = {}

    def go(self, deadline: float) -> Report:
        self._journal.begin(self._session, self._step.name, self._now())
        wanted = self._wanted()
        self._ask([name for name, instead_of in wanted if instead_of is None], deadline)
        self._ask([name for name, instead_of in wanted if self._lacks(instead_of)], deadline)
        built = None
        if self._step.builds:
            try:
                built = day.build(
                    self._home, self._session, self._expected(), scoring=self._scoring
                )
            except DataError as error:
                note = f"the day could not be built: {error}"
                self._journal.end(self._session, self._step.name, "partial", self._now(), note)
                raise
        return self._end(built)

    def _ask(self, names: Sequence[str], deadline: float) -> None:
        """Ask sources, one after the other, and keep what they say."""
        jobs = [Job(name, self._sources[name], self._session) for name in names]
        for name, answer in fetch(jobs, self._home.cache / "collect", deadline=deadline):
            if isinstance(answer, SourceError):
                self._note(name, "failed", f"{type(answer).__name__}: {answer}")
            else:
                self._keep(name, answer)

    def _lacks(self, name: str | None) -> bool:
        """Whether a source with an understudy has not come in."""
        if name is None:
            return False
        found = self._fetches.get(name)
        return found is None or found.outcome != "good"

    def _wanted(self) -> list[tuple[str, str | None]]:
        """Sources of this step that are to be asked, each with the one that makes it needless.

        Of the others it is noted why not.
        """
        have = {
            entry.source
            for entry in self._raw.observations(session=self._session)
            if not entry.quarantined
            and entry.observed_at >= schedule.asked_since(self._step, entry.source, self._session)
        }
        shown = schedule.shown_session(self._now())
        wanted = []
        for name, make in self._sources.items():
            source = make()
            if source.known_at not in self._step.known_at:
                continue
            if name in have:
                self._note(name, "good", "")
            elif source.snapshot and shown != self._session:
                self._note(name, "gone", f"its upstream only tells what is now, which is {shown}")
            else:
                wanted.append((name, source.instead_of))
        return wanted

    def _keep(self, name: str, told: Observation) -> None:
        """Check a table and put it where it belongs: among the good, or in quarantine."""
        if told.session != self._session:
            self._note(name, "failed", f"it speaks of {told.session}, not of {self._session}")
            return
        table = replace(told, observed_at=self._now())  # one clock for all that is collected
        verdict = quality.check(table, self._previous(name), expected=self._seconded(table))
        self._raw.put(table, quarantined=None if verdict.good else verdict.reasons)
        if verdict.good:
            self._note(name, "good", "")
        else:
            self._note(name, "quarantined", "; ".join(verdict.reasons))

    def _previous(self, name: str) -> Observation | None:
        """The last good table of a source from an earlier session."""
        earlier = [
            entry
            for entry in self._raw.observations(source=name)
            if not entry.quarantined and entry.session < self._session
        ]
        if not earlier:
            return None
        return self._raw.get(max(earlier, key=lambda e: (e.session, e.observed_at)).id)

    def _seconded(self, told: Observation) -> set[str] | None:
        """The codes that another source has in the same pool this session; None if none has."""
        if told.table != "limit_up_pool":
            return None
        others = [
            entry
            for entry in self._raw.observations(session=self._session)
            if not entry.quarantined
            and entry.source != told.source
            and entry.source.split(".")[1] == told.table
        ]
        if not others:
            return None
        pool = self._raw.get(others[-1].id).frame
        return set(pool["code"][~pool["name"].str.upper().str.contains("ST")])

    def _expected(self) -> list[str]:
        """Sources that should be in by now, auctions apart, in the order of preference."""
        steps = [step for step in schedule.STEPS if step.builds and step.at <= self._step.at]
        times = frozenset().union(*(step.known_at for step in steps))
        return [name for name, make in self._sources.items() if make().known_at in times]

    def _note(self, name: str, outcome: Outcome, reason: str) -> None:
        found = Fetch(name, outcome, reason, self._now())
        self._fetches[name] = found
        self._journal.fetched(self._session, self._step.name, found)

    def _end(self, built: "day.Built | None") -> Report:
        missing = [fetch for fetch in self._fetches.values() if fetch.outcome != "good"]
        state: Literal["complete", "partial"] = "partial" if missing else "complete"
        if built is not None:
            note = built.note()
        else:
            note = (
                "there is nothing to build the day from; the store is as it was" * self._step.builds
            )
        self._journal.end(self._session, self._step.name, state, self._now(), note)
        fetches = tuple(self._fetches.values())
        return Report(self._session, self._step.name, state, note, fetches, built)


@contextlib.contextmanager
def held(path: Path, what: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock at `path` and say in it who does.

    Raises
    ------
    CollectorError
        Another process still holds it after `patience` seconds; the message says which, since when
        and for what.
    """
    give_up = time.monotonic() + patience
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(exclusive(path))
                break
            except BlockingIOError as error:
                if time.monotonic() >= give_up:
                    raise CollectorError(
                        f"another step is at work here: {_holder(path)}; wait until it has ended"
                    ) from error
                time.sleep(0.2)
        since = schedule.china_now().isoformat(timespec="seconds")
        path.write_text(json.dumps({"pid": os.getpid(), "what": what, "since": since}))
        yield


def _holder(path: Path) -> str:
    try:
        told = json.loads(path.read_text())
        return f"process {told['pid']}, {told['what']}, since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has only just taken the lock
        return "a process that has just begun"
