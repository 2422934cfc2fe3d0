"""What a version of the stock store holds: one sealed JSON file, written last."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data_profile.errors import StoreError
from data_profile.files import write_atomic

_FORMAT = 1


@dataclass(frozen=True)
class StockTableInfo:
    """One table of a version.

    Parameters
    ----------
    rows
        How many.
    first, last
        First and last session, "YYYY-MM-DD"; "" where the table has none.
    source
        The file it was last imported from, "collected", or "derived".
    sha256
        Of its Parquet file.
    """

    rows: int
    first: str
    last: str
    source: str
    sha256: str


@dataclass(frozen=True)
class StockManifest:
    """A version of the stock store.

    Parameters
    ----------
    created_at
        When it was built, timezone-aware (UTC).
    snapshot_id
        SHA-256 of the panel's content; "" where there are no bars yet.
    stocks, sessions
        Shape of the panel.
    fields
        Of the panel.
    tables
        Name -> what it holds.
    """

    created_at: datetime.datetime
    snapshot_id: str
    stocks: int
    sessions: int
    fields: tuple[str, ...]
    tables: Mapping[str, StockTableInfo]

    @property
    def source(self) -> str:
        """Where the bars that came last are from: a file's name, or "collected"; "" without."""
        return self.tables["bars"].source if "bars" in self.tables else ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; instants in ISO 8601."""
        return asdict(self) | {
            "created_at": self.created_at.isoformat(),
            "fields": list(self.fields),
        }

    def write(self, path: Path) -> None:
        """Write it with its seal."""
        content = {"format": _FORMAT, "seal": _seal(self.to_dict()), **self.to_dict()}
        write_atomic(path, json.dumps(content, ensure_ascii=False, indent=1))

    @classmethod
    def read(cls, path: Path) -> "StockManifest":
        """Read it and prove its seal.

        Raises
        ------
        StoreError
            It is missing, of another format, or not what was written.
        """
        try:
            content = json.loads(path.read_bytes())
            if content.pop("format") != _FORMAT:
                raise StoreError(f"{path} is of another format; {AGAIN}")
            seal = content.pop("seal")
            if seal != _seal(content):
                raise StoreError(f"{path} is not what was written; {AGAIN}")
            tables = {name: StockTableInfo(**info) for name, info in content["tables"].items()}
            return cls(
                **content
                | {
                    "created_at": datetime.datetime.fromisoformat(content["created_at"]),
                    "fields": tuple(content["fields"]),
                    "tables": tables,
                }
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{path} cannot be read: {error!r}; {AGAIN}") from error


def _seal(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


AGAIN = "move the folder of the stock store aside and import the stock files again"
