"""The real runner: the same numbers as without a sandbox, and nothing compiled twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data_profile.market import synthetic
from data_profile.panel import Panel
from scenario.errors import IsolationError
from scenario.isolation import evaluator
from scenario.isolation.base import Limits, Runner
from scenario.isolation.docker import DockerIsolation
from scenario.isolation.process import ProcessIsolation
from tests.scenario.isolation.conftest import Engine, Provider

LIMITS = Limits(seconds=120, memory=1 << 30)
EXPRESSIONS = ["$close", "Mean($close, 5)", "CSRank(Delta($close, 3))", "$nothing", "Mean("]
COUNTING = '''
"""Runs the real jobs; then tells what was compiled, here and in the worker."""
import sys
from numba.core.dispatcher import Dispatcher
from factor_pool.expression import kernels
from scenario.errors import IsolationError
from scenario.isolation import evaluator
prepare = evaluator.prepare
def run(job, panels):
    evaluator.run(job, panels)
    modules = [m for name, m in sys.modules.items() if name.startswith("factor_pool.")]
    found = [x for m in modules for x in vars(m).values() if isinstance(x, Dispatcher)]
    return {
        "loaded": sum(sum(x.stats.cache_hits.values()) for x in found),
        "compiled": sum(sum(x.stats.cache_misses.values()) for x in found),
        "kernels": kernels.compiled.cache_info().currsize,
    }
'''


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Windows of a small synthetic market."""
    panel = Panel.from_frame(synthetic(3, sectors=20, sessions=400).frame)
    folder = tmp_path_factory.mktemp("market")
    border = panel.sessions[300]
    panel.between(None, border).save(folder / "search")
    panel.save(folder / "confirm")
    return {"search": folder / "search", "confirm": folder / "confirm"}


@pytest.fixture(scope="module")
def jobs(market: dict[str, Path]) -> list[dict]:
    days = Panel.open(market["confirm"]).sessions
    shared = {"label": "limit_up_count", "pool": ["Std($close, 20)"]}
    bounds = {"start": str(days[310]), "end": str(days[-1])}
    search = {"kind": "search", "expressions": EXPRESSIONS, **shared}
    confirm = {"kind": "confirm", "expressions": EXPRESSIONS[:2], **shared, **bounds}
    return [search, confirm, search]


def numbers(found: object) -> list[object]:
    """All leaves of a reply, in order."""
    if isinstance(found, dict):
        return [leaf for key in sorted(found) for leaf in (key, *numbers(found[key]))]
    if isinstance(found, list):
        return [leaf for item in found for leaf in numbers(item)]
    return [found]


def test_a_sandbox_gives_the_numbers_of_this_process(
    provider: Provider, market: dict[str, Path], jobs: list[dict]
) -> None:
    panels = {window: Panel.open(folder) for window, folder in market.items()}
    here = [evaluator.run(job, panels) for job in jobs]
    with provider.make(limits=LIMITS, runner=Runner()) as isolation:
        isolation.start(market)
        there = isolation.run(jobs)
    # Kernels compiled in another order may round a sum differently.
    for one, other in zip(numbers(there), numbers(here), strict=True):
        assert one == other or one == pytest.approx(other, rel=1e-9, abs=1e-12)
    assert "figures" in here[0]["results"][0]
    assert "error" in here[0]["results"][-1]


@pytest.mark.docker
def test_both_sandboxes_give_the_same_numbers_to_the_last_bit(
    engine: Engine,
    market: dict[str, Path],
    jobs: list[dict],
    kernels: Path,
) -> None:
    replies = []
    for isolation in (
        ProcessIsolation(2, kernels, LIMITS),
        DockerIsolation(2, engine.client, engine.image, LIMITS),
    ):
        with isolation:
            isolation.start(market)
            replies.append(json.dumps(isolation.run(jobs * 3)))
    assert replies[0] == replies[1]


def test_a_malformed_job_is_an_error(provider: Provider, market: dict[str, Path]) -> None:
    with provider.make(limits=LIMITS, runner=Runner()) as isolation:
        isolation.start(market)
        with pytest.raises(IsolationError, match="burn"):
            isolation.run([{"kind": "burn", "expressions": ["$close"]}])


def test_jobs_compile_nothing_and_load_what_was_compiled(
    provider: Provider, market: dict[str, Path], jobs: list[dict], tmp_path: Path
) -> None:
    """A container has the kernels of its image, a process those of an earlier start."""
    (tmp_path / "counting.py").write_text(COUNTING)
    tmp_path.chmod(0o755)
    counting = Runner("counting:run", tmp_path)
    with provider.make(limits=LIMITS, runner=counting) as isolation:
        isolation.start(market)
        found = isolation.run(jobs[:1] * 2)
        assert found[0] == found[1]
        if provider.name == "docker":
            assert found[0]["compiled"] == 0
        assert found[0]["loaded"] + found[0]["compiled"] > 0


def test_prepare_never_evaluates_a_jobs_own_expressions(
    market: dict[str, Path], jobs: list[dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = evaluator.run

    def watch(job: dict, panels: dict) -> dict:
        seen.extend(job["expressions"])
        return real(job, panels)

    monkeypatch.setattr(evaluator, "run", watch)
    panels = {window: Panel.open(folder) for window, folder in market.items()}
    evaluator.prepare({**jobs[0], "expressions": ["Mean($close, 123)"]}, panels)
    assert "Mean($close, 123)" not in seen


def test_every_operator_is_exercised_without_an_error(market: dict[str, Path]) -> None:
    panels = {"search": Panel.open(market["search"])}
    texts = evaluator.every_operator("close", "limit_up_count")
    job = {"kind": "search", "label": "limit_up_count", "pool": [], "expressions": texts}
    results = evaluator.run(job, panels)["results"]
    assert [text for text, one in zip(texts, results, strict=True) if "error" in one] == []


def test_a_prepared_worker_compiles_nothing_for_any_expression(market: dict[str, Path]) -> None:
    """A job's process is a copy that keeps nothing: what it compiles, every other one would too."""
    found = subprocess.run(
        [sys.executable, "-c", _COUNT_KERNELS, str(market["search"])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    before, after, answered = map(int, found.stdout.split())
    assert after == before
    assert answered >= 250


_COUNT_KERNELS = """
import gc, sys
from pathlib import Path

import numpy as np
from numba.core.dispatcher import Dispatcher

from data_profile.panel import Panel
from data_profile.profile import Profile
from scenario.isolation import evaluator
from scenario.proposers.grammar import Grammar

def kernels():
    return sum(len(one.signatures) for one in gc.get_objects() if isinstance(one, Dispatcher))

panels = {"search": Panel.open(Path(sys.argv[1]))}
job = {"kind": "search", "label": "limit_up_count", "pool": ["$close"]}
evaluator.prepare({**job, "expressions": []}, panels)
before = kernels()
grammar = Grammar(Profile.load().units(panels["search"]))
rng = np.random.default_rng(1)
texts = [str(grammar.random(rng)) for _ in range(600)]
results = evaluator.run({**job, "expressions": texts}, panels)["results"]
print(before, kernels(), sum("figures" in one for one in results))
"""
