"""The alpha pool as people and MLflow see it. The ledger is the truth; this is its projection.

Publishing is an outbox: whatever the ledger lists as unpublished is written to MLflow,
idempotently, and then marked. Killed at any line, the next call goes on where it was.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_profile.errors import DataError
from data_profile.files import write_atomic
from data_profile.home import Home
from factor_pool import backtests, decay, run_card, tracking, universe, unseal
from factor_pool.errors import FactorError, LedgerError, PoolError
from factor_pool.expression import parse
from factor_pool.ledger import Ledger
from factor_pool.night_course import Course
from factor_pool.records import Member, Test
from factor_pool.registry import ALIAS, MODEL, model_name, named, register

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["ALIAS", "EXPERIMENT", "MODEL", "REPORT", "Pool", "row"]

EXPERIMENT = "alpha_pool"
REPORT = "report.html"
_IDENTITY = "tide.identity"
_COURSE = "course in mlflow"
_SHOWN_TESTS = "tests in mlflow"
_SHOWN_BACKTESTS = "backtests in mlflow"
_BATCH = 1_000  # metrics that MLflow takes at once
_MIRROR = "in mlflow"  # the ledger's note of what MLflow shows, of a session and of the pool


class Pool:
    """The accepted factors of one home folder.

    Parameters
    ----------
    home
        Its ledger holds the pool; MLflow is at `MLFLOW_TRACKING_URI`, or SQLite in the home.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self.tracking_uri = os.environ.get("MLFLOW_TRACKING_URI") or home.mlflow_uri

    def members(self) -> list[Member]:
        """Every member ever accepted, in the order of acceptance."""
        if not self._home.ledger.exists():
            return []
        with Ledger(self._home.ledger) as ledger:
            return ledger.members(status=None)

    def rows(self) -> list[dict[str, Any]]:
        """The members as `tide pool list --json` prints them."""
        return [row(member) for member in self.members()]

    def version(self) -> int:
        """Number of changes of the pool so far; 0 for a pool that never had a member."""
        if not self._home.ledger.exists():
            return 0
        with Ledger(self._home.ledger) as ledger:
            return ledger.pool_version()

    def show(self, member_id: str) -> dict[str, Any]:
        """Everything about a member, as `tide pool show ID --json` prints it.

        Its report is made where there is none and the market data are at hand.

        Raises
        ------
        PoolError
            No such member.
        """
        member = self._member(member_id)
        with Ledger(self._home.ledger) as ledger:
            test = _tests(ledger)[member.attempt_id]
            check = ledger.state(decay.STATE, member.id)
            history = ledger.history(member.id)
        report = self._report_file(member)
        if not report.exists():
            self._report(member)
        return row(member) | {
            "label": member.label,
            "proposer": member.proposer,
            "session": member.session,
            "snapshot": member.snapshot,
            "search": {name: member.figures.get(name) for name in _SHOWN},
            "confirm": dict(test.figures)
            | {"p_value": test.p_value, "level": test.level, "rule": test.rule},
            "sealed": unseal.seen(self._home, member)
            if universe.of(self._home).exists(self._home)
            else None,
            "backtest": backtests.summary(self._home, member),
            "decay": check,
            "history": [
                {"at": at.isoformat(timespec="seconds"), "status": status, "reason": reason}
                for at, status, reason in history
            ],
            "report": str(report) if report.exists() else None,
        }

    def retire(self, member_id: str, why: str) -> Member:
        """Take a member out of use, for good; it stays in the ledger with the reason.

        The next `publish_pending` makes a version of the pool without it.

        Raises
        ------
        PoolError
            No such member, it is retired already, or no reason is given.
        """
        if not why.strip():
            raise PoolError("a reason is needed: it stays in the ledger for whoever asks later")
        if self._member(member_id).status == "retired":
            raise PoolError(f"{member_id} is retired already; see `tide pool show {member_id}`")
        with Ledger(self._home.ledger) as ledger:
            return ledger.set_status(member_id, "retired", why.strip())

    def publish_pending(self) -> int:
        """Bring MLflow up to date with the ledger; how many members were published.

        Raises
        ------
        PoolError
            MLflow refused or cannot be reached. Nothing is lost: call again.
        """
        if not self._home.ledger.exists():
            return 0
        tracking.reach(self.tracking_uri)
        with Ledger(self._home.ledger) as ledger, _mlflow_errors():
            pending, tests = ledger.unpublished(), _tests(ledger)
            nights = {name: self._night(name) for name in _changed_nights(ledger)}
            for member in pending:
                run_id = self._publish(ledger, member, tests[member.attempt_id], nights)
                ledger.published(member.id, run_id)
            self._mirror(ledger)
            self._publish_backtests(ledger)
            for name, run_id in nights.items():
                self._describe_night(ledger, name, run_id)
            if ledger.pool_version():
                home, members = ledger.home_id(), ledger.members()
                name = model_name(self._home.universe)
                version = ledger.pool_version()
                register(self._client, members, version, self._home.cache, home, name)
        return len(pending)

    def publish_night(self, session: str, reports: Sequence[Path] = ()) -> None:
        """Bring MLflow up to date, and show how a mining session stands, accepted factors or not.

        Parameters
        ----------
        session
            Its id in the ledger.
        reports
            Files to keep with the session's run; those of the same name are replaced.

        Raises
        ------
        PoolError
            MLflow refused or cannot be reached. Nothing is lost: call again.
        """
        self.publish_pending()
        with Ledger(self._home.ledger) as ledger, _mlflow_errors():
            run_id = self._night(session)
            self._publish_unconfirmed(ledger, session, run_id)
            self._describe_night(ledger, session, run_id)
            for report in reports:
                self._client.log_artifact(run_id, str(report))

    @cached_property
    def _client(self) -> "MlflowClient":
        return tracking.client(self.tracking_uri)

    @cached_property
    def _experiment(self) -> str:
        title = named(EXPERIMENT, self._home.universe)
        found = self._client.get_experiment_by_name(title)
        if found is not None:
            for name, text in run_card.EXPERIMENT_TAGS.items():  # those of an earlier version
                if found.tags.get(name) != text:
                    self._client.set_experiment_tag(found.experiment_id, name, text)
            return str(found.experiment_id)
        place = tracking.artifact_location(self.tracking_uri, self._home.artifacts / title)
        tags = run_card.EXPERIMENT_TAGS
        return str(self._client.create_experiment(title, artifact_location=place, tags=tags))

    def _run(self, identity: str, name: str, tags: Mapping[str, str]) -> str:
        """Id of the run with this identity, made if there is none yet.

        The identity holds the session's name, which is no other home's: several may share a server.
        """
        runs = self._client.search_runs(
            [self._experiment], filter_string=f"tags.`{_IDENTITY}` = '{identity}'", max_results=1
        )
        if runs:
            return str(runs[0].info.run_id)
        run = self._client.create_run(
            self._experiment, tags={_IDENTITY: identity, **tags}, run_name=name
        )
        return str(run.info.run_id)

    def _publish(
        self, ledger: Ledger, member: Member, test: Test, nights: Mapping[str, str]
    ) -> str:
        """One MLflow run for the member; the run of an earlier, interrupted call is used again."""
        attempt = ledger.attempt(member.attempt_id)
        tags = run_card.factor_tags(member, attempt, test)
        tags |= {"mlflow.parentRunId": nights[member.session], "status": member.status}
        tags |= {"home": ledger.home_id()}
        run_id = self._run(f"{member.session}/{member.id}", run_card.factor_name(member), tags)
        for name, text in run_card.factor_params(member, attempt, test).items():
            self._client.log_param(run_id, name, text)
        for name, value in run_card.factor_metrics(member, test).items():
            self._client.log_metric(run_id, name, value)
        self._client.log_dict(run_id, row(member) | {"figures": member.figures}, "factor.json")
        self._log_report(member, run_id)
        if backtests.load(self._home, member) is None:
            self._client.set_tag(run_id, "backtest", "waits for the end of a night")
        self._client.set_terminated(run_id)
        return run_id

    def _publish_backtests(self, ledger: Ledger) -> None:
        """Show the backtests that came since the last time: figures, file, and the report anew."""
        shown = ledger.state(EXPERIMENT, _SHOWN_BACKTESTS, [])
        for member in ledger.members(status=None):
            document = backtests.load(self._home, member)
            if member.id in shown or document is None:
                continue
            run_id = str(member.mlflow_run_id)
            for name, value in run_card.backtest_metrics(document).items():
                self._client.log_metric(run_id, name, value)
            self._client.log_artifact(run_id, str(backtests.file_of(self._home, member)))
            self._log_report(member, run_id)
            tag = f"{document['engine']}, isolation={document['isolation']}"
            self._client.set_tag(run_id, "backtest", tag)
            shown = [*shown, member.id]
            ledger.set_state(EXPERIMENT, _SHOWN_BACKTESTS, shown)

    def _log_report(self, member: Member, run_id: str) -> None:
        missing = self._report(member)
        if missing is None:
            self._client.log_artifact(run_id, str(self._report_file(member)))
        else:
            self._client.set_tag(run_id, "report", missing)

    def _night(self, session: str) -> str:
        """The run under which the factors of a mining session stand."""
        started = (
            f"{session[:4]}-{session[4:6]}-{session[6:8]} {session[9:11]}:{session[11:13]} UTC"
        )
        name = f"night {started}" if session[:8].isdigit() else f"night {session}"
        return self._run(session, name, {"kind": "night", "session": session})

    def _describe_night(self, ledger: Ledger, session: str, run_id: str) -> None:
        """Write how a session stands to its run."""
        accepted = [one.id for one in ledger.members(status=None) if one.session == session]
        attempts = ledger.count(session=session)
        self._log_course(ledger, session, run_id)
        note = run_card.night_note(session, attempts, accepted)
        self._client.set_tag(run_id, "mlflow.note.content", note)
        self._client.set_terminated(run_id)
        ledger.set_state(session, _MIRROR, attempts)

    def _log_course(self, ledger: Ledger, session: str, run_id: str) -> None:
        """Write what is new of the night's funnel over time."""
        from mlflow.entities import Metric

        course = Course.restore(ledger.state(session, _COURSE))
        readings = [
            Metric(one.name, one.value, one.milliseconds, one.step)
            for one in course.advance(ledger, session)
        ]
        for start in range(0, len(readings), _BATCH):
            self._client.log_batch(run_id, metrics=readings[start : start + _BATCH])
        ledger.set_state(session, _COURSE, course.keep())

    def _publish_unconfirmed(self, ledger: Ledger, session: str, night: str) -> None:
        """One run for each factor of a session that reached the confirm window and failed there."""
        shown = ledger.state(session, _SHOWN_TESTS, 0)
        for test in ledger.tests():
            if test.position <= shown or test.discovery:
                continue
            attempt = ledger.attempt(test.attempt_id)
            if attempt.session != session:
                continue
            tags = run_card.unconfirmed_tags(attempt, test) | {"mlflow.parentRunId": night}
            name = run_card.unconfirmed_name(attempt)
            run_id = self._run(f"{session}/attempt {attempt.id}", name, tags)
            for key, value in run_card.unconfirmed_metrics(attempt, test).items():
                self._client.log_metric(run_id, key, value)
            self._client.set_terminated(run_id)
            ledger.set_state(session, _SHOWN_TESTS, test.position)

    def _mirror(self, ledger: Ledger) -> None:
        """Write every member's status to its run, where any has changed since the last time."""
        version = ledger.pool_version()
        if ledger.state(EXPERIMENT, _MIRROR) == version:
            return
        for member in ledger.members(status=None):
            run_id = str(member.mlflow_run_id)
            self._client.set_tag(run_id, "status", member.status)
            *_, (_, _, reason) = ledger.history(member.id)
            self._client.set_tag(run_id, "status_reason", reason[:5000])
        ledger.set_state(EXPERIMENT, _MIRROR, version)

    def _member(self, member_id: str) -> Member:
        """One member.

        Raises
        ------
        PoolError
            There is none of this id.
        """
        try:
            with Ledger(self._home.ledger, readonly=True) as ledger:
                return ledger.member(member_id)
        except LedgerError as error:
            raise PoolError(str(error)) from error

    def _report_file(self, member: Member) -> Path:
        return self._home.reports / member.id / REPORT

    def _report(self, member: Member) -> str | None:
        """Make the member's score report; why there is none, where there is none."""
        from factor_pool.report.making import report_on_member

        if not universe.of(self._home).exists(self._home):
            return "not made: there were no market data at hand"
        try:
            page = report_on_member(self._home, member)
        except (FactorError, DataError) as error:
            return f"not made: {error}"
        path = self._report_file(member)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, page)
        return None


