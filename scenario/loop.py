"""The night: propose, measure in isolation, accept what survives; go on after anything."""

import asyncio
import contextlib
import datetime as dt
import gc
import math
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from data_profile.files import exclusive
from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.profile import Profile
from factor_pool import borders, universe
from factor_pool.acceptance import Acceptance
from factor_pool.errors import EvaluationError
from factor_pool.evaluation import inference
from factor_pool.evaluation.windows import LEAST_SESSIONS, Windows
from factor_pool.ledger import Ledger
from factor_pool.pool import Pool
from factor_pool.records import Borders
from factor_pool.universe import Universe
from scenario.account import Account, Budget
from scenario.backtests import backtest_accepted
from scenario.errors import BackendError, OptionsError, ScenarioError
from scenario.isolation import Isolation, choose
from scenario.laboratory import Laboratory
from scenario.night import Night
from scenario.proposers.base import Proposer
from scenario.session import Display, End, MineOptions, Progress, Session, Summary

__all__ = ["Display", "MineOptions", "Progress", "Summary", "mine"]

_EVALUATED = ("failed", "rejected", "accepted")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def mine(
    home: Home, options: MineOptions, display: Display, *, isolation: Isolation | None = None
) -> Summary:
    """Mine factors until what was asked for is done.

    Goes on with the newest unfinished session of the same data, label, seed and proposer unless
    `options.new`. Killed at any moment, the same call goes on at the first unfinished iteration:
    nothing is lost, evaluated twice, counted twice or accepted twice.

    The first Ctrl-C (or SIGTERM) finishes the step and ends; a second stops at once.

    Parameters
    ----------
    home
        Where the store is, and where everything is written; its universe is what is mined.
    options
        What is asked for.
    display
        Who shows it.
    isolation
        Where factors are evaluated, not started yet; by default what `options` ask for.

    Raises
    ------
    OptionsError
        The label is none of the universe's.
    StoreError
        There is no market data.
    EvaluationError
        The data is too short for the windows.
    ScenarioError
        Another process mines in this home, or the bars of stocks are too few for the windows.
    IsolationError
        Factors cannot be evaluated in the isolation asked for, or any longer.
    BackendError
        No language model is set, or it refuses.
    """
    deadline = options.deadline(dt.datetime.now(dt.UTC))
    mined = universe.of(home)
    if options.label not in mined.labels:
        raise OptionsError(f"label must be one of {', '.join(mined.labels)}, not {options.label!r}")
    home.create()
    # statsmodels brings matplotlib, which writes a list of fonts into the user's folder.
    os.environ.setdefault("MPLCONFIGDIR", str((home.cache / "matplotlib").absolute()))
    panel, profile = mined.panel(home), mined.profile()
    if options.proposer == "llm" and not os.environ.get("CHAT_MODEL", "").strip():
        raise BackendError(
            "no language model is set: set CHAT_MODEL and its key in .env (see .env.example), "
            "or take --proposer evolve"
        )
    with _alone(home), _signals(display) as stop, Ledger(home.ledger) as ledger:
        windows, placed = _windows(ledger, mined, panel, profile)
        search = windows.search_panel(panel)
        session, resumed = Session.open(home, ledger, options, panel.snapshot_id, placed.id)
        display.say(_opening(home, session, resumed))
        for line in _caveats(ledger, windows):
            display.say(line)
        from scenario import compat

        compat.enter(session.folder / "rdagent")
        account = Account(
            session.folder / "replies",
            Budget.from_environment(options.budget_usd),
            others=home.sessions.glob("*/replies"),
        )
        proposers = _proposers(options.proposer, session, account, display)
        chosen = isolation or choose(
            options.isolation, _processors(), home, display.say, options.cluster
        )
        with chosen as isolation:
            isolation.start(session.panels(search, windows.confirm_panel(panel)))
            laboratory = Laboratory(isolation, windows, options.label, math.prod(search.shape))
            night = Night(
                session=session,
                ledger=ledger,
                options=options,
                deadline=deadline,
                isolation=isolation,
                laboratory=laboratory,
                acceptance=Acceptance(
                    ledger,
                    windows,
                    laboratory.confirm,
                    search=laboratory.search,
                    fields=profile.fields,
                    cutoff=profile.cutoff,
                ),
                proposers=proposers,
                account=account,
                units=_units(profile, search),
                profile=profile.describe(search),
                universe=mined.name,
                display=display,
                publish=Pool(home).publish_night,
                stop=stop.asked,
            )
            try:
                end = _run(night)
            except ScenarioError as error:
                _report(home, night, windows, "failed", str(error))
                raise
        summary = _close(home, night, windows, end)
        if end != "interrupted" and backtest_accepted(home, options.isolation, display.say):
            night.publish()
        return summary


def _windows(
    ledger: Ledger, mined: Universe, panel: Panel, profile: Profile
) -> tuple[Windows, Borders]:
    """The windows that hold; of stocks, whose bars begin late, with what to do where they are few.

    Raises
    ------
    ScenarioError
        There are too few bars of stocks.
    """
    try:
        return borders.settle(ledger, panel, profile.core(panel))
    except EvaluationError as error:
        if mined is not universe.STOCKS or len(panel.sessions) >= LEAST_SESSIONS:
            raise
        raise ScenarioError(
            f"{len(panel.sessions)} sessions of stocks ({panel.sessions[0]}.."
            f"{panel.sessions[-1]}) are too few to search, confirm and seal in: at least "
            f"{LEAST_SESSIONS} are needed. Get longer bars and run: {mined.longer}"
        ) from error


