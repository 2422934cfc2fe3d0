"""Qlib's engine inside a worker, on a job that may write nothing and reach nothing."""

from pathlib import Path

import numpy as np
import pytest

from data_profile.market import synthetic
from data_profile.panel import Panel
from factor_pool.evaluation.backtest import Market, Rules
from scenario.errors import IsolationError
from scenario.isolation.base import Limits, Runner
from scenario.isolation.process import ProcessIsolation

RUNNER = Runner("scenario.isolation.backtest_runner:run")
JOB = {"kind": "backtest", "window": "confirm", "expression": "$net_inflow_ratio", "sign": -1}


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> tuple[Panel, Path]:
    made = Panel.from_frame(synthetic(3, sectors=20, sessions=90).frame)
    folder = tmp_path_factory.mktemp("panel") / "confirm"
    made.save(folder)
    return made, folder


def test_a_worker_trades_by_qlib_and_agrees_with_the_simulator(
    panel: tuple[Panel, Path], tmp_path: Path
) -> None:
    market, folder = panel
    job = JOB | {"start": str(market.sessions[50]), "end": str(market.sessions[-1])}
    with ProcessIsolation(1, tmp_path / "kernels", Limits(), RUNNER) as isolation:
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
