"""The day's figures, and the phase of the market's mood, in words."""

from dataclasses import dataclass

import numpy as np

from predictor.explain import Language
from predictor.report.drawing import heat, spark
from predictor.report.facts import Facts
from predictor.report.formats import money, number, percent
from predictor.report.market import Breadth
from predictor.report.phase import ENOUGH, INPUTS, PAST, PHASES, RECENT, SPAN
from predictor.report.words import Words

SPARK_SESSIONS = 60
HEAT_SESSIONS = 120


@dataclass(frozen=True)
class Tile:
    """One figure of the day; `spark` is a drawing."""

    name: str
    value: str
    note: str
    spark: str


@dataclass(frozen=True)
class Mood:
    """The phase in words; `chart` is a drawing."""

    name: str
    word: str
    spell: str
    rule: str
    rules: tuple[tuple[str, str], ...]
    shown: int
    chart: str
    inputs: tuple[tuple[str, str, str], ...]
    heat: str
    borders: str


def _figures(market: Breadth, language: Language, said: Words, row: int = -1) -> dict[str, str]:
    """Figure -> as it is shown."""
    up, down = market.at("up", row), market.at("down", row)
    highest = market.at("highest", row)
    return {
        "limit_ups": number(market.at("limit_ups", row)),
        "sealing": percent(market.at("sealing", row)),
        "promotion": percent(market.at("promotion", row)),
        "highest": number(None) if highest is None else said["boards"].format(n=number(highest)),
        "limit_downs": number(market.at("limit_downs", row)),
        "breadth": f"{number(up)} : {number(down)}",
        "turnover": money(market.at("turnover", row), language),
        "net_inflow": money(market.at("net_inflow", row), language, signed=True),
    }


def tiles(facts: Facts, language: Language, said: Words) -> tuple[Tile, ...]:
    """The figures of the day, each with its place in the past."""
    market = facts.market
    shown = _figures(market, language, said)
    series = {name: getattr(market, name) for name in shown if name != "breadth"}
    series["breadth"] = market.up / np.maximum(market.up + market.down, 1)
    tiles = []
    for name, value in shown.items():
        past = series[name][-1 - PAST : -1]
        past = past[np.isfinite(past)]
        last = series[name][-1]
        if not np.isfinite(last):
            note = said["no_value"]
        elif len(past) < ENOUGH:
            note = ""
        else:
            share = percent(float((past < last).mean()))
            note = said["above_past"].format(share=share, n=len(past))
        tiles.append(Tile(said[name], value, note, spark(series[name][-SPARK_SESSIONS:])))
    return tuple(tiles)


def mood(facts: Facts, said: Words) -> Mood:
    """The phase of the session, with all that it was judged by."""
    judged, name = facts.phases, facts.phases.names[-1]
    level, before, borders = judged.heat[-1], judged.recent[-1], judged.borders[-1]
    shown = _figures(facts.market, "en", said)
    known = sum(bool(np.isfinite(series[-1])) for series in judged.percentiles.values())
    rule = said["phase.rule"].format(past=PAST, span=SPAN, recent=RECENT)
    if name is None:
        rule += " " + said["phase.unknown"].format(n=known, enough=ENOUGH)
    return Mood(
        name=name or "none",
        word=said[f"phase.{name or 'none'}"],
        spell=said["phase.spell"].format(n=judged.spell()) if name else "",
        rule=rule,
        rules=tuple((phase, said[f"phase.rule.{phase}"]) for phase in PHASES),
        shown=min(HEAT_SESSIONS, len(judged.names)),
        chart=heat(judged, HEAT_SESSIONS),
        inputs=tuple(
            (said[key] + (said["phase.turned"] if sign < 0 else ""), shown[key],
             percent(_finite(judged.percentiles[key][-1])))
            for key, sign in INPUTS.items()
        ),
        heat=said["phase.now"].format(
            heat=number(_finite(level), 2), recent=RECENT, before=number(_finite(before), 2)
        ),
        borders=" / ".join(number(_finite(border), 2) for border in borders),
    )  # fmt: skip


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
