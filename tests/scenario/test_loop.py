"""The night: what it finds, and that nothing is lost when it is cut short."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_profile.home import Home
from factor_pool.errors import LedgerError
from factor_pool.ledger import Ledger
from factor_pool.pool import Pool
from scenario.errors import BackendError, IsolationError, OptionsError, ScenarioError
from scenario.loop import MineOptions, Summary, mine
from scenario.proposers.evolve import Evolve
from tests import draws
from tests.conftest import REPOSITORY
from tests.scenario.nights import Here, Silent, home_with, ledger_of

OPTIONS = MineOptions(evaluations=80, seed=3, isolation="process")
BATCH = 16
WRITES = 45  # at least so many writes to the ledger does such a night make
WRITERS = ("record", "scored", "judge", "judged", "accept", "set_state", "opened")


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


class Mortal(Ledger):
    """Dies before or after its n-th write."""

    left = 0
    after = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in WRITERS:
            return found

        def mortal(*args: Any, **kwargs: Any) -> Any:
            Mortal.left -= 1
            if Mortal.left == 0 and not Mortal.after:
                raise Killed
            result = found(*args, **kwargs)
            if Mortal.left == 0:
                raise Killed
            return result

        return mortal


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """More iterations for the same evaluations."""
    monkeypatch.setattr(Evolve, "batch", BATCH)


@pytest.fixture(scope="module")
def undisturbed(store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The ledger of a run that nothing happened to."""
    home = home_with(store, tmp_path_factory.mktemp("undisturbed") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scenario.loop.choose", lambda *args: Here())
        patch.setattr(Evolve, "batch", BATCH)
        patch.setattr("scenario.loop.Pool.publish_night", lambda *args: None)
        patch.setattr("scenario.loop.backtest_accepted", lambda *args: 0)
        summary = mine(home, OPTIONS, Silent())
    assert summary.end == "target"
    return ledger_of(home)


def test_a_night_finds_factors(undisturbed: dict[str, list[Any]]) -> None:
    assert len(undisturbed["attempts"]) >= 80
    assert undisturbed["members"]


def test_the_same_seed_gives_the_same_night(
    home: Home, here: object, undisturbed: dict[str, list[Any]]
) -> None:
    display = Silent()
    draws.forget()
    summary = mine(home, OPTIONS, display)
    assert ledger_of(home) == undisturbed
    assert summary.evaluated == 80
    assert summary.accepted == len(undisturbed["members"])
    assert summary.accepted + sum(summary.rejected.values()) == len(undisturbed["attempts"])
    assert set(summary.to_dict()) == {
        "evaluated", "accepted", "rejected", "seconds", "evaluations_per_second", "cost_usd",
        "session",
    }  # fmt: skip
    assert display.shown[-1].evaluated == 80
    assert display.shown[-1].rate == summary.rate
    assert display.shown[-1].best_marginal_ic > 0


@pytest.mark.parametrize(
    ("nth", "after"),
    [(1, False), (2, True), (3, False), (3, True), (20, False), (40, True)]
    + [
        pytest.param(nth, after, marks=pytest.mark.slow)
        for nth in range(1, WRITES, 5)
        for after in (False, True)
    ],
)
def test_cut_short_at_any_write_and_resumed(
    home: Home,
    here: object,
    undisturbed: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    nth: int,
    after: bool,
) -> None:
    monkeypatch.setattr("scenario.loop.Ledger", Mortal)
    Mortal.left, Mortal.after = nth, after
    with pytest.raises(Killed):
        mine(home, OPTIONS, Silent())
    Mortal.left = 0
    assert mine(home, OPTIONS, Silent()).end == "target"
    assert ledger_of(home) == undisturbed


def test_cut_short_again_and_again(
    home: Home,
    here: object,
    undisturbed: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scenario.loop.Ledger", Mortal)
    Mortal.after = False
    for _ in range(5):
        Mortal.left = 8
        with pytest.raises(Killed):
            mine(home, OPTIONS, Silent())
    Mortal.left = 0
    mine(home, OPTIONS, Silent())
    assert ledger_of(home) == undisturbed


NIGHT = """
import sys
from pathlib import Path
from data_profile.home import Home
from scenario import loop
from scenario.loop import MineOptions, mine
from scenario.proposers.evolve import Evolve
from tests.scenario.nights import Silent
loop.backtest_accepted = lambda *args: 0  # Qlib's come after the night; see test_backtests
Evolve.batch = int(sys.argv[2])
options = MineOptions(evaluations=80, seed=3, isolation="process")
print(mine(Home(Path(sys.argv[1])), options, Silent()).end)
"""


def start_night(home: Home) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", NIGHT, str(home.root), str(BATCH)],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def attempts_of(home: Home) -> int:
    try:
        with Ledger(home.ledger, readonly=True) as ledger:
            return ledger.count()
    except LedgerError:  # not made yet, or half made
        return 0


def test_killed_by_the_system_and_resumed(
    store: Path, tmp_path: Path, kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With everything real: processes, SIGKILL, MLflow."""
    home = home_with(store, tmp_path / "home", kernels)
    counted = 0
    for attempts in (1, 33):
        night = start_night(home)
        while attempts_of(home) < attempts:
            assert night.poll() is None, night.communicate()
            time.sleep(0.01)
        os.kill(night.pid, signal.SIGKILL)
        night.communicate()
        assert attempts_of(home) >= counted
        counted = attempts_of(home)
        for checkpoint in home.sessions.glob("*/rdagent/__session__/*/*"):
            checkpoint.write_bytes(b"cut short")
    said, _ = start_night(home).communicate()
    assert said == "target\n"
    monkeypatch.setattr("scenario.loop.Pool.publish_night", lambda *args: None)
    monkeypatch.setattr("scenario.loop.backtest_accepted", lambda *args: 0)
    undisturbed = home_with(store, tmp_path / "undisturbed", kernels)
    mine(undisturbed, OPTIONS, Silent())
    assert ledger_of(home) == ledger_of(undisturbed)
    published = [row["mlflow_run_id"] for row in Pool(home).rows()]
    assert published
    assert len(set(published)) == len(published)


def test_a_person_stops_it_and_goes_on(
    home: Home, here: object, undisturbed: dict[str, list[Any]]
) -> None:
    class Impatient(Silent):
        def progress(self, progress: Any) -> None:
            super().progress(progress)
            os.kill(os.getpid(), signal.SIGINT)

    display, before = Impatient(), signal.getsignal(signal.SIGINT)
    summary = mine(home, OPTIONS, display)
    assert summary.interrupted
    assert len(display.shown) == 1
    assert "goes on" in display.lines[-2]
    assert display.lines[-1].startswith("report: ")
    # The iteration after it is written down by then, and measured by the next run.
    assert summary.evaluated + summary.rejected.get("validity", 0) + 16 == attempts_of(home)
    assert signal.getsignal(signal.SIGINT) is before
    display = Silent()
    assert mine(home, OPTIONS, display).session == summary.session
    assert "going on" in display.lines[0]
    assert ledger_of(home) == undisturbed


class Uneven(Here):
    """Takes a while over some jobs, so that now the workers are late and now the loop is."""

    def run(self, jobs_: Any) -> Any:
        time.sleep(0.15 * (len(self.jobs) % 3))
        return super().run(jobs_)


def test_who_is_faster_makes_no_difference(
    home: Home, here: object, undisturbed: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenario.loop.choose", lambda *args: Uneven())
    mine(home, OPTIONS, Silent())
    assert ledger_of(home) == undisturbed


def test_the_next_iteration_is_written_while_one_is_measured(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Waiting(Here):
        written = 0

        def run(self, jobs_: Any) -> Any:
            if not self.jobs:  # the first batch is not measured before the second one is written
                deadline = time.monotonic() + 60
                while self.written <= BATCH and time.monotonic() < deadline:
                    time.sleep(0.01)
                    self.written = attempts_of(home)
            return super().run(jobs_)

    waiting = Waiting()
    monkeypatch.setattr("scenario.loop.choose", lambda *args: waiting)
    mine(home, MineOptions(loops=2, seed=3), Silent())
    assert waiting.written == 2 * BATCH


def test_workers_that_never_answer_do_not_keep_it(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends what is measured with the workers, and waits for nothing else."""

    class Stuck(Here):
        def __init__(self) -> None:
            super().__init__()
            self.closed = threading.Event()

        def run(self, jobs_: Any) -> Any:
            if not self.jobs or threading.current_thread() is threading.main_thread():
                return super().run(jobs_)
            assert self.closed.wait(60), "nobody closed the sandbox"
            raise IsolationError("the sandbox was closed")

        def close(self) -> None:
            self.closed.set()

    class Impatient(Silent):
        def progress(self, progress: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("scenario.loop.choose", lambda *args: Stuck())
    assert mine(home, MineOptions(seed=3), Impatient()).interrupted


def test_a_second_ctrl_c_stops_at_once(home: Home, here: object) -> None:
    class Insistent(Silent):
        def progress(self, progress: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        mine(home, OPTIONS, Insistent())


def test_two_miners_do_not_mix(home: Home, here: object) -> None:
    class Curious(Silent):
        refusal = ""

        def progress(self, progress: Any) -> None:
            with pytest.raises(ScenarioError, match="another process") as caught:
                mine(home, OPTIONS, Silent())
            self.refusal = str(caught.value)

    display = Curious()
    mine(home, MineOptions(loops=1), display)
    assert str(home.root) in display.refusal


def test_ends(home: Home, here: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mine(home, MineOptions(loops=1), Silent()).end == "target"
    summary = mine(home, MineOptions(hours=1e-9), Silent())
    assert (summary.end, summary.evaluated) == ("deadline", 0)
    monkeypatch.setattr("scenario.proposers.evolve.Evolve.expressions", lambda *args: [])
    display = Silent()
    assert mine(home, MineOptions(new=True), display).end == "exhausted"
    assert "nothing new" in display.lines[-2]


def test_it_ends_when_nothing_can_be_accepted_any_more(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if no factor held in confirm, and that window showed no p-value below 0.0005."""
    monkeypatch.setattr("factor_pool.acceptance.bootstrap_p", lambda *args, **options: 0.4)
    monkeypatch.setattr("factor_pool.acceptance.LEAST_P", 0.0005)
    display = Silent()
    first = mine(home, MineOptions(evaluations=1_000, seed=3), display)
    assert first.end == "spent"
    assert first.rejected["confirm"] > 2
    assert BATCH <= first.evaluated < 1_000
    assert any("error budget is spent" in line for line in display.lines)
    again = mine(home, MineOptions(new=True, seed=4), Silent())
    assert (again.end, again.evaluated) == ("spent", 0)


def test_the_time_counts_from_the_command(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Here):
        def start(self, panels: Any) -> None:
            time.sleep(1.0)
            super().start(panels)

    monkeypatch.setattr("scenario.loop.choose", lambda *args: Slow())
    summary = mine(home, MineOptions(hours=0.5 / 3600), Silent())
    assert (summary.end, summary.evaluated) == ("deadline", 0)


def test_a_second_session_does_not_repeat_the_first(home: Home, here: object) -> None:
    first = mine(home, MineOptions(loops=2), Silent())
    second = mine(home, MineOptions(loops=2), Silent())
    assert first.session != second.session
    with Ledger(home.ledger, readonly=True) as ledger:
        texts = [a.text for a in ledger.attempts()]
    assert len(set(texts)) > 0.9 * len(texts)


def test_a_finished_session_opened_again_mines_what_is_missing(home: Home, here: object) -> None:
    def night(evaluations: int) -> Summary:
        options = MineOptions(evaluations=evaluations, seed=3, reopen=True)
        return mine(home, options, Silent())

    first = night(BATCH)
    tried = attempts_of(home)
    again = night(BATCH)
    assert again == first
    assert attempts_of(home) == tried
    more = night(2 * BATCH)
    assert (more.session, more.end, more.evaluated) == (first.session, "target", 2 * BATCH)


def test_the_workers_get_no_row_after_their_window(home: Home, here: Callable[[], Any]) -> None:
    from data_profile.panel import Panel
    from data_profile.store import Store

    class Looking(Silent):
        def progress(self, progress: Any) -> None:
            (folder,) = home.sessions.glob("*/panels")
            self.ends = {f.name: Panel.open(f).sessions[-1] for f in folder.iterdir()}

    display = Looking()
    mine(home, MineOptions(loops=1), display)
    assert display.ends["search"] < display.ends["confirm"] < Store(home.store).panel().sessions[-1]
    assert not list(home.sessions.glob("*/panels"))  # gone when the session is complete


def test_no_model_where_one_is_asked_for(home: Home, here: object) -> None:
    with pytest.raises(BackendError, match="CHAT_MODEL"):
        mine(home, MineOptions(proposer="llm", loops=1), Silent())
    assert not list(home.sessions.iterdir())


def test_an_unknown_label(home: Home) -> None:
    with pytest.raises(OptionsError, match="limit_up_count"):
        mine(home, MineOptions(label="tomorrow"), Silent())


def test_without_data(tmp_path: Path) -> None:
    from data_profile.errors import StoreError

    with pytest.raises(StoreError, match="tide data import"):
        mine(Home(tmp_path), MineOptions(loops=1), Silent())
