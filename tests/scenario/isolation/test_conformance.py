"""What every sandbox must do, whatever it is made of."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scenario.errors import IsolationError
from scenario.isolation.base import Failure, Isolation, Limits, Runner
from tests.scenario.isolation.conftest import QUICK, Provider

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs the Linux kernel's limits")


def one(sandbox: Isolation, **job: object) -> dict | Failure:
    (result,) = sandbox.run([job])
    return result


def unharmed(sandbox: Isolation) -> bool:
    """Whether every worker still serves."""
    said = sandbox.run([{"do": "echo", "say": number} for number in range(6)])
    return [result["said"] for result in said] == list(range(6))


# --- the contract ---------------------------------------------------------------------------


def test_results_come_in_the_order_of_the_jobs(sandbox: Isolation) -> None:
    jobs = [{"do": "nap", "seconds": 0.3 if n == 0 else 0, "say": n} for n in range(12)]
    assert [result["said"] for result in sandbox.run(jobs)] == list(range(12))


def test_a_job_sees_the_panels_by_window(sandbox: Isolation) -> None:
    assert one(sandbox, do="sum") == {"search": 150.0, "confirm": 400.0}


def test_several_threads_have_jobs_run_at_a_time(sandbox: Isolation) -> None:
    def batch(first: int) -> list[int]:
        jobs = [{"do": "nap", "seconds": 0.02, "say": first + n} for n in range(8)]
        return [result["said"] for result in sandbox.run(jobs)]

    with ThreadPoolExecutor(3) as threads:
        said = list(threads.map(batch, (0, 100, 200)))
    assert said == [list(range(first, first + 8)) for first in (0, 100, 200)]


def test_no_jobs_no_results(sandbox: Isolation) -> None:
    assert sandbox.run([]) == []


def test_a_failure_among_results_keeps_its_place(sandbox: Isolation) -> None:
    results = sandbox.run([{"do": "echo"}, {"do": "die"}, {"do": "echo"}])
    assert [isinstance(result, Failure) for result in results] == [False, True, False]


def test_what_prepare_computed_is_there_for_every_job(sandbox: Isolation) -> None:
    for result in sandbox.run([{"do": "echo", "label": "limit_up_count"}] * 4):
        assert "limit_up_count" in result["prepared"]


def test_what_cannot_be_prepared_is_an_error_and_no_jobs_failure(
    provider: Provider, panels: dict[str, Path]
) -> None:
    with provider.make() as isolation:
        isolation.start(panels)
        with pytest.raises(IsolationError, match="ValueError: no such label"):
            isolation.run([{"do": "echo", "label": "broken"}])


def test_what_closes_it_for_one_thread_is_told_to_the_others(
    provider: Provider, panels: dict[str, Path]
) -> None:
    with provider.make() as isolation, ThreadPoolExecutor(1) as threads:
        isolation.start(panels)
        broken = [{"do": "nap", "seconds": 0.5}] * 4 + [{"do": "echo", "label": "broken"}]
        other = threads.submit(isolation.run, broken)
        time.sleep(0.3)
        with pytest.raises(IsolationError):
            isolation.run([{"do": "nap", "seconds": 0.5}] * 40)
        with pytest.raises(IsolationError, match="no such label"):
            other.result(60)


def test_a_sandbox_that_is_not_started_says_so(provider: Provider) -> None:
    with pytest.raises(IsolationError, match="not started"):
        provider.make().run([{"do": "echo"}])


def test_after_close_nothing_runs_and_close_may_be_repeated(
    provider: Provider, panels: dict[str, Path]
) -> None:
    isolation = provider.make()
    isolation.start(panels)
    isolation.close()
    isolation.close()
    with pytest.raises(IsolationError, match="not started"):
        isolation.run([{"do": "echo"}])


def test_a_second_start_replaces_the_panels(provider: Provider, panels: dict[str, Path]) -> None:
    with provider.make() as isolation:
        isolation.start(panels)
        isolation.start({"search": panels["confirm"]})
        assert one(isolation, do="sum") == {"search": 400.0}


@pytest.mark.parametrize("window", ["", "../x", "Search", "a b", "x/y"])
def test_a_window_name_is_no_path(provider: Provider, panels: dict[str, Path], window: str) -> None:
    with pytest.raises(IsolationError, match="window name"):
        provider.make().start({window: panels["search"]})


def test_a_folder_that_is_no_panel_is_named(provider: Provider, tmp_path: Path) -> None:
    with pytest.raises(IsolationError, match="holds no saved panel"):
        provider.make().start({"search": tmp_path})


def test_a_runner_that_cannot_be_imported_is_told_at_start(
    provider: Provider, panels: dict[str, Path]
) -> None:
    with pytest.raises(IsolationError, match="no_such_module"):
        provider.make(runner=Runner("no_such_module:run")).start(panels)


def test_a_job_that_is_no_json_is_refused_before_it_runs(sandbox: Isolation) -> None:
    with pytest.raises(IsolationError, match="no JSON"):
        sandbox.run([{"do": "echo", "say": float("nan")}])
    assert unharmed(sandbox)


def test_a_worker_is_replaced_after_its_share_of_jobs(
    provider: Provider, panels: dict[str, Path]
) -> None:
    limits = Limits(seconds=3, memory=QUICK.memory, recycle=3)
    with provider.make(limits=limits) as isolation:
        isolation.start(panels)
        kept = [one(isolation, do="remember", secret=n) for n in range(7)]
        assert all(not isinstance(result, Failure) for result in kept)


@linux
def test_the_self_check_finds_every_protection(provider: Provider, sandbox: Isolation) -> None:
    found = sandbox.self_check()
    assert set(found) == {"network", "files", "processes", "memory", "unprivileged"}
    assert all(found[name] for name in ("network", "files", "processes", "memory"))
    assert found["unprivileged"] or provider.name != "docker"


# --- hostile jobs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "kind"),
    [
        ("spin", "timeout"),
        ("ignore_signals", "timeout"),
        pytest.param("hoard", "memory", marks=linux),
        ("die", "crash"),
        ("segfault", "crash"),
        ("raise", "crash"),
        ("not_finite", "crash"),
        ("flood", "invalid"),
    ],
)
def test_a_job_that_fails_by_its_own_fault(sandbox: Isolation, do: str, kind: str) -> None:
    result = one(sandbox, do=do)
    assert isinstance(result, Failure)
    assert result.kind == kind
    assert 0 < len(result.message) <= 500
    assert unharmed(sandbox)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        '"text"',
        "{}",
        '{"reply": 5}',
        '{"reply": {"x": NaN}}',
        '{"reply": {"x": 1e999}}',
        '{"reply": {"x": 123456789012345678901234567890}}',
        '{"reply": {"x": 1, "x": 2}}',
        '{"reply": {"x": "' + "y" * 5_000 + '"}}',
        '{"reply": {"x": ' + "[" * 40 + "]" * 40 + "}}",
        "[" * 100_000,
        '{"failure": ["accepted", "well done"]}',
        '{"failure": "crash"}',
    ],
)
def test_what_is_no_reply_is_never_taken_for_one(sandbox: Isolation, text: str) -> None:
    result = one(sandbox, do="say", text=text)
    assert isinstance(result, Failure)
    assert result.kind in ("invalid", "crash")
    assert unharmed(sandbox)


def test_a_gigabyte_of_output_is_nobodys_burden(sandbox: Isolation) -> None:
    assert one(sandbox, do="shout") == {"shouted": True}
    assert unharmed(sandbox)


def test_a_forged_reply_reaches_nobody(sandbox: Isolation) -> None:
    results = sandbox.run([{"do": "forge"}, {"do": "forge"}, {"do": "echo", "say": "honest"}])
    assert results[:2] == [{"forged": False}] * 2
    assert results[2]["said"] == "honest"
    assert unharmed(sandbox)


@linux
def test_a_job_starts_no_process(sandbox: Isolation) -> None:
    assert one(sandbox, do="fork") == {"started": 0}
    assert one(sandbox, do="execute") == {"refused": "PermissionError"}
    assert unharmed(sandbox)


@linux
def test_a_job_cannot_signal_its_worker(sandbox: Isolation) -> None:
    assert one(sandbox, do="kill_worker") == {"refused": "PermissionError"}
    assert unharmed(sandbox)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


@linux
def test_a_job_reaches_no_network(sandbox: Isolation, listener: socket.socket) -> None:
    assert one(sandbox, do="connect", port=listener.getsockname()[1]) == {"sent": False}
    with pytest.raises(TimeoutError):
        listener.accept()


@linux
def test_a_job_writes_nothing_anywhere(
    sandbox: Isolation, panels: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "old").write_text("kept")
    panel = panels["search"] / "panel.json"
    outside = [tmp_path / "new", tmp_path / "old", panel, Path("/etc/x"), Path("/panels/search/x")]
    paths = [*map(str, outside), "/tmp/x", "/dev/shm/x", "/app/x", "x"]
    assert one(sandbox, do="write", paths=paths) == {"written": []}
    assert one(sandbox, do="remove", path=str(panel))["refused"] is not None
    assert (tmp_path / "old").read_text() == "kept"
    assert panel.exists()


def test_a_job_sees_nothing_of_another(sandbox: Isolation) -> None:
    jobs = [{"do": "remember", "secret": number} for number in range(8)]
    assert sandbox.run(jobs) == [{"seen": [number]} for number in range(8)]


def test_a_job_sees_no_key(
    provider: Provider, panels: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("TIDE_SECRET", "sk-secret")
    (tmp_path / "private").write_text("x")
    with provider.make() as isolation:
        isolation.start(panels)
        worker = one(isolation, do="worker")["pid"]
        paths = [f"/proc/{worker}/environ", f"/proc/{worker}/mem", f"/proc/{os.getpid()}/environ"]
        found = one(isolation, do="look_around", paths=[*paths, str(tmp_path / "private")])
    assert not {"OPENAI_API_KEY", "TIDE_SECRET"} & set(found["environment"])
    if provider.name == "docker":
        assert found["readable"] == []


def test_a_job_cannot_read_the_data_of_another_run(
    provider: Provider, panels: dict[str, Path]
) -> None:
    if provider.name != "docker":
        pytest.skip("processes see the machine's files, which their label in every record tells")
    with provider.make() as one, provider.make() as other:
        one.start({"search": panels["search"]})
        other.start({"confirm": panels["confirm"]})
        files = sorted(panels["confirm"].iterdir())
        paths = [str(path) for path in files] + [f"/panels/confirm/{path.name}" for path in files]
        (found,) = one.run([{"do": "look_around", "paths": paths}])
        assert found["readable"] == []
        (found,) = other.run([{"do": "look_around", "paths": paths}])
        assert len(found["readable"]) == len(files)


# --- faults of the infrastructure -----------------------------------------------------------


def test_a_worker_killed_from_outside_costs_no_job(
    provider: Provider, panels: dict[str, Path]
) -> None:
    with provider.make(workers=2) as isolation:
        isolation.start(panels)
        killer = threading.Timer(0.5, provider.kill_workers, [isolation])
        killer.start()
        jobs = [{"do": "nap", "seconds": 1, "say": n} for n in range(4)]
        assert [result["said"] for result in isolation.run(jobs)] == [0, 1, 2, 3]
        killer.join()


def test_infrastructure_that_fails_again_and_again_is_an_error_not_a_failure(
    provider: Provider, panels: dict[str, Path]
) -> None:
    limits = Limits(seconds=30, memory=QUICK.memory, attempts=2)
    with provider.make(limits=limits) as isolation:
        isolation.start(panels)
        over = threading.Event()

        def keep_killing() -> None:
            while not over.wait(0.3):
                provider.kill_workers(isolation)

        killer = threading.Thread(target=keep_killing)
        killer.start()
        try:
            with pytest.raises(IsolationError):
                isolation.run([{"do": "nap", "seconds": 20}])
        finally:
            over.set()
            killer.join()


def test_close_ends_a_run_that_another_thread_waits_for(
    provider: Provider, panels: dict[str, Path]
) -> None:
    isolation = provider.make(limits=Limits(seconds=60, memory=QUICK.memory))
    isolation.start(panels)
    threading.Timer(0.5, isolation.close).start()
    began = time.monotonic()
    with pytest.raises(IsolationError):
        isolation.run([{"do": "nap", "seconds": 50}])
    assert time.monotonic() - began < 30
