"""What the roles of one run share: the session and its ledger, the workers, the proposers."""

import datetime as dt
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factor_pool.acceptance import Acceptance
from factor_pool.errors import EvaluationError, PoolError
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt, Proposal
from scenario.account import Account, Used
from scenario.history import History
from scenario.isolation.base import Isolation
from scenario.laboratory import Laboratory
from scenario.proposers import bandit
from scenario.proposers.base import Context, Proposer
from scenario.session import Display, End, MineOptions, Progress, Session

UNTESTED = ("invalid", "duplicate")
"""Stages of attempts that are never measured."""

BARREN = 10
"""Iterations in a row without a single evaluation after which a night ends."""


@dataclass(frozen=True)
class Outcome:
    """What became of the batch of one iteration.

    Parameters
    ----------
    evaluated, accepted
        Numbers of factors.
    rejected
        Name of a gate -> factors that ended there.
    best
        Marginal rank IC on the search window that is largest in size; None if none was measured.
    """

    evaluated: int = 0
    accepted: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    best: float | None = None


@dataclass
class Turn:
    """An iteration that is under way.

    Parameters
    ----------
    iteration
        Its number.
    proposer
        Whose turn it is.
    context
        What the proposer knows.
    used
        What it used of the language model.
    attempts
        Its attempts as they were written, before they were measured; in a resumed run as they
        stood when it was killed. Empty until then.
    """

    iteration: int
    proposer: Proposer
    context: Context
    used: Used
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def evaluated(self) -> int:
        """How many factors it evaluates."""
        return sum(one.stage not in UNTESTED for one in self.attempts)


