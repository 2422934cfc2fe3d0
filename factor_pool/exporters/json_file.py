"""The pool as one JSON document, with where each factor came from."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from factor_pool.pool import row
from factor_pool.records import Member

FORMAT_VERSION = 1


def source(members: Sequence[Member], pool_version: int) -> str:
    """Text of the document.

    Parameters
    ----------
    members
        The factors to write.
    pool_version
        Number of changes of the pool so far.
    """
    document: dict[str, Any] = {
        "format": "limit-up-tide/pool",
        "format_version": FORMAT_VERSION,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "pool_version": pool_version,
        "factors": [
            row(member)
            | {
                "proposer": member.proposer,
                "session": member.session,
                "snapshot": member.snapshot,
                "figures": member.figures,
            }
            for member in members
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
