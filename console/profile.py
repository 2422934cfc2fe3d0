"""What `tide data profile` prints: an overview of the fields, or some of them in full."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.padding import Padding

from console.display import stdout, table
from console.tables import describe_manifest

if TYPE_CHECKING:
    from rich.table import Table

    from data_profile.batches import Day
    from data_profile.manifest import Manifest
    from data_profile.panel import Panel
    from data_profile.profile import Field, FieldReport, Profile

_STEPS = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e4, "k"))
_SHOWN_DAYS = 3


def to_document(
    rows: "Sequence[FieldReport]",
    manifest: "Manifest",
    days: "Sequence[Day]",
    absent: Sequence[str],
) -> dict[str, Any]:
    """What `--json` prints: the store, its collected days, fields, and what it has none of."""
    return {
        "store": manifest.to_dict(),
        "days": [
            {"session": day.session, "state": day.state, "missing": day.missing} for day in days
        ],
        "fields": [row.to_dict() for row in rows],
        "absent": absent,
    }


def search_base_rates(profile: "Profile", panel: "Panel") -> list[str]:
    """Base rates of the search window: the later ones are kept for confirmation."""
    from data_profile.profile import base_rates
    from factor_pool.errors import EvaluationError
    from factor_pool.evaluation.windows import place

    try:
        end = place(panel, profile.core(panel)).search.end
    except EvaluationError:  # too little data for windows, and so for base rates
        return []
    return base_rates(panel.between(None, end))


def show_overview(
    rows: "Sequence[FieldReport]",
    manifest: "Manifest",
    days: "Sequence[Day]",
    rates: Sequence[str],
    absent: Sequence[str],
) -> None:
    """One line a field with values, under what the store holds and the state of its days."""
    rows = [row for row in rows if row.first is not None]
    stdout.print(describe_manifest(manifest), markup=False)
    for line in describe_days(days):
        stdout.print(line, markup=False)
    stdout.print()
    stdout.print(field_table(rows))
    _print_notes(rows, rates, absent)


def field_table(rows: "Sequence[FieldReport]") -> "Table":
    """A field a line: unit, when it is known, and what values there are."""
    made = table("field", "名称", "unit", "known", "cells", "since", "5%", "median", "95%", "zero",
                 right=("known", "cells", "5%", "median", "95%", "zero"))  # fmt: skip
    for row in rows:
        values = (quantity(value, row.unit) for value in (row.low, row.median, row.high))
        style = "bold" if row.core else None if row.usable else "yellow"
        made.add_row(
            row.name, row.zh, _UNITS.get(row.unit, row.unit), row.known_at,
            _share(row.coverage), (row.first or "")[:7], *values,
            "-" if row.zeros is None else f"{row.zeros:.0%}", style=style,
        )  # fmt: skip
    made.padding = (0, 1, 0, 0)
    return made


def _print_notes(
    rows: "Sequence[FieldReport]", rates: Sequence[str], absent: Sequence[str]
) -> None:
    stdout.print()
    core = ", ".join(row.name for row in rows if row.core)
    stdout.print(
        f"Core fields (bold), where all of which exist the search, confirm and sealed windows lie: "
        f"{core}."
    )
    if barred := ", ".join(row.name for row in rows if not row.usable):
        stdout.print(f"Not for the 15:45 forecast (yellow), known later or bookkeeping: {barred}.")
    stdout.print(
        "Cells: share of sector-days with a value. Amounts in yuan; k, m, bn, tn: thousand, "
        "million, billion, trillion."
    )
    if absent:
        stdout.print(
            f"No values here of {len(absent)} fields that this program knows, never filled: "
            f"{', '.join(absent)}."
        )
    if rates:
        stdout.print(f"In the search window: {' '.join(rates)}", markup=False)
    stdout.print("What one means, where it is from, what is missing: tide data profile FIELD ...")


def describe_days(days: "Sequence[Day]") -> list[str]:
    """How the sessions that were collected came in, and what the latest partial ones lack."""
    if not days:
        return ["state: imported; no session was collected yet"]
    counts = {
        state: sum(day.state == state for day in days)
        for state in ("complete", "partial", "imported")
    }
    told = [f"{count} {state}" for state, count in counts.items() if count]
    last = days[-1]
    lines = [f"collected: {', '.join(told)}; the latest is {last.session}, {last.state}"]
    lacking = [day for day in days if day.state == "partial"][-_SHOWN_DAYS:]
    lines += [f"partial {day.session}: without {', '.join(day.missing)}" for day in lacking]
    return lines


def show_fields(
    names: Sequence[str], table_of: "Mapping[str, Field]", rows: "Mapping[str, FieldReport]"
) -> None:
    """Each named field in full; what it holds here, where it holds anything."""
    for name in names:
        field = table_of[name]
        stdout.print(f"[bold]${name}[/] {escape(field.zh)}, {escape(field.en)} ({field.unit})")
        told = {
            "meaning": field.meaning,
            "caveat": field.caveat,
            "source": field.source,
            "known at": _known(field),
            "history": field.depth,
            "missing": field.missing,
            "here": _measured(rows.get(name)),
        }
        made = table("", "")
        made.show_header = False
        for title, text in told.items():
            if text:
                made.add_row(f"[dim]{title}[/]", escape(text))
        stdout.print(Padding(made, (0, 0, 1, 4)))


def _known(field: "Field") -> str:
    core = "; a core field" if field.core else ""
    return field.known_at + (core if field.factor else "; bookkeeping, no factor may use it")


def _measured(row: "FieldReport | None") -> str:
    if row is None or row.first is None or row.zeros is None:
        return "no values"
    low, median, high = (quantity(value, row.unit) for value in (row.low, row.median, row.high))
    return (
        f"{_share(row.coverage)} of sector-days, {row.first}..{row.last}; "
        f"5% {low}, median {median}, 95% {high}; {row.zeros:.0%} zero"
    )


def _share(value: float) -> str:
    return "<1%" if 0 < value < 0.005 else f"{value:.0%}"


def quantity(value: float | None, unit: str) -> str:
    """A figure as a person reads it: ratios in percent, large amounts shortened."""
    if value is None:
        return "-"
    if unit == "ratio":
        return f"{round(value, 3) + 0:.1%}"  # + 0: no minus before a zero
    for size, letter in _STEPS:
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{value:.4g}"


_UNITS = {"dimensionless": "-"}
