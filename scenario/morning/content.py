"""The morning report in sentences and rows, before it is HTML or Markdown; nothing is escaped."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from factor_pool.gates import Settings
from scenario.account import Limit
from scenario.morning.facts import Facts, Found, Group, Point, Skill
from scenario.morning.near import Near
from scenario.morning.steps import next_steps
from scenario.morning.words import GATES

_IDEAS = 25
_SHANGHAI = zoneinfo.ZoneInfo("Asia/Shanghai")
_SHARES = frozenset({"same_sign_share"})
_TWO_PLACES = frozenset({"added_t", "expected_t", "rank_autocorrelation"})
_HIT_RATES = ("hit_rate_at_5", "persistence_hit_rate_at_5", "size_hit_rate_at_5", "base_rate")
Words = Mapping[str, str]


@dataclass(frozen=True)
class Accepted:
    """An accepted factor in words; `hypothesis` is untrusted."""

    id: str
    expression: str
    sense: str
    hypothesis: str
    proposer: str
    lines: tuple[str, ...]
    report: str


@dataclass(frozen=True)
class Bar:
    """One gate of the funnel: why, how many, and which share of all attempts (0..1)."""

    name: str
    count: int
    share: float


@dataclass(frozen=True)
class Content:
    """What the report says, section by section; ideas and hypotheses are untrusted.

    Parameters
    ----------
    heading, subtitle, verdict
        At the top.
    glance
        Pairs of what, and its value.
    steps
        What to do next.
    found, near, funnel
        See `Accepted`; (expression, gate, by how much) each; `Bar`.
    groups_head, proposers, ideas, ideas_more
        Tables of what was tried, and how many ideas they leave out, in words.
    growth
        (after which member, attempts, search, confirm) each.
    budget
        What became of the error budget.
    course, skill
        For the drawings.
    """

    heading: str
    subtitle: str
    verdict: tuple[str, ...]
    glance: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    found: tuple[Accepted, ...]
    near: tuple[tuple[str, str, str], ...]
    funnel: tuple[Bar, ...]
    groups_head: tuple[str, ...]
    proposers: tuple[tuple[str, ...], ...]
    ideas: tuple[tuple[str, ...], ...]
    ideas_more: str
    growth: tuple[tuple[str, str, str, str], ...]
    budget: str
    course: Sequence[Point]
    skill: Sequence[Skill]


def content(
    facts: Facts, settings: Settings, confirm_sessions: int, limits: Sequence[Limit], said: Words
) -> Content:
    """Put a night's facts into words.

    Parameters
    ----------
    facts
        Of the night.
    settings
        Thresholds of the gates.
    confirm_sessions
        Length of the confirm window.
    limits
        Of what the language model may cost.
    said
        From `words.words`.
    """
    total, left_out = facts.total, facts.ideas[_IDEAS:]
    more = said["ideas.more"].format(
        count=len(left_out), attempts=f"{sum(one.attempts for one in left_out):,}"
    )
    return Content(
        heading=said["title"],
        subtitle=said["night"].format(day=_day(facts)),
        verdict=_verdict(facts, said),
        glance=tuple(_glance(facts, limits, said)),
        steps=tuple(next_steps(facts, settings, confirm_sessions, said)),
        found=tuple(_accepted(one, said) for one in facts.found),
        near=tuple(_near(one, said) for one in facts.near),
        funnel=_funnel(facts, said),
        groups_head=tuple(
            said[key] for key in ("attempts", "invalid", "repeated", "measured", "tested",
                                  "accepted", "best")
        ),
        proposers=tuple(_row(one) for one in facts.proposers),
        ideas=tuple(_row(one) for one in facts.ideas[:_IDEAS]),
        ideas_more=more if left_out else "",
        growth=tuple(_grown(one, said) for one in facts.growth),
        budget=said["budget.note"].format(
            fdr=f"{facts.after.fdr:.0%}",
            before=f"{facts.before.left:.0%}",
            after=f"{facts.after.left:.0%}",
            tests=total.tested,
            discoveries=total.accepted,
        ),
        course=facts.course,
        skill=facts.growth,
    )  # fmt: skip


def signed(value: float | None, digits: int = 3) -> str:
    """A figure with its sign, in the report's typography."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def _plain(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _day(facts: Facts) -> str:
    """The evening on which the session began, China time."""
    try:
        began = dt.datetime.strptime(facts.session[:13], "%Y%m%dT%H%M").replace(tzinfo=dt.UTC)
    except ValueError:  # a session of another name
        return facts.session
    return f"{began.astimezone(_SHANGHAI):%Y-%m-%d %H:%M}"


def _verdict(facts: Facts, said: Words) -> tuple[str, ...]:
    total = facts.total
    counts = said["verdict"].format(
        attempts=f"{total.attempts:,}", tested=total.tested, accepted=total.accepted
    )
    ended = said[f"end.{facts.end}"].format(
        iteration=facts.record.iterations, trouble=facts.trouble
    )
    if facts.trouble and facts.end != "failed":
        return counts, ended, said["trouble"].format(trouble=facts.trouble)
    return counts, ended


