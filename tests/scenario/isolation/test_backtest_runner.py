"""Qlib's engine inside a worker, on a job that may write nothing and reach nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_profile.market import synthetic
from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.backtest import Market, Rules
from scenario.errors import IsolationError
from scenario.isolation import backtest_runner
from scenario.isolation.base import Isolation, Limits, Runner
from scenario.isolation.process import ProcessIsolation
from tests.scenario.isolation.conftest import Engine

RUNNER = Runner("scenario.isolation.backtest_runner:run", image="backtest")
JOB = {"kind": "backtest", "window": "confirm", "expression": "$net_inflow_ratio", "sign": -1}


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> tuple[Panel, Path]:
    made = Panel.from_frame(synthetic(3, sectors=20, sessions=90).frame)
    folder = tmp_path_factory.mktemp("panel") / "confirm"
    made.save(folder)
    return made, folder


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Isolation]:
    if request.param == "process":
        return lambda: ProcessIsolation(1, tmp_path / "kernels", Limits(), RUNNER)
    engine: Engine = request.getfixturevalue("engine")
    from scenario.isolation import image
    from scenario.isolation.docker import DockerIsolation

    found = image.find_image(engine.client, image.BACKTEST)
    if found is None:
        pytest.skip("the backtest's image is not built: run `tide doctor --build-image`")
    return lambda: DockerIsolation(1, engine.client, found, Limits(), RUNNER)


def test_a_worker_trades_by_qlib_and_agrees_with_the_simulator(
    panel: tuple[Panel, Path], make: Callable[[], Isolation], tmp_path: Path
) -> None:
    market, folder = panel
    job = JOB | {"start": str(market.sessions[50]), "end": str(market.sessions[-1])}
    with make() as isolation:
        isolation.start({"confirm": folder})
        (reply,) = isolation.run([job])
        with pytest.raises(IsolationError, match="sealed"):
            isolation.run([job | {"window": "sealed"}])
    assert isinstance(reply, dict), reply
    here = Market(market, Rules()).simulate(-market.values["net_inflow_ratio"], job["start"])
    assert reply["difference"] < 1e-9
    assert reply["curve"]["sessions"] == [str(day) for day in market.sessions[50:]]
    assert np.allclose(reply["curve"]["net_value"], here.net_value(), rtol=1e-9, atol=0)
    assert reply["figures"]["annual_excess"] == pytest.approx(here.figures()["annual_excess"])
    assert not [*tmp_path.rglob("qlib-*"), *tmp_path.rglob("scratch-*")], "a tree was left behind"


def test_a_panel_that_knows_more_than_its_window_is_refused(panel: tuple[Panel, Path]) -> None:
    """Whoever forgets to cut a panel gets an error, not an account that saw sealed sessions."""
    market, _ = panel
    job = JOB | {"start": str(market.sessions[50]), "end": str(market.sessions[-2])}
    with pytest.raises(EvaluationError, match="beyond the window's end"):
        backtest_runner.prepare(job, {"confirm": market})


@pytest.mark.parametrize(
    "bounds",
    [
        {},
        {"start": "2024-01-02"},
        {"start": None, "end": None},
        {"start": "soon", "end": "later"},
        {"start": "2030-01-02", "end": "2030-01-01"},
    ],
)
def test_a_job_needs_the_windows_bounds(
    panel: tuple[Panel, Path], bounds: dict[str, str | None]
) -> None:
    with pytest.raises(EvaluationError, match="a backtest"):
        backtest_runner.prepare(JOB | bounds, {"confirm": panel[0]})
