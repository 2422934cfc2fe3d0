"""Writing the pool for use elsewhere."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_profile.files import write_atomic
from data_profile.home import Home
from factor_pool.errors import ExportError
from factor_pool.pool import Pool

FORMAT_VERSION = 1


def export(home: Home, format_: str, output: Path) -> int:
    """Write the active members of the pool to a file, atomically; how many there are.

    Parameters
    ----------
    home
        Whose pool.
    format_
        `json`: every factor with its expression, Qlib text, figures and provenance.
    output
        File to write; its folder must exist.

    Raises
    ------
    ExportError
        An unknown format, or the file cannot be written.
    """
    writers: Mapping[str, Callable[[Home], tuple[str, int]]] = {"json": _json}
    if format_ not in writers:
        raise ExportError(f"no format {format_!r}; there is: {', '.join(writers)}")
    text, count = writers[format_](home)
    try:
        write_atomic(output, text)
    except OSError as error:
        raise ExportError(f"{output} cannot be written: {error}") from error
    return count


def _json(home: Home) -> tuple[str, int]:
    pool = Pool(home)
    factors = [row for row in pool.rows() if row["status"] == "active"]
    figures = {member.id: member for member in pool.members()}
    document: dict[str, Any] = {
        "format": "limit-up-tide/pool",
        "format_version": FORMAT_VERSION,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "pool_version": pool.version(),
        "factors": [
            row
            | {
                "proposer": figures[row["id"]].proposer,
                "session": figures[row["id"]].session,
                "snapshot": figures[row["id"]].snapshot,
                "figures": figures[row["id"]].figures,
            }
            for row in factors
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n", len(factors)
