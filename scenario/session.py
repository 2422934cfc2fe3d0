"""A mining session: what was asked for, what it is, how far it got."""

import datetime as dt
import re
import secrets
import shutil
import time
import zoneinfo
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

import prompts
from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool.ledger import Ledger
from scenario.errors import OptionsError

SHANGHAI = zoneinfo.ZoneInfo("Asia/Shanghai")
PROPOSERS = ("auto", "evolve", "llm")
ISOLATIONS = ("auto", "docker", "process")

_SCHEDULER = re.compile(r"(tcp|tls)://[^\s/:@]+:\d{1,5}|(tcp|tls)://\[[0-9a-fA-F:]+\]:\d{1,5}")

End = Literal["target", "deadline", "budget", "spent", "exhausted", "interrupted"]


@dataclass(frozen=True)
class MineOptions:
    """What a run of `mine` is asked for. Without any of the first four it runs until stopped.

    Parameters
    ----------
    hours
        Stop so many hours after `mine` was called.
    until
        Stop at the next HH:MM, China time.
    loops
        Stop when the session has so many iterations.
    evaluations
        Stop when the session has evaluated so many factors.
    proposer
        "evolve" the built-in search, "llm" the language model, "auto" both if a model is set.
    isolation
        "docker", "process", or "auto": containers where they can be had.
    cluster
        Address of a Dask scheduler, whose nodes evaluate, each in its own `isolation`; None for
        this machine alone.
    budget_usd
        What the session may spend on the language model, in USD; None is no limit.
    seed
        Of the search. The same seed on the same data and ledger gives the same run.
    new
        Start a session of its own instead of going on with one that was cut short.
    reopen
        Go on with a session that is finished, too; it ends at once if it has what is asked for.
    label
        What factors should foretell; one of `factor_pool.evaluation.labels`.

    Raises
    ------
    OptionsError
        A value out of range.
    """

    hours: float | None = None
    until: str | None = None
    loops: int | None = None
    evaluations: int | None = None
    proposer: Literal["auto", "evolve", "llm"] = "auto"
    isolation: Literal["auto", "docker", "process"] = "auto"
    cluster: str | None = None
    budget_usd: float | None = None
    seed: int = 1
    new: bool = False
    reopen: bool = False
    label: str = "limit_up_count"

    def __post_init__(self) -> None:
        for name in ("hours", "loops", "evaluations"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionsError(f"{name} must be above 0, not {value}")
        if self.budget_usd is not None and not self.budget_usd >= 0:
            raise OptionsError(f"budget_usd must not be negative, not {self.budget_usd}")
        if not 0 <= self.seed < 2**63:
            raise OptionsError(f"seed must be from 0 to 2^63 - 1, not {self.seed}")
        if self.proposer not in PROPOSERS:
            raise OptionsError(
                f"proposer must be one of {', '.join(PROPOSERS)}, not {self.proposer!r}"
            )
        if self.isolation not in ISOLATIONS:
            raise OptionsError(
                f"isolation must be one of {', '.join(ISOLATIONS)}, not {self.isolation!r}"
            )
        if self.cluster is not None and not _SCHEDULER.fullmatch(self.cluster):
            raise OptionsError(
                f"cluster must be tcp://HOST:PORT or tls://HOST:PORT, not {self.cluster!r}"
            )
        if self.until is not None:
            _clock(self.until)

    def deadline(self, now: dt.datetime) -> dt.datetime | None:
        """The instant to stop at, the earlier of `hours` and `until`; None if neither is set."""
        ends = []
        if self.hours is not None:
            ends.append(now + dt.timedelta(hours=self.hours))
        if self.until is not None:
            local = now.astimezone(SHANGHAI)
            end = dt.datetime.combine(local.date(), _clock(self.until), SHANGHAI)
            ends.append(end if end > local else end + dt.timedelta(days=1))
        return min(ends, default=None)


def _clock(text: str) -> dt.time:
    try:
        return dt.datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise OptionsError(f"until must be HH:MM, for example 07:30, not {text!r}") from None


def rate(evaluated: int, seconds: float) -> float:
    """Evaluations a second: of the whole session, over the time its runs spent mining.

    A run spends time mining from when its workers are ready. The board, the summary and the
    morning report all show this figure.
    """
    return evaluated / max(seconds, 1e-9)


@dataclass(frozen=True)
class Progress:
    """Where a session stands, for whoever watches.

    Parameters
    ----------
    session
        Its id.
    iterations, evaluated, accepted
        Of the whole session, earlier runs of it included.
    target
        Evaluations wanted; None if that is not how it ends.
    rate
        Evaluations a second, see `rate`.
    best_marginal_ic
        Largest absolute marginal rank IC on the search window; None before the first.
    spend_usd
        On the language model.
    seconds
        Of this run.
    deadline
        When it ends at the latest; None if that is not how it ends.
    error_budget
        Level of the next confirm test as a share of the first test's, see `ErrorBudget.left`.
    """

    session: str
    iterations: int
    evaluated: int
    accepted: int
    target: int | None
    rate: float
    best_marginal_ic: float | None
    spend_usd: float
    seconds: float
    deadline: dt.datetime | None
    error_budget: float = 1.0


class Display(Protocol):
    """Who shows a run to a person."""

    def progress(self, progress: Progress) -> None:
        """After every iteration."""

    def say(self, line: str) -> None:
        """One line worth keeping on the screen."""


@dataclass(frozen=True)
class Summary:
    """How a session stands when `mine` returns.

    Parameters
    ----------
    session
        Its id.
    evaluated, accepted
        Factors of the whole session, earlier runs of it included.
    rejected
        Name of a gate -> factors that ended there.
    seconds
        Spent mining, see `rate`; all runs of the session together.
    cost_usd
        Spent on the language model.
    end
        Why it returned.
    """

    session: str
    evaluated: int
    accepted: int
    rejected: dict[str, int]
    seconds: float
    cost_usd: float
    end: End

    @property
    def interrupted(self) -> bool:
        """Whether a person stopped it."""
        return self.end == "interrupted"

    @property
    def rate(self) -> float:
        """Evaluations a second, see `rate`."""
        return rate(self.evaluated, self.seconds)

    def to_dict(self) -> dict[str, object]:
        """What `tide mine --json` prints."""
        return {
            "evaluated": self.evaluated,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "seconds": round(self.seconds, 3),
            "evaluations_per_second": round(self.rate, 1),
            "cost_usd": round(self.cost_usd, 6),
            "session": self.session,
        }


@dataclass(frozen=True)
class Tally:
    """What a proposer has brought and cost in a session.

    Parameters
    ----------
    iterations, accepted
        Of this proposer.
    cost
        In evaluations; replies of a language model are counted as evaluations, see `bandit`.
    """

    iterations: int = 0
    accepted: int = 0
    cost: float = 0.0


@dataclass(frozen=True)
class Record:
    """What the ledger keeps of a session, beside its attempts; one small JSON value.

    Parameters
    ----------
    seed, snapshot, label, proposer
        What it was started with: see `MineOptions`, `Panel.snapshot_id`.
    stream
        The seed of its proposers: `seed`, mixed with the number of sessions before it, so that a
        second session with the same seed does not repeat the first.
    borders
        Id of the window borders in the ledger.
    iterations
        Finished ones; the next has this number.
    evaluated, accepted
        Factors, in finished iterations.
    seconds
        Spent mining, see `rate`.
    tallies
        Name of a proposer -> what it brought.
    earlier_tallies
        The same one iteration before: see `Night.begin_iteration`.
    prompts
        Versions of the prompts -> first iteration that was run with them.
    barren
        Iterations without one evaluation since the last that had some.
    end
        Why it is finished; None while it is not.
    """

    seed: int
    snapshot: str
    label: str
    proposer: str
    stream: int
    borders: int = 1
    iterations: int = 0
    evaluated: int = 0
    accepted: int = 0
    seconds: float = 0.0
    tallies: dict[str, Tally] = field(default_factory=dict)
    earlier_tallies: dict[str, Tally] = field(default_factory=dict)
    prompts: dict[str, int] = field(default_factory=dict)
    barren: int = 0
    end: str | None = None

    @property
    def rate(self) -> float:
        """Evaluations a second, see `rate`."""
        return rate(self.evaluated, self.seconds)


class Session:
    """One session: a folder below `home.sessions`, and a record in the ledger.

    The ledger alone decides how far a session got. The folder holds what can be made again (the
    panels of its workers, rdagent's checkpoint and log) and the replies of the language model.
    """

    _KEY = "session"

    def __init__(self, home: Home, ledger: Ledger, name: str, record: Record) -> None:
        self.id = name
        self.folder = home.sessions / name
        self.record = record
        self._ledger = ledger
        self._since = time.monotonic()

    @classmethod
    def open(
        cls,
        home: Home,
        ledger: Ledger,
        options: MineOptions,
        snapshot: str,
        borders: int = 1,
    ) -> tuple["Session", bool]:
        """The newest unfinished session that fits, or a new one; and whether it is resumed.

        A session fits if it has the same data, borders, label, seed and proposer. With
        `options.reopen` a finished one fits as well.
        """
        wanted = (snapshot, borders, options.label, options.seed, options.proposer)
        before, words = 0, prompts.version()
        for name in sorted((path.name for path in home.sessions.iterdir()), reverse=True):
            known = ledger.state(name, cls._KEY)
            if known is None:  # killed before it began
                continue
            record = _record(known)
            own = (record.snapshot, record.borders, record.label, record.seed, record.proposer)
            before += own[:4] == wanted[:4]
            open_ = record.end is None or options.reopen
            if own == wanted and open_ and not options.new:
                session = cls(home, ledger, name, record)
                versions = record.prompts
                if list(versions)[-1:] != [words]:
                    versions = versions | {words: record.iterations}
                resumed = replace(record, prompts=versions, end=None)
                if resumed != record:
                    session._write(resumed)
                return session, True
        stream = options.seed if before == 0 else _mix(options.seed, before)
        record = Record(
            options.seed,
            snapshot,
            options.label,
            options.proposer,
            stream,
            borders=borders,
            prompts={words: 0},
        )
        session = cls(home, ledger, _new_name(), record)
        session.folder.mkdir(parents=True)
        session._write(record)
        return session, False

    def begin(self) -> None:
        """Count the time from here: everything is ready."""
        self._since = time.monotonic()

    def iteration_done(self, proposer: str, *, evaluated: int, accepted: int, cost: float) -> None:
        """Write that the current iteration is finished, and what it brought, in one transaction."""
        record = self.record
        tally = record.tallies.get(proposer, Tally())
        tally = Tally(tally.iterations + 1, tally.accepted + accepted, tally.cost + cost)
        self._write(
            replace(
                record,
                iterations=record.iterations + 1,
                evaluated=record.evaluated + evaluated,
                accepted=record.accepted + accepted,
                seconds=record.seconds + self._lap(),
                tallies=record.tallies | {proposer: tally},
                earlier_tallies=record.tallies,
                barren=0 if evaluated else record.barren + 1,
            )
        )

    def finish(self, end: End) -> None:
        """Write that the session is complete, and drop the panels of its workers."""
        self._write(replace(self.record, end=end))
        shutil.rmtree(self.folder / "panels", ignore_errors=True)

    def panels(self, search: Panel, confirm: Panel) -> dict[str, Path]:
        """Save what the workers see, once, and return the folders by name."""
        return {
            name: _save(panel, self.folder / "panels" / name)
            for name, panel in (("search", search), ("confirm", confirm))
        }

    def _lap(self) -> float:
        now = time.monotonic()
        lap, self._since = now - self._since, now
        return lap

    def _write(self, record: Record) -> None:
        self._ledger.set_state(self.id, self._KEY, asdict(record))
        self.record = record


def _record(values: dict[str, object]) -> Record:
    record = Record(**values)  # type: ignore[arg-type]

    def read(kept: dict[str, Tally]) -> dict[str, Tally]:
        return {name: Tally(**tally) for name, tally in kept.items()}  # type: ignore[arg-type]

    return replace(
        record, tallies=read(record.tallies), earlier_tallies=read(record.earlier_tallies)
    )


def _new_name() -> str:
    """Sorts by time; the tail keeps two of the same second apart."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"


def _mix(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _save(panel: Panel, folder: Path) -> Path:
    """Save a panel where there is none, or a part of one that a crash left behind."""
    if (folder / "panel.json").exists() and Panel.open(folder).snapshot_id == panel.snapshot_id:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    aside = folder.with_name(f".{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    panel.save(aside)
    aside.rename(folder)
    return folder
