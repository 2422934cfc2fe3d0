"""Where the windows of this ledger end, and every time somebody moved them."""

import datetime as dt

from factor_pool.errors import LedgerError
from factor_pool.ledger.base import Database, instant, now
from factor_pool.records import Borders


class BorderLog(Database):
    """The borders between search, confirm and sealed, as written down.

    They only move forward: a session that proposers have seen can judge nothing any more, and one
    that has judged is no longer sealed.
    """

    def set_borders(
        self,
        search_end: dt.date,
        confirm_end: dt.date,
        *,
        lookback: int,
        who: str,
        why: str,
        snapshot: str,
    ) -> Borders:
        """Write down the borders that hold from now on; the same ones again change nothing.

        Parameters
        ----------
        search_end, confirm_end, lookback
            See `Borders`.
        who, why
            In words.
        snapshot
            Snapshot id of the data for which they were chosen.

        Raises
        ------
        LedgerError
            A border would move back.
        """
        with self._write(durable=True):
            known = self.borders()
            if known and known[-1].same(search_end, confirm_end, lookback):
                return known[-1]
            if known:
                _refuse_backwards(known[-1], search_end, confirm_end)
            self._db.execute(
                "INSERT INTO borders(at, who, why, snapshot, search_end, confirm_end, lookback)"
                " VALUES(?,?,?,?,?,?,?)",
                (now(), who, why, snapshot, str(search_end), str(confirm_end), lookback),
            )
            return self.borders()[-1]

    def borders(self) -> list[Borders]:
        """Every placing of the borders, in order; the last one holds."""
        return [
            Borders(
                row["id"],
                instant(row["at"]),
                row["who"],
                row["why"],
                row["snapshot"],
                dt.date.fromisoformat(row["search_end"]),
                dt.date.fromisoformat(row["confirm_end"]),
                row["lookback"],
            )
            for row in self._rows("SELECT * FROM borders ORDER BY id")
        ]


def _refuse_backwards(known: Borders, search_end: dt.date, confirm_end: dt.date) -> None:
    for name, before, wanted, spent in (
        ("search", known.search_end, search_end, "been searched and cannot judge a factor"),
        ("confirm", known.confirm_end, confirm_end, "judged factors and cannot be sealed"),
    ):
        if wanted < before:
            raise LedgerError(
                f"{name} ends {before} in this ledger and cannot end {wanted}: the sessions "
                f"between have {spent} any more; give a later date, or take another --home"
            )
