"""What the predictor does on a trading day: `TASKS`, beside the collecting steps of `schedule`.

| task | opens | what becomes of it |
|---|---|---|
| `rerank` | 09:27 | the forecast of this session, re-ranked by its opening auction, and sent |
| `predict` | 15:45 | the forecast for the next session, into the log |
| `notify` | 15:45 | the forecast, or why there is none, sent to every channel |
| `report` | 15:50 | the page of the day; written again when a later step has changed the day |
| `train` | 19:00 | once a month: the pool's factors are checked for decay, and a new model made |

Each is a function of the home folder, the session and a clock; it may be called again and comes to
the same. `data_profile.tasks` decides when, and calls it in a process of its own. A known error
becomes a failed run with its reason. None of them makes up for missing data: a forecast of a
partial day says what was missing; where the day itself is missing there is none, and why is told.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from data_profile.errors import DataError
from data_profile.home import Home
from data_profile.journal import Fetch, Journal
from data_profile.schedule import STEPS
from data_profile.sessions import as_date, next_session
from data_profile.store import Store
from data_profile.tasks import Clock, Done, Task
from factor_pool.errors import FactorError
from factor_pool.report.pages import one_line
from factor_pool.report.words import language
from predictor.errors import PredictorError
from predictor.forecast_log import CONFIRM, ForecastLog, Record
from predictor.notify import Message, Outcome, Settings, channels, send

if TYPE_CHECKING:
    from predictor.forecast import Forecast

KEPT = 20
"""Sectors of a logged forecast that have reasons; the scores are of all."""
TOLD = 10
"""Sectors that the opening auction re-ranks."""
_KNOWN = (PredictorError, DataError, FactorError)
_WORDS = {
    "en": {
        "confirm": "Auction of {session}: {moved}",
        "moved": "the order changes",
        "same": "the order stands",
        "waves": "Most likely to see a wave:",
        "wave": "{rank}. {name}: {p_surge:.0%}",
        "none": "No forecast for {session}",
        "partial": "Data of {day} is partial, without: {missing}.",
        "proof": "Forecast {id}, made {made}, {hash}",
        "late": "Made after 09:15 of the session: it does not count.",
        "remedy": "What to do: `tide doctor`.",
    },
    "zh": {
        "confirm": "{session} 竞价：{moved}",
        "moved": "排名有变",
        "same": "排名不变",
        "waves": "最可能成潮：",
        "wave": "{rank}. {name}：{p_surge:.0%}",
        "none": "{session} 没有预测",
        "partial": "{day} 的数据不完整，缺少：{missing}。",
        "proof": "预测 {id}，生成于 {made}，{hash}",
        "late": "在开盘日 09:15 之后生成，不计入战绩。",
        "remedy": "处理办法：`tide doctor`。",
    },
}


def make_forecast(
    home: Home, clock: Clock, *, date: str | None = None, top: int = KEPT
) -> "tuple[Forecast, Record]":
    """Make a forecast and enter it into the log: what `tide predict` and the day's step do.

    Parameters
    ----------
    home
        With a store and a model; its log is written.
    clock
        Says when it was made.
    date, top
        See `predictor.forecast.predict`; the log keeps at least `KEPT` sectors' reasons.

    Returns
    -------
    Forecast
        With `top` sectors in its ranking.
    Record
        As the log has it: the earlier one where the same was made before.

    Raises
    ------
    PredictorError, StoreError, CalendarError
        See `predictor.forecast.predict`, and the log.
    """
    from predictor.forecast import predict as forecast

    made = forecast(home, date=date, top=max(top, KEPT))
    with ForecastLog(home.forecasts) as log:
        record = log.record(log.append(made.to_dict(language()), made_at=clock()))
    baselines = {name: tuple(rows)[:top] for name, rows in made.baselines.items()}
    return replace(made, ranking=made.ranking[:top], baselines=baselines), record


def predict(home: Home, session: datetime.date, clock: Clock) -> Done:
    """Make the forecast for the session after `session`, and log it.

    There is none, and the reason is told, where the store does not reach `session` or there is no
    usable model. A partial day gives a forecast, and its note names what is missing. At the end of
    a quarter the model of single stocks is made that the next one's first forecast needs.
    """

    def made() -> Done:
        last = as_date(Store(home.store).panel().sessions[-1])
        if last != session:
            return Done("failed", f"no forecast: {_absent(home, session, last)}")
        _, record = make_forecast(home, clock)
        counts = "" if record.live else "; made too late to count"
        missing = _missing(record)
        partial = f"; from a partial day, without {', '.join(missing)}" * bool(missing)
        quarter = _next_quarter(home, session)
        note = f"forecast {record.id} for {record.for_session}{partial}{counts}{quarter}"
        return Done("complete", note)

    return _guarded(made, "no forecast: ")


def _next_quarter(home: Home, session: datetime.date) -> str:
    """Fit the model of stocks that tomorrow's forecast needs where a quarter ends; what to say."""
    from predictor.dataset import CUTOFF, panels
    from predictor.members.expected import prepare

    following = next_session(session)
    if (following.month - 1) // 3 == (session.month - 1) // 3:
        return ""
    try:
        known = panels(Store(home.store), session).known
        fitted = prepare(known, home.store, CUTOFF, following)
    except _KNOWN as error:
        return f"; the next quarter's model of stocks waits for its first forecast: {error}"
    return "; the next quarter's model of stocks is fitted" * fitted


