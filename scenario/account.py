"""What the language model has answered and cost, kept for good; and what it may cost."""

import datetime as dt
import hashlib
import json
import math
import os
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from data_profile.files import write_atomic
from data_profile.redaction import redact
from scenario.errors import BackendError, BudgetExceeded

_SHANGHAI = zoneinfo.ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Spent:
    """What one reply cost, by the provider's own count.

    Parameters
    ----------
    input_tokens, output_tokens
        From the reply's `usage`; estimated where the provider gives none.
    usd
        At the model's price.
    """

    input_tokens: int
    output_tokens: int
    usd: float


@dataclass
class Used:
    """What was used since `Account.begin`; it grows."""

    usd: float = 0.0
    replies: int = 0


@dataclass(frozen=True)
class Budget:
    """What may be spent; None is no limit.

    Parameters
    ----------
    usd, tokens
        Of one session.
    night_usd, night_tokens
        Of all sessions of a home in one night, from noon to noon, China time.
    """

    usd: float | None = None
    tokens: int | None = None
    night_usd: float | None = None
    night_tokens: int | None = None

    @classmethod
    def from_environment(
        cls, usd: float | None = None, environment: Mapping[str, str] = os.environ
    ) -> "Budget":
        """Read TIDE_TOKEN_BUDGET, TIDE_NIGHT_BUDGET_USD and TIDE_NIGHT_TOKEN_BUDGET.

        Parameters
        ----------
        usd
            Of one session, as asked for on the command line.
        environment
            Where they are read.

        Raises
        ------
        BackendError
            One of them is no number, or negative.
        """

        def whole(variable: str) -> int | None:
            text = environment.get(variable, "").strip()
            if text and not text.isdecimal():
                raise BackendError(f"{variable} must be a whole number, not {text!r}")
            return int(text) if text else None

        def amount(variable: str) -> float | None:
            text = environment.get(variable, "").strip()
            if not text:
                return None
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not 0 <= value < math.inf:
                raise BackendError(f"{variable} must be a number of at least 0, not {text!r}")
            return value

        return cls(
            usd=usd,
            tokens=whole("TIDE_TOKEN_BUDGET"),
            night_usd=amount("TIDE_NIGHT_BUDGET_USD"),
            night_tokens=whole("TIDE_NIGHT_TOKEN_BUDGET"),
        )


@dataclass(frozen=True)
class Limit:
    """One limit of a budget, and how much of it is used.

    Parameters
    ----------
    which
        "session" or "night".
    unit
        "usd" or "tokens".
    used, most
        So far, and at most.
    remedy
        The setting that gives more.
    """

    which: Literal["session", "night"]
    unit: Literal["usd", "tokens"]
    used: float
    most: float
    remedy: str