class Night:
    """One run of `mine`, from the moment everything is ready.

    Parameters
    ----------
    session, ledger, options
        What is mined, where it is written, what was asked for.
    deadline
        When it ends at the latest; None if that is not how it ends.
    isolation, laboratory, acceptance
        Workers, started; what measures on them; what decides.
    proposers
        Who may propose.
    account
        What the language model was paid.
    units, profile
        Usable field -> unit, and the data in words; both of the search window.
    universe
        "sector" or "stock": what the instruments are.
    display
        Who shows it.
    publish
        Called with the session's id when factors were accepted, and with its reports when they
        were written; may raise `PoolError`.
    stop
        Whether somebody wants the run to end.
    """

    def __init__(
        self,
        *,
        session: Session,
        ledger: Ledger,
        options: MineOptions,
        deadline: dt.datetime | None,
        isolation: Isolation,
        laboratory: Laboratory,
        acceptance: Acceptance,
        proposers: list[Proposer],
        account: Account,
        units: Mapping[str, str],
        profile: str,
        universe: str,
        display: Display,
        publish: Callable[[str, Sequence[Path]], object],
        stop: Callable[[], bool],
    ) -> None:
        self.session = session
        self.ledger = ledger
        self.isolation = isolation
        self.laboratory = laboratory
        self.acceptance = acceptance
        self.account = account
        self.units = units
        self.profile = profile
        self.universe = universe
        record = session.record
        self.history = History(
            ledger, record.snapshot, record.label, record.borders, universe,
            session=session.id, iteration=record.iterations,
        )  # fmt: skip
        self.trouble: str | None = None
        self.say = display.say
        self.stop = stop
        self._options = options
        self._proposers = {proposer.name: proposer for proposer in proposers}
        self._display = display
        self._publish = publish
        self._deadline = deadline
        self._started = time.monotonic()
        session.begin()
        self._under_way: deque[Turn] = deque()
        self._best: float | None = None
        self._look_at_error_budget()
        self.end = self._finished()

    @property
    def iteration(self) -> int:
        """Number of the first iteration that is not finished."""
        return self.session.record.iterations

    def goes_on(self) -> bool:
        """Whether another iteration is to be begun beside those under way."""
        loops, wanted = self._options.loops, self._options.evaluations
        begun = self.iteration + len(self._under_way)
        return (
            self.end is None
            and (loops is None or begun < loops)
            and (wanted is None or self._evaluated() < wanted)
        )

    def begin_iteration(self) -> Turn:
        """Choose who proposes, and gather what he may know.

        The iteration before this one is being measured then. So what came of it is not known,
        neither to the proposer nor to the choice of one; nor is it after a resume, when it is.
        """
        record = self.session.record
        iteration = record.iterations + len(self._under_way)
        tallies = record.tallies if self._under_way else record.earlier_tallies
        used = self.account.begin()
        self.history.advance(iteration)
        if recorded := self.history.recorded(iteration):  # cut short then: the same one goes on
            name = recorded[0].proposer
        else:
            name = bandit.choose(self._able(), tallies, record.stream, iteration)
        proposer = self._proposers[name]
        if self.history.stale():
            self.history.rescore(self._measured_again())
        context = Context(
            iteration=iteration,
            seed=record.stream,
            size=self._size(proposer.batch),
            units=self.units,
            memory=self.history.memory,
            pool=self.history.pool(),
            profile=self.profile,
            universe=self.universe,
        )
        self._under_way.append(Turn(iteration, proposer, context, used))
        return self._under_way[-1]

    def write(self, turn: Turn, proposals: Sequence[Proposal]) -> None:
        """Write to the ledger what was proposed in a turn, unless it is there already."""
        record = self.session.record
        turn.attempts = self.ledger.record(
            self.session.id,
            turn.iteration,
            proposals,
            snapshot=record.snapshot,
            label=record.label,
            seed=record.seed,
            borders=record.borders,
            prompts=list(record.prompts)[-1] if turn.proposer.paid else "",
        )
        self.history.written(turn.iteration, turn.attempts)

    def end_iteration(self, outcome: Outcome | None = None, trouble: str | None = None) -> None:
        """Write down that the first iteration under way is finished, and see if the night is.

        Parameters
        ----------
        outcome
            What became of its batch; by default it had none.
        trouble
            Why it had none.
        """
        turn, self.trouble = self._under_way.popleft(), trouble
        outcome = outcome or Outcome()
        self.session.iteration_done(
            turn.proposer.name,
            evaluated=outcome.evaluated,
            accepted=outcome.accepted,
            cost=bandit.cost(outcome.evaluated, turn.used.replies, turn.used.usd),
        )
        if outcome.best is not None:
            self._best = max(self._best or 0.0, abs(outcome.best))
        if outcome.accepted or "confirm" in outcome.rejected:
            self._look_at_error_budget()
        if outcome.accepted:
            self.publish()
        self._display.progress(self._progress())
        self.end = self.end or self._finished()

    def publish(self, reports: Sequence[Path] = ()) -> None:
        """Show how the night stands in MLflow; where that fails it is said, and done another time.

        Parameters
        ----------
        reports
            Files to show with it.
        """
        try:
            self._publish(self.session.id, reports)
        except PoolError as error:
            self.say(f"{error} (nothing is lost: it is done at the next acceptance)")

    def _look_at_error_budget(self) -> None:
        self._error_budget = self.acceptance.budget_left()
        self._spent = self.acceptance.spent()

    def _measured_again(self) -> dict[str, float]:
        """Elite -> t of what it adds, now that the pool has changed."""
        texts = [elite.text for elite in self.history.memory.archive.cells.values()]
        results = self.laboratory.measure(texts, self.history.pool())
        return {
            text: figures["added_t_hac"]
            for text, figures in zip(texts, results, strict=True)
            if not isinstance(figures, EvaluationError) and figures.get("added_t_hac") is not None
        }

    def _able(self) -> list[str]:
        """The proposers that can still be paid."""
        names = list(self._proposers)
        if self.account.shortage() is None:
            return names
        return [name for name in names if not self._proposers[name].paid] or names

    def _size(self, batch: int) -> int:
        wanted = self._options.evaluations
        if wanted is None:
            return batch
        return max(1, min(batch, wanted - self._evaluated()))

    def _evaluated(self) -> int:
        """Factors of the session so far, those under way included."""
        return self.session.record.evaluated + sum(turn.evaluated for turn in self._under_way)

    def _finished(self) -> End | None:
        record, options = self.session.record, self._options
        if options.evaluations is not None and record.evaluated >= options.evaluations:
            return "target"
        if options.loops is not None and record.iterations >= options.loops:
            return "target"
        if self._deadline is not None and dt.datetime.now(dt.UTC) >= self._deadline:
            return "deadline"
        shortage = self.account.shortage()
        if shortage is not None and all(one.paid for one in self._proposers.values()):
            self.say(shortage)
            return "budget"
        if self._spent:
            self.say(
                "the error budget is spent: the next test would have to reach a smaller p-value "
                "than the confirm window can show, so nothing could be accepted any more"
            )
            return "spent"
        if record.barren >= BARREN:
            self.say(
                f"nothing new to evaluate in {BARREN} iterations: "
                + (self.trouble or "the ideas are used up")
            )
            return "exhausted"
        return None

    def _progress(self) -> Progress:
        record = self.session.record
        return Progress(
            session=self.session.id,
            iterations=record.iterations,
            evaluated=record.evaluated,
            accepted=record.accepted,
            target=self._options.evaluations,
            rate=record.rate,
            best_marginal_ic=self._best,
            spend_usd=self.account.usd,
            seconds=time.monotonic() - self._started,
            deadline=self._deadline,
            error_budget=self._error_budget,
        )
