"""Which model forecasts: a new one challenges, and takes over only if it proves better.

The first model is champion at once. Every later one is a challenger until `contest.ENOUGH` sessions
have come that neither was trained on; then it replaces the champion or is dismissed, once and for
all. While one challenger waits, a newer model is stored without a role: a challenger that were
replaced at each training would never meet enough sessions. A person may decide otherwise, and a
champion whose history the store no longer holds, after another import, defends nothing.

The roles are links beside the models; the decisions are in `decisions.json`, each written before
the link that carries it out. Killed in between, the same decision is made again.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from data_profile.files import write_atomic
from predictor.contest import Contest, hold
from predictor.dataset import Panels, align, require_fields
from predictor.errors import PredictorError
from predictor.storage import CHALLENGER, CHAMPION, Stored, assign, holder, load

Verdict = Literal["champion", "challenger", "dismissed", "spare"]
_FILE = "decisions.json"


@dataclass(frozen=True)
class Decision:
    """What became of a model.

    Parameters
    ----------
    model
        Its id.
    verdict
        "champion": it forecasts from now on. "challenger": it waits for new sessions.
        "dismissed": its contest is over. "spare": stored, but another challenger is waiting.
    reason
        A sentence for people.
    at
        When, ISO 8601 with zone.
    contest
        `Contest.to_dict()` where one was held, else None.
    """

    model: str
    verdict: Verdict
    reason: str
    at: str
    contest: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def settle(models: Path, market: Panels, *, seed: int) -> list[Decision]:
    """Hold the contest of the challenger that waits, if enough new sessions have come.

    Parameters
    ----------
    models
        The folder of all models.
    market
        The store.
    seed
        Of the bootstrap.

    Returns
    -------
    list of Decision
        What changed: nothing, a dismissal, or a new champion.
    """
    waiting = holder(models, CHALLENGER)
    if waiting is None or waiting == holder(models, CHAMPION):
        assign(models, CHALLENGER, None)  # after a promotion that was cut short
        return []
    champion, trouble = _usable(models, CHAMPION, market)
    challenger, why_not = _usable(models, CHALLENGER, market)
    if challenger is None:
        return [_dismiss(models, waiting, f"it cannot be used: {why_not}")]
    if champion is None:
        return [_promote(models, waiting, f"the champion cannot be used: {trouble}")]
    contest = hold(champion, challenger, market, seed=seed)
    if not contest.decided:
        return []
    if contest.better:
        reason = f"it beat {champion.id} {contest.words()}"
        return [_promote(models, waiting, reason, contest)]
    reason = f"it was not better than the champion {champion.id} {contest.words()}"
    return [_dismiss(models, waiting, reason, contest)]


def enter(models: Path, model_id: str, market: Panels, *, promote: bool, seed: int) -> Decision:
    """Give a stored model its role.

    Parameters
    ----------
    models
        The folder of all models.
    model_id
        The model.
    market
        The store.
    promote
        A person has decided: it becomes champion whatever the figures say.
    seed
        Of the bootstrap.
    """
    champion, trouble = _usable(models, CHAMPION, market)
    waiting = holder(models, CHALLENGER)
    if champion is not None and champion.id == model_id:
        return _decision(model_id, "champion", "it is the champion: nothing has changed since")
    if promote:
        if waiting not in (None, model_id):
            _dismiss(models, waiting, f"a person made {model_id} champion instead (--promote)")
        return _promote(models, model_id, "a person decided so (--promote)")
    if champion is None:
        reason = f"the champion cannot be used: {trouble}" if trouble else "it is the first model"
        return _promote(models, model_id, reason)
    if waiting not in (None, model_id):
        reason = (
            f"the challenger {waiting} still waits for its contest and keeps its place; "
            "`tide train --promote` makes a new model champion without one"
        )
        return _record(models, _decision(model_id, "spare", reason))
    contest = hold(champion, load(models / model_id), market, seed=seed)
    reason = (
        f"it replaces {champion.id} if it is better on new sessions; {contest.words()}. "
        "The next `tide train` looks again; `tide train --promote` decides without a contest"
    )
    decision = _record(models, _decision(model_id, "challenger", reason, contest))
    assign(models, CHALLENGER, model_id)
    return decision


def decisions(models: Path) -> list[Decision]:
    """All decisions, oldest first.

    Raises
    ------
    PredictorError
        Their file cannot be read.
    """
    path = models / _FILE
    if not path.exists():
        return []
    try:
        return [Decision(**stored) for stored in json.loads(path.read_text("utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise PredictorError(
            f"{path} cannot be read: {error}; move it away to begin a new record"
        ) from error


def _usable(models: Path, role: str, market: Panels) -> tuple[Stored | None, str]:
    """The model that has a role, or why it cannot be used; neither if nobody has it."""
    model_id = holder(models, role)
    if model_id is None:
        return None, ""
    try:
        stored = load(models / model_id)
        require_fields(stored.model.features, market.outcome)
    except PredictorError as error:
        return None, str(error)
    data = stored.card["data"]
    then = align(market.known, market.outcome, data["end"]).known
    if then.snapshot_id != data["snapshot_id"]:
        return None, (
            f"the sessions up to {data['end']} that it was trained on are others in the store now"
        )
    return stored, ""


def _promote(models: Path, model_id: str, reason: str, contest: Contest | None = None) -> Decision:
    decision = _record(models, _decision(model_id, "champion", reason, contest))
    assign(models, CHAMPION, model_id)
    assign(models, CHALLENGER, None)
    return decision


def _dismiss(models: Path, model_id: str, reason: str, contest: Contest | None = None) -> Decision:
    decision = _record(models, _decision(model_id, "dismissed", reason, contest))
    assign(models, CHALLENGER, None)
    return decision


def _decision(
    model_id: str, verdict: Verdict, reason: str, contest: Contest | None = None
) -> Decision:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return Decision(model_id, verdict, reason, now, None if contest is None else contest.to_dict())


def _record(models: Path, decision: Decision) -> Decision:
    """Add a decision to the record, unless it is the last one made again after a kill."""
    past: Sequence[Decision] = decisions(models)
    if past and (past[-1].model, past[-1].verdict) == (decision.model, decision.verdict):
        past = past[:-1]
    content = [one.to_dict() for one in (*past, decision)]
    write_atomic(models / _FILE, json.dumps(content, ensure_ascii=False, indent=1))
    return decision
