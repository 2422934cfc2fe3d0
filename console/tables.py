"""The tables that the commands print."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from console.display import interval, number, oriented, runnable, stdout, table

if TYPE_CHECKING:
    from data_profile.home import Home
    from data_profile.manifest import Manifest
    from data_profile.sources.panel_file import Imported

_METHODS = {
    "model": "model with the pool",
    "model_without_pool": "model without the pool",
    "persistence": "persistence: EWM(10) of past counts",
    "size": "size: most companies",
    "base_rate": "chance",
}
_METRICS = {
    "rank_ic": "rank IC",
    "hit_rate_at_5": "hit@5",
    "limit_ups_at_5": "limit-ups@5",
    "surge_precision_at_5": "waves@5",
}


def describe_manifest(manifest: "Manifest") -> str:
    """The store in one line."""
    collected = f", {manifest.collected} collected" * bool(manifest.collected)
    partial = f", {manifest.partial} of them partial" * bool(manifest.partial)
    return (
        f"{manifest.instruments} sectors, {manifest.first_session}..{manifest.last_session} "
        f"({manifest.sessions} sessions{collected}{partial}, {manifest.rows} rows) "
        f"from {manifest.source}"
    )


def show_manifest(manifest: "Manifest") -> None:
    """What the store holds."""
    stdout.print(describe_manifest(manifest), markup=False, soft_wrap=True)
    stdout.print(f"snapshot {manifest.snapshot_id[:16]}")


def show_import(imported: "Imported", manifest: "Manifest") -> None:
    """What was taken from a file, and what was left out."""
    show_manifest(manifest)
    if imported.ignored:
        stdout.print(f"no factor can use: {', '.join(imported.ignored)} (text)", markup=False)


def show_score(document: Mapping[str, Any]) -> None:
    """One factor beside its baselines, and by year."""
    stdout.print(f"[bold]{escape(document['canonical'])}[/]")
    stdout.print(
        f"foretells {document['label']} of the next session; window {document['window']}, "
        f"{document['start']}..{document['end']}, {document['sessions']} sessions, "
        f"coverage {document['coverage']:.0%}"
    )
    made = table("", "factor", "persistence", "size", "base rate",
                 right=("factor", "persistence", "size", "base rate"))  # fmt: skip
    made.add_row(
        "hit rate at 5",
        *(
            number(document[name])
            for name in (
                "hit_rate_at_5",
                "persistence_hit_rate_at_5",
                "size_hit_rate_at_5",
                "base_rate",
            )
        ),
    )
    stdout.print(made)
    made = table("period", "sessions", "rank IC", "marginal rank IC",
                 right=("sessions", "rank IC", "marginal rank IC"))  # fmt: skip
    for year, row in document["by_year"].items():
        made.add_row(
            year, str(row["sessions"]),
            number(row["rank_ic"], signed=True), number(row["marginal_rank_ic"], signed=True),
        )  # fmt: skip
    made.add_row(
        "[bold]all[/]", str(document["sessions"]),
        f"[bold]{number(document['rank_ic'], signed=True)}[/]",
        f"[bold]{number(document['marginal_rank_ic'], signed=True)}[/]",
    )  # fmt: skip
    stdout.print(made)
    stdout.print(
        f"t of the marginal rank IC (Newey-West) {number(document['t_hac'], 1)}; "
        f"rank autocorrelation {number(document['rank_autocorrelation'], 2)}; "
        f"beyond {', '.join(document['baseline'])}"
    )
    paths = document["cpcv"]
    if paths["mean"] is not None:
        stdout.print(
            f"purged cross-validation, {paths['paths']} paths: marginal rank IC "
            f"{number(paths['mean'], signed=True)}, worst path "
            f"{number(paths['worst'], signed=True)}; the sign turns on "
            f"{paths['turned_share']:.0%} of the training sets"
        )
    if document["data_states"] is not None:
        stdout.print(_states(document["data_states"]))


def _states(states: Mapping[str, Any]) -> str:
    """How the days came in, in one line; the latest three partial ones by name."""
    counts = [f"{states[name]} {name}" for name in ("complete", "partial", "imported")]
    line = f"days of this window: {', '.join(counts)}"
    latest = [day["session"] for day in states["partial_days"][-3:]]
    return f"{line}; partial, latest: {', '.join(latest)}" if latest else line


def show_pool(rows: Sequence[Mapping[str, Any]], home: "Home") -> None:
    """The accepted factors of a home; where there are none, what to do next."""
    if not rows:
        stdout.print(f"The pool is empty: {_next_step(home)}", soft_wrap=True)
        return
    figures = ("added IC", "marginal IC", "p")
    made = table("id", "status", "", "expression", *figures, right=figures)
    for row in rows:
        made.add_row(
            row["id"],
            row["status"],
            "+" if row["sign"] > 0 else "-",
            escape(row["expression"]),
            *(oriented(row[name], row["sign"]) for name in ("added_rank_ic", "marginal_rank_ic")),
            "<.0001" if row["p_value"] < 1e-4 else number(row["p_value"], 4),
        )
    stdout.print(made)
    stdout.print(
        "[dim]daily rank IC with what is foretold, search window, -: used with its sign turned; "
        "added IC: beyond persistence, size and the pool of then, by which it was accepted; "
        "marginal IC: beyond persistence and size alone; p: confirm window[/]"
    )


def _next_step(home: "Home") -> str:
    """What an empty pool waits for."""
    from factor_pool import universe

    mined = universe.of(home)
    if not mined.exists(home):
        return f"there are no market data of {mined.name}s to mine. Get them: {mined.first}"
    option = "" if mined is universe.SECTORS else f" --universe {mined.name}"
    return f"nothing has survived yet. Mine on: tide mine{option}"


def show_training(document: Mapping[str, Any]) -> None:
    """The hold-out figures, each beside its baselines."""
    record = document["track_record"]
    stdout.print(
        f"model {document['model']}: {len(document['features'])} features, "
        f"{len(document['pool']['members'])} of them from the pool"
    )
    show_track_record(record)
    if document["auction"] is not None:
        show_auction(document["auction"]["track_record"])


def show_track_record(record: Mapping[str, Any]) -> None:
    """Method by metric, with 95% intervals."""
    span = record["sessions"]
    stdout.print(
        f"{record['kind']}: {span['sessions']} sessions, {span['start']}..{span['end']}"
        + (", later than all that mining saw" if record["after_all_mining"] else "")
    )
    made = table("", *_METRICS.values(), right=_METRICS.values())
    for method, figures in record["methods"].items():
        cells = (_cell(figures[name]) for name in _METRICS)
        made.add_row(_METHODS[method], *cells)
    for name, title in (
        ("model", "difference to persistence"),
        ("pool", "what the pool adds"),
    ):
        paired = (
            record["difference_to_persistence"].get(name)
            if name == "model"
            else record["pool_adds"]
        )
        if paired is not None:
            made.add_row(f"[dim]{title}[/]", *(_cell(paired[m], signed=True) for m in _METRICS))
    stdout.print(made)
    stdout.print(f"[dim]in brackets {record['interval']}[/]")


def show_auction(record: Mapping[str, Any]) -> None:
    """What the opening auctions of the same sessions add to the forecasts of the evening."""
    rows = (
        ("15:45", record["methods"]["evening"], False),
        ("09:26", record["methods"]["after_auction"], False),
        ("[dim]difference[/]", record["difference"], True),
    )
    stdout.print("the same sessions again after the opening auction of the day itself:")
    made = table("forecast of", *_METRICS.values(), right=_METRICS.values())
    for name, figures, signed in rows:
        made.add_row(name, *(_cell(figures[metric], signed=signed) for metric in _METRICS))
    stdout.print(made)


def _cell(figure: Mapping[str, float] | None, *, signed: bool = False) -> str:
    return "-" if figure is None else escape(interval(figure, signed=signed))


def show_places(home: "Home") -> None:
    """Where everything is, and how to look at it."""
    lines = (
        f"MLflow database  {home.mlflow_db}",
        f"open it with     LITELLM_LOCAL_MODEL_COST_MAP=True {runnable('mlflow')} ui "
        f"--backend-store-uri {home.mlflow_uri}",
        f"ledger           {home.ledger}",
        f"export the pool  {runnable('tide')} pool export --home {home.root} -o pool.json",
    )
    for line in lines:
        stdout.print(line, markup=False, soft_wrap=True)
