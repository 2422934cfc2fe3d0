"""What to do next, worked out from a night's facts by rule."""

from collections.abc import Iterator, Mapping

from factor_pool.gates import Settings
from scenario.morning.facts import Facts

_MANY = 0.3  # a share of attempts worth speaking of
_ENOUGH = 20  # attempts below which a share says nothing
_POOR = 0.25  # of the first test's level


def next_steps(
    facts: Facts, settings: Settings, confirm_sessions: int, said: Mapping[str, str]
) -> list[str]:
    """Sentences, the most urgent first; never empty.

    Parameters
    ----------
    facts
        Of the night.
    settings
        Thresholds of the gates.
    confirm_sessions
        Length of the confirm window.
    said
        From `words.words`.
    """
    steps = [*_to_go_on(facts, said), *_to_search_better(facts, said, confirm_sessions)]
    if not steps:
        best = "–" if facts.total.best is None else f"{facts.total.best:.3f}"
        steps.append(said["next.longer"].format(best=best, needed=settings.min_added_rank_ic))
    return steps


def _to_go_on(facts: Facts, said: Mapping[str, str]) -> Iterator[str]:
    if facts.end == "failed":
        yield said["next.failed"]
    elif facts.end == "interrupted":
        yield said["next.resume"]
    elif facts.end == "budget":
        yield said["next.budget"]
    elif facts.end == "spent":
        yield said["next.spent"]
    elif facts.end == "exhausted":
        yield said["next.exhausted"].format(seed=facts.record.seed + 1)
    if facts.found:
        yield said["next.use"].format(members=", ".join(one.member.id for one in facts.found))


def _to_search_better(
    facts: Facts, said: Mapping[str, str], confirm_sessions: int
) -> Iterator[str]:
    total, funnel = facts.total, facts.funnel
    if total.attempts >= _ENOUGH and total.repeated >= _MANY * total.attempts:
        share = f"{total.repeated / total.attempts:.0%}"
        yield said["next.repeats"].format(share=share, seed=facts.record.seed + 1)
    for group in facts.proposers:
        if group.attempts >= _ENOUGH and group.invalid >= _MANY * group.attempts:
            share = f"{group.invalid / group.attempts:.0%}"
            yield said["next.invalid"].format(share=share, proposer=group.name)
    copies = funnel.get("correlation", 0) + funnel.get("novelty", 0)
    if total.measured >= _ENOUGH and copies >= _MANY * total.measured:
        yield said["next.copies"].format(share=f"{copies / total.measured:.0%}")
    if funnel.get("power"):
        yield said["next.power"].format(count=funnel["power"], sessions=confirm_sessions)
    if facts.after.left < _POOR and facts.end != "spent":
        yield said["next.poor"].format(left=f"{facts.after.left:.0%}")
