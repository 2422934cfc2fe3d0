"""One member of the pool, and how the members hold up: `tide pool show` and `tide pool monitor`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.padding import Padding

from console.display import number, oriented, stdout, table

if TYPE_CHECKING:
    from rich.table import Table

    from factor_pool.decay import Check

_COLOUR = {"active": "green", "watch": "yellow", "retired": "red"}
_HEADINGS = ("", "search", "confirm", "sealed")
_ACCOUNT = (
    ("annual_excess", "over the market, a year", "+"),
    ("excess_drawdown", "  largest loss", "+"),
    ("daily_turnover", "  turnover a session", ""),
)


def show_member(document: Mapping[str, Any]) -> None:
    """A factor: what it says, how it was judged, how it holds up, where its report is."""
    from factor_pool.evaluation.labels import LABELS

    status = document["status"]
    stdout.print(f"[bold]{document['id']}[/]  [{_COLOUR[status]}]{status}[/]")
    stdout.print(Padding(f"[bold cyan]{escape(document['expression'])}[/]", (0, 0, 0, 2)))
    sense = "higher" if document["sign"] > 0 else "lower"
    more = LABELS[document["label"]].more
    _line(f"{sense} values should mean {more}; foretells {document['label']}")
    _line(f"hypothesis ({document['proposer']}): {document['hypothesis']}")
    _figures(document)
    _backtest(document["backtest"])
    if document["sealed"] is None:
        _line("sealed: not opened (tide pool unseal)", "dim")
    _hits(document["search"])
    _decay(document["decay"])
    for event in document["history"]:
        _line(f"{event['at']}  {event['status']}: {event['reason']}", "dim")
    _line(f"accepted in session {document['session']} on data {document['snapshot'][:16]}", "dim")
    report = document["report"] or "none: there were no market data to make it from"
    stdout.print(f"  report: {report}", markup=False, soft_wrap=True)


def _line(text: str, style: str = "") -> None:
    stdout.print(Padding(escape(text), (0, 0, 0, 2)), style=style)


def _figures(document: Mapping[str, Any]) -> None:
    """Search, confirm and sealed side by side."""
    search, confirm, sealed = document["search"], document["confirm"], document["sealed"]

    def signed(value: float | None) -> str:
        return oriented(value, document["sign"])

    made = table(*_HEADINGS, right=_HEADINGS[1:])
    made.add_row(
        "sessions",
        str(search["sessions"] or "-"),
        str(confirm.get("sessions", "-")),
        "not opened" if sealed is None else str(sealed["sessions"]),
    )
    span = f"{confirm['start']}..{confirm['end']}" if "start" in confirm else "-"
    made.add_row("  of", "what proposers saw", span, "")
    made.add_row("rank IC", signed(search["rank_ic"]), "in the report", "")
    made.add_row(
        "beyond persistence and size",
        signed(search["marginal_rank_ic"]),
        "in the report",
        "" if sealed is None else number(sealed["mean"], signed=True),
    )
    made.add_row(
        "beyond these and the pool then",
        signed(search["added_rank_ic"]),
        signed(confirm.get("added_rank_ic")),
        "",
    )
    made.add_row(
        "evidence",
        f"t {oriented(search['added_t_hac'], document['sign'], 1)}",
        f"p {confirm['p_value']:.2g} at level {confirm['level']:.2g}",
        "" if sealed is None else _interval(sealed),
    )
    made.add_row("rank autocorrelation", number(search["rank_autocorrelation"], 2), "", "")
    made.add_row("largest correlation in pool", number(search["max_pool_correlation"], 2), "")
    if document["backtest"] is not None:
        _accounts(made, document["backtest"]["windows"])
    stdout.print(Padding(made, (1, 0, 0, 2)))


def _interval(sealed: Mapping[str, Any]) -> str:
    low, high = (number(sealed[name], signed=True) for name in ("low", "high"))
    return f"{low} to {high} (95%)"


def _accounts(made: "Table", windows: Mapping[str, Any]) -> None:
    """Rows of the backtest, which knows of search and confirm alone."""
    for key, title, sign in _ACCOUNT:
        cells = []
        for name in ("search", "confirm"):
            value = windows[name]["figures"][key]
            cells.append("-" if value is None else f"{100 * value:{sign}.1f}%")
        made.add_row(title, *cells, "")


def _backtest(document: Mapping[str, Any] | None) -> None:
    if document is None:
        _line("backtest: waits for the end of a night (tide mine)", "dim")
        return
    _line(
        f"traded by {document['engine']}'s engine after costs, our simulator within "
        f"{max(part['difference'] for part in document['windows'].values()):.0e}"
    )


def _hits(search: Mapping[str, Any]) -> None:
    names = ("factor", "persistence", "size", "base rate")
    made = table("", *names, right=names)
    keys = ("hit_rate_at_5", "persistence_hit_rate_at_5", "size_hit_rate_at_5", "base_rate")
    made.add_row("hit rate at 5 (search)", *(number(search[key]) for key in keys))
    stdout.print(Padding(made, (1, 0, 1, 2)))


def _decay(check: Mapping[str, Any] | None) -> None:
    if check is None:
        _line("decay: not checked yet; tide pool monitor")
        return
    _line(f"decay: {check['reason']}")
    if check["watch_at"] is not None:
        _line(
            f"CUSUM of the shortfall {check['cusum']:.1f}; watch at {check['watch_at']:.1f}, "
            f"retired at {check['retire_at']:.1f}"
        )


def show_checks(checks: "Sequence[Check]") -> None:
    """How each factor in use holds up since its acceptance."""
    if not checks:
        stdout.print("No factor is in use: nothing to check.")
        return
    right = ("sessions", "since", "promised", "CUSUM", "watch at", "retire at")
    made = table("id", "status", *right, right=right)
    for check in checks:
        made.add_row(
            check.member,
            f"[{_COLOUR[check.status]}]{check.status}[/]",
            str(check.sessions),
            number(check.mean, signed=True),
            number(check.promised, signed=True),
            number(check.cusum, 1),
            number(check.watch_at, 1),
            number(check.retire_at, 1),
        )
    stdout.print(made)
    for check in checks:
        if check.status != "active":
            stdout.print(f"{check.member}: {check.reason}", markup=False)
    stdout.print(
        "[dim]since: mean daily rank IC beyond persistence and size over the sessions that came "
        "after acceptance[/]"
    )
