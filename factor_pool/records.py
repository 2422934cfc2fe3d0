"""The rows of the ledger, as values: proposals, attempts, tests, members, openings."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FINAL_STAGES = ("invalid", "duplicate", "failed", "rejected", "accepted")
STAGES = ("proposed", "scored", *FINAL_STAGES)
STATUSES = ("active", "watch", "retired")
IN_USE = ("active", "watch")


@dataclass(frozen=True)
class Proposal:
    """One expression as a proposer gave it.

    Parameters
    ----------
    text
        As proposed.
    canonical
        Canonical text; None where the text is no valid expression.
    proposer
        "evolve", "llm", ...
    hypothesis, idea
        The economic idea in words, and why it was proposed.
    error
        Why the text is no valid expression; None where it is one.
    """

    text: str
    canonical: str | None
    proposer: str
    hypothesis: str = ""
    idea: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Attempt:
    """One row of the ledger.

    Parameters
    ----------
    id
        Increases in the order of recording, which is the order of decisions.
    session, iteration, position
        Where it was proposed; unique together.
    proposer, hypothesis, idea, text, canonical
        See `Proposal`.
    snapshot, label, seed
        Data snapshot id of the store, label name, seed of the run.
    recorded_at, judged_at
        Instants, UTC; `judged_at` is None until a final stage.
    stage
        "proposed", "scored", or final: "invalid", "duplicate", "failed", "rejected", "accepted".
    figures
        Search-window figures; empty until scored.
    gate, reason
        Short name of the gate that rejected, and a sentence for people.
    duplicate_of
        Id of the attempt that first held this canonical text on this snapshot, label and borders.
    borders
        Id of the `Borders` that held.
    prompts
        Versions of the prompts it came from; empty where no language model was asked.
    """

    id: int
    session: str
    iteration: int
    position: int
    proposer: str
    hypothesis: str
    idea: str
    text: str
    canonical: str | None
    snapshot: str
    label: str
    seed: int
    recorded_at: dt.datetime
    judged_at: dt.datetime | None
    stage: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    gate: str | None = None
    reason: str | None = None
    duplicate_of: int | None = None
    borders: int = 1
    prompts: str = ""


@dataclass(frozen=True)
class Judgement:
    """How an attempt ended without a confirm test.

    Parameters
    ----------
    attempt_id, stage, gate, reason
        See `Attempt`; the stage is "invalid", "failed" or "rejected".
    figures
        Replace those written before; None keeps them.
    """

    attempt_id: int
    stage: str
    gate: str | None = None
    reason: str | None = None
    figures: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Test:
    """One confirm-window test, a step of the online false-discovery rule.

    Parameters
    ----------
    position
        1 for the first test of this ledger; no gaps.
    attempt_id
        The attempt tested.
    rule
        The online rule with its parameters.
    p_value
        One-sided.
    level
        The rule's level for this test; a discovery has p_value <= level.
    discovery
        Whether it was one.
    figures
        Further confirm-window numbers, kept for the owner; never shown to a proposer.
    """

    __test__ = False  # not a pytest class

    position: int
    attempt_id: int
    rule: str
    p_value: float
    level: float
    discovery: bool
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """An accepted factor.

    Parameters
    ----------
    id
        "F0001", "F0002", ... in order of acceptance.
    attempt_id
        The attempt it came from.
    expression
        Canonical text.
    sign
        +1 or -1: higher `sign * value` means more limit-ups.
    status
        "active", "watch" or "retired".
    accepted_at
        Instant, UTC.
    p_value
        Of the confirm test.
    figures
        Search-window figures at acceptance.
    hypothesis, proposer, snapshot, label, session
        Of its attempt.
    mlflow_run_id
        None until published.
    """

    id: str
    attempt_id: int
    expression: str
    sign: int
    status: str
    accepted_at: dt.datetime
    p_value: float
    figures: Mapping[str, Any]
    hypothesis: str
    proposer: str
    snapshot: str
    label: str
    session: str
    mlflow_run_id: str | None


@dataclass(frozen=True)
class Opening:
    """One look into a window that proposers never see.

    Parameters
    ----------
    at
        Instant, UTC.
    window
        "confirm" or "sealed".
    who, why
        As given by the opener.
    pool_version
        Number of pool changes before it.
    content_hash
        Snapshot id of the data that was read.
    first, last
        First and last session that was read, both inclusive; None where it was not written down.
    """

    at: dt.datetime
    window: str
    who: str
    why: str
    pool_version: int
    content_hash: str
    first: dt.date | None = None
    last: dt.date | None = None


@dataclass(frozen=True)
class Borders:
    """Where search and confirm end, as written down once and kept.

    Parameters
    ----------
    id
        1, 2, ... in the order of writing.
    at
        Instant, UTC.
    who, why
        Who placed them, and on what grounds.
    snapshot
        Snapshot id of the data for which they were placed.
    search_end, confirm_end
        Last session of each window.
    lookback
        Sessions purged after each border beyond the label's horizon.
    """

    id: int
    at: dt.datetime
    who: str
    why: str
    snapshot: str
    search_end: dt.date
    confirm_end: dt.date
    lookback: int

    def same(self, search_end: dt.date, confirm_end: dt.date, lookback: int) -> bool:
        """Whether these are the same borders."""
        own = (self.search_end, self.confirm_end, self.lookback)
        return own == (search_end, confirm_end, lookback)
