"""The store and its windows, the opening of the sealed one, and the trail of a pool."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from console.display import number, stdout, table
from console.stocks import show_stocks

if TYPE_CHECKING:
    from data_profile.home import Home

_BAR = 72
_COLOURS = {"S": "cyan", "C": "yellow", "X": "red", ".": "dim"}
_BLOCKS = {"S": "█", "C": "▓", "X": "░", ".": "·"}
_MARKS = {"search": "S", "confirm": "C", "sealed": "X"}
_USES = {
    "search": "proposers see every figure",
    "confirm": "one test a candidate; only accept or reject is told",
    "sealed": "read by no loop; tide pool unseal opens it",
}
_WINDOWS = ("search", "confirm", "sealed")


def describe_store(home: "Home") -> dict[str, Any]:
    """What `tide data show --json` prints.

    Raises
    ------
    data_profile.errors.StoreError
        There is no store.
    factor_pool.errors.FactorError
        The ledger cannot be read.
    """
    from data_profile.profile import Profile
    from data_profile.stocks import StockStore
    from data_profile.store import Store

    store, profile, stocks = Store(home.store), Profile.load(), StockStore(home.stocks)
    document: dict[str, Any] = {"stocks": stocks.manifest().to_dict() if stocks.exists() else None}
    if stocks.exists() and not store.exists():
        problem = "no market data of sectors; run: tide data import FILE"
        return document | {"store": None, "windows": None, "problem": problem, "labels": []}
    panel = store.panel()
    document["store"] = store.manifest().to_dict()
    # Not before there is a store: numba makes its cache folder when it is imported.
    from factor_pool import borders
    from factor_pool.errors import EvaluationError
    from factor_pool.evaluation.base_rates import base_rates

    try:
        settled = borders.current(home.ledger, panel, profile.core(panel))
    except EvaluationError as error:
        return document | {"windows": None, "problem": str(error), "labels": []}
    windows, written = settled.windows, settled.borders
    placed = windows.to_dict()
    for window in windows:
        placed[window.name] = {**placed[window.name], "sessions": window.sessions}  # type: ignore[dict-item]
    return document | {
        "windows": placed | {"bar": windows.bar(_BAR)},
        "borders": None
        if written is None
        else {"id": written.id, "at": written.at.isoformat(timespec="seconds"),
              "who": written.who, "why": written.why, "moved": settled.moved},
        "labels": [
            one.to_dict() for one in base_rates(windows.search_panel(panel), windows.search)
        ],
    }  # fmt: skip


def show_store(document: Mapping[str, Any]) -> None:
    """Stores, windows as a bar, base rates of the labels."""
    if document["stocks"] is not None:
        show_stocks(document["stocks"])
    if document["store"] is None:
        stdout.print(document["problem"], markup=False)
        return
    store = document["store"]
    stdout.print(
        f"{store['instruments']} sectors, {store['first_session']}..{store['last_session']}: "
        f"{store['sessions']} sessions, {store['rows']} rows, {len(store['fields'])} fields, "
        f"{store['state']} from {store['source']}",
        markup=False,
        soft_wrap=True,
    )
    thin = [f"{name} {share:.0%}" for name, share in store["coverage"].items() if share < 0.995]
    if thin:
        stdout.print(f"not everywhere: {', '.join(thin)}", markup=False)
    stdout.print(f"snapshot {store['snapshot_id'][:16]}; fields: tide data profile\n")
    if document["windows"] is None:
        stdout.print(f"no windows: {document['problem']}", markup=False)
        return
    _show_windows(document["windows"], document["borders"])
    _show_labels(document["labels"])


def _show_windows(windows: Mapping[str, Any], borders: Mapping[str, Any] | None) -> None:
    stdout.print(
        "".join(f"[{_COLOURS[mark]}]{_BLOCKS[mark]}[/]" for mark in windows["bar"]), soft_wrap=True
    )
    made = table("", "window", "first", "last", "sessions", "", right=("sessions",))
    for number_, name in enumerate(_WINDOWS):
        mark, one = _MARKS[name], windows[name]
        if number_:
            made.add_row("[dim]·[/]", "[dim]purge[/]", "", "", f"[dim]{windows['purge']}[/]",
                         "[dim]read by no figure[/]")  # fmt: skip
        made.add_row(f"[{_COLOURS[mark]}]{_BLOCKS[mark]}[/]", name, one["start"], one["end"],
                     str(one["sessions"]), _USES[name])  # fmt: skip
    stdout.print(made)
    stdout.print(f"every core field exists from {windows['first_core']}")
    if windows["late"]:
        stdout.print(f"core fields too young to count: {', '.join(windows['late'])}")
    if borders is None:
        stdout.print("not fixed yet: the first tide mine writes these borders into the ledger")
    elif borders["moved"]:
        stdout.print(
            "[yellow]the settings move these borders; the next tide mine writes that down[/]"
        )
    else:
        stdout.print(
            f"fixed {borders['at'][:10]} by {borders['who']}: {borders['why']}", markup=False
        )


def _show_labels(labels: Sequence[Mapping[str, Any]]) -> None:
    stdout.print("\nWhat needs no factor, on the search window:")
    names = list(labels[0]["rank_ic"]) if labels else []
    made = table("label", "mean", "hit", *names, right=("mean", "hit", *names))
    made.columns[0].no_wrap = True
    for one in labels:
        made.add_row(
            one["label"], number(one["mean"]), f"{one['event_rate']:.1%}",
            *(f"{number(one['rank_ic'][name], 2)}/{_share(one['hit_rate_at_5'][name])}"
              for name in names),
        )  # fmt: skip
    stdout.print(made)
    stdout.print(
        "[dim]hit: share of sector-sessions that count as one (a wave or the top decile itself; "
        "else at least one limit-up); then daily rank IC/hit rate of the 5 highest, for "
        "persistence EWM(10), yesterday's count, density EWM(10), company count[/]"
    )


def show_unsealing(document: Mapping[str, Any]) -> None:
    """Search, confirm and sealed side by side."""
    opening = document["opening"]
    stdout.print(
        f"sealed window {opening['first']}..{opening['last']} opened {opening['at']} by "
        f"{opening['who']}: {opening['why']}",
        markup=False,
        soft_wrap=True,
    )
    stdout.print(
        f"pool version {opening['pool_version']}, data {opening['content_hash'][:16]}; "
        "written to the ledger"
    )
    if not document["fresh"]:
        count = len(document["earlier"])
        stdout.print(
            f"[bold yellow]No longer fresh:[/] these sessions were opened {count} "
            f"{'time' if count == 1 else 'times'} before. What was chosen or changed since then "
            "may have been chosen for them."
        )
        for one in document["earlier"]:
            stdout.print(
                f"  {one['at'][:10]} {one['who']}, pool version {one['pool_version']}: "
                f"{one['why']}",
                markup=False,
            )
    made = table("id", "status", "", "expression", *_WINDOWS, right=_WINDOWS)
    for row in document["members"]:
        made.add_row(
            row["id"], row["status"], "+" if row["sign"] > 0 else "-", escape(row["expression"]),
            *(_figure(row[name]) for name in _WINDOWS),
        )  # fmt: skip
    if document["pool"]:
        made.add_row("[bold]pool[/]", "active", "+", "mean of the oriented ranks",
                     *(_figure(document["pool"][name]) for name in _WINDOWS))  # fmt: skip
    stdout.print(made)
    stdout.print(
        f"{document['positive_share']:.0%} of the factors are above zero on the sealed window."
    )
    stdout.print(
        "[dim]mean daily marginal rank IC (beyond persistence and size), oriented as used, ± half "
        "of its 95% interval (Newey-West). Search chose the factor and confirm admitted it: both "
        "flatter it. Sealed does not, the first time.[/]"
    )


def show_audit(document: Mapping[str, Any]) -> None:
    """The trail."""
    attempts, tests = document["attempts"], document["tests"]
    stages = ", ".join(f"{name} {count}" for name, count in attempts["by_stage"].items())
    proposers = ", ".join(f"{name} {count}" for name, count in attempts["by_proposer"].items())
    stdout.print(
        f"{attempts['total']} attempts on {attempts['snapshots']} data snapshots: {stages}\n"
        f"proposed by {proposers}"
    )
    level = tests["next_level"]
    stdout.print(
        f"{tests['total']} confirm tests, {tests['discoveries']} discoveries ({tests['rule']}); "
        f"the next needs p <= {'?' if level is None else f'{level:.2g}'}"
    )
    for one in document["borders"]:
        stdout.print(
            f"borders {one['id']} of {one['at'][:10]}: search until {one['search_end']}, confirm "
            f"until {one['confirm_end']}, by {one['who']}: {one['why']}",
            markup=False,
        )
    readers = ", ".join(f"{who} {count}" for who, count in document["confirm_readers"].items())
    stdout.print(
        f"confirm window opened {document['confirm_openings']} times"
        + f" ({readers}); each test opens it, and each score report of a factor, which no proposer "
        "reads" * bool(readers)
    )
    stdout.print(f"sealed window opened {len(document['unsealings'])} times")
    for one in document["unsealings"]:
        stdout.print(f"  {one['at'][:10]} {one['who']}: {one['why']}", markup=False)
    if document["selection"] is not None:
        _show_selection(document["selection"])


def _show_selection(found: Mapping[str, Any]) -> None:
    stdout.print(
        f"\nWhat choosing among {found['trials']} trials explains (search window): without any "
        f"skill the best would show a ratio of {found['expected_best']:.3f}"
    )
    heads = ("ratio", "Deflated Sharpe", "beyond luck")
    made = table("id", *heads, "StepM 5%", right=heads)
    for one in found["members"]:
        passed = "above zero" if one["id"] in found["superior"] else "-"
        figures = (number(one[name]) for name in ("ratio", "deflated_sharpe", "beyond_luck"))
        made.add_row(one["id"], *figures, passed)
    stdout.print(made)
    stdout.print(
        f"among {found['sample']} attempts in both orientations: PBO {number(found['pbo'], 2)}, "
        f"SPA p {number(found['spa_p'], 4)}"
    )
    stdout.print(
        "[dim]ratio: mean over standard deviation of the daily marginal rank IC. Deflated Sharpe: "
        "probability that it exceeds the best of so many trials that scatter as these did, true "
        "effects included (strict); beyond luck: that scatter as noise does[/]"
    )


def _figure(one: Mapping[str, Any]) -> str:
    if one["mean"] is None:
        return "-"
    half = (one["high"] - one["low"]) / 2  # Newey-West: the interval is symmetric
    return f"{number(one['mean'], signed=True)} ±{number(half)}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
