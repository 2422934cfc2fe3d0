"""Who proposes next: Thompson sampling by accepted factors per cost, with a floor."""

from collections.abc import Mapping, Sequence

import numpy as np

from scenario.session import Tally

FLOOR = 0.1
"""Share of iterations that are dealt evenly, so that no proposer starves."""

EVALUATIONS_A_REPLY = 200.0
EVALUATIONS_A_USD = 20_000.0
"""What a reply of a language model and a dollar are worth in evaluations: about what a machine
does while it waits for the reply, and for the price of its power."""

# Before anything is known each proposer is taken to bring one factor in this many evaluations.
_PRIOR_ACCEPTED = 1.0
_PRIOR_COST = 1_000.0


def cost(evaluations: int, replies: int, usd: float) -> float:
    """Cost of an iteration, in evaluations."""
    return evaluations + EVALUATIONS_A_REPLY * replies + EVALUATIONS_A_USD * usd


def choose(names: Sequence[str], tallies: Mapping[str, Tally], seed: int, iteration: int) -> str:
    """The proposer of an iteration.

    Acceptances are taken as Poisson in the cost; with a gamma prior the rate of each proposer is
    gamma, too. One draw of each, and the highest wins. The draws depend on (seed, iteration) only.

    Parameters
    ----------
    names
        Who may propose.
    tallies
        What each has brought and cost so far; missing is nothing.
    seed, iteration
        Of the run.

    Examples
    --------
    >>> choose(["evolve"], {}, seed=1, iteration=0)
    'evolve'
    """
    random = np.random.default_rng([seed, iteration, len("bandit")])
    if random.random() < FLOOR:
        return names[int(random.integers(len(names)))]
    rates = []
    for name in names:
        tally = tallies.get(name, Tally())
        shape, cost_so_far = _PRIOR_ACCEPTED + tally.accepted, _PRIOR_COST + tally.cost
        rates.append(random.gamma(shape) / cost_so_far)
    return names[int(np.argmax(rates))]
