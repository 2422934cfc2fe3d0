"""What the roles of one run share: the session and its ledger, the workers, the proposers."""

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factor_pool.acceptance import Acceptance
from factor_pool.error_budget import error_budget
from factor_pool.errors import EvaluationError, PoolError
from factor_pool.ledger import Ledger
from scenario.account import Account
from scenario.history import History
from scenario.isolation.base import Isolation
from scenario.laboratory import Laboratory
from scenario.proposers import bandit
from scenario.proposers.base import Context, Proposer
from scenario.session import Display, End, MineOptions, Progress, Session

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


class Night:
    """One run of `mine`, from the moment everything is ready.

    Parameters
    ----------
    session, ledger, options
        What is mined, where it is written, what was asked for.
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
        self.history = History(ledger, record.snapshot, record.label, record.borders, universe)
        self.outcome = Outcome()
        self.trouble: str | None = None
        self.say = display.say
        self.stop = stop
        self._options = options
        self._proposers = {proposer.name: proposer for proposer in proposers}
        self._display = display
        self._publish = publish
        self._deadline = options.deadline(dt.datetime.now(dt.UTC))
        self._started = time.monotonic()
        self._evaluated_before = session.record.evaluated
        self._best: float | None = None
        self._error_budget = self._budget_left()
        self.end = self._finished()

    @property
    def iteration(self) -> int:
        """Number of the iteration under way."""
        return self.session.record.iterations

    def begin_iteration(self) -> None:
        """Choose who proposes, and gather what he may know."""
        record = self.session.record
        self.outcome, self.trouble = Outcome(), None
        self.account.begin()
        self.history.advance(self.session.id, self.iteration)
        if self.history.recorded:  # cut short after it was recorded: the same one goes on
            name = self.history.recorded[0].proposer
        else:
            name = bandit.choose(self._able(), record.tallies, record.stream, self.iteration)
        self.proposer = self._proposers[name]
        if self.history.stale():
            self.history.rescore(self._measured_again())
        self.context = Context(
            iteration=self.iteration,
            seed=record.stream,
            size=self._size(self.proposer.batch),
            units=self.units,
            memory=self.history.memory,
            pool=self.history.pool(),
            profile=self.profile,
            universe=self.universe,
        )

    def end_iteration(self) -> None:
        """Write down that the iteration is finished, show it, and see whether the night is."""
        outcome, account = self.outcome, self.account
        self.session.iteration_done(
            self.proposer.name,
            evaluated=outcome.evaluated,
            accepted=outcome.accepted,
            cost=bandit.cost(outcome.evaluated, account.used_replies, account.used_usd),
        )
        if outcome.best is not None:
            self._best = max(self._best or 0.0, abs(outcome.best))
        if outcome.accepted or "confirm" in outcome.rejected:
            self._error_budget = self._budget_left()
        if outcome.accepted:
            self.publish()
        self._display.progress(self._progress())
        self.end = self._finished()

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
        return max(1, min(batch, wanted - self.session.record.evaluated))

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
        if record.barren >= BARREN:
            self.say(
                f"nothing new to evaluate in {BARREN} iterations: "
                + (self.trouble or "the ideas are used up")
            )
            return "exhausted"
        return None

    def _progress(self) -> Progress:
        record = self.session.record
        seconds = time.monotonic() - self._started
        return Progress(
            session=self.session.id,
            iterations=record.iterations,
            evaluated=record.evaluated,
            accepted=record.accepted,
            target=self._options.evaluations,
            rate=(record.evaluated - self._evaluated_before) / max(seconds, 1e-9),
            best_marginal_ic=self._best,
            spend_usd=self.account.usd,
            seconds=seconds,
            deadline=self._deadline,
            error_budget=self._error_budget,
        )

    def _budget_left(self) -> float:
        """Share of the error budget that is left."""
        return error_budget(self.ledger.tests(), self.acceptance.settings).left
