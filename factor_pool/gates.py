"""Thresholds of acceptance, and the gates: questions that search figures alone can answer.

Each gate rejects with a sentence a person understands, and has a short name for the funnel.
`Settings` gives the reasons for the defaults.
"""

import functools
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_profile.profile import CUTOFF, Field
from factor_pool.errors import EvaluationError
from factor_pool.expression import ExpressionError, parse
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt, Member

_RULES = ("addis", "lord")
_COUNT = {"limit_up_count"}
_AVERAGES = {"Ref", "Mean", "Sum", "EMA", "WMA", "Neg", "CSRank", "CSZScore", "CSDemean"}


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
        climbs to a t of 3 to 4 on a market without any factor. The size matters beside the t: a
        long history makes anything certain, and what adds less is not worth its place.
    min_expected_t
        Of the confirm test if the search figure were the whole truth: search t times the root of
        confirm sessions over search sessions. A test that is likely to fail even so would only
        spend the error budget.
    max_correlation
        Mean daily rank correlation with any pool member, and with any factor that failed its
        confirm test on the same data, absolute: else a search that varies one lucky find would buy
        a ticket with each variant.
    min_same_sign
        Share of years (half-years where there are fewer than four years) with the overall sign.
    min_rank_autocorrelation
        Below it the ranking reverses from day to day: it measures noise that was just corrected.
    failures_compared
        How many failures it is compared with, those most alike in their search figures.
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
    failures_compared: int = 20
    min_confirm_sessions: int = 40
    rule: str = "addis"
    fdr: float = 0.05
    wealth: float = 0.5
    max_p: float = 0.01

    def __post_init__(self) -> None:
        if self.rule not in _RULES:
            raise EvaluationError(f"rule must be {' or '.join(_RULES)}, not {self.rule!r}")
        for name in ("fdr", "wealth", "max_p"):
            if not 0 < getattr(self, name) < 1:
                raise EvaluationError(f"{name} must lie in (0, 1), got {getattr(self, name)}")

    @property
    def rule_name(self) -> str:
        """The online rule with its parameters, as written with each test."""
        name = f"{self.rule} fdr={self.fdr} wealth={self.fdr * self.wealth}"
        return f"{name} max_p={self.max_p}" if self.rule == "addis" else name


def _averages_of_counts(canonical: str) -> bool:
    """Whether an expression only shifts and averages the count that the baseline averages."""
    operators = set(re.findall(r"(\w+)\(", canonical))
    return parse(canonical).fields == _COUNT and operators <= _AVERAGES


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


@dataclass(frozen=True)
class Validity(Gate):
    """Asks whether it is an expression, of known fields and fitting units."""

    fields: Mapping[str, Field] | None
    name = "validity"

    @functools.cached_property
    def _units(self) -> Mapping[str, str] | None:
        if self.fields is None:
            return None
        return {name: field.unit for name, field in self.fields.items()}

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        try:
            parse(str(attempt.canonical), self._units)
        except ExpressionError as error:
            hint = f"; {error.hint}" if error.hint else ""
            return f"It is no valid expression: {error.message}{hint}."
        return None


@dataclass(frozen=True)
class Availability(Gate):
    """Asks whether all that it reads is known when the forecast is made."""

    fields: Mapping[str, Field]
    cutoff: str = CUTOFF
    name = "availability"

    def objection(  # noqa: D102
        self, attempt: Attempt, figures: Mapping[str, Any], pool: Sequence[Member]
    ) -> str | None:
        for name in sorted(parse(str(attempt.canonical)).fields):
            field = self.fields[name]
            if not field.factor:
                return f"It reads ${name}, which is bookkeeping and says nothing of the market."
            if field.known_at > self.cutoff:
                return (
                    f"It reads ${name}, which is known at {field.known_at}; the forecast is made "
                    f"at {self.cutoff}."
                )
        return None


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
            if not _averages_of_counts(str(attempt.canonical)):
                return None
            return (
                "It is made of past limit-up counts alone, shifted or averaged: persistence in "
                "other words."
            )
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


def gates_of(
    settings: Settings,
    ledger: Ledger,
    confirm_sessions: int,
    fields: Mapping[str, Field] | None = None,
    cutoff: str = CUTOFF,
) -> tuple[Gate, ...]:
    """Every gate, in the order in which they are asked.

    Parameters
    ----------
    settings
        Thresholds.
    ledger
        Knows what was ever in the pool.
    confirm_sessions
        Length of the confirm window.
    fields
        What each field is and when it is known; None: units and times are not asked for.
    cutoff
        When the forecast is made that the factors are for.
    """
    return (
        Validity(fields),
        *([] if fields is None else [Availability(fields, cutoff)]),
        Novelty(ledger),
        Complexity(settings),
        Coverage(settings),
        BaselineCopy(settings),
        Correlation(settings),
        Strength(settings),
        Power(settings, confirm_sessions),
        Stability(settings),
        Halves(),
        Turnover(settings),
    )