def notify(home: Home, session: datetime.date, clock: Clock) -> Done:
    """Send the forecast made after `session`, or why there is none, to every channel that is set.

    A channel that has taken a message does not get it again.
    """

    def sent() -> Done:
        with ForecastLog(home.forecasts) as log:
            record = log.chosen(next_session(session))
        if record is not None:
            return _deliver(
                home, session, "notify", f"forecast-{record.id}", _forecast_message(record), clock
            )
        return _deliver(
            home, session, "notify", "no-forecast", _reason_message(home, session), clock
        )

    return _guarded(sent)


def rerank(home: Home, session: datetime.date, clock: Clock) -> Done:
    """Re-rank the forecast of `session` by its opening auction, log it and send what changed."""
    from predictor.confirm import confirm

    def reranked() -> Done:
        with ForecastLog(home.forecasts) as log:
            record = log.chosen(session)
            if record is None:
                return Done("complete", f"no forecast of {session} was made: nothing to re-rank")
            document = {**record.document, "ranking": record.document["ranking"][:TOLD]}
            said = confirm(home, document, now=clock())
            if said.state in ("absent", "unplaced"):
                return Done("partial", said.text(language()))
            told = said.to_dict(language())
            number = log.append({**document, "confirmation": told}, made_at=clock(), step=CONFIRM)
        words = _WORDS[language()]
        title = words["confirm"].format(
            session=session, moved=words["moved" if said.moved else "same"]
        )
        lines = [told["summary"], "", *_after_auction(told)]
        message = Message(title, "\n".join(lines))
        done = _deliver(home, session, "rerank", f"confirm-{number}", message, clock)
        return Done(done.state, f"{told['summary']}; {done.note}", done.parts)

    return _guarded(reranked)


def _after_auction(told: Mapping[str, Any]) -> list[str]:
    """The new order: with what moved each sector, and its numbers, where the model gave them."""
    if told["method"] == "rule":
        names = [f"{row['rank']}. {one_line(row['name'])}" for row in told["ranking"]]
        return [*names, "", *(f"- {one_line(change)}" for change in told["changes"])]
    words = _WORDS[language()]
    ranking = [f"{row['rank']}. {one_line(row['text'])}" for row in told["ranking"]]
    waves = [
        words["wave"].format(rank=row["rank"], name=one_line(row["name"]), p_surge=row["p_surge"])
        for row in told["waves"]
    ]
    return [*ranking, "", words["waves"], *waves]


def report(home: Home, session: datetime.date, clock: Clock) -> Done:
    """Write the page of a session, in HTML and in Markdown."""
    from predictor.report import daily_report, write

    def written() -> Done:
        page, _ = write(home, daily_report(home, date=session, language=language()))
        return Done("complete", str(page.relative_to(home.root)))

    return _guarded(written, "no page: ")


def train(home: Home, session: datetime.date, clock: Clock) -> Done:
    """Check the pool's factors for decay, then train anew on everything up to `session`."""
    from predictor.training import train as run

    def trained() -> Done:
        made = run(home)
        check = made.pool_check
        pool = check.trouble or f"{len(check.changes)} of {check.checked} factors changed status"
        return Done("complete", f"model {made.id}: {made.decision.reason}; pool: {pool}")

    return _guarded(trained, "no new model: ")


