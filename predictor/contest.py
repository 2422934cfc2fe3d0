"""Two models on sessions that neither was trained on: is one better?

Both order the sectors of the same sessions. For each session the difference of their figures is
taken, and a stationary bootstrap of these paired differences gives its interval. The two figures
are those that users ask about: the rank correlation with the next session's limit-ups, and the
share of the top 5 that become a wave.

The challenger is better if the interval of one difference lies above zero and that of the other
not below. With two figures and 95% intervals, a challenger that is no better passes at most about
once in twenty contests; see docs/training.md for the rate measured on short contests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.evaluation.windows import HORIZON
from predictor.dataset import Panels, build
from predictor.holdout import BLOCK, LEVEL, Bootstrap, Interval, Outcome, daily
from predictor.splits import span
from predictor.storage import Stored

ENOUGH = 40
"""New sessions after which a contest is decided, once. Fewer say little: good and bad days come in
spells of about ten."""
FIGURES: Mapping[str, str] = {"rank_ic": "rank", "surge_precision_at_5": "surge"}
"""What decides, and the head by which a model orders the sectors for it."""


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
    means
        Figure -> "champion" and "challenger" -> mean over the sessions.
    differences
        Figure -> interval of challenger minus champion. Empty before there are enough sessions.
    """

    champion: str
    challenger: str
    sessions: int
    start: str | None
    end: str | None
    means: Mapping[str, Mapping[str, float]]
    differences: Mapping[str, Interval]

    @property
    def decided(self) -> bool:
        """Whether there were enough new sessions."""
        return bool(self.differences)

    @property
    def better(self) -> bool:
        """Whether the challenger won."""
        found = self.differences.values()
        return any(one.low > 0 for one in found) and not any(one.high < 0 for one in found)

    def words(self) -> str:
        """The result in a sentence."""
        if not self.decided:
            return (
                f"{self.sessions} of {ENOUGH} sessions have come that neither model was trained on"
            )
        told = "; ".join(
            f"{name} {self.means[name]['challenger']:.3f} against "
            f"{self.means[name]['champion']:.3f}, difference {one.mean:+.3f} "
            f"({one.low:+.3f} to {one.high:+.3f})"
            for name, one in self.differences.items()
        )
        return f"over {self.sessions} new sessions, {self.start}..{self.end}: {told}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **{name: getattr(self, name) for name in ("champion", "challenger", "sessions")},
            "start": self.start,
            "end": self.end,
            "decided": self.decided,
            "better": self.better,
            "means": {name: dict(means) for name, means in self.means.items()},
            "differences": {name: one.to_dict() for name, one in self.differences.items()},
            "interval": f"{LEVEL:.0%}, paired stationary bootstrap, mean block {BLOCK} sessions",
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
    empty = Contest(champion.id, challenger.id, len(days), period["start"], period["end"], {}, {})
    if len(days) < ENOUGH:
        return empty
    one, other = (_figures(model, market, rows) for model in (champion, challenger))
    bootstrap = Bootstrap(len(days), seed=seed)
    intervals = {name: bootstrap.interval(other[name] - one[name]) for name in FIGURES}
    means = {
        name: {
            "champion": float(np.nanmean(one[name])),
            "challenger": float(np.nanmean(other[name])),
        }
        for name, found in intervals.items()
        if found is not None
    }
    differences = {name: found for name, found in intervals.items() if found is not None}
    return Contest(
        champion.id, challenger.id, len(days), period["start"], period["end"], means, differences
    )


def _figures(model: Stored, market: Panels, rows: slice) -> dict[str, np.ndarray]:
    dataset = build(market, model.model.features)
    scores = {name: model.model.order(head, dataset, rows) for name, head in FIGURES.items()}
    return daily(scores, Outcome(dataset.count[rows], dataset.surge[rows]))
