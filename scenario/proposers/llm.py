"""The language model as a proposer: an idea first, then the expressions that say it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

import prompts
from factor_pool.expression import Expression, parse
from factor_pool.expression.operators import MAX_WINDOW, OPERATORS
from scenario.checks import DEEPEST, MOST_NODES, plain
from scenario.proposers.archive import EXPOSURES, PACES, Archive, Cell
from scenario.proposers.base import Context, Idea, Proposer
from scenario.proposers.themes import THEMES
from scenario.redaction import redact

if TYPE_CHECKING:
    from factor_pool.records import Attempt
    from scenario.backend import Backend

_IDEAS, _STRONGEST, _LESSONS, _BANNED, _UNUSED, _EMPTY = 12, 8, 8, 8, 8, 8
_OFTEN = 3  # members of the pool that share a part before it is banned

Sentence = Annotated[str, StringConstraints(min_length=8, max_length=1_000)]


class HypothesisReply(BaseModel):
    """What is expected when an idea is asked for."""

    hypothesis: Sentence
    reason: Sentence


class Written(BaseModel):
    """One expression of a reply."""

    expression: Annotated[str, StringConstraints(max_length=10_000)]  # `checks` is stricter
    reason: Annotated[str, StringConstraints(max_length=1_000)] = ""


class ExpressionsReply(BaseModel):
    """What is expected when expressions are asked for."""

    expressions: Annotated[list[Written], Field(min_length=1, max_length=10)]


class LanguageModel(Proposer):
    """Asks a language model, which generates and never judges.

    What it says is hostile text: it is checked like anything else, and never run.

    Parameters
    ----------
    backend
        Whom to ask.
    session
        Id of the session; the same question in the same session and iteration is answered as
        before, which makes a replay exact.
    """

    name = "llm"
    paid = True
    batch = 5

    def __init__(self, backend: "Backend", session: str) -> None:
        self._backend = backend
        self._session = session

    def idea(self, context: Context) -> Idea:
        """One economic idea."""
        reply = self._ask(context, self.question(context), HypothesisReply, "hypothesis")
        return Idea(self.name, _clean(reply.hypothesis), _clean(reply.reason))

    def question(self, context: Context) -> str:
        """What is asked for an idea: one away from what was tried."""
        return prompts.load("hypothesis").render(
            pool=context.pool,
            ideas=_ideas(context.attempts),
            strongest=_strongest(context.attempts),
            failures=_failures(context.attempts),
            unused=_unused(context),
            empty=_empty(context),
        )

    def expressions(
        self, idea: Idea, context: Context, failures: Sequence[tuple[str, str]]
    ) -> list[str]:
        """Expressions for the idea; in later rounds, others in place of those that failed."""
        question = prompts.load("expressions").render(
            hypothesis=idea.hypothesis,
            reason=idea.reason,
            size=context.size,
            banned=_banned(context.pool),
            lessons=_lessons(context.attempts),
            failures=[{"text": text, "message": message} for text, message in failures],
        )
        reply = self._ask(context, question, ExpressionsReply, "expressions")
        return [_clean(one.expression) for one in reply.expressions][: context.size]

    def _ask(self, context: Context, question: str, shape: Any, what: str) -> Any:
        system = prompts.load("system").render(
            profile=context.profile,
            units=context.units,
            operators=OPERATORS.values(),
            longest_window=MAX_WINDOW,
            deepest=DEEPEST,
            most_nodes=MOST_NODES,
        )
        occasion = f"{self._session} {context.iteration} {what}"
        return self._backend.ask(system, question, shape, occasion)


def _clean(text: str) -> str:
    """One storable line without secrets: a model may say anything, even what it was not told."""
    return plain(redact(text))


def _ideas(attempts: Sequence["Attempt"]) -> list[dict[str, str]]:
    """The latest ideas, each once, with what came of it."""
    found: dict[str, list[Attempt]] = {}
    for attempt in reversed(attempts):
        if attempt.hypothesis in found or len(found) < _IDEAS:
            found.setdefault(attempt.hypothesis, []).append(attempt)
    return [
        {
            "hypothesis": hypothesis,
            "proposer": rows[0].proposer,
            "outcome": f"{sum(r.stage == 'accepted' for r in rows)} of {len(rows)} accepted",
        }
        for hypothesis, rows in found.items()
    ]


def _strongest(attempts: Sequence["Attempt"]) -> list[dict[str, str]]:
    """The attempts with the largest added rank IC on the search window, in its dimensions."""
    measured = [one for one in attempts if one.figures.get("added_rank_ic") is not None]
    measured.sort(key=lambda one: (-abs(one.figures["added_rank_ic"]), one.id))
    return [
        {
            "text": str(one.canonical),
            "figures": ", ".join(_dimensions(one)),
            "outcome": "accepted" if one.stage == "accepted" else f"ended at {one.gate}",
        }
        for one in measured[:_STRONGEST]
    ]


def _dimensions(attempt: "Attempt") -> Iterator[str]:
    for name in ("rank_ic", "marginal_rank_ic", "added_rank_ic", "added_t_hac", "coverage"):
        value = attempt.figures.get(name)
        if value is not None:
            yield f"{name} {value:+.3f}"


def _failures(attempts: Sequence["Attempt"]) -> list[dict[str, Any]]:
    """How many attempts ended at each gate, most first."""
    counted = Counter(one.gate for one in attempts if one.gate is not None)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [{"reason": gate, "count": count} for gate, count in ordered]


def _unused(context: Context) -> list[str]:
    """Usable fields that are rarest in the canonical texts so far."""
    counted = Counter(dict.fromkeys(context.units, 0))
    for attempt in context.attempts:
        if attempt.canonical is not None:
            counted.update(name for name in context.units if f"${name}" in attempt.canonical)
    return sorted(counted, key=lambda name: (counted[name], name))[:_UNUSED]


def _empty(context: Context) -> list[str]:
    """Kinds of behaviour that no attempt has shown yet, in words; families in turn."""
    archive = Archive()
    archive.update(context.attempts)
    known = [theme.name for theme in THEMES if set(theme.fields) & set(context.units)]
    cells = [
        Cell(family, pace, exposure)
        for exposure in range(len(EXPOSURES))
        for pace in range(len(PACES))
        for family in known
    ]
    left = [cell for cell in cells if cell not in archive.cells]
    return [
        f"{cell.family}, {PACES[cell.pace]}, {EXPOSURES[cell.exposure]}" for cell in left[:_EMPTY]
    ]


def _lessons(attempts: Sequence["Attempt"]) -> list[dict[str, str]]:
    """The latest texts that were invalid, one for each kind of mistake."""
    found: dict[str, dict[str, str]] = {}
    for attempt in reversed(attempts):
        if attempt.stage == "invalid" and attempt.reason is not None:
            found.setdefault(attempt.reason, {"text": attempt.text, "message": attempt.reason})
        if len(found) == _LESSONS:
            break
    return list(found.values())


def _banned(pool: Sequence[str]) -> list[str]:
    """Parts that several members of the pool share."""
    counted: Counter[str] = Counter()
    for text in pool:
        counted.update({str(part) for part in _parts(parse(text)) if part.nodes > 1})
    often = [(count, text) for text, count in counted.items() if count >= _OFTEN]
    return [text for _, text in sorted(often, key=lambda item: (-item[0], item[1]))[:_BANNED]]


def _parts(expression: Expression) -> Iterator[Expression]:
    """An expression and everything it is made of, numbers and windows aside."""
    yield expression
    for child in expression.children:
        yield from _parts(child)
