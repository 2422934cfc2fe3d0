"""Which sessions a model is fitted to, stopped and calibrated on, and judged on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_profile.panel import Panel
from data_profile.profile import Profile
from factor_pool.borders import current
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.windows import HORIZON
from predictor.errors import PredictorError

TEST_SESSIONS = 60
VALID_SESSIONS = 90
MIN_SESSIONS = 200


@dataclass(frozen=True)
class Split:
    """Ranges of rows in time order, `HORIZON` sessions left out between them.

    A label is known `HORIZON` sessions later, so without the purge the last label of one range
    would be drawn from the next.

    Parameters
    ----------
    train, valid, test
        Valid stops the boosting and calibrates; test is judged once.
    everything
        All rows whose outcome is known: what the final model is fitted to.
    sealed
        Whether test lies wholly in the window that mining never reads.
    """

    train: slice
    valid: slice
    test: slice
    everything: slice
    sealed: bool

    def to_dict(self, sessions: np.ndarray) -> dict[str, Any]:
        """The ranges as dates, for the record."""
        return {
            "train": span(sessions[self.train]),
            "valid": span(sessions[self.valid]),
            "test": span(sessions[self.test]),
            "everything": span(sessions[self.everything]),
            "purge": HORIZON,
            "test_is_sealed": self.sealed,
        }


def split(panel: Panel, ledger: Path) -> Split:
    """Place the ranges: test is the end of the sealed window, where windows can be placed.

    The sealed window comes after everything that mining has seen, so that a pool factor is judged
    on sessions that had no part in its selection. A panel too short for windows cannot have been
    mined; its last sessions serve.

    Parameters
    ----------
    panel
        The whole store.
    ledger
        The ledger's file, which keeps the windows; need not exist.

    Raises
    ------
    PredictorError
        Fewer than `MIN_SESSIONS` sessions.
    """
    sessions = panel.sessions
    end = len(sessions) - HORIZON
    if len(sessions) < MIN_SESSIONS:
        raise PredictorError(
            f"the store has {len(sessions)} sessions, training needs at least {MIN_SESSIONS}; "
            "import a longer history"
        )
    try:
        start = current(ledger, panel, Profile.load().core(panel)).windows.sealed.start
        sealed = int(np.searchsorted(sessions, np.datetime64(start)))
        known = True
    except EvaluationError:
        sealed, known = 0, False
    test = max(sealed, end - min(TEST_SESSIONS, end // 5))
    valid = test - HORIZON - min(VALID_SESSIONS, end // 5)
    return Split(
        train=slice(0, valid - HORIZON),
        valid=slice(valid, test - HORIZON),
        test=slice(test, end),
        everything=slice(0, end),
        sealed=known,
    )


def span(sessions: np.ndarray) -> dict[str, Any]:
    """First and last of some sessions, and how many there are."""
    return {"start": str(sessions[0]), "end": str(sessions[-1]), "sessions": len(sessions)}
