"""A trading day from end to end: `tide daily`; and the channels it tells: `tide notify`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from console.commands.options import DEFAULT_HOME, HomeOption, JsonOption, open_home, print_json

if TYPE_CHECKING:
    from data_profile.collector import Report
    from data_profile.home import Home

app = typer.Typer()
StepName = Literal[
    "confirm", "rerank", "collect", "predict", "notify", "report", "recollect", "lists",
    "train",
]  # fmt: skip


@app.command()
def daily(
    once: Annotated[
        StepName | None, typer.Option("--once", help="Run one step of today's session and end.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Stay, and run every step as it falls due.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Run a trading day: collect, predict, notify, report, and what else falls due (China time).

    Without an option: all that is due by now, missed steps too, and end.
    """
    from console.collecting import log, stop_on_signals, tell
    from console.display import say
    from data_profile.schedule import china_now
    from data_profile.service import run_due
    from data_profile.service import serve as stay
    from data_profile.sources import SOURCES
    from data_profile.tasks import QUEUE
    from predictor.daily import TASKS
    from scenario.news_scorer import sentiment

    if serve and once is not None:
        raise typer.BadParameter("give --once STEP or --serve", param_hint="'--once' / '--serve'")
    opened = open_home(home)
    if serve:
        with stop_on_signals() as stop:
            stay(opened, SOURCES, stop, log, scoring=sentiment, tasks=TASKS)
        return
    if once is not None:
        reports = [_once(opened, once)]
        for line in reports[0].lines():
            say(line)
    else:
        reports = run_due(opened, SOURCES, china_now, say, sentiment, TASKS, patience=QUEUE)
        if not reports:
            _say_next()
    tell(reports, as_json)


@app.command()
def notify(
    test: Annotated[
        bool, typer.Option("--test", help="Send a test message to every channel that is set.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show the channels that are set (TIDE_NOTIFY_*), or send each a test message."""
    from console.display import say, stdout
    from data_profile.schedule import china_now
    from predictor.notify import Message, Settings, channels, send

    open_home(home)
    found = channels(Settings.from_environment())
    if not found:
        say("no channel is set; .env.example explains TIDE_NOTIFY_*")
    if not test:
        if as_json:
            print_json([channel.name for channel in found])
        else:
            stdout.print("\n".join(channel.name for channel in found), markup=False)
        return
    text = f"A test message of `tide notify --test`, {china_now():%Y-%m-%d %H:%M}. 测试消息。"
    outcomes = send(Message("Limit-up Tide 涨停潮", text), found)
    if as_json:
        print_json([outcome.to_dict() for outcome in outcomes])
    else:
        for outcome in outcomes:
            what = "sent" if outcome.sent else f"not sent: {outcome.reason}"
            stdout.print(f"{outcome.channel}: {what}", markup=False, soft_wrap=True)
    if not found or not all(outcome.sent for outcome in outcomes):
        raise typer.Exit(1)


def _once(home: "Home", name: str) -> "Report":
    """Run one step of the trading day that it is now."""
    from data_profile.collector import collect
    from data_profile.schedule import china_now, trading_day
    from data_profile.sources import SOURCES
    from data_profile.tasks import QUEUE, run_task
    from predictor.daily import TASKS
    from scenario.news_scorer import sentiment

    session = trading_day(china_now())
    task = next((task for task in TASKS if task.name == name), None)
    if task is not None:
        return run_task(home, session, task)
    return collect(home, session, name, sources=SOURCES, scoring=sentiment, patience=QUEUE)


def _say_next() -> None:
    from console.display import say
    from data_profile.schedule import china_now, next_opening
    from predictor.daily import TASKS

    step, session = next_opening(china_now(), TASKS)
    say(f"nothing is due; the next is {step.name} of {session} at {step.at:%H:%M} in China")