@contextlib.contextmanager
def _imports_uncollected() -> Iterator[None]:
    """Spare the collector what was imported: it is looked through again and again, and stays."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _run(night: Night) -> End:
    """Iterate until the night is over, and say why it is."""
    from scenario.rd_loop import FactorLoop, Stopped

    # The workers take two seconds over their first job; the first test's imports take as long.
    threading.Thread(target=inference.warm, name="inference").start()
    if night.ledger.unpublished():  # a run that was killed left them
        night.publish()
    if night.end is None:  # it may have been killed when all was done
        with contextlib.suppress(Stopped), _imports_uncollected(), asyncio.Runner() as runner:
            # What ends the loop is raised here; asyncio would print it once more, with a trace.
            runner.get_loop().set_exception_handler(lambda loop, context: None)
            runner.run(FactorLoop(night).run())
    return night.end or "interrupted"


def _close(home: Home, night: Night, windows: Windows, end: End) -> Summary:
    """Finish the session, unless it was interrupted, report, and sum it up from the ledger."""
    session, ledger = night.session, night.ledger
    if end == "interrupted":
        night.say(
            f"stopped in iteration {night.iteration} of session {session.id}; nothing is lost: "
            "the same command goes on from here"
        )
    else:
        session.finish(end)
    _report(home, night, windows, end, night.trouble or "")
    ended = {stage: ledger.count(session=session.id, stage=stage) for stage in _EVALUATED}
    return Summary(
        session=session.id,
        evaluated=sum(ended.values()),
        accepted=ended["accepted"],
        rejected=ledger.funnel(session=session.id),
        seconds=session.record.seconds,
        cost_usd=night.account.usd,
        end=end,
    )


def _report(home: Home, night: Night, windows: Windows, end: str, trouble: str) -> None:
    """Write the morning report, and show it and how the night went in MLflow."""
    from scenario.morning.writing import write_report

    files = write_report(
        home,
        night.session,
        night.ledger,
        night.account,
        end=end,
        trouble=trouble,
        settings=night.acceptance.settings,
        confirm_sessions=windows.confirm.sessions,
    )
    night.say(f"report: {files[0]}")
    night.publish(files)


def _opening(home: Home, session: Session, resumed: bool) -> str:
    record = session.record
    if resumed:
        return (
            f"session {session.id}: going on at iteration {record.iterations} "
            f"({record.evaluated} factors evaluated, {record.accepted} accepted so far)"
        )
    return (
        f"session {session.id}: new, {home.universe}s, seed {record.seed}, label {record.label}, "
        f"data {record.snapshot[:12]}"
    )


def _caveats(ledger: Ledger, windows: Windows) -> Iterator[str]:
    """What a person should know of the windows before the night."""
    if windows.late:
        yield (
            f"too young for a search window, so that no factor of theirs can be accepted yet: "
            f"{', '.join(windows.late)}"
        )
    if looks := borders.spent(ledger, windows):
        yield (
            f"the confirm window is not fresh: {len(looks)} times it was opened as sealed, last by "
            f"{looks[-1].who} on {looks[-1].at:%Y-%m-%d}; whoever chose factors with that in mind "
            "has spent it"
        )


def _proposers(mode: str, session: Session, account: Account, display: Display) -> list[Proposer]:
    """Who may propose, and one line about it."""
    from scenario.backend import Backend, Model
    from scenario.proposers.evolve import Evolve
    from scenario.proposers.llm import LanguageModel
    from scenario.proposers.variation import Crossover, Mutation

    if mode == "evolve":
        return [Evolve()]
    model = Model.from_environment()
    if model is None:
        display.say("proposer: the built-in search alone (no CHAT_MODEL is set)")
        return [Evolve()]
    *price, known = model.prices()
    if not known:
        display.say(
            f"no price is known for {model.name}: counting {price[0]:g} and {price[1]:g} USD per "
            "million tokens in and out; set TIDE_PRICE_INPUT and TIDE_PRICE_OUTPUT"
        )
    backend = Backend(model, account)
    asked: list[Proposer] = [
        role(backend, session.id) for role in (LanguageModel, Mutation, Crossover)
    ]
    if mode == "llm":
        display.say(f"proposer: {model.name} (new ideas, variations, joined ideas)")
        return asked
    display.say(f"proposers: the built-in search and {model.name}, by what they bring")
    return [Evolve(), *asked]


def _units(profile: Profile, search: Panel) -> dict[str, str]:
    """The fields a factor may use, with their units."""
    units = profile.units(search)
    return {name: units[name] for name in profile.usable(search)}


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Keep a second miner out of this home; the lock goes with the process."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(home.root / "mine.lock"))
        except BlockingIOError:
            raise ScenarioError(
                f"another process is mining in {home.root}: wait for it, stop it, or take another "
                "--home"
            ) from None
        yield


class _Stop:
    """Whether a person wants the run to end."""

    def __init__(self, display: Display) -> None:
        self._asked = False
        self._display = display

    def asked(self) -> bool:
        return self._asked

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._display.say("stopping after this step; once more stops at once")


@contextlib.contextmanager
def _signals(display: Display) -> Iterator[_Stop]:
    """Turn the first SIGINT or SIGTERM into a wish; only the main thread gets signals."""
    stop = _Stop(display)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.handle) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
