"""From an attempt to a pool member: gates, cheapest first, then one test on unseen sessions.

The gates read the search window's figures only and reject with a sentence a person understands.
Whatever passes them all gets ONE p-value from the confirm window: of what it adds to the baseline
and to the present pool, one-sided in the direction that search found. The p-values of every
candidate ever tested go, in order, through an online false-discovery rule whose state is replayed
from the ledger. Only accept or reject leaves this module.

`Settings` gives the reasons for the defaults.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from factor_pool.errors import EvaluationError, LedgerError
from factor_pool.evaluation.inference import bootstrap_p, seed_of
from factor_pool.evaluation.windows import Windows
from factor_pool.evaluation.yardstick import pool_fingerprint
from factor_pool.expression import parse
from factor_pool.ledger import FINAL_STAGES, Attempt, Ledger, Member, Test

Search = Callable[[str, Sequence[str]], Mapping[str, Any]]
Confirm = Callable[[str, Sequence[str]], Sequence[float | None]]


@dataclass(frozen=True)
class Settings:
    """Thresholds of the gates and of the online rule.

    Parameters
    ----------
    min_sessions
        Sessions with a rank IC in search.
    min_coverage
        Share of listed cells with a value, from the first session of the factor's fields.
    max_nodes, max_depth
        Of the expression: what cannot be said briefly is more likely fitted than found.
    max_explained
        Share of the factor's rank variance that the baseline explains; above it, the factor is
        persistence or size in other words.
    min_added_rank_ic, min_added_t
        Of the factor beyond baseline and pool in search, absolute. A search of 3,000 attempts
        climbs to a t of 3 to 4 on a market without any factor. The size matters beside the t: the
        curvature of persistence, which a projection on ranks leaves over, reaches about 0.015
        with great certainty and is no discovery.
    min_expected_t
        Of the confirm test if the search figure were the whole truth: search t times the root of
        confirm sessions over search sessions. A test that is likely to fail even so would only
        spend the error budget.
    max_correlation
        Mean daily rank correlation with any pool member, absolute.
    min_same_sign
        Share of years (half-years where there are fewer than four years) with the overall sign.
    min_rank_autocorrelation
        Below it the ranking reverses from day to day: it measures noise that was just corrected.
    max_failed_correlation
        With a factor that failed its confirm test on the same data: a near copy gets no second
        test, or else a search that varies one lucky find would buy a ticket with each variant.
    failures_compared
        How many such failures it is compared with, those most alike in their search figures.
    min_confirm_sessions
        Sessions with a figure in confirm; fewer are no test.
    rule
        "addis", or "lord" (LORD++), the strict one: it stays valid where p-values depend on each
        other more than ADDIS allows, at about half the power.
    fdr
        Target false-discovery rate over every test ever made with a ledger.
    wealth
        Share of `fdr` that may be spent before the first discovery.
    max_p
        No larger p-value is ever a discovery, however much ADDIS has earned. LORD++ never goes
        so high.
    """

    min_sessions: int = 250
    min_coverage: float = 0.5
    max_nodes: int = 30
    max_depth: int = 8
    max_explained: float = 0.9
    min_added_rank_ic: float = 0.025
    min_added_t: float = 4.0
    min_expected_t: float = 2.0
    max_correlation: float = 0.7
    min_same_sign: float = 0.7
    min_rank_autocorrelation: float = -0.1
    max_failed_correlation: float = 0.9
    failures_compared: int = 20
    min_confirm_sessions: int = 40
    rule: str = "addis"
    fdr: float = 0.05
    wealth: float = 0.5
    max_p: float = 0.01

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise EvaluationError(f"rule must be {' or '.join(RULES)}, not {self.rule!r}")
        for name in ("fdr", "wealth", "max_p"):
            if not 0 < getattr(self, name) < 1:
                raise EvaluationError(f"{name} must lie in (0, 1), got {getattr(self, name)}")

    @property
    def rule_name(self) -> str:
        """The online rule with its parameters, as written with each test."""
        name = f"{self.rule} fdr={self.fdr} wealth={self.fdr * self.wealth}"
        return f"{name} max_p={self.max_p}" if self.rule == "addis" else name


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


class Gate(ABC):
    """One question about an attempt, answered from its text and search figures alone."""

    name: str

    @abstractmethod
    def objection(
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        """Why the attempt fails, as a sentence; None if it passes.

        Parameters
        ----------
        attempt
            With canonical text.
        figures
            As `Yardstick.figures`, against this pool.
        pool
            Active members, in order of acceptance.
        """


class Novelty(Gate):
    """Asks whether it is or was in the pool."""

    name = "novelty"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        member = self._ledger.member_of(str(attempt.canonical), attempt.label)
        if member is None:
            return None
        return f"It is pool factor {member.id} itself ({member.status})."


@dataclass(frozen=True)
class Complexity(Gate):
    """Asks whether it is short enough to mean something."""

    settings: Settings
    name = "complexity"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        expression = parse(str(attempt.canonical))
        nodes, depth = expression.nodes, expression.depth
        if nodes <= self.settings.max_nodes and depth <= self.settings.max_depth:
            return None
        return (
            f"It has {nodes} nodes and depth {depth}; at most {self.settings.max_nodes} and "
            f"{self.settings.max_depth} are allowed."
        )


@dataclass(frozen=True)
class Coverage(Gate):
    """Asks whether there is enough of it to judge."""

    settings: Settings
    name = "coverage"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        sessions, coverage = figures["sessions"], figures["coverage"]
        if sessions < self.settings.min_sessions:
            return (
                f"Only {sessions} search sessions could be measured; at least "
                f"{self.settings.min_sessions} are needed."
            )
        if coverage < self.settings.min_coverage:
            return (
                f"It has a value for only {coverage:.0%} of the instruments and sessions; at "
                f"least {self.settings.min_coverage:.0%} are needed."
            )
        return None


@dataclass(frozen=True)
class BaselineCopy(Gate):
    """Asks whether it is more than persistence or size in other words."""

    settings: Settings
    name = "baseline_copy"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        explained = figures["explained"]
        if explained is None or explained <= self.settings.max_explained:
            return None
        correlations = {k: v for k, v in figures["correlations"].items() if v is not None}
        closest = max(correlations, key=lambda name: abs(correlations[name]))
        return (
            f"The baseline explains {explained:.0%} of its ranking: it is mostly {closest} "
            f"(rank correlation {correlations[closest]:+.2f}) in other words."
        )


@dataclass(frozen=True)
class Correlation(Gate):
    """Asks whether it differs from each member of the pool."""

    settings: Settings
    name = "correlation"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        largest, closest = figures["max_pool_correlation"], figures["closest_member"]
        if closest is None or largest < self.settings.max_correlation:
            return None
        member = pool[closest]
        if largest > 0.999:
            return f"It ranks exactly as pool factor {member.id}, or exactly the other way round."
        return (
            f"Its ranks correlate {largest:.2f} in size with pool factor {member.id} "
            f"({member.expression}); below {self.settings.max_correlation} is needed."
        )


@dataclass(frozen=True)
class Strength(Gate):
    """Asks whether it adds anything to baseline and pool in search."""

    settings: Settings
    name = "strength"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        added, t = figures["added_rank_ic"], figures["added_t_hac"]
        beyond = "the baseline and the pool" if pool else "the baseline"
        if added is None or t is None:
            return f"Beyond {beyond} nothing of it could be measured."
        if abs(added) < self.settings.min_added_rank_ic:
            return (
                f"Beyond {beyond} its rank IC is {added:+.4f}; at least "
                f"{self.settings.min_added_rank_ic} in size is needed."
            )
        if abs(t) < self.settings.min_added_t:
            return (
                f"Beyond {beyond} its rank IC of {added:+.4f} has a t of {t:+.1f}; at least "
                f"{self.settings.min_added_t} in size is needed."
            )
        return None


@dataclass(frozen=True)
class Power(Gate):
    """Asks whether the confirm window is long enough to show it."""

    settings: Settings
    confirm_sessions: int
    name = "power"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        share = self.confirm_sessions / figures["sessions"]
        expected = abs(figures["added_t_hac"]) * math.sqrt(share)
        if expected >= self.settings.min_expected_t:
            return None
        return (
            f"Even if its t of {figures['added_t_hac']:+.1f} over {figures['sessions']} search "
            f"sessions were the truth, the {self.confirm_sessions} confirm sessions would show a "
            f"t of about {expected:.1f}; at least {self.settings.min_expected_t} is needed."
        )


@dataclass(frozen=True)
class Stability(Gate):
    """Asks whether it points the same way in most years."""

    settings: Settings
    name = "stability"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        share = figures["same_sign_share"]
        if share >= self.settings.min_same_sign:
            return None
        return (
            f"It points the same way in only {share:.0%} of {len(figures['periods'])} periods; "
            f"at least {self.settings.min_same_sign:.0%} are needed."
        )


class Halves(Gate):
    """Asks whether it points the same way in both halves of the universe."""

    name = "halves"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        values = list(figures["halves"].values())
        if all(value is not None and value * figures["sign"] > 0 for value in values):
            return None
        shown = " and ".join("none" if value is None else f"{value:+.4f}" for value in values)
        return f"It does not work in both halves of the universe: its rank IC there is {shown}."


@dataclass(frozen=True)
class Turnover(Gate):
    """Asks whether its ranking lasts longer than a day."""

    settings: Settings
    name = "turnover"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        value = figures["rank_autocorrelation"]
        if value is not None and value >= self.settings.min_rank_autocorrelation:
            return None
        shown = "undefined" if value is None else f"{value:+.2f}"
        return (
            f"The autocorrelation of its ranks is {shown}: its ranking reverses from day to day "
            f"(at least {self.settings.min_rank_autocorrelation:+.2f} is needed)."
        )


def _addis(settings: Settings) -> Any:
    from online_fdr.p_values import Addis

    class CappedAddis(Addis):
        """ADDIS at no level above `max_p`. Any smaller level than it allows keeps its promise."""

        def calc_alpha_t(self) -> float:
            return min(settings.max_p, super().calc_alpha_t())

    wealth = settings.fdr * settings.wealth
    return CappedAddis(alpha=settings.fdr, wealth=wealth, lambda_=0.25, tau=0.5)


def _lord(settings: Settings) -> Any:
    from online_fdr.p_values import LordPlusPlus

    return LordPlusPlus(alpha=settings.fdr, wealth=settings.fdr * settings.wealth)


RULES: dict[str, Callable[[Settings], Any]] = {"addis": _addis, "lord": _lord}


def next_test(past: Sequence[Test], p_value: float, settings: Settings) -> tuple[float, bool]:
    """(level, discovery) that the online rule gives the next p-value, after all those before it.

    The rule keeps no state beside the ledger: it is restored by replaying every test.

    Raises
    ------
    LedgerError
        Earlier tests were made under another rule, or replaying them gives other levels than were
        written: error budgets of two rules cannot be joined.
    """
    rule = RULES[settings.rule](settings)
    for test in past:
        if test.rule != settings.rule_name:
            raise LedgerError(
                f"test {test.position} was made under {test.rule}, now {settings.rule_name} is "
                "set: the error budget of one ledger belongs to one rule; use the same, or "
                "another home"
            )
        level = rule.test_one_detail(test.p_value).test_level
        if not math.isclose(level, test.level, rel_tol=1e-9, abs_tol=1e-15):
            raise LedgerError(
                f"test {test.position} has level {test.level} in the ledger, replaying it gives "
                f"{level}: the ledger was changed, or the online-fdr library was"
            )
    outcome = rule.test_one_detail(p_value)
    return float(outcome.test_level), bool(outcome.rejected)


_NUMBERS = (
    "sessions", "coverage", "max_pool_correlation", "pool_fingerprint", "same_sign_share", "sign",
)  # fmt: skip
_PERHAPS = (
    "added_rank_ic", "added_t_hac", "explained", "rank_autocorrelation", "closest_member",
)  # fmt: skip
_TABLES = ("correlations", "halves", "periods")


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
    ) -> None:
        self._ledger = ledger
        self._windows = windows
        self._confirm = confirm
        self._search = search
        self.settings = settings or Settings()
        self._who = who
        self.gates: tuple[Gate, ...] = (
            Novelty(ledger),
            Complexity(self.settings),
            Coverage(self.settings),
            BaselineCopy(self.settings),
            Correlation(self.settings),
            Strength(self.settings),
            Power(self.settings, windows.confirm.sessions),
            Stability(self.settings),
            Halves(),
            Turnover(self.settings),
        )

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
        earlier = self._ledger.pending(current.session, limit=1)[0]
        if earlier.id != current.id:
            raise LedgerError(
                f"attempt {earlier.id} is {earlier.stage} and comes before attempt {current.id}: "
                "decisions follow the order of the ledger"
            )
        figures = dict(figures if figures is not None else current.figures)
        pool = self._ledger.members()
        try:
            return self._decide(current, figures, pool)
        except EvaluationError as error:
            reason = f"It could not be evaluated: {error}"
            self._ledger.judged(current.id, "failed", gate="evaluation", reason=reason)
            return Decision(False, "evaluation", reason)

    def _decide(
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> Decision:
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
        if failed is not None:
            return self._reject(attempt, figures, *failed)
        return self._test(attempt, figures, texts)

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
        """Object to a near copy of a factor that failed its confirm test on the same data."""
        failures = self._ledger.attempts(
            snapshot=attempt.snapshot, label=attempt.label, gate="confirm"
        )
        if not failures:
            return None
        # Near copies resemble each other in every figure: the most alike are enough.
        own = _signature(figures)
        failures.sort(key=lambda one: math.dist(own, _signature(one.figures)))
        del failures[self.settings.failures_compared :]
        beside = self._measured(attempt, [str(one.canonical) for one in failures])
        largest, closest = beside["max_pool_correlation"], beside["closest_member"]
        if largest < self.settings.max_failed_correlation:
            return None
        return "kin", (
            f"Its ranks correlate {largest:.2f} in size with attempt {failures[closest].id}, which "
            "was not confirmed on unseen sessions; a near copy gets no second test."
        )

    def _reject(
        self, attempt: Attempt, figures: Mapping[str, Any], gate: str, reason: str
    ) -> Decision:
        self._ledger.judged(attempt.id, "rejected", figures=figures, gate=gate, reason=reason)
        return Decision(False, gate, reason)

    def _test(self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[str]) -> Decision:
        canonical, sign = str(attempt.canonical), int(figures["sign"])
        self._ledger.opened(
            "confirm", self._who, f"test of attempt {attempt.id}", content_hash=attempt.snapshot
        )
        daily = np.array(
            [np.nan if x is None else x for x in self._confirm(canonical, pool)], dtype=np.float64
        )
        if np.isfinite(daily).sum() < self.settings.min_confirm_sessions:
            return self._reject(
                attempt,
                figures,
                "confirm_coverage",
                "The confirm window has too few sessions in which it can be measured.",
            )
        p_value = bootstrap_p(sign * daily, seed=seed_of(canonical))
        test = self._spend(attempt, p_value, sign, daily)
        if test.discovery:
            member = self._ledger.accept(attempt.id, test, sign=sign, figures=figures)
            return Decision(True, member=member)
        reason = "What it showed in the search window was not confirmed on unseen sessions."
        self._ledger.judged(
            attempt.id, "rejected", figures=figures, gate="confirm", reason=reason, test=test
        )
        return Decision(False, "confirm", reason)

    def _spend(self, attempt: Attempt, p_value: float, sign: int, daily: np.ndarray) -> Test:
        """Put the p-value through the online rule, restored from every test before it."""
        past = self._ledger.tests()
        level, discovery = next_test(past, p_value, self.settings)
        return Test(
            position=len(past) + 1,
            attempt_id=attempt.id,
            rule=self.settings.rule_name,
            p_value=p_value,
            level=level,
            discovery=discovery,
            figures={
                "start": self._windows.confirm.start.isoformat(),
                "end": self._windows.confirm.end.isoformat(),
                "sessions": int(np.isfinite(daily).sum()),
                "added_rank_ic": float(np.nanmean(daily)),
                "sign": sign,
            },
        )
