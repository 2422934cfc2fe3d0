"""What a version of the store holds: one sealed JSON file, written last."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data_profile.errors import StoreError
from data_profile.files import write_atomic

_FORMAT = 2
_DATES = ("created_at", "first_session", "last_session")


@dataclass(frozen=True)
class Manifest:
    """What a version of the store holds.

    Parameters
    ----------
    snapshot_id
        SHA-256 of the panel's content (`Panel.snapshot_id`).
    created_at
        When it was built, timezone-aware (UTC).
    source
        Where the rows are from, in the order they came: names of files, `synthetic-<seed>`,
        "collected".
    state
        Of the last session: "imported" from a file, "complete" or "partial" as collected.
    rows, instruments, sessions
        How many of each; a row is a sector and session with any value.
    collected, partial
        Sessions that were collected, and those of them that lack something.
    first_session, last_session
        Dates in Asia/Shanghai.
    fields
        Numeric fields, in order.
    ignored
        Columns of text that the truth keeps and no factor can use.
    coverage
        Field -> share of listed (session, instrument) cells with a value, 0..1.
    truth_sha256, names_sha256
        SHA-256 of `truth.json` (which holds the hash of every file of rows) and of `names.json`.
    """

    snapshot_id: str
    created_at: datetime.datetime
    source: str
    state: str
    rows: int
    instruments: int
    sessions: int
    collected: int
    partial: int
    first_session: datetime.date
    last_session: datetime.date
    fields: tuple[str, ...]
    ignored: tuple[str, ...]
    coverage: Mapping[str, float]
    truth_sha256: str
    names_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; dates and instants in ISO 8601."""
        days = {name: getattr(self, name).isoformat() for name in _DATES}
        return asdict(self) | days | {"fields": list(self.fields), "ignored": list(self.ignored)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Manifest":
        """The inverse of `to_dict`.

        Raises
        ------
        StoreError
            `data` is no manifest of this format.
        """
        try:
            return cls(
                **{
                    **data,
                    "created_at": datetime.datetime.fromisoformat(data["created_at"]),
                    "first_session": datetime.date.fromisoformat(data["first_session"]),
                    "last_session": datetime.date.fromisoformat(data["last_session"]),
                    "fields": tuple(data["fields"]),
                    "ignored": tuple(data["ignored"]),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"not a manifest of this version: {error!r}") from error

    def write(self, path: Path) -> None:
        """Write it with its seal."""
        content = {"format": _FORMAT, "seal": self._seal(), **self.to_dict()}
        write_atomic(path, json.dumps(content, ensure_ascii=False, indent=1))

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Read it and prove its seal.

        Raises
        ------
        StoreError
            It is missing, of another format, or not what was written.
        """
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read: {error}; {RESTORE}") from error
        if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
            raise StoreError(
                f"{path} is of another format; move {path.parent.parent} aside and import again"
            )
        seal = content.pop("seal", None)
        manifest = cls.from_dict(content)
        if seal != manifest._seal():
            raise StoreError(f"{path} is not what was written; {RESTORE}")
        return manifest

    def _seal(self) -> str:
        """SHA-256 over the manifest, so that a changed byte in it is seen too."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()


RESTORE = "run: tide data verify --restore"
