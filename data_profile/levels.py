"""Index levels that go on from one source to the next without a step.

Levels of a sector mean something only relative to each other, and every source has its own index:
an imported panel may stand at 1,000 where Eastmoney's board stands at 8,600. So a day's levels are
scaled to continue those that the store holds: by the ratio of the two on the last session that both
have, or, where a board's own index begins, by its own return of the day. A gap between them, of
which nobody recorded the move, is joined flat: returns over it are those of the day after it.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from data_profile.panel import Panel

LEVELS = ("open", "high", "low", "close")
_SAME = 1e-5  # a ratio this near to 1 is float32's rounding: the same index
RawCloses = Callable[[datetime.date], Mapping[str, float]]


@dataclass
class Chain:
    """The last close of each sector, in the store's levels, and the session it is of.

    Parameters
    ----------
    closes
        Sector -> (session, close).
    own
        Session -> closes of that session as their source gave them, by sector.
    """

    closes: dict[str, tuple[datetime.date, float]]
    own: RawCloses
    _known: dict[datetime.date, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def before(cls, session: datetime.date, panel: Panel | None, own: RawCloses) -> "Chain":
        """What a panel holds before a session; None: no panel yet."""
        closes: dict[str, tuple[datetime.date, float]] = {}
        if panel is not None and "close" in panel.fields:
            rows = panel.sessions < np.datetime64(session, "D")
            matrix = panel.values["close"][rows]
            days = panel.sessions[rows]
            for column, name in enumerate(panel.instruments):
                finite = np.flatnonzero(np.isfinite(matrix[:, column]))
                if len(finite):
                    last = int(finite[-1])
                    closes[name] = (days[last].item(), float(matrix[last, column]))
        return cls(closes, own)

    def extend(self, rows: pd.DataFrame, session: datetime.date) -> pd.DataFrame:
        """The rows of the next session, their levels scaled to continue the chain.

        Parameters
        ----------
        rows
            Columns instrument, open, high, low, close (points), ret (ratio), and others.
        session
            Theirs; later than all that the chain holds of these sectors.
        """
        names = rows["instrument"].tolist()
        raw = rows["close"].to_numpy(dtype=np.float64)
        factors = np.array(
            [
                self._factor(name, close, ret)
                for name, close, ret in zip(names, raw, rows["ret"], strict=True)
            ]
        )
        scaled = rows.assign(**{name: rows[name] * factors for name in LEVELS})
        self._known[session] = {
            name: close for name, close in zip(names, raw, strict=True) if np.isfinite(close)
        }
        for name, close in zip(names, scaled["close"], strict=True):
            if np.isfinite(close):
                self.closes[name] = (session, float(close))
        return scaled

    def _factor(self, name: str, close: float, ret: float) -> float:
        if name not in self.closes or not np.isfinite(close):
            return 1.0
        session, held = self.closes[name]
        if session not in self._known:
            self._known[session] = self.own(session)
        before = self._known[session].get(name, close / (1 + ret))
        factor = held / before if np.isfinite(before) and before > 0 else 1.0
        return 1.0 if abs(factor - 1) < _SAME else factor
