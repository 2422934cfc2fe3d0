"""Two models on sessions that neither was trained on: is one better?

Both order the sectors of the same sessions. For each session the difference of their figures is
taken, and a stationary bootstrap of these paired differences says how likely a mean so large is
where the two are equal. The two figures are those that users ask about: the rank correlation with
the next session's limit-ups, and the share of the top 5 that become a wave.

The challenger is better if it is significantly better by one figure and significantly worse by
none, each at `LEVEL`: 5%, divided by the number of figures (Bonferroni). The bootstrap is the
studentised one of the factors' acceptance. Simulated with equals over 40 sessions it promotes 4%
to 7% of them, where the interval of a plain bootstrap of the mean would promote 15% to 18%.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.evaluation.inference import bootstrap_p
from factor_pool.evaluation.windows import HORIZON
from predictor.dataset import Panels, build
from predictor.holdout import Outcome, daily
from predictor.splits import span
from predictor.storage import Stored

ENOUGH = 40
"""New sessions after which a contest is decided, once. Fewer say little: good and bad days come in
spells of about ten."""
FIGURES: Mapping[str, str] = {"rank_ic": "rank", "surge_precision_at_5": "surge"}
"""What decides, and by which of its orders a model ranks the sectors for it."""
LEVEL = 0.05 / len(FIGURES)


@dataclass(frozen=True)
class Comparison:
    """One figure of both models over the new sessions.

    Parameters
    ----------
    champion, challenger
        Means.
    p_better, p_worse
        One-sided p-values: that the challenger is no better, and that it is no worse.
    """

    champion: float
    challenger: float
    p_better: float
    p_worse: float


@dataclass(frozen=True)
class Contest:
    """How a challenger did beside the champion.

    Parameters
    ----------
    champion, challenger
        Ids of the models.
    sessions
        New sessions with a known outcome: later than what either was trained on.
    start, end
        First and last of them, ISO dates; None where there is none.
    figures
        Figure -> how the two compare. Empty before there are enough sessions.
    """

    champion: str
    challenger: str
    sessions: int
    start: str | None
    end: str | None
    figures: Mapping[str, Comparison]

    @property
    def decided(self) -> bool:
        """Whether there were enough new sessions."""
        return bool(self.figures)

    @property
    def better(self) -> bool:
        """Whether the challenger won."""
        found = self.figures.values()
        return any(one.p_better < LEVEL for one in found) and not any(
            one.p_worse < LEVEL for one in found
        )

    def words(self) -> str:
        """The result in a sentence."""
        if not self.decided:
            return (
                f"{self.sessions} of {ENOUGH} sessions have come that neither model was trained on"
            )
        told = "; ".join(
            f"{name} {one.challenger:.3f} against {one.champion:.3f} (p = {one.p_better:.3f})"
            for name, one in self.figures.items()
        )
        return f"over {self.sessions} new sessions, {self.start}..{self.end}: {told}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {
            "decided": self.decided,
            "better": self.better,
            "level": LEVEL,
            "test": "paired differences a session, studentised stationary bootstrap, one-sided",
        }


def new_sessions(outcome: Panel, *models: Stored) -> slice:
    """Rows whose outcome is known, and came after everything that any of the models was trained on.

    Parameters
    ----------
    outcome
        The store as known now.
    models
        Each knows the last session it was trained on. The outcome of that session came later.
    """
    last = max(np.datetime64(model.card["data"]["end"]) for model in models)
    stop = len(outcome.sessions) - HORIZON
    start = int(np.searchsorted(outcome.sessions, last, side="right"))
    return slice(min(start, stop), stop)


def hold(champion: Stored, challenger: Stored, market: Panels, *, seed: int) -> Contest:
    """Let two models order the sectors of the new sessions.

    Parameters
    ----------
    champion, challenger
        The models, as stored.
    market
        Features as known at each session's cut-off, outcomes as known now.
    seed
        Of the bootstrap.

    Raises
    ------
    PredictorError
        A feature of a model cannot be evaluated on this store.
    """
    rows = new_sessions(market.outcome, champion, challenger)
    days = market.outcome.sessions[rows]
    period = span(days) if len(days) else {"start": None, "end": None}
    figures = {}
    if len(days) >= ENOUGH:
        one, other = (_figures(model, market, rows) for model in (champion, challenger))
        figures = {
            name: _compare(one[name], other[name], seed)
            for name in FIGURES
            if np.isfinite(other[name] - one[name]).any()
        }
    return Contest(champion.id, challenger.id, len(days), period["start"], period["end"], figures)


def _compare(champion: np.ndarray, challenger: np.ndarray, seed: int) -> Comparison:
    difference = challenger - champion
    return Comparison(
        champion=round(float(np.nanmean(champion)), 6),
        challenger=round(float(np.nanmean(challenger)), 6),
        p_better=bootstrap_p(difference, seed=seed),
        p_worse=bootstrap_p(-difference, seed=seed),
    )


def _figures(model: Stored, market: Panels, rows: slice) -> dict[str, np.ndarray]:
    dataset = build(market, model.model.features)
    scores = {name: model.model.order(order, dataset, rows) for name, order in FIGURES.items()}
    return daily(scores, Outcome(dataset.count[rows], dataset.surge[rows]))
