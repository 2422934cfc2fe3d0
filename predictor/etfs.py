"""The exchange-traded fund of a sector: a small table by name, which the user can extend.

`sector_etfs.yaml` beside this file lists well-known funds. A file of the same form in the home
folder, `sector_etfs.yaml`, adds to it and goes before it::

    - code: "512880"
      name: 证券ETF
      sectors: [证券, 券商]

A fund follows its index, whose members are not those of the sector: a neighbour, not the sector
itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data_profile.home import Home
from predictor.errors import PredictorError

FILE = "sector_etfs.yaml"
_CODE = re.compile(r"(15|51|56|58)[0-9]{4}")
_LONGEST = 64
_KEPT = Path(__file__).with_name(FILE)


@dataclass(frozen=True)
class Fund:
    """An exchange-traded fund.

    Parameters
    ----------
    code
        Six digits.
    name
        Its short name.
    """

    code: str
    name: str


@dataclass(frozen=True)
class Funds:
    """The table of funds by the names of sectors."""

    by_sector: Mapping[str, tuple[Fund, ...]]

    def of(self, sector: str) -> tuple[Fund, ...]:
        """The funds of a sector's display name; () where the table has none."""
        return self.by_sector.get(sector.strip(), ())


def funds(home: Home) -> Funds:
    """The home's own table, then the one that comes with the program.

    Raises
    ------
    PredictorError
        The home's file is not of the form above; names the entry.
    """
    own = home.root / FILE
    found: dict[str, list[Fund]] = {}
    for path in (own, _KEPT):
        if path == own and not own.exists():
            continue
        for fund, sectors in _read(path):
            for sector in sectors:
                known = found.setdefault(sector, [])
                if fund.code not in {one.code for one in known}:
                    known.append(fund)
    return Funds({sector: tuple(kept) for sector, kept in found.items()})


def _read(path: Path) -> list[tuple[Fund, Sequence[str]]]:
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PredictorError(f"{path} cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise PredictorError(f"{path} must be a list of entries with code, name and sectors")
    return [_entry(path, number, entry) for number, entry in enumerate(entries, start=1)]


def _entry(path: Path, number: int, entry: Any) -> tuple[Fund, Sequence[str]]:
    if not isinstance(entry, dict) or set(entry) != {"code", "name", "sectors"}:
        raise PredictorError(f"{path}: entry {number} must have code, name and sectors, no more")
    code, name, sectors = entry["code"], entry["name"], entry["sectors"]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise PredictorError(
            f"{path}: entry {number} has the code {code!r}; write the six digits of an ETF in "
            'quotes, such as "512880"'
        )
    texts = [name, *(sectors if isinstance(sectors, list) else [None])]
    if not all(isinstance(t, str) and 0 < len(t) <= _LONGEST and t.isprintable() for t in texts):
        raise PredictorError(f"{path}: entry {number} ({code}): name and sectors must be text")
    return Fund(code, name), [sector.strip() for sector in sectors]
