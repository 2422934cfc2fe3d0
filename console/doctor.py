"""The doctor: what is installed, reachable and fresh, and what to do about what is not."""

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from console import display, tables
from data_profile.home import Home

State = Literal["ok", "optional", "missing"]
_COLOUR = {"ok": "green", "optional": "yellow", "missing": "red"}
_PACKAGES = ("rdagent", "pyqlib", "litellm", "akshare", "pandas", "lightgbm", "docker", "mlflow")
_DISK_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Parameters
    ----------
    name
        What was looked at.
    state
        ok; optional: everything works without it; missing: something needs it.
    detail
        What was seen.
    remedy
        What to do about it; empty where nothing is to be done.
    rows
        The same in more detail, a line each, with the same keys in all.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""
    rows: tuple[dict[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def examine(home: Home) -> list[Finding]:
    """Look at everything; never raises for something that is absent."""
    checks: tuple[Callable[[Home], Finding], ...] = (
        _python,
        _packages,
        _disk,
        _store,
        _stocks,
        _calendar,
        _collection,
        _day,
        _forecasts,
        _messages,
        _docker,
        _language_model,
        _pool,
        _predictor,
    )
    return [check(home) for check in checks]


def show(findings: list[Finding]) -> None:
    """Print what was seen, and below it what to do."""
    for finding in findings:
        mark = f"[{_COLOUR[finding.state]}]{finding.state:<8}[/]"
        display.stdout.print(f"{mark} [bold]{finding.name}[/]: {escape(finding.detail)}")
        if finding.rows:
            display.stdout.print(Padding(_table(finding.rows), (0, 0, 0, 9)))
        if finding.remedy:
            remedy = Padding(escape(f"-> {finding.remedy}"), (0, 0, 0, 9))
            display.stdout.print(remedy, style="dim")


def _table(rows: Sequence[Mapping[str, str]]) -> Table:
    made = display.table(*rows[0])
    for row in rows:
        made.add_row(*(escape(cell) for cell in row.values()))
    return made


def build_image(home: Home) -> None:
    """Build the evaluator's image, and the backtest's on it, if they are not there yet.

    Raises
    ------
    scenario.errors.IsolationError
        No engine answers, or the image cannot be built; the text says what to do.
    """
    from scenario.isolation.engine import connect
    from scenario.isolation.image import RECIPES, ensure_image

    client = connect()
    for name, recipe in RECIPES.items():
        display.say(f"{name} image: {ensure_image(client, home, display.say, recipe)}")


def _python(home: Home) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding("Python", "ok", version)
    return Finding(
        "Python", "missing", version, "use Python 3.11 or 3.12 (Qlib has no other wheel)"
    )


def _packages(home: Home) -> Finding:
    found, absent = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            absent.append(name)
    if absent:
        return Finding("packages", "missing", f"not installed: {', '.join(absent)}", "make install")
    return Finding("packages", "ok", ", ".join(found))


def _disk(home: Home) -> Finding:
    free = shutil.disk_usage(home.root).free / 1e9
    detail = f"{free:.1f} GB free below {home.root}"
    if free < _DISK_GB:
        return Finding("disk", "missing", detail, f"free at least {_DISK_GB:.0f} GB, or --home DIR")
    return Finding("disk", "ok", detail)


def _store(home: Home) -> Finding:
    from data_profile.errors import StoreError
    from data_profile.store import Store
    from factor_pool.universe import SECTORS

    store = Store(home.store)
    if not store.exists():
        return Finding(
            "market data",
            "missing",
            f"no store in {home.store}",
            SECTORS.first,
        )
    try:
        manifest = store.manifest()
    except StoreError as error:
        return Finding("market data", "missing", str(error), "tide data import FILE")
    return Finding("market data", "ok", tables.describe_manifest(manifest))


def _stocks(home: Home) -> Finding:
    from data_profile.errors import StoreError
    from data_profile.stocks import StockStore
    from factor_pool.universe import STOCKS

    store, files = StockStore(home.stocks), STOCKS.first
    if not store.exists():
        why = "no stocks; the dragon-tiger strategy and candidates need them"
        return Finding("stocks", "optional", why, files)
    try:
        manifest = store.manifest()
    except StoreError as error:
        return Finding("stocks", "missing", str(error), files)
    lists = manifest.tables.get("lists")
    listed = f"dragon-tiger list {lists.first}..{lists.last}" if lists else "no dragon-tiger list"
    detail = f"{manifest.stocks} stocks, {manifest.sessions} sessions; {listed}"
    lacking = [name for name in ("bars", "map", "list_rows", "seat_rows")
               if name not in manifest.tables]  # fmt: skip
    if lacking:
        return Finding("stocks", "optional", f"{detail}; without {', '.join(lacking)}", files)
    return Finding("stocks", "ok", detail)


def _calendar(home: Home) -> Finding:
    from data_profile import sessions
    from data_profile.errors import CalendarError

    today = sessions.today()
    try:
        return Finding(
            "calendar", "ok", f"next session after {today}: {sessions.next_session(today)}"
        )
    except CalendarError as error:
        return Finding("calendar", "missing", str(error))


def _collection(home: Home) -> Finding:
    """What was collected lately, what is missing, and what can still be had."""
    from console.collecting import standing

    return Finding("collection", *standing(home))


def _day(home: Home) -> Finding:
    """Each step of the current trading day."""
    from console.day import standing

    verdict, rows = standing(home)
    return Finding("the day", *verdict, rows=tuple(rows))


def _forecasts(home: Home) -> Finding:
    from console.day import forecasts

    return Finding("forecast log", *forecasts(home))


def _messages(home: Home) -> Finding:
    from console.day import messages

    return Finding("messages", *messages(home))


def _docker(home: Home) -> Finding:
    from scenario.errors import IsolationError
    from scenario.isolation.engine import connect
    from scenario.isolation.image import BACKTEST, find_image

    try:
        client = connect()
        image = find_image(client)
        backtest = find_image(client, BACKTEST)
    except IsolationError as error:
        return Finding(
            "Docker",
            "optional",
            str(error),
            "without it, factors are evaluated in separate processes",
        )
    if image is None:
        return Finding(
            "Docker",
            "optional",
            "an engine answers; the evaluator's image is not built",
            "tide doctor --build-image (or it is built on first use)",
        )
    detail = f"an engine answers; image {image[:19]}"
    if backtest is None:
        return Finding(
            "Docker",
            "ok",
            f"{detail}; the backtest's image is not built",
            "tide doctor --build-image (or it is built when the first factor is accepted)",
        )
    return Finding("Docker", "ok", f"{detail}, backtest {backtest[:19]}")


def _language_model(home: Home) -> Finding:
    model = os.environ.get("CHAT_MODEL")
    if not model:
        return Finding(
            "language model",
            "optional",
            "none is set; the built-in search proposes",
            "set CHAT_MODEL and its key in .env (see .env.example)",
        )
    return Finding("language model", "ok", model)


def _pool(home: Home) -> Finding:
    from factor_pool import universe
    from factor_pool.ledger import Ledger

    if not home.ledger.exists():
        ready = universe.of(home).exists(home)
        step = "tide mine" if ready else "market data first, then tide mine"
        return Finding("alpha pool", "optional", "nothing mined yet", step)
    with Ledger(home.ledger) as ledger:
        attempts, members = ledger.count(), len(ledger.members())
    return Finding("alpha pool", "ok", f"{members} accepted of {attempts} attempts")


def _predictor(home: Home) -> Finding:
    """Which model forecasts, and which waits to be compared with it."""
    from predictor import storage
    from predictor.errors import PredictorError

    try:
        champion = storage.load_current(home.models)
    except PredictorError as error:
        return Finding("predictor", "optional", str(error), "tide train")
    detail = f"champion {champion.id}, trained on data up to {champion.card['data']['end']}"
    challenger = storage.holder(home.models, storage.CHALLENGER)
    waiting = f"; challenger {challenger} waits for new sessions" if challenger else ""
    return Finding("predictor", "ok", detail + waiting)
