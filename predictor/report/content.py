"""The page's sentences and rows, before they are HTML or Markdown; nothing is escaped yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.schedule import SHANGHAI
from predictor.explain import Language
from predictor.report.drawing import flow_map, heat, spark
from predictor.report.facts import Facts
from predictor.report.formats import money, number, percent
from predictor.report.ladder import Rung
from predictor.report.market import Breadth
from predictor.report.phase import ENOUGH, INPUTS, PAST, PHASES, RECENT, SPAN

SPARK_SESSIONS = 60
HEAT_SESSIONS = 120
WHO = 12
Words = Mapping[str, str]


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


@dataclass(frozen=True)
class Record:
    """The track record: a sentence on what it is, and the figures of each method."""

    note: str
    metrics: tuple[str, ...]
    methods: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Content:
    """What the page says beside the figures themselves; foreign text is untrusted.

    Parameters
    ----------
    heading, origin, notes
        At the top.
    tiles, phase, record, ladder
        See there.
    cold, candidates
        Sector id -> a sentence.
    removed
        (sector, why) each.
    outcome_note, flow_note, importance_note
        Above their sections.
    size_word
        Key of what the map's areas are.
    map_desk, map_phone
        The same map in two shapes.
    states
        (session, state, what it lacks) each.
    caveats
        Sentences.
    """

    heading: str
    origin: tuple[str, ...]
    notes: tuple[str, ...]
    tiles: tuple[Tile, ...]
    phase: Mood
    cold: Mapping[str, str]
    candidates: Mapping[str, str]
    removed: tuple[tuple[str, str], ...]
    outcome_note: str
    record: Record
    flow_note: str
    size_word: str
    map_desk: str
    map_phone: str
    ladder: Steps
    importance_note: str
    states: tuple[tuple[str, str, str], ...]
    caveats: tuple[str, ...]


def content(facts: Facts, language: Language, said: Words) -> Content:
    """Put the facts into words.

    Parameters
    ----------
    facts
        Of the session.
    language, said
        And the words of it.
    """
    document = facts.document
    unknown = said["treemap.unknown_flow"]
    return Content(
        heading=said["title"].format(day=document["for_session"]),
        origin=_origin(facts, said),
        notes=tuple(document["notes"]),
        tiles=_tiles(facts, language, said),
        phase=_mood(facts, said),
        cold={sector: said["cold"].format(n=n) for sector, n in document["cold_start"].items()},
        candidates=_candidates(document),
        removed=_removed(document, language),
        outcome_note=_outcome_note(facts, said),
        record=_record(facts, said),
        flow_note=_flow_note(facts, said),
        size_word="turnover" if facts.size_field == "turnover" else "ladder.companies",
        map_desk=flow_map(facts.flows, 1120, 520, language, unknown) if facts.flows else "",
        map_phone=flow_map(facts.flows, 360, 640, language, unknown) if facts.flows else "",
        ladder=_ladder(facts, language, said),
        importance_note=said["importance.note"].format(n=facts.importance_sessions),
        states=_states(facts, said),
        caveats=_caveats(facts, said),
    )


def _origin(facts: Facts, said: Words) -> tuple[str, ...]:
    document, kept = facts.document, facts.kept
    if kept is None:
        made = said["made.now"]
    else:
        at = kept.made_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
        made = said["made.log" if kept.live else "made.late"].format(at=at)
    parts = [
        said["as_of"].format(day=document["as_of"]),
        made,
        said["of_sectors"].format(n=document["sectors"]),
        said["model"].format(id=document["model"]),
        said["pool_version"].format(version=document["pool_version"]),
    ]
    if "snapshot_id" in document:
        parts.append(said["snapshot"].format(id=str(document["snapshot_id"])[:12]))
    return tuple(parts)


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


def _tiles(facts: Facts, language: Language, said: Words) -> tuple[Tile, ...]:
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


def _mood(facts: Facts, said: Words) -> Mood:
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


def _candidates(document: Mapping[str, Any]) -> dict[str, str]:
    """Sector id -> names of the stocks, in their order."""
    return {
        sector: " · ".join(str(one.get("name", one.get("code", ""))) for one in found)
        for sector, found in document.get("candidates", {}).items()
        if found
    }


def _removed(document: Mapping[str, Any], language: Language) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(one["name"]), told(one, language, "why")) for one in document.get("removed", ())
    )


def told(part: Mapping[str, Any], language: Language, key: str = "text") -> str:
    """A sentence of a document in the page's language, or as it was written."""
    return str(part.get(f"{key}s", {}).get(language, part[key]))


def _outcome_note(facts: Facts, said: Words) -> str:
    if facts.outcome is None:
        return said["outcome.none"].format(day=facts.day)
    note = said["outcome.note"].format(as_of=facts.outcome.as_of, day=facts.outcome.for_session)
    late = facts.outcome_kept is not None and not facts.outcome_kept.live
    return f"{note} {said['outcome.late']}" if late else note


def _record(facts: Facts, said: Words) -> Record:
    """The live record; before it has a day, the replay of the model in use, by its name."""
    live = facts.record
    if live is not None and live["methods"]:
        note = said["record.live"].format(days=live["days"], **live["sessions"])
        waiting = [day for day in live["pending"] if day <= facts.document["for_session"]]
        if waiting:
            note += " " + said["record.pending"].format(n=len(waiting))
        return _table(live, note)
    replay = facts.document["track_record"]
    return _table(replay, said["record.none"].format(**replay["sessions"]))


def _table(record: Mapping[str, Any], note: str) -> Record:
    methods = dict(record["methods"])
    differences = record["difference_to_persistence"]
    methods["difference"] = differences.get("model", differences)
    return Record(note, tuple(record["metrics"]), methods)


def _flow_note(facts: Facts, said: Words) -> str:
    if facts.size_field is None:
        return said["treemap.none"]
    known = any(flow.ratio is not None for flow in facts.flows)
    return (
        said[f"treemap.note.{facts.size_field}"]
        + said["treemap.note.flow" if known else "treemap.no_flow"]
    )


def _ladder(facts: Facts, language: Language, said: Words) -> Steps:
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
        else said["ladder.source"].format(source=ladder.source)
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
    text = {"en": ", ", "zh": "、"}[language].join(who)
    if len(rung.stocks) > WHO:
        text += " " + said["ladder.more"].format(n=len(rung.stocks) - WHO)
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


def _states(facts: Facts, said: Words) -> tuple[tuple[str, str, str], ...]:
    rows = []
    for day, how in facts.states:
        lacks: Sequence[str] = how.missing if how else ()
        text = said["data.lacks"].format(what=", ".join(lacks)) if lacks else ""
        rows.append((day.isoformat(), how.state if how else "imported", text))
    return tuple(rows)


def _caveats(facts: Facts, said: Words) -> tuple[str, ...]:
    absent = facts.document["absent"]
    gone = [said["data.absent"].format(names=", ".join(absent))] if absent else []
    shown = [name for name in ("turnover", "net_inflow") if name in facts.fields and facts.flows]
    return (*gone, *(said[f"caveat.{name}"] for name in shown), said["caveat.membership"])
