"""The language model as breeder: it varies one expression of the archive, or joins two."""

from collections.abc import Sequence

import numpy as np

import prompts
from scenario.proposers.archive import Elite
from scenario.proposers.base import Context
from scenario.proposers.llm import LanguageModel

_PARENTS = 3
"""The stream of random numbers; `evolve` has others."""


class Mutation(LanguageModel):
    """Names the mechanism behind an elite of the archive, and one that improves on it.

    Until the archive has enough elites, it asks as `LanguageModel` does.
    """

    name = "llm-mutation"
    parents = 1

    def question(self, context: Context) -> str:
        """What is asked for an idea."""
        parents = self._drawn(context)
        if len(parents) < self.parents:
            return super().question(context)
        return prompts.load("variation").render(
            parents=[{"text": elite.text, "fitness": f"{elite.fitness:.1f}"} for elite in parents],
            pool=context.pool,
        )

    def _drawn(self, context: Context) -> Sequence[Elite]:
        """Different elites, fitter ones more often, of different families where there are two."""
        random = np.random.default_rng([context.seed, context.iteration, _PARENTS])
        elites = context.memory.archive.cells.items()
        left = [(cell.family, elite) for cell, elite in elites if elite.fitness > 0]
        drawn: list[Elite] = []
        while left and len(drawn) < self.parents:
            weights = np.array([elite.fitness for _, elite in left])
            family, elite = left[int(random.choice(len(left), p=weights / weights.sum()))]
            drawn.append(elite)
            left = [one for one in left if one[0] != family]
        return drawn


class Crossover(Mutation):
    """Names an idea that joins the mechanisms of two elites of different families."""

    name = "llm-crossover"
    parents = 2
