"""The page's sentences and rows, before they are HTML or Markdown; nothing is escaped yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_profile.schedule import SHANGHAI
from predictor.explain import Language
from predictor.report.drawing import flow_map
from predictor.report.facts import Facts
from predictor.report.formats import percent
from predictor.report.ladder_words import Steps, steps
from predictor.report.market_words import Mood, Tile, mood, tiles
from predictor.report.prose import Checked
from predictor.report.words import Words


@dataclass(frozen=True)
class Choice:
    """What a sector offers: stocks not at the limit with their change, those sealed, its ETFs."""

    open: tuple[str, ...]
    sealed: tuple[str, ...]
    funds: tuple[str, ...]


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
    paragraph, paragraph_note
        What a language model wrote, as far as it was kept, and what is to be said of it.
    tiles, phase, record, ladder
        See there.
    cold, candidates
        Sector id -> a sentence, and what it offers.
    candidates_note
        The rule of the candidates, and where they are from; "" where there are none.
    removed
        (sector, why) each.
    outcome_note, flow_note
        Above their sections.
    health_count
        How many factors are in use, by status.
    troubled
        (factor, expression, status) of those that are not active.
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
    paragraph: str
    paragraph_note: str
    tiles: tuple[Tile, ...]
    phase: Mood
    cold: Mapping[str, str]
    candidates: Mapping[str, Choice]
    candidates_note: str
    removed: tuple[tuple[str, str], ...]
    outcome_note: str
    record: Record
    flow_note: str
    size_word: str
    map_desk: str
    map_phone: str
    ladder: Steps
    health_count: str
    troubled: tuple[tuple[str, str, str], ...]
    states: tuple[tuple[str, str, str], ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """What a language model wrote, checked; or why it did not."""

    model: str
    found: Checked
    trouble: str = ""


def content(
    facts: Facts, language: Language, said: Words, written: Written | None = None
) -> Content:
    """Put the facts into words.

    Parameters
    ----------
    facts
        Of the session.
    language, said
        And the words of it.
    written
        A paragraph to show, None for none.
    """
    document = facts.document
    unknown = said["treemap.unknown_flow"]
    return Content(
        heading=said["title"].format(day=document["for_session"]),
        origin=_origin(facts, said),
        notes=tuple(_in_words(document, language).get("notes", document["notes"])),
        paragraph=" ".join(written.found.kept) if written else "",
        paragraph_note=_paragraph_note(written, said) if written else "",
        tiles=tiles(facts, language, said),
        phase=mood(facts, said),
        cold={sector: said["cold"].format(n=n) for sector, n in document["cold_start"].items()},
        candidates=_candidates(document),
        candidates_note=_candidates_note(document, language),
        removed=_removed(document, language),
        outcome_note=_outcome_note(facts, said),
        record=_record(facts, said),
        flow_note=_flow_note(facts, said),
        size_word="turnover" if facts.size_field == "turnover" else "ladder.companies",
        map_desk=flow_map(facts.flows, 1120, 520, language, unknown) if facts.flows else "",
        map_phone=flow_map(facts.flows, 360, 640, language, unknown) if facts.flows else "",
        ladder=steps(facts, language, said),
        health_count=_health_count(facts, said),
        troubled=tuple(
            (check.member, expression, said[f"health.{check.status}"])
            for check, expression in facts.health.checks
            if check.status != "active"
        ),
        states=_states(facts, said),
        caveats=_caveats(facts, said),
    )


def _paragraph_note(written: Written, said: Words) -> str:
    if written.trouble:
        return said["written.none"].format(model=written.model, why=written.trouble)
    return said["written.note"].format(model=written.model, n=len(written.found.struck))


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


def _candidates(document: Mapping[str, Any]) -> dict[str, Choice]:
    """Sector id -> what can still be bought of it, and what is sealed."""
    offered, sealed, funds = (document.get(key, {}) for key in ("candidates", "sealed", "etfs"))
    return {
        row["sector_id"]: Choice(
            tuple(
                f"{one['name']} {percent(one['change'], 1, signed=True)}"
                for one in offered.get(row["sector_id"], ())
            ),
            tuple(str(one["name"]) for one in sealed.get(row["sector_id"], ())),
            tuple(f"{one['name']} {one['code']}" for one in funds.get(row["sector_id"], ())),
        )
        for row in document["ranking"]
    }


def _candidates_note(document: Mapping[str, Any], language: Language) -> str:
    said = {**document, **_in_words(document, language)}
    parts = [said.get("candidates_rule"), said.get("candidates_note")]
    if not any(document.get("candidates", {}).values()):
        parts = parts[1:]
    return {"en": ". ", "zh": "。"}[language].join(part for part in parts if part)


def _removed(document: Mapping[str, Any], language: Language) -> tuple[tuple[str, str], ...]:
    why = _in_words(document, language).get("removed", {})
    return tuple(
        (str(one["name"]), str(why.get(one["sector_id"], one["why"])))
        for one in document.get("removed", ())
    )


def _in_words(document: Mapping[str, Any], language: Language) -> Mapping[str, Any]:
    """A document's sentences in the page's language, {} where it holds only its own."""
    found: Mapping[str, Any] = document.get("words", {}).get(language, {})
    return found


def told(reason: Mapping[str, Any], language: Language) -> str:
    """A reason of a document in the page's language, or as it was written."""
    return str(reason.get("texts", {}).get(language, reason["text"]))


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


def _health_count(facts: Facts, said: Words) -> str:
    statuses = [check.status for check, _ in facts.health.checks]
    return said["health.count"].format(
        n=len(statuses), active=statuses.count("active"), watch=statuses.count("watch")
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
