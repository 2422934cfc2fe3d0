"""Looks into windows that proposers never see."""

import datetime as dt

from factor_pool.errors import LedgerError
from factor_pool.ledger.base import instant, matching, now
from factor_pool.ledger.members import Members
from factor_pool.records import Opening


class Openings(Members):
    """Who opened which window, when and why."""

    def opened(
        self,
        window: str,
        who: str,
        why: str,
        *,
        content_hash: str = "",
        first: dt.date | None = None,
        last: dt.date | None = None,
    ) -> Opening:
        """Write down that a window which proposers never see is about to be read.

        Parameters
        ----------
        window
            "confirm" or "sealed".
        who, why
            In words.
        content_hash
            Snapshot id of the data about to be read.
        first, last
            First and last session about to be read, both inclusive.

        Raises
        ------
        LedgerError
            A window that is never closed, or the entry cannot be written.
        """
        if window not in ("confirm", "sealed"):
            raise LedgerError(f"only confirm and sealed are opened, not {window!r}")
        with self._write(durable=True):
            self._db.execute(
                "INSERT INTO openings(at, window, who, why, pool_version, content_hash,"
                " first, last) VALUES(?,?,?,?,?,?,?,?)",
                (
                    now(),
                    window,
                    who,
                    why,
                    self.pool_version(),
                    content_hash,
                    first and first.isoformat(),
                    last and last.isoformat(),
                ),
            )
            return self.openings()[-1]

    def openings(self, window: str | None = None) -> list[Opening]:
        """Every opening, in order; of one window or of all."""
        where, values = matching(window=window)
        return [
            Opening(
                instant(row["at"]),
                row["window"],
                row["who"],
                row["why"],
                row["pool_version"],
                row["content_hash"],
                _day(row["first"]),
                _day(row["last"]),
            )
            for row in self._rows(f"SELECT * FROM openings {where} ORDER BY id", values)
        ]


def _day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
