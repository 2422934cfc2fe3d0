"""What each field means: its unit, when it was known, its caveats, and what the data at hand holds.

The meaning stands in `fields.yaml`; coverage, quantiles and base rates are measured on the panel
that is given, and on nothing else. Give it the search window, and it says nothing about later.
"""

import datetime
import re
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydantic
import yaml

from data_profile.errors import DataError
from data_profile.panel import Panel

FIELDS = Path(__file__).with_name("fields.yaml")
STOCK_FIELDS = Path(__file__).with_name("stock_fields.yaml")
CUTOFF = "15:45"  # when the daily forecast is made, Asia/Shanghai
STOCK_CUTOFF = "18:10"  # that of single stocks: with the list in hand, for the next open
Unit = Literal["points", "yuan", "count", "ratio", "shares", "dimensionless"]
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_NEXT = "next "  # after every time of day, in order of text too
_LABEL = "limit_up_count"
_SURGE_LEAST, _SURGE_TIMES, _SURGE_SPAN = 3, 2.0, 20


class ProfileError(DataError):
    """The table of fields cannot be used, or a cut-off is no time of day."""


class Field(pydantic.BaseModel):
    """The meaning of one field; see the head of `fields.yaml`.

    Parameters
    ----------
    name, zh, en
        Column name, Chinese and English name.
    unit
        What one of it is.
    source
        Where it is collected, or how it is computed.
    known_at
        "HH:MM" of the session, Asia/Shanghai, from which the value may be used; "next HH:MM" is
        of the session after it.
    core
        Whether windows are placed only where this field exists.
    factor
        Whether an expression may use it; False for bookkeeping.
    depth
        How far back history reaches.
    missing
        What a missing value, or a zero, means.
    meaning
        What it tells about the market.
    caveat
        What would mislead who does not know it; "" where nothing does.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    zh: str = pydantic.Field(min_length=1)
    en: str = pydantic.Field(min_length=1)
    unit: Unit
    source: str = pydantic.Field(min_length=1)
    known_at: str = pydantic.Field(pattern=rf"^({_NEXT})?{_CLOCK.pattern}$")
    core: bool = False
    factor: bool = True
    depth: str = pydantic.Field(min_length=1)
    missing: str = pydantic.Field(min_length=1)
    meaning: str = pydantic.Field(min_length=1)
    caveat: str = ""

    @property
    def minutes(self) -> int:
        """`known_at` in minutes after the midnight that begins the session, Asia/Shanghai.

        The morning of the next session counts as the next day's: nothing trades in between.
        """
        clock = self.known_at.removeprefix(_NEXT)
        day = 24 * 60 if clock != self.known_at else 0
        return day + 60 * int(clock[:2]) + int(clock[3:])


@dataclass(frozen=True)
class FieldReport:
    """One field of a panel: what it means, and what there is of it.

    Parameters
    ----------
    name, zh, en, unit, source, known_at, core, depth, meaning, missing, caveat
        As in `Field`; empty where `fields.yaml` does not know the field.
    usable
        Whether a factor may use it at the forecast's cut-off.
    coverage
        Share of listed (session, instrument) cells with a value, 0..1.
    first, last
        First and last session with a value, "YYYY-MM-DD"; None where there is none.
    low, median, high
        5%, 50% and 95% quantile of the values; None where there is none.
    zeros
        Share of the values that are exactly 0; None where there is none.
    """

    name: str
    zh: str
    en: str
    unit: str
    source: str
    known_at: str
    core: bool
    usable: bool
    coverage: float
    first: str | None
    last: str | None
    low: float | None
    median: float | None
    high: float | None
    zeros: float | None
    depth: str
    meaning: str
    missing: str
    caveat: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Profile:
    """The table of known fields.

    Parameters
    ----------
    fields
        Name -> meaning, in the order of the table.
    cutoff
        When the forecast is made that factors are for: "HH:MM" of the session, Asia/Shanghai.

    Examples
    --------
    >>> Profile.load().fields["lhb_net_buy"].known_at
    '18:10'
    """

    fields: Mapping[str, Field]
    cutoff: str = CUTOFF

    @classmethod
    def load(cls, path: Path = FIELDS) -> "Profile":
        """Read and check a table of fields; that of stocks has the cut-off of the evening.

        Raises
        ------
        ProfileError
            The file cannot be read, or an entry is not as its head says; names file and field.
        """
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ProfileError(f"{path} cannot be read: {error}") from error
        if not isinstance(content, dict) or not content:
            raise ProfileError(f"{path} must map field names to their meaning")
        cutoff = STOCK_CUTOFF if path == STOCK_FIELDS else CUTOFF
        return cls({name: _field(path, name, entry) for name, entry in content.items()}, cutoff)

    def unknown(self, panel: Panel) -> tuple[str, ...]:
        """Fields of the panel that the table does not know; no factor may use them."""
        return tuple(name for name in panel.fields if name not in self.fields)

    def units(self, panel: Panel) -> dict[str, str]:
        """Unit of each field of the panel that the table knows."""
        return {name: self.fields[name].unit for name in panel.fields if name in self.fields}

    def usable(self, panel: Panel, cutoff: str | None = None) -> tuple[str, ...]:
        """Fields of the panel that a factor may use in a forecast made at `cutoff`.

        Known to the table, known to the market by then, no bookkeeping, and with at least one
        value in the panel.

        Parameters
        ----------
        panel
            The data at hand.
        cutoff
            "HH:MM", Asia/Shanghai; None for the table's own.

        Raises
        ------
        ProfileError
            `cutoff` is no time of day.
        """
        cutoff = self.cutoff if cutoff is None else cutoff
        if not _CLOCK.fullmatch(cutoff):
            raise ProfileError(f"cutoff {cutoff!r} is no time of day; write it like 15:45")
        return tuple(
            name
            for name in panel.fields
            if (field := self.fields.get(name)) is not None
            and field.factor
            and field.known_at <= cutoff
            and _has_values(panel, name)
        )

    def core(self, panel: Panel) -> tuple[str, ...]:
        """Core fields that the panel has, with at least one value."""
        return tuple(
            name
            for name, field in self.fields.items()
            if field.core and name in panel.values and _has_values(panel, name)
        )

    def absent(self, panel: Panel) -> tuple[str, ...]:
        """Fields of the table of which the panel has no value."""
        return tuple(
            name for name in self.fields if name not in panel.values or not _has_values(panel, name)
        )

    def rows(self, panel: Panel) -> tuple[FieldReport, ...]:
        """Meaning and measured content of every field of the panel, in the panel's order."""
        usable = set(self.usable(panel))
        return tuple(
            _report(panel, name, self.fields.get(name), name in usable) for name in panel.fields
        )

    def describe(self, panel: Panel, end: datetime.date | np.datetime64 | str | None = None) -> str:
        """What a language model is told about the data.

        Parameters
        ----------
        panel
            The only data that is looked at.
        end
            Last session to look at; None for the panel's own last.

        Returns
        -------
        str
            Plain text: span and base rates, then one paragraph a usable field, then the fields
            that may not be used and why.
        """
        panel = panel.between(None, end)
        rows = self.rows(panel)
        lines = [*_span(panel), *base_rates(panel), "", "Fields that a factor may use:"]
        lines += [_paragraph(row) for row in rows if row.usable]
        barred = [f"${row.name} ({self._barred(row)})" for row in rows if not row.usable]
        if barred:
            lines += ["", f"Fields that no factor may use: {', '.join(barred)}."]
        return "\n".join(lines)

    def _barred(self, row: FieldReport) -> str:
        field = self.fields.get(row.name)
        if field is None:
            return "its meaning is unknown"
        if not field.factor:
            return "bookkeeping"
        if field.known_at > self.cutoff:
            return f"known at {field.known_at}, after the forecast of {self.cutoff}"
        return "no values in this data"


