"""Qlib's own backtest of every accepted factor, in a sandbox that sees search and confirm alone.

It is made after the night, or at the end of the next one where this fails: a factor is accepted by
the ledger, and nothing that goes wrong here can take it away.
"""

import importlib.metadata
import itertools
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from data_profile.errors import DataError
from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool import backtests, universe
from factor_pool.backtests import Errand
from factor_pool.errors import FactorError
from scenario.errors import IsolationError
from scenario.isolation import Failure, Limits, choose
from scenario.isolation.base import Runner

RUNNER = Runner("scenario.isolation.backtest_runner:run", image="backtest")
LIMITS = Limits(seconds=300.0)
"""Qlib takes 3 ms a session: 5 s for 1,500, and twenty times as much on a machine that is busy."""

_WORKERS = 4


def backtest_accepted(
    home: Home, mode: Literal["auto", "docker", "process"], say: Callable[[str], None]
) -> int:
    """Backtest every accepted factor that has no backtest yet.

    Parameters
    ----------
    home
        With store and ledger; its reports keep the results.
    mode
        As of `isolation.choose`.
    say
        Gets progress, and a line on every factor that stays without one.

    Returns
    -------
    int
        Factors that were backtested.
    """
    try:
        panel = universe.of(home).panel(home)
        errands, problems = backtests.waiting(home, panel)
        for line in problems:
            say(line)
        if errands:
            names = ", ".join(errand.member.id for errand in errands)
            say(f"backtest by Qlib of what was accepted: {names}")
        groups = itertools.groupby(errands, key=lambda errand: errand.windows[1])
        return sum(_trade(home, panel, list(group), mode, say) for _, group in groups)
    except (IsolationError, FactorError, DataError, OSError) as error:
        say(f"backtests wait for the next run, the factors are in the pool: {error}")
        return 0


def _trade(
    home: Home,
    panel: Panel,
    errands: list[Errand],
    mode: Literal["auto", "docker", "process"],
    say: Callable[[str], None],
) -> int:
    """Backtest factors that were accepted on the same windows."""
    workers = min(_WORKERS, os.cpu_count() or 1, 2 * len(errands))
    with (
        tempfile.TemporaryDirectory(dir=home.cache) as place,
        choose(mode, workers, home, _progress(say), limits=LIMITS, runner=RUNNER) as sandbox,
    ):
        members = [errand.member for errand in errands]
        folders = {}
        for window in errands[0].windows:
            folders[window.name] = Path(place) / window.name
            backtests.cut(panel, window, members).save(folders[window.name])
        sandbox.start(folders)
        jobs = [job for errand in errands for job in errand.jobs()]
        replies = iter(sandbox.run(jobs))
        origin = {
            "engine": f"Qlib {importlib.metadata.version('pyqlib')}",
            "isolation": sandbox.identity,
            "snapshot": panel.snapshot_id,
        }
        return sum(
            _keep(home, errand, [next(replies), next(replies)], origin, say) for errand in errands
        )


def _keep(
    home: Home,
    errand: Errand,
    replies: Sequence[dict[str, Any] | Failure],
    origin: dict[str, str],
    say: Callable[[str], None],
) -> bool:
    """Keep a backtest that succeeded; say what became of one that did not."""
    member = errand.member.id
    failed = [reply for reply in replies if isinstance(reply, Failure)]
    if failed:
        say(f"{member}: the backtest failed ({failed[0].message}); tried again at the next run")
        return False
    answers = [reply for reply in replies if not isinstance(reply, Failure)]
    difference = max(float(answer["difference"]) for answer in answers)
    if difference > backtests.TOLERANCE:
        say(
            f"{member}: Qlib's account and the simulator's differ by {difference:.1e}; see its file"
        )
    backtests.save(home, errand, answers, origin)
    return True


def _progress(say: Callable[[str], None]) -> Callable[[str], None]:
    """Of what a choice of sandbox says, the building of an image alone: the night said the rest."""
    return lambda line: say(line) if line.startswith("docker image") else None