def _glance(facts: Facts, limits: Sequence[Limit], said: Words) -> list[tuple[str, str]]:
    record, spend, after = facts.record, facts.spend, facts.after
    paid = said["spend.none"]
    if spend.replies:
        paid = said["spend.text"].format(
            usd=f"{spend.usd:.4f}", tokens=f"{spend.tokens:,}", replies=f"{spend.replies:,}"
        )
    if limits:
        paid += said["spend.limits"].format(limits=", ".join(_limit(one, said) for one in limits))
    return [
        (said["evaluated"], said["evaluated.text"].format(
            count=f"{record.evaluated:,}", time=_duration(record.seconds), rate=f"{record.rate:.0f}"
        )),
        (said["iterations"], f"{record.iterations:,}"),
        (said["spend"], paid),
        (said["budget"], said["budget.text"].format(
            left=f"{after.left:.0%}", next=f"{after.next_level:.2g}",
            first=f"{after.first_level:.2g}",
        )),
        (said["setup"], said["setup.text"].format(
            seed=record.seed, proposer=record.proposer, label=record.label,
            snapshot=record.snapshot[:12],
        )),
    ]  # fmt: skip


def _limit(limit: Limit, said: Words) -> str:
    digits = 4 if limit.unit == "usd" else 0
    return said["limit.text"].format(
        which=said[f"limit.{limit.which}"],
        used=f"{limit.used:,.{digits}f}",
        limit=f"{limit.most:,g}" if limit.unit == "usd" else f"{limit.most:,.0f}",
        unit=said[f"unit.{limit.unit}"],
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _accepted(found: Found, said: Words) -> Accepted:
    member, test = found.member, found.test
    figures = member.figures
    added, t = figures.get("added_rank_ic"), figures.get("added_t_hac")
    lines = [
        said["found.search"].format(
            added=_with_interval(added, t), t=signed(t, 1),
            marginal=_with_interval(figures.get("marginal_rank_ic"), figures.get("t_hac")),
        )
    ]  # fmt: skip
    rates = [figures.get(name) for name in _HIT_RATES]
    if all(rate is not None for rate in rates):
        own, persistence, size, chance = (f"{rate:.1%}" for rate in rates)
        lines.append(
            said["found.hits"].format(own=own, persistence=persistence, size=size, chance=chance)
        )
    seen = test.figures
    if {"added_rank_ic", "sessions", "start", "end"} <= set(seen):
        lines.append(
            said["found.confirm"].format(
                added=signed(member.sign * seen["added_rank_ic"]), sessions=seen["sessions"],
                start=seen["start"], end=seen["end"], p=f"{test.p_value:.2g}",
                level=f"{test.level:.2g}",
            )
        )  # fmt: skip
    sense = f"found.sense.{member.sign}"
    return Accepted(
        member.id, member.expression, said.get(f"{sense}.{member.label}", said[sense]),
        member.hypothesis, member.proposer, tuple(lines), f"{member.id}/report.html",
    )  # fmt: skip


def _with_interval(mean: float | None, t: float | None) -> str:
    """A mean with half of its 95% interval, from its Newey-West t."""
    if mean is None or not t:
        return signed(mean)
    return f"{signed(mean)} ±{1.96 * abs(mean / t):.3f}"


def _near(near: Near, said: Words) -> tuple[str, str, str]:
    def shown(value: float) -> str:
        if near.measure in _SHARES:
            return f"{value:.0%}"
        if near.measure == "p_value":
            return f"{value:.2g}"
        return _plain(value, 2 if near.measure in _TWO_PLACES else 4)

    gap = said[f"measured.{near.measure}"].format(
        value=shown(near.value), needed=shown(near.needed)
    )
    return near.expression, said[f"gate.{near.gate}"], gap


def _funnel(facts: Facts, said: Words) -> tuple[Bar, ...]:
    order = [name for name in GATES if name in facts.funnel]
    order += [name for name in facts.funnel if name not in GATES]
    whole = max(1, facts.total.attempts)
    bars = [
        Bar(said.get(f"gate.{name}", name), facts.funnel[name], facts.funnel[name] / whole)
        for name in order
    ]
    return (*bars, Bar(said["accepted"], facts.total.accepted, facts.total.accepted / whole))


def _row(group: Group) -> tuple[str, ...]:
    counts = (
        group.attempts, group.invalid, group.repeated, group.measured, group.tested,
        group.accepted,
    )  # fmt: skip
    return (group.name, *(f"{count:,}" for count in counts), _plain(group.best))


def _grown(skill: Skill, said: Words) -> tuple[str, str, str, str]:
    search = _plain(skill.search)
    if skill.error is not None:
        search += f" ±{skill.error:.3f}"
    name = skill.member or said["growth.before"]
    return name, f"{skill.attempts:,}", search, _plain(skill.confirm)
