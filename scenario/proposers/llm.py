"""The language model as a proposer: an idea first, then the expressions that say it."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

import prompts
from data_profile.redaction import redact
from factor_pool.expression import Expression, parse
from factor_pool.expression.operators import MAX_WINDOW, OPERATORS
from scenario.checks import DEEPEST, MOST_NODES, plain
from scenario.proposers.archive import EXPOSURES, PACES, Cell
from scenario.proposers.base import Context, Idea, Proposer
from scenario.proposers.memory import Memory
from scenario.proposers.stock_themes import BY_UNIVERSE

if TYPE_CHECKING:
    from scenario.backend import Backend

_IDEAS, _BANNED, _UNUSED, _EMPTY = 12, 8, 8, 8
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
            ideas=_ideas(context.memory),
            strongest=context.memory.strongest,
            failures=_failures(context.memory),
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
            solved=[{"idea": idea, "text": text} for idea, text in context.memory.solved()],
            lessons=[
                {"text": text, "message": message} for text, message in context.memory.lessons()
            ],
            failures=[{"text": text, "message": message} for text, message in failures],
        )
        reply = self._ask(context, question, ExpressionsReply, "expressions")
        return [_clean(one.expression) for one in reply.expressions][: context.size]

    def _ask(self, context: Context, question: str, shape: Any, what: str) -> Any:
        system = prompts.load("system").render(
            universe=context.universe,
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


def _ideas(memory: Memory) -> list[dict[str, str]]:
    """The latest ideas, each once, with what came of it."""
    return [
        {
            "hypothesis": idea.hypothesis,
            "proposer": idea.proposer,
            "outcome": f"{idea.accepted} of {idea.tried} accepted" if idea.tried else "under way",
        }
        for idea in itertools.islice(memory.ideas(), _IDEAS)
    ]


def _failures(memory: Memory) -> list[dict[str, Any]]:
    """How many attempts ended at each gate, most first."""
    ordered = sorted(memory.gates.items(), key=lambda item: (-item[1], item[0]))
    return [{"reason": gate, "count": count} for gate, count in ordered]


def _unused(context: Context) -> list[str]:
    """Usable fields that are rarest in the canonical texts so far."""
    counted = context.memory.fields
    return sorted(context.units, key=lambda name: (counted[name], name))[:_UNUSED]


def _empty(context: Context) -> list[str]:
    """Kinds of behaviour that no attempt has shown yet, in words; families in turn."""
    known = [
        theme.name
        for theme in BY_UNIVERSE[context.universe]
        if set(theme.fields) & set(context.units)
    ]
    cells = [
        Cell(family, pace, exposure)
        for exposure in range(len(EXPOSURES))
        for pace in range(len(PACES))
        for family in known
    ]
    left = [cell for cell in cells if cell not in context.memory.archive.cells]
    return [
        f"{cell.family}, {PACES[cell.pace]}, {EXPOSURES[cell.exposure]}" for cell in left[:_EMPTY]
    ]


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
