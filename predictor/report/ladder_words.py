"""The ladder of limit-ups in words."""

from dataclasses import dataclass

from predictor.explain import Language
from predictor.report.facts import Facts
from predictor.report.formats import number, percent
from predictor.report.ladder import Rung
from predictor.report.words import Words

WHO, FELL = 12, 4
"""Names shown of those on a rung, and of those that fell off."""


@dataclass(frozen=True)
class Step:
    """One height of the ladder in words."""

    height: str
    count: str
    rate: str
    of: str
    who: str


@dataclass(frozen=True)
class Steps:
    """The ladder in words."""

    source: str
    sealing: str
    overall: str
    rungs: tuple[Step, ...]
    previous: str
    missing: tuple[str, ...]


def steps(facts: Facts, language: Language, said: Words) -> Steps:
    """The ladder, the sealing and promotion rates, and how yesterday's limit-ups did."""
    ladder, market = facts.ladder, facts.market
    sealing = overall = previous = ""
    sealed, broken = market.at("limit_ups"), market.at("broken")
    if sealed is not None and broken is not None:
        sealing = said["ladder.sealed"].format(sealed=number(sealed), broken=number(broken))
        sealing += {"en": ": {}.", "zh": "：封板率 {}。"}[language].format(
            percent(market.at("sealing"))
        )
    again = market.at("multi_boards")
    before = market.at("limit_ups", -2) if len(market.sessions) > 1 else None
    if again is not None and before:
        overall = said["ladder.overall"].format(
            before=number(before), again=number(again), rate=percent(again / before)
        )
    if ladder.previous is not None:
        previous = said["ladder.previous.text"].format(
            count=ladder.previous.count,
            mean=percent(ladder.previous.mean_return, 2, signed=True),
            risen=percent(ladder.previous.risen),
        )
        if ladder.previous.at_limit is not None:
            again_text = percent(ladder.previous.at_limit)
            previous += said["ladder.previous.again"].format(again=again_text)
    source = (
        said["ladder.fields"] if ladder.source is None
        else said[f"ladder.source.{ladder.source}"]
    )  # fmt: skip
    return Steps(
        source,
        sealing,
        overall,
        tuple(_step(rung, language, said) for rung in ladder.rungs),
        previous,
        tuple(said[key] for key in ladder.missing),
    )


def _step(rung: Rung, language: Language, said: Words) -> Step:
    who = [
        f"{one.name}{f' {one.first_time}' if one.first_time else ''}" for one in rung.stocks[:WHO]
    ]
    comma = {"en": ", ", "zh": "、"}[language]
    text = comma.join(who)
    if len(rung.stocks) > WHO:
        text += " " + said["ladder.more"].format(n=len(rung.stocks) - WHO)
    if rung.fell and (len(rung.fell) <= FELL or not who):
        text = " ".join(filter(None, (text, said["ladder.fell"].format(who=comma.join(rung.fell)))))
    of = ""
    if rung.rate is not None:
        of = said["ladder.of"].format(climbed=rung.climbed, before=rung.before)
    return Step(
        said["ladder.first"] if rung.height == 1 else number(rung.height),
        number(len(rung.stocks)),
        percent(rung.rate),
        of,
        text,
    )
