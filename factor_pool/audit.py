"""The trail of a pool: what was tried, opened and moved, and how much luck choosing may explain."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool import borders, universe
from factor_pool.discovery import next_test
from factor_pool.errors import EvaluationError, LedgerError, PoolError
from factor_pool.evaluation import multiplicity
from factor_pool.evaluation.yardstick import Yardstick
from factor_pool.expression import Expression, parse, stream
from factor_pool.gates import Settings
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt, Member
from factor_pool.unseal import opening_row

SAMPLE = 150
_EVALUATED = ("rejected", "accepted")


def audit(home: Home) -> dict[str, Any]:
    """Everything a sceptic asks of a pool, as plain JSON values.

    Returns
    -------
    dict
        ``attempts`` (``total``, ``by_stage``, ``by_proposer``, ``snapshots``), ``tests``
        (``total``, ``discoveries``, ``rule``, ``next_level``: the largest p-value that the next
        test could have and be accepted; None under another rule than the present settings'),
        ``borders``, ``unsealings``, ``confirm_openings`` (a number),
        ``confirm_readers`` (who -> number of these), and ``selection``: see `selection`; None where
        the store or its attempts are gone.

    Raises
    ------
    PoolError
        Nothing has been mined in this home.
    """
    if not home.ledger.exists():
        raise PoolError(f"no ledger at {home.ledger}: nothing has been mined there yet")
    with Ledger(home.ledger, readonly=True) as ledger:
        tests, looks = ledger.tests(), ledger.openings("confirm")
        return {
            "attempts": _attempts(ledger),
            "tests": {
                "total": len(tests),
                "discoveries": sum(test.discovery for test in tests),
                "rule": tests[-1].rule if tests else Settings().rule_name,
                "next_level": _next_level(ledger),
            },
            "borders": [
                {
                    "id": one.id,
                    "at": one.at.isoformat(timespec="seconds"),
                    "who": one.who,
                    "why": one.why,
                    "search_end": one.search_end.isoformat(),
                    "confirm_end": one.confirm_end.isoformat(),
                    "lookback": one.lookback,
                    "snapshot": one.snapshot,
                }
                for one in ledger.borders()
            ],
            "unsealings": [opening_row(one) for one in ledger.openings("sealed")],
            "confirm_openings": len(looks),
            "confirm_readers": dict(Counter(one.who for one in looks).most_common()),
            "selection": _selection(home, ledger),
        }


def _attempts(ledger: Ledger) -> dict[str, Any]:
    attempts = ledger.attempts()
    return {
        "total": len(attempts),
        "by_stage": dict(Counter(one.stage for one in attempts).most_common()),
        "by_proposer": dict(Counter(one.proposer for one in attempts).most_common()),
        "snapshots": len({one.snapshot for one in attempts}),
    }


def _next_level(ledger: Ledger) -> float | None:
    try:
        return next_test(ledger.tests(), 1.0, Settings())[0]
    except LedgerError:  # made under another rule
        return None


def _selection(home: Home, ledger: Ledger) -> dict[str, Any] | None:
    data = universe.of(home)
    placed, members = ledger.borders(), ledger.members()
    if not data.exists(home) or not placed or not members:
        return None
    panel = data.panel(home)
    label = members[-1].label
    tried = ledger.attempts(snapshot=panel.snapshot_id, label=label, borders=placed[-1].id)
    tried = [one for one in tried if one.stage in _EVALUATED]
    members = [one for one in members if one.label == label]
    windows = borders.current(home.ledger, panel, data.profile().core(panel)).windows
    if len(tried) < 2:
        return None
    return selection(windows.search_panel(panel), label, tried, members)


def selection(
    search: Panel, label: str, tried: Sequence[Attempt], members: Sequence[Member]
) -> dict[str, Any]:
    """How much of the pool's search figures choosing among so many attempts could explain.

    Parameters
    ----------
    search
        The search window.
    label
        Of the attempts and members.
    tried
        Every attempt that was evaluated, in order.
    members
        The pool.

    Returns
    -------
    dict
        ``trials``: attempts, each in both orientations; ``expected_best``: the ratio of mean to
        standard deviation of the daily marginal rank IC that the best of so many would show without
        any skill; ``members`` (``id``, ``ratio``, ``deflated_sharpe`` with the variance of the
        trials themselves as in the paper, a lower bound where many share a true effect, and
        ``beyond_luck`` with that of trials without any, 1 / sessions); ``sample`` attempts, evenly
        spaced, each in both orientations, with ``pbo`` and ``spa_p`` of them; ``superior``: members
        above zero with a family-wise error of 5% (StepM). None where a figure cannot be had.
    """
    ratios = [one.figures.get("marginal_icir") for one in tried]
    known = np.array([x for x in ratios if isinstance(x, int | float)], dtype=np.float64)
    # Each was tried in both orientations, so that the ratios scatter about zero.
    variance, trials = float((known**2).mean()) if len(known) else 0.0, 2 * len(tried)
    step = max(1, -(-len(tried) // SAMPLE))
    texts = [str(one.canonical) for one in tried[::step]]
    yardstick = Yardstick(search, label)
    own = _daily(yardstick, search, [parse(one.expression) for one in members])
    own = own * np.array([one.sign for one in members])
    sample = _daily(yardstick, search, [parse(text) for text in texts])
    sample = sample[:, np.isfinite(sample).mean(axis=0) > 0.5]
    both = np.hstack([sample, -sample])
    return {
        "trials": trials,
        "expected_best": multiplicity.expected_maximum(trials, variance),
        "members": [
            {
                "id": member.id,
                "ratio": _ratio(series),
                "deflated_sharpe": _deflated(series, trials, variance),
                "beyond_luck": _deflated(series, trials, 1 / max(1, np.isfinite(series).sum())),
            }
            for member, series in zip(members, own.T, strict=True)
        ],
        "sample": sample.shape[1],
        "pbo": _perhaps(multiplicity.pbo, both),
        "spa_p": _perhaps(multiplicity.spa_p, both, seed=1),
        "superior": [members[k].id for k in _perhaps(multiplicity.superior, own, seed=1) or ()],
    }


def _daily(yardstick: Yardstick, panel: Panel, expressions: Sequence[Expression]) -> np.ndarray:
    """Daily marginal rank IC, (T, N)."""
    return np.column_stack(
        [yardstick.daily(values).marginal for values in stream(expressions, panel)]
    )


def _perhaps(test: Any, figures: np.ndarray, **options: Any) -> Any:
    try:
        return test(figures, **options)
    except EvaluationError:  # too few sessions or trials: the figure does not exist
        return None


def _deflated(series: np.ndarray, trials: int, variance: float) -> float | None:
    return _number(multiplicity.deflated_sharpe_of(series, trials=trials, variance=variance))


def _ratio(series: np.ndarray) -> float | None:
    finite = series[np.isfinite(series)]
    return _number(float(finite.mean() / finite.std(ddof=1))) if len(finite) > 1 else None


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