_SHOWN = (
    "sessions", "coverage", "rank_ic", "marginal_rank_ic", "t_hac", "added_rank_ic", "added_t_hac",
    "rank_autocorrelation", "explained", "max_pool_correlation", "hit_rate_at_5", "base_rate",
    "persistence_hit_rate_at_5", "size_hit_rate_at_5",
)  # fmt: skip


def _changed_nights(ledger: Ledger) -> list[str]:
    """Sessions with members that MLflow does not show as they stand, in order."""
    nights = dict.fromkeys(member.session for member in ledger.members(status=None))
    pending = {member.session for member in ledger.unpublished()}
    return [
        name
        for name in nights
        if name in pending or ledger.state(name, _MIRROR) != ledger.count(session=name)
    ]


def _tests(ledger: Ledger) -> dict[int, Test]:
    return {test.attempt_id: test for test in ledger.tests()}


def row(member: Member) -> dict[str, Any]:
    """A member as `tide pool list --json` prints it."""
    return {
        "id": member.id,
        "expression": member.expression,
        "sign": member.sign,
        "qlib": parse(member.expression).qlib(),
        "status": member.status,
        "accepted_at": member.accepted_at.isoformat(timespec="seconds"),
        "marginal_rank_ic": member.figures.get("marginal_rank_ic"),
        "added_rank_ic": member.figures.get("added_rank_ic"),
        "p_value": member.p_value,
        "hypothesis": member.hypothesis,
        "mlflow_run_id": member.mlflow_run_id,
    }


@contextmanager
def _mlflow_errors() -> Iterator[None]:
    """Name MLflow, and the remedy, in whatever it raises."""
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise PoolError(
            f"MLflow cannot be written: {_first_line(error)}. Check MLFLOW_TRACKING_URI and the "
            "disk; accepted factors are safe in the ledger and are published at the next start"
        ) from error


def _first_line(error: Exception) -> str:
    """Without the statement, its parameters and the advice that a database adds."""
    return str(error).partition("\n")[0][:300]