_EVENING = tuple(step.name for step in STEPS if step.builds)
TASKS: tuple[Task, ...] = (
    Task(
        "rerank", datetime.time(9, 27), "the forecast after the auction", rerank,
        after=("confirm",), until=datetime.time(15, 0),
    ),
    Task(
        "predict", datetime.time(15, 45), "the forecast for the next session", predict,
        after=(*_EVENING, "train"),
    ),
    Task(
        "notify", datetime.time(15, 45), "the forecast, sent", notify,
        after=("predict",), refreshed=True,
    ),
    Task(
        "report", datetime.time(15, 50), "the page of the day", report,
        after=("predict", *_EVENING), refreshed=True,
    ),
    Task(
        "train", datetime.time(19, 0), "a new model", train,
        after=_EVENING, monthly=True, minutes=90,
    ),
)  # fmt: skip


def _guarded(work: Callable[[], Done], what: str = "") -> Done:
    """A known error as a failed run; anything else ends the process and is a fault of ours."""
    try:
        return work()
    except _KNOWN as error:
        return Done("failed", f"{what}{error}")


def _absent(home: Home, session: datetime.date, last: datetime.date) -> str:
    """Why the store does not reach a session."""
    with Journal(home.journal) as journal:
        rows = [row for row in journal.records(first=session, last=session) if row.step in _EVENING]
    reasons = {
        fetch.source: f"{fetch.source} {fetch.outcome} ({fetch.reason})"
        for row in rows
        for fetch in row.missing
    }
    told = "; ".join(list(reasons.values())[:3]) or "nothing was collected of it"
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return f"the store ends with {last} and has nothing of {session}: {told}{more}"


def _missing(record: Record) -> list[str]:
    """Tables that the as-of day of a forecast lacks."""
    state = record.document.get("data_states", {}).get("as_of", {})
    return list(state.get("missing", ())) if state.get("state") == "partial" else []


def _forecast_message(record: Record) -> Message:
    from predictor.report import summary

    words = _WORDS[language()]
    title, _, text = summary(record.document, language()).strip().partition("\n")
    lines = [text.strip(), ""]
    if missing := _missing(record):
        lines.append(words["partial"].format(day=record.as_of, missing=", ".join(missing)))
    if not record.live:
        lines.append(words["late"])
    lines.append(
        words["proof"].format(
            id=record.id, made=f"{record.made_at:%Y-%m-%d %H:%M}", hash=record.hash[:16]
        )
    )
    return Message(title.strip("*# "), "\n".join(lines))


def _reason_message(home: Home, session: datetime.date) -> Message:
    with Journal(home.journal) as journal:
        record = journal.record(session, "predict")
    words = _WORDS[language()]
    reason = record.note if record is not None else "predict: -"
    return Message(
        words["none"].format(session=next_session(session)), f"{reason}\n\n{words['remedy']}"
    )


def _deliver(
    home: Home, session: datetime.date, task: str, what: str, message: Message, clock: Clock
) -> Done:
    """Send a message to the channels that have not taken it; each outcome is journaled at once."""
    found = channels(Settings.from_environment())
    if not found:
        return Done("complete", "no channel is set (TIDE_NOTIFY_*)")
    with Journal(home.journal) as journal:
        record = journal.record(session, task)
        taken = {
            fetch.source for fetch in (record.fetches if record else ()) if fetch.outcome == "good"
        }
        parts: list[Fetch] = []

        def told(outcome: Outcome) -> None:
            later: Literal["failed", "gone"] = "failed" if outcome.again else "gone"
            kind: Literal["good", "failed", "gone"] = "good" if outcome.sent else later
            part = Fetch(f"{outcome.channel} {what}", kind, outcome.reason, clock())
            journal.fetched(session, task, part)
            parts.append(part)

        send(message, [one for one in found if f"{one.name} {what}" not in taken], told=told)
    failed = [part for part in parts if part.outcome != "good"]
    served = len(found) - len(failed)
    note = f"{what} on {served} of {len(found)} channels"
    if not failed:
        return Done("complete", note, tuple(parts))
    return Done("partial" if served else "failed", note, tuple(parts))
