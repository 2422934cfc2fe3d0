"""The predictor in Qlib's interfaces: the same data, the same model, and stock `qrun`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from qlib.data.dataset import DatasetH
from qlib.data.dataset.handler import DataHandlerLP

from data_profile.home import Home
from data_profile.store import Store
from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.model import fit, heads_of
from predictor.qlib_model import OrderModel, SectorHandler, frame, unframe
from predictor.rolling import Window
from tests.conftest import REPOSITORY

WINDOW = Window(train=slice(100, 399), valid=slice(400, 479), test=slice(480, 540))
WORKFLOW = REPOSITORY / "docs" / "workflow.yaml"
OTHER = """\
  model:
    class: LGBModel
    module_path: qlib.contrib.model.gbdt
    kwargs: {loss: mse, learning_rate: 0.05, num_leaves: 15, num_threads: 1}
"""


def segments(days: np.ndarray) -> dict[str, tuple[str, str]]:
    return {
        name: (str(days[rows.start]), str(days[rows.stop - 1]))
        for name, rows in vars(WINDOW).items()
    }


@pytest.fixture
def in_qlib(dataset: Dataset) -> DatasetH:
    return DatasetH(DataHandlerLP.from_df(frame(dataset)), segments(dataset.sessions))


def test_there_and_back(dataset: Dataset) -> None:
    again = unframe(frame(dataset))
    for name in ("sessions", "sectors", "present", "features"):
        np.testing.assert_array_equal(getattr(again, name), getattr(dataset, name))
    for name in ("values", "count", "surge", "density"):
        np.testing.assert_array_equal(
            getattr(again, name)[dataset.present], getattr(dataset, name)[dataset.present]
        )


@pytest.mark.parametrize("order", ["count", "density"])
def test_the_same_model_by_either_way(dataset: Dataset, in_qlib: DatasetH, order: str) -> None:
    model = OrderModel(order, seed=2)
    model.fit(in_qlib)
    said = model.predict(in_qlib)
    own = fit(
        dataset, WINDOW.train, WINDOW.valid, seed=2, step=lambda head: None, heads=heads_of([order])
    ).order(order, dataset, WINDOW.test)
    expected = pd.DataFrame(
        own, pd.DatetimeIndex(dataset.sessions[WINDOW.test]), list(dataset.sectors)
    )
    assert list(said.index.names) == ["datetime", "instrument"]
    np.testing.assert_array_equal(
        said.to_numpy(), [expected.loc[day, sector] for day, sector in said.index]
    )
    assert len(said) == dataset.present[WINDOW.test].sum()


def test_errors_say_what_to_do(in_qlib: DatasetH, dataset: Dataset) -> None:
    with pytest.raises(PredictorError, match="there are rank, "):
        OrderModel("best")
    with pytest.raises(PredictorError, match="call fit first"):
        OrderModel("count").predict(in_qlib)
    with pytest.raises(PredictorError, match="takes no weights"):
        OrderModel("count").fit(in_qlib, reweighter=object())
    with pytest.raises(PredictorError, match="no column group wave"):
        unframe(frame(dataset).drop(columns="wave"))


def test_the_handler_has_the_pool_and_learns_from_no_row_without_a_label(home: Home) -> None:
    handler = SectorHandler(str(home.root))
    seen = handler.fetch(col_set="feature", data_key=DataHandlerLP.DK_I)
    learnt = handler.fetch(col_set="label", data_key=DataHandlerLP.DK_L)
    assert {"pool_F0001", "pool_F0002"} <= set(seen.columns)
    assert learnt.notna().to_numpy().all()
    last = Store(home.store).panel().sessions[-1]
    assert seen.index.get_level_values("datetime").max() == pd.Timestamp(last)
    assert learnt.index.get_level_values("datetime").max() < pd.Timestamp(last)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["OrderModel", "LGBModel"])
def test_the_workflow_of_the_docs_runs_in_stock_qrun(
    home: Home, tmp_path: Path, model: str
) -> None:
    days = Store(home.store).panel().sessions
    text = WORKFLOW.read_text("utf-8")
    for name, (first, last) in segments(days).items():
        text, found = re.subn(rf"{name}: \[.*\]", f"{name}: [{first}, {last}]", text)
        assert found == 1
    if model == "LGBModel":
        text, found = re.subn(r"  model:\n.*?(?=  dataset:)", OTHER, text, flags=re.DOTALL)
        assert found == 1
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "workflow.yaml").write_text(text, "utf-8")
    run = "import sys; from qlib.cli.run import run; sys.argv[0] = 'qrun'; run()"
    done = subprocess.run(
        [sys.executable, "-c", run, str(tmp_path / "workflow.yaml")],
        cwd=here,
        env={
            **os.environ,
            "TIDE_HOME": str(home.root),
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ["PYTHONPATH"]]),
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(here.iterdir())
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{home.root}/qrun.db")
    experiment = client.get_experiment_by_name("qrun")
    assert experiment is not None
    assert experiment.artifact_location.startswith(home.artifacts.as_uri())
    (run_,) = client.search_runs([experiment.experiment_id])
    assert run_.data.metrics["Rank IC"] > 0.1