class Account:
    """What a session has been answered and has spent: one file a reply.

    A reply is found again by what was asked, so that an iteration that was killed is replayed
    word for word, and paid once.

    Parameters
    ----------
    folder
        Where the replies are kept; made if missing.
    budget
        It is checked before each call, so that the spend passes it by one call at most.
    others
        Folders of other accounts, whose replies count for the night, too.
    now
        The present instant, timezone-aware.
    """

    def __init__(
        self,
        folder: Path,
        budget: Budget | None = None,
        others: Iterable[Path] = (),
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._budget, self._now = budget or Budget(), now
        self._folders = sorted({folder, *others})
        self.usd, self.tokens, self.replies = 0.0, 0, 0
        self._used = Used()
        for record in _records(folder):
            self._add(_spent(record))
        self._begin_night()

    def begin(self) -> Used:
        """Begin to count what is used, replies found again included, until the next `begin`."""
        self._used = Used()
        return self._used

    def limits(self) -> list[Limit]:
        """Every limit that is set, those of the session first."""
        budget = self._budget
        if self._night != night_of(self._now()):
            self._begin_night()
        known: list[tuple[Any, Any, float, float | None, str]] = [
            ("session", "usd", self.usd, budget.usd, "give more with --budget-usd"),
            ("session", "tokens", self.tokens, budget.tokens, "raise TIDE_TOKEN_BUDGET"),
            ("night", "usd", self._night_usd, budget.night_usd, "raise TIDE_NIGHT_BUDGET_USD"),
            ("night", "tokens", self._night_tokens, budget.night_tokens,
             "raise TIDE_NIGHT_TOKEN_BUDGET"),
        ]  # fmt: skip
        return [
            Limit(which, unit, used, most, remedy)
            for which, unit, used, most, remedy in known
            if most is not None
        ]

    def shortage(self) -> str | None:
        """What of the budget is spent, and how to give more; None while there is some left."""
        for limit in self.limits():
            if limit.used >= limit.most:
                unit = "USD" if limit.unit == "usd" else "tokens"
                used = f"{limit.used:.4f}" if limit.unit == "usd" else f"{limit.used:.0f}"
                return (
                    f"the {limit.which}'s budget of {limit.most:g} {unit} is spent ({used} {unit}, "
                    f"{self.replies} replies in this session); {limit.remedy}"
                )
        return None

    def check(self) -> None:
        """Raise `BudgetExceeded` if nothing is left."""
        shortage = self.shortage()
        if shortage is not None:
            raise BudgetExceeded(shortage)

    def find(self, question: str) -> str | None:
        """The reply that was paid for this question, if there is one."""
        path = self._path(question)
        if not path.exists():
            return None
        record = json.loads(path.read_text("utf-8"))
        self._use(_spent(record))
        return str(record["reply"])

    def keep(self, question: str, reply: str, spent: Spent) -> None:
        """Write a reply and what it cost, durably."""
        at = self._now()
        record = {"reply": redact(reply), "spent": asdict(spent), "at": at.isoformat()}
        write_atomic(self._path(question), json.dumps(record, ensure_ascii=False))
        self._add(spent)
        self._use(spent)
        if night_of(at) == self._night:
            self._night_usd += spent.usd
            self._night_tokens += spent.input_tokens + spent.output_tokens

    def _path(self, question: str) -> Path:
        return self._folder / f"{hashlib.sha256(question.encode()).hexdigest()}.json"

    def _add(self, spent: Spent) -> None:
        self.usd += spent.usd
        self.tokens += spent.input_tokens + spent.output_tokens
        self.replies += 1

    def _use(self, spent: Spent) -> None:
        self._used.usd += spent.usd
        self._used.replies += 1

    def _begin_night(self) -> None:
        """Sum up what every session of the home has spent in the present night."""
        self._night = night_of(self._now())
        self._night_usd, self._night_tokens = 0.0, 0
        recent = dt.datetime.combine(self._night, dt.time(12), _SHANGHAI).timestamp()
        for record in (one for folder in self._folders for one in _records(folder, recent)):
            at = record.get("at")
            if at is not None and night_of(dt.datetime.fromisoformat(at)) == self._night:
                spent = _spent(record)
                self._night_usd += spent.usd
                self._night_tokens += spent.input_tokens + spent.output_tokens


def night_of(instant: dt.datetime) -> dt.date:
    """The date on which the night of an instant began; nights go from noon to noon, China time.

    Examples
    --------
    >>> night_of(dt.datetime(2026, 11, 20, 23, 0, tzinfo=dt.UTC))
    datetime.date(2026, 11, 20)
    """
    return (instant.astimezone(_SHANGHAI) - dt.timedelta(hours=12)).date()


def _records(folder: Path, since: float = 0.0) -> Iterator[dict[str, Any]]:
    """Replies of a folder, leaving unread the files that were written before a time stamp."""
    for path in sorted(folder.glob("*.json")):
        if path.stat().st_mtime >= since:
            yield json.loads(path.read_text("utf-8"))


def _spent(record: Mapping[str, Any]) -> Spent:
    return Spent(**record["spent"])