class _UniqueKeys(yaml.CSafeLoader):
    """Refuses a key that stands twice, where YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _field(path: Path, name: object, entry: object) -> Field:
    if not isinstance(entry, dict):
        raise ProfileError(f"{path}: field {name} must be a mapping of zh, en, unit and so on")
    try:
        return Field.model_validate({"name": name, **entry})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ProfileError(f"{path}: field {name}: {where}: {first['msg']}") from error


def _has_values(panel: Panel, name: str) -> bool:
    return bool((np.isfinite(panel.values[name]) & panel.listed).any())


def _report(panel: Panel, name: str, field: Field | None, usable: bool) -> FieldReport:
    there = np.isfinite(panel.values[name]) & panel.listed
    values = panel.values[name][there].astype(np.float64)
    days = panel.sessions[there.any(axis=1)]
    low, median, high = (
        np.quantile(values, (0.05, 0.5, 0.95)).tolist() if len(values) else [None] * 3
    )
    return FieldReport(
        name=name,
        zh=field.zh if field else "",
        en=field.en if field else "",
        unit=field.unit if field else "",
        source=field.source if field else "",
        known_at=field.known_at if field else "",
        core=bool(field and field.core),
        usable=usable,
        coverage=len(values) / max(1, int(panel.listed.sum())),
        first=str(days[0]) if len(days) else None,
        last=str(days[-1]) if len(days) else None,
        low=low,
        median=median,
        high=high,
        zeros=float((values == 0).mean()) if len(values) else None,
        depth=field.depth if field else "",
        meaning=field.meaning if field else "",
        missing=field.missing if field else "",
        caveat=field.caveat if field else "",
    )


def _paragraph(row: FieldReport) -> str:
    caveat = f" Caveat: {row.caveat}" if row.caveat else ""
    return (
        f"- ${row.name} [{row.unit}] {row.zh}, {row.en}; known at {row.known_at}. {row.meaning}"
        f"{caveat} Missing: {row.missing}. "
        f"Measured: {row.coverage:.0%} of cells, from {row.first}; "
        f"5% / 50% / 95% quantile {row.low:.4g} / {row.median:.4g} / {row.high:.4g}; "
        f"{row.zeros:.0%} are zero."
    )


def _span(panel: Panel) -> list[str]:
    count, width = panel.shape
    if not count:
        return ["The data holds no session."]
    return [
        f"{width} instruments, {count} sessions from {panel.sessions[0]} to {panel.sessions[-1]}, "
        f"{int(panel.listed.sum())} cells."
    ]


def base_rates(panel: Panel) -> list[str]:
    """How often what is to be forecast happens at all, and how much persistence alone explains.

    Sentences, measured on the panel that is given; none where it does not hold the label.
    """
    if _LABEL not in panel.values or not _has_values(panel, _LABEL):
        return []
    import pandas as pd

    count = np.where(panel.listed, panel.values[_LABEL], np.nan).astype(np.float64)
    there = np.isfinite(count)
    lines = [
        f"A sector has at least one limit-up on {(count[there] >= 1).mean():.1%} of sector-days; "
        f"the mean count is {count[there].mean():.2f}."
    ]
    today, tomorrow = count[:-1], count[1:]
    pair = np.isfinite(today) & np.isfinite(tomorrow)
    if (after := pair & (today >= 1)).any() and (quiet := pair & (today == 0)).any():
        lines.append(
            f"The next session has one after {(tomorrow[after] >= 1).mean():.1%} of the "
            f"sector-days with a limit-up and {(tomorrow[quiet] >= 1).mean():.1%} of those without."
        )
    if pair.any():
        usual = pd.DataFrame(today).ewm(span=_SURGE_SPAN).mean().to_numpy()
        surge = (tomorrow >= _SURGE_LEAST) & (tomorrow >= _SURGE_TIMES * usual)
        lines.append(
            f"A wave (at least {_SURGE_LEAST} limit-ups and {_SURGE_TIMES:g} times the sector's "
            f"own EWM({_SURGE_SPAN})) follows {surge[pair].mean():.1%} of sector-days."
        )
    return lines
