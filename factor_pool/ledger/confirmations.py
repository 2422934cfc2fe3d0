"""Tests on the confirm window, in order: the state of the false-discovery rule."""

import json

from factor_pool.errors import LedgerError
from factor_pool.ledger.base import Database, dump, now
from factor_pool.records import Test


class Tests(Database):
    """Every confirm test ever made with this ledger."""

    __test__ = False  # not a pytest class

    def tests(self, after: int = 0) -> list[Test]:  # noqa: PT028 - no pytest function
        """Every confirm test, in order: replaying them restores the false-discovery rule.

        Parameters
        ----------
        after
            Only those that follow the test of this position.
        """
        return [
            Test(
                row["position"],
                row["attempt_id"],
                row["rule"],
                row["p_value"],
                row["level"],
                bool(row["discovery"]),
                json.loads(row["figures"]),
            )
            for row in self._rows(
                "SELECT * FROM tests WHERE position > ? ORDER BY position", (after,)
            )
        ]

    def _insert_test(self, test: Test) -> None:
        last = self._db.execute("SELECT coalesce(max(position), 0) FROM tests").fetchone()[0]
        if test.position != last + 1:
            raise LedgerError(
                f"confirm test {test.position} follows test {last}: another process mines with "
                "this ledger; stop one of them"
            )
        self._db.execute(
            "INSERT INTO tests(position, attempt_id, rule, p_value, level, discovery, figures,"
            " tested_at) VALUES(?,?,?,?,?,?,?,?)",
            (
                test.position, test.attempt_id, test.rule, test.p_value, test.level,
                int(test.discovery), dump(test.figures), now(),
            ),
        )  # fmt: skip
