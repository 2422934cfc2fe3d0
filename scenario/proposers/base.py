"""What a proposer is: it names an idea, then writes it as expressions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenario.proposers.memory import Memory


@dataclass(frozen=True)
class Idea:
    """A hypothesis before it has expressions.

    Parameters
    ----------
    proposer
        Name of the proposer whose idea it is.
    hypothesis
        The economic idea in words.
    reason
        Why it should hold.
    """

    proposer: str
    hypothesis: str
    reason: str


@dataclass(frozen=True)
class Context:
    """All that a proposer may know: facts of the search window only.

    Parameters
    ----------
    iteration
        Number of the loop, from 0.
    seed
        Seed of the run. A proposer's randomness comes from (seed, iteration) and nothing else.
    size
        How many expressions are wanted; a proposer may give fewer.
    units
        Usable field -> unit (`points`, `yuan`, `count`, `ratio`, `shares`, `dimensionless`).
    memory
        What is known of the attempts on this snapshot before this iteration: texts, figures of
        the search window, stages, reasons; of the iteration just before, which is being measured,
        texts and ideas alone.
    pool
        Canonical texts of the active members of the pool.
    profile
        What the data is, in words: `Profile.describe` of the search panel.
    universe
        What the instruments are: "sector" or "stock".
    """

    iteration: int
    seed: int
    size: int
    units: Mapping[str, str]
    memory: Memory
    pool: Sequence[str]
    profile: str
    universe: str = "sector"


class Proposer(ABC):
    """Where ideas come from.

    A proposer keeps nothing from one iteration to the next: whatever it needs it rebuilds from
    the context, so that a run that was killed goes on as if it had not been.
    """

    #: Recorded with every attempt: "evolve", "llm", "llm-mutation", "llm-crossover".
    name: str
    #: Whether an idea costs money.
    paid: bool = False
    #: Expressions wanted an iteration.
    batch: int = 64

    @abstractmethod
    def idea(self, context: Context) -> Idea:
        """Name one economic idea to be tested in this iteration."""

    @abstractmethod
    def expressions(
        self, idea: Idea, context: Context, failures: Sequence[tuple[str, str]]
    ) -> list[str]:
        """Write the idea as expression texts, at most `context.size` of them.

        Parameters
        ----------
        idea
            What `idea` gave for the same context.
        context
            The context of this iteration.
        failures
            (text, message) of every expression of the previous round that did not pass the
            checks; empty in the first round.
        """
