"""The backtests of accepted factors: Qlib's account of each, one file a factor beside its report.

A member without such a file waits for its backtest. What makes one is injected from above, since it
runs in a sandbox; whatever goes wrong there, the member stays, and so does its wait.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data_profile.files import write_atomic
from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool import borders, universe
from factor_pool.decay import windows_of
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.backtest import rules_of
from factor_pool.evaluation.windows import Window
from factor_pool.expression import parse
from factor_pool.ledger import Ledger
from factor_pool.records import Member

FILE = "backtest.json"
TOLERANCE = 1e-9
"""By how much Qlib's account and the simulator's may differ, as a share of the account."""


CURVE = (
    "sessions", "net_value", "benchmark_value", "drawdown", "returns", "cost", "turnover",
    "benchmark", "positions",
)  # fmt: skip
"""Columns of an account, see `evaluation.backtest.Curve.to_dict`."""


@dataclass(frozen=True)
class Errand:
    """A backtest that is to be made.

    Parameters
    ----------
    member
        The accepted factor.
    windows
        Search and confirm, as they were at its acceptance. The first begins where the factor's
        fields do.
    """

    member: Member
    windows: tuple[Window, Window]

    def jobs(self) -> list[dict[str, Any]]:
        """What the backtest's runner is asked for: one job a window."""
        return [
            {
                "kind": "backtest",
                "window": window.name,
                "expression": self.member.expression,
                "sign": self.member.sign,
                "start": window.start.isoformat(),
                "end": window.end.isoformat(),
            }
            for window in self.windows
        ]


def waiting(home: Home, panel: Panel) -> tuple[list[Errand], list[str]]:
    """Members of any status that have no backtest yet, in order of acceptance.

    Returns
    -------
    tuple
        The errands, and a sentence on each member that the data at hand cannot backtest.

    Raises
    ------
    FactorError
        The ledger cannot be read, or the data are too short for any window.
    """
    if not home.ledger.exists():
        return [], []
    with Ledger(home.ledger, readonly=True) as ledger:
        members = [one for one in ledger.members(status=None) if load(home, one) is None]
        tests = {test.attempt_id: test for test in ledger.tests()}
    errands, problems = [], []
    purge = _purge(home, panel) if members else 0
    for member in members:
        try:
            windows = windows_of(panel, purge, tests[member.attempt_id])
            _check_fields(member, panel)
        except EvaluationError as error:
            problems.append(f"{member.id} cannot be backtested: {error}")
        else:
            errands.append(Errand(member, _from_first_session(member, windows)))
    return errands, problems


def _purge(home: Home, panel: Panel) -> int:
    return borders.current(
        home.ledger, panel, universe.of(home).profile().core(panel)
    ).windows.purge


def _check_fields(member: Member, panel: Panel) -> None:
    missing = {"close", *parse(member.expression).fields} - set(panel.values)
    if missing:
        raise EvaluationError(f"the data have no field {min(missing)!r}")


def _from_first_session(member: Member, windows: tuple[Window, Window]) -> tuple[Window, Window]:
    """Search without the sessions in which the factor had no data, and so held nothing."""
    search, confirm = windows
    digits = str(member.figures.get("first_session") or "")
    if len(digits) == 8:
        first = dt.date.fromisoformat(digits)
        search = replace(search, start=min(max(search.start, first), search.end))
    return search, confirm


def cut(panel: Panel, window: Window, members: Sequence[Member]) -> Panel:
    """What a sandbox is given: no session after the window, no field that is not asked for."""
    wanted = {name for one in members for name in parse(one.expression).fields}
    rules = rules_of(panel)
    wanted |= {"close", rules.deal}.union(*(set(one.fields) for one in rules.limits() if one))
    shown = panel.between(None, window.end)
    values = {name: matrix for name, matrix in shown.values.items() if name in wanted}
    return replace(shown, values=values)


def save(
    home: Home, errand: Errand, replies: Sequence[Mapping[str, Any]], origin: Mapping[str, str]
) -> dict[str, Any]:
    """Keep what the runner answered; the document that was written.

    Parameters
    ----------
    home
        Its reports hold the file.
    errand
        Whose backtest.
    replies
        Of the errand's jobs, in their order.
    origin
        What made it: `isolation`, `engine`, `snapshot`.

    Raises
    ------
    EvaluationError
        An answer is none.
    """
    member = errand.member
    for reply in replies:
        _check(reply)
    document = {
        "factor": member.id,
        "expression": member.expression,
        "sign": member.sign,
        **origin,
        "rules": replies[0]["rules"],
        "windows": {
            window.name: {
                "start": window.start.isoformat(),
                "end": window.end.isoformat(),
                "figures": reply["figures"],
                "difference": reply["difference"],
                "curve": reply["curve"],
            }
            for window, reply in zip(errand.windows, replies, strict=True)
        },
    }
    path = file_of(home, member)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(document, ensure_ascii=False))
    return document


def load(home: Home, member: Member) -> dict[str, Any] | None:
    """The member's backtest; None where there is none, or one of something else."""
    try:
        document = json.loads(file_of(home, member).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    own = (member.expression, member.sign)
    if not isinstance(document, dict) or (document.get("expression"), document.get("sign")) != own:
        return None
    return document


def summary(home: Home, member: Member) -> dict[str, Any] | None:
    """The member's backtest without its curves; None where there is none."""
    document = load(home, member)
    if document is None:
        return None
    windows = {
        name: {key: value for key, value in part.items() if key != "curve"}
        for name, part in document["windows"].items()
    }
    return {**document, "windows": windows}


def file_of(home: Home, member: Member) -> Path:
    """Where a member's backtest is kept."""
    return home.reports / member.id / FILE


def disagreement(document: Mapping[str, Any]) -> float:
    """The largest difference between Qlib's account and the simulator's, over the windows."""
    return max(float(part["difference"]) for part in document["windows"].values())


def _check(reply: Mapping[str, Any]) -> None:
    """Refuse what no runner answers: it came out of a sandbox."""
    figures, curve, rules = (reply.get(name) for name in ("figures", "curve", "rules"))
    if not (isinstance(figures, dict) and isinstance(curve, dict) and isinstance(rules, dict)):
        raise EvaluationError("the backtest's runner gave no account")
    columns = {name: curve[name] for name in CURVE if isinstance(curve.get(name), list)}
    lengths = {len(column) for column in columns.values()}
    if len(columns) < len(CURVE) or len(lengths) != 1 or lengths == {0}:
        raise EvaluationError("the backtest's runner gave a curve with holes")
    numbers = [*figures.values(), reply.get("difference")]
    numbers += [x for name, column in columns.items() if name != "sessions" for x in column]
    if not all(x is None or (isinstance(x, int | float) and x == x) for x in numbers):
        raise EvaluationError("the backtest's runner gave something else than numbers")
    for day in columns["sessions"]:
        try:
            dt.date.fromisoformat(day)
        except (TypeError, ValueError) as error:
            raise EvaluationError(f"the backtest's runner gave no session: {error}") from error
