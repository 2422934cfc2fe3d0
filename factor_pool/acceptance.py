"""From an attempt to a pool member: gates, cheapest first, then one test on unseen sessions.

The gates read the search window's figures only and reject with a sentence a person understands.
Whatever passes them all gets ONE p-value from the confirm window: of what it adds to the baseline
and to the present pool, one-sided in the direction that search found. The p-values of every
candidate ever tested go, in order, through an online false-discovery rule whose state is replayed
from the ledger. Only accept or reject leaves this module.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.profile import CUTOFF, Field
from factor_pool.discovery import OnlineRule, next_test
from factor_pool.errors import EvaluationError, LedgerError
from factor_pool.evaluation.inference import LEAST_P, bootstrap_p, seed_of
from factor_pool.evaluation.windows import Windows
from factor_pool.evaluation.yardstick import pool_fingerprint
from factor_pool.gates import Correlation, Gate, Settings, gates_of
from factor_pool.ledger import Ledger
from factor_pool.records import FINAL_STAGES, Attempt, Judgement, Member, Test

NOT_CONFIRMED = "What it showed in the search window was not confirmed on unseen sessions."

Search = Callable[[str, Sequence[str]], Mapping[str, Any]]
Confirm = Callable[[str, Sequence[str]], Sequence[float | None]]


@dataclass(frozen=True)
class Decision:
    """How an attempt ended.

    Parameters
    ----------
    accepted
        Whether it is now in the pool.
    gate
        Short name of the gate that rejected it; None if accepted.
    reason
        A sentence for people; empty if accepted.
    member
        The pool member, if accepted.
    """

    accepted: bool
    gate: str | None = None
    reason: str = ""
    member: Member | None = None


_NUMBERS = (
    "sessions", "coverage", "max_pool_correlation", "pool_fingerprint", "same_sign_share", "sign",
)  # fmt: skip
_PERHAPS = (
    "added_rank_ic", "added_t_hac", "explained", "rank_autocorrelation", "closest_member",
)  # fmt: skip
_TABLES = ("correlations", "halves", "periods")
_MOST_ALIKE = 3


def _check(figures: Mapping[str, Any]) -> None:
    """Refuse figures that a gate could not read: they come from an isolated worker."""

    def number(value: object) -> bool:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]

    for name in (*_NUMBERS, *_PERHAPS, *_TABLES):
        value = figures.get(name)
        if name in _TABLES:
            good = isinstance(value, Mapping) and all(
                one is None or number(one) for one in value.values()
            )
        else:
            good = number(value) or (value is None and name in _PERHAPS)
        if not good or name not in figures:
            raise EvaluationError(f"the evaluator gave no usable {name!r}")


def _check_closest(figures: Mapping[str, Any], others: int) -> None:
    """Refuse a `closest_member` that is not one of so many factors."""
    if figures["closest_member"] not in (range(others) if others else (None,)):
        raise EvaluationError("the evaluator gave no usable 'closest_member'")


def _first_objection(
    gates: Sequence[Gate], attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
) -> tuple[str, str] | None:
    """Name of the first gate that objects, and its reason."""
    for gate in gates:
        reason = gate.objection(attempt, figures, pool)
        if reason is not None:
            return gate.name, reason
    return None


def _signature(figures: Mapping[str, Any]) -> list[float]:
    """Figures in which near copies are near, however they are oriented."""
    sign = figures["sign"]
    oriented = [sign * (value or 0.0) for value in figures["correlations"].values()]
    return [*oriented, figures["rank_autocorrelation"] or 0.0, abs(figures["added_rank_ic"] or 0.0)]


class Acceptance:
    """Decides attempts, in the order of the ledger, and writes each decision there.

    Parameters
    ----------
    ledger
        Open for writing.
    windows
        Of the store; the confirm window's bounds go with every test.
    confirm
        ``(canonical text, pool texts) -> daily figures``: what the expression as written adds to
        baseline and pool in each session of the confirm window, None where undefined. Runs in an
        isolated worker. May raise `EvaluationError`: the attempt then ends as failed.
    search
        ``(canonical text, pool texts) -> figures`` of the search window, likewise. Called when an
        attempt passed all gates against a pool that has grown since it was measured.
    settings
        Thresholds.
    who
        Named in the log of openings of the confirm window.
    fields
        What each field is and when it is known (`Profile.fields`); None leaves units and times
        of the fields unasked.
    cutoff
        When the forecast is made that factors are for (`Profile.cutoff`).

    Notes
    -----
    Deciding is deterministic: the same ledger and attempt give the same decision. A crash at any
    line leaves the attempt undecided or decided, never between; deciding a decided attempt again
    returns what the ledger says.
    """

    def __init__(
        self,
        ledger: Ledger,
        windows: Windows,
        confirm: Confirm,
        *,
        search: Search,
        settings: Settings | None = None,
        who: str = "acceptance",
        fields: Mapping[str, Field] | None = None,
        cutoff: str = CUTOFF,
    ) -> None:
        self._ledger = ledger
        self._windows = windows
        self._confirm = confirm
        self._search = search
        self.settings = settings or Settings()
        self._who = who
        self._rule = OnlineRule(self.settings)
        self._failures: dict[tuple[object, ...], list[Attempt]] = {}
        self.gates = gates_of(self.settings, ledger, windows.confirm.sessions, fields, cutoff)

    def decide(self, attempt: Attempt, figures: Mapping[str, Any] | None = None) -> Decision:
        """Decide one attempt and write the decision to the ledger.

        Parameters
        ----------
        attempt
            Recorded; its canonical text is what is judged.
        figures
            Search figures; by default those the ledger holds for it.

        Returns
        -------
        Decision
            For an attempt that ended before, what the ledger says.

        Raises
        ------
        LedgerError
            An earlier attempt of the session is not decided yet.
        """
        current = self._ledger.attempt(attempt.id)
        if current.stage in FINAL_STAGES:
            return self._recorded(current)
        given = current.figures if figures is None else figures
        (decision,) = self.decide_batch([current], [given])
        return decision

    def decide_batch(
        self, attempts: Sequence[Attempt], figures: Sequence[Mapping[str, Any]]
    ) -> list[Decision]:
        """Decide attempts of one session, as the ledger holds them now.

        As `decide` for each in order, but rejections that no test stands between are written in
        one transaction: what a crash undoes is decided again, and comes out the same.

        Parameters
        ----------
        attempts, figures
            Attempts that have not ended, and the search figures of each.

        Raises
        ------
        LedgerError
            They are not the first of their session that have not ended.
        """
        self._check_order(attempts)
        pool = self._ledger.members()
        decisions: list[Decision] = []
        waiting: list[Judgement] = []
        for place, (attempt, measured) in enumerate(zip(attempts, figures, strict=True)):
            try:
                found = self._objection(attempt, dict(measured), pool)
                if isinstance(found, Judgement):
                    waiting.append(found)
                    decisions.append(Decision(False, found.gate, found.reason or ""))
                    continue
                self._ledger.judge(waiting)
                waiting = []
                self._keep(attempts[place:], figures[place:])
                decisions.append(self._test(attempt, found, [one.expression for one in pool]))
                if decisions[-1].accepted:
                    pool = self._ledger.members()
            except EvaluationError as error:
                reason = f"It could not be evaluated: {error}"
                waiting.append(Judgement(attempt.id, "failed", "evaluation", reason))
                decisions.append(Decision(False, "evaluation", reason))
        self._ledger.judge(waiting)
        return decisions

    def budget_left(self) -> float:
        """Level of the next test as a share of the first's; see `ErrorBudget.left`."""
        return self._next_test(1.0)[0] / next_test([], 1.0, self.settings)[0]

    def spent(self) -> bool:
        """Whether no candidate can be accepted any more, whatever it measures.

        The next level lies below every p-value that there is, and it is discoveries alone that
        raise it.
        """
        return self._next_test(1.0)[0] < LEAST_P

    def _keep(self, attempts: Sequence[Attempt], figures: Sequence[Mapping[str, Any]]) -> None:
        """Write the figures of what is left: a test takes long beside measuring a batch."""
        both = zip(attempts, figures, strict=True)
        fresh = [(one.id, found) for one, found in both if one.stage == "proposed"]
        if fresh:
            self._ledger.scored(fresh)

    def _check_order(self, attempts: Sequence[Attempt]) -> None:
        if not attempts:
            return
        pending = self._ledger.pending_ids(attempts[0].session, limit=len(attempts))
        if len(pending) < len(attempts):
            raise LedgerError("an attempt that has ended is not decided again in a batch")
        for first, attempt in zip(pending, attempts, strict=True):
            if first != attempt.id:
                raise LedgerError(
                    f"attempt {first} has not ended and comes before attempt {attempt.id}: "
                    "decisions follow the order of the ledger"
                )

    def _objection(
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> Judgement | Mapping[str, Any]:
        """Why an attempt gets no test; or, where it gets one, its figures beside the pool."""
        texts = [member.expression for member in pool]
        _check(figures)
        stale = figures["pool_fingerprint"] != pool_fingerprint(texts)
        if not stale:
            _check_closest(figures, len(pool))
        # What is too weak against an older pool need not be measured again.
        gates = [g for g in self.gates if not (stale and isinstance(g, Correlation))]
        failed = _first_objection(gates, attempt, figures, pool)
        if failed is None and stale:
            figures = self._measured(attempt, texts)
            failed = _first_objection(self.gates, attempt, figures, pool)
        if failed is None:
            failed = self._kin(attempt, figures)
        if failed is None:
            return figures
        changed = None if figures == attempt.figures else figures
        return Judgement(attempt.id, "rejected", *failed, changed)

    def _measured(self, attempt: Attempt, others: Sequence[str]) -> Mapping[str, Any]:
        """Search figures beside the other factors, checked."""
        figures = dict(self._search(str(attempt.canonical), others))
        _check(figures)
        _check_closest(figures, len(others))
        return figures

    def _recorded(self, attempt: Attempt) -> Decision:
        if attempt.stage != "accepted":
            return Decision(False, attempt.gate, attempt.reason or "")
        member = self._ledger.member_of(str(attempt.canonical), attempt.label)
        return Decision(True, member=member)

    def _kin(self, attempt: Attempt, figures: Mapping[str, Any]) -> tuple[str, str] | None:
        """Object to what is close to a factor that failed its confirm test on the same data."""
        own = _signature(figures)
        alike = sorted(
            self._failed(attempt), key=lambda one: (math.dist(own, _signature(one.figures)), one.id)
        )
        # What ranks alike has figures alike: the most alike are enough, and of these the first few
        # mostly tell.
        alike = alike[: self.settings.failures_compared]
        for part in (alike[:_MOST_ALIKE], alike[_MOST_ALIKE:]):
            if not part:
                return None
            beside = self._measured(attempt, [str(one.canonical) for one in part])
            largest, closest = beside["max_pool_correlation"], beside["closest_member"]
            if largest >= self.settings.max_correlation:
                return "kin", (
                    f"Its ranks correlate {largest:.2f} in size with attempt {part[closest].id}, "
                    f"which was not confirmed on unseen sessions; below "
                    f"{self.settings.max_correlation} is needed."
                )
        return None

    def _failed(self, attempt: Attempt) -> list[Attempt]:
        """Attempts that were not confirmed on the same data; read once, then kept up to date."""
        data = {"snapshot": attempt.snapshot, "label": attempt.label, "borders": attempt.borders}
        key = tuple(data.values())
        if key not in self._failures:
            self._failures[key] = self._ledger.attempts(gate="confirm", **data)  # type: ignore[arg-type]
        return self._failures[key]

    def _not_confirmed(
        self, attempt: Attempt, figures: Mapping[str, Any], test: Test | None = None
    ) -> Decision:
        known = self._failed(attempt)
        self._ledger.judged(
            attempt.id, "rejected", figures=figures, gate="confirm", reason=NOT_CONFIRMED, test=test
        )
        known.append(self._ledger.attempt(attempt.id))
        return Decision(False, "confirm", NOT_CONFIRMED)

    def _test(self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[str]) -> Decision:
        canonical, sign = str(attempt.canonical), int(figures["sign"])
        self._ledger.opened(
            "confirm",
            self._who,
            f"test of attempt {attempt.id}",
            content_hash=attempt.snapshot,
            first=self._windows.confirm.start,
            last=self._windows.confirm.end,
        )
        daily = np.array(
            [np.nan if x is None else x for x in self._confirm(canonical, pool)], dtype=np.float64
        )
        if np.isfinite(daily).sum() < self.settings.min_confirm_sessions:
            # In the same words as below: why it was not confirmed is more than one bit.
            return self._not_confirmed(attempt, figures)
        p_value = bootstrap_p(sign * daily, seed=seed_of(canonical))
        test = self._spend(attempt, p_value, sign, daily)
        if test.discovery:
            member = self._ledger.accept(attempt.id, test, sign=sign, figures=figures)
            return Decision(True, member=member)
        return self._not_confirmed(attempt, figures, test)

    def _next_test(self, p_value: float) -> tuple[float, bool]:
        """(level, discovery) of the next p-value; tests are read from the ledger once."""
        self._rule.replay(self._ledger.tests(after=self._rule.position))
        return self._rule.next(p_value)

    def _spend(self, attempt: Attempt, p_value: float, sign: int, daily: np.ndarray) -> Test:
        """Put the p-value through the online rule, restored from every test before it."""
        level, discovery = self._next_test(p_value)
        return Test(
            position=self._rule.position + 1,
            attempt_id=attempt.id,
            rule=self.settings.rule_name,
            p_value=p_value,
            level=level,
            discovery=discovery,
            figures={
                "start": self._windows.confirm.start.isoformat(),
                "end": self._windows.confirm.end.isoformat(),
                "data_end": self._windows.sealed.end.isoformat(),
                "sessions": int(np.isfinite(daily).sum()),
                "added_rank_ic": float(np.nanmean(daily)),
                "sign": sign,
            },
        )
