"""Whatever the format, what comes out has the pool's own values, or is the pool itself."""

import json
import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.store import Store
from factor_pool.errors import ExportError
from factor_pool.export import FORMATS, export
from factor_pool.expression import evaluate, parse
from tests.factor_pool.expression.oracle import mismatch
from tests.factor_pool.test_pool import accept

TEXTS = (
    "Mean($net_inflow / $turnover, 5)",
    "CSRank(Corr($close, $turnover, 10))",
    "CSZScore(EMA($limit_up_count, 10)) - CSDemean($one_word_count)",
    "If($limit_up_count > Mean($limit_up_count, 20), Slope($close, 10), Neg($broken_limit_count))",
    "Rank($max_streak, 10) ** 2",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("export") / "home").create()
    market = synthetic(3, sectors=14, sessions=640)
    Store(home.store).build(market.frame, market.names, source="synthetic-3")
    accept(home, *TEXTS)
    return home


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with every library and without this project."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = (folder / "lib").glob("python3*/site-packages")
    # A path in a .pth brings libraries, but not the .pth of an editable install there.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = folder / "bin" / "python"
    alone = subprocess.run([python, "-c", "import factor_pool"], cwd=folder, capture_output=True)
    assert alone.returncode
    return python


def assert_pool_values(frame: pd.DataFrame, home: Home) -> None:
    """Rows of date, instrument and factors equal what our engine gives."""
    panel = Store(home.store).panel()
    row = np.searchsorted(panel.sessions, frame["date"].to_numpy().astype("datetime64[D]"))
    column = np.searchsorted(panel.instruments, frame["instrument"].to_numpy(dtype=str))
    assert len(frame) == panel.listed.sum()
    values = evaluate([parse(text) for text in TEXTS], panel)
    for number, matrix in enumerate(values, start=1):
        theirs = np.full(panel.shape, np.nan, dtype=np.float32)
        theirs[row, column] = frame[f"F{number:04d}"]
        assert not mismatch(matrix, theirs).any(), TEXTS[number - 1]


def test_json_is_the_pool_with_its_provenance(home: Home, tmp_path: Path) -> None:
    assert export(home, "json", tmp_path / "pool.json") == len(TEXTS)
    document = json.loads((tmp_path / "pool.json").read_text("utf-8"))
    assert document["format"] == "limit-up-tide/pool"
    assert [parse(f["expression"]) for f in document["factors"]] == [parse(t) for t in TEXTS]
    assert {"proposer", "session", "snapshot", "figures", "hypothesis", "p_value"} <= set(
        document["factors"][0]
    )


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_table_has_the_values(home: Home, tmp_path: Path, format_: str) -> None:
    path = tmp_path / f"pool.{format_}"
    export(home, format_, path)
    frame = pd.read_csv(path, parse_dates=["date"]) if format_ == "csv" else pd.read_parquet(path)
    assert_pool_values(frame, home)


def test_the_python_file_runs_without_this_project(
    home: Home, bare_python: Path, tmp_path: Path
) -> None:
    export(home, "python", tmp_path / "factors.py")
    Store(home.store).panel().to_frame().to_parquet(tmp_path / "panel.parquet")
    subprocess.run(
        [bare_python, "factors.py", "panel.parquet", "values.parquet"], cwd=tmp_path, check=True
    )
    assert_pool_values(pd.read_parquet(tmp_path / "values.parquet"), home)


_FEATURES = """
import yaml, qlib
from qlib.data import D
config = yaml.safe_load(open("workflow.yaml"))
qlib.init(**config["qlib_init"], kernels=1)
handler = config["task"]["dataset"]["kwargs"]["handler"]["kwargs"]
fields, names = handler["data_loader"]["kwargs"]["config"]["feature"]
ids = sorted(D.list_instruments(D.instruments("all")))
frame = D.features(ids, fields, freq="day")
frame.columns = names
frame = frame.reset_index().rename(columns={"datetime": "date"})
frame.to_parquet("values.parquet")
"""


def runs_in_qlib(python: Path, home: Home, folder: Path) -> None:
    """Whether qrun goes through an exported pool, whose values in Qlib are the pool's."""
    export(home, "qlib", folder)
    run = [str(python), "-m", "qlib.cli.run", "workflow.yaml"]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "'Rank IC'" in done.stdout
    subprocess.run([python, "-c", _FEATURES], cwd=folder, check=True, capture_output=True)
    assert_pool_values(pd.read_parquet(folder / "values.parquet"), home)


def test_qrun_executes_the_folder_with_stock_qlib(
    home: Home, bare_python: Path, tmp_path: Path
) -> None:
    runs_in_qlib(bare_python, home, tmp_path / "for-qlib")


@pytest.mark.slow
def test_qrun_in_an_environment_of_stock_qlib_alone(home: Home, tmp_path: Path) -> None:
    """As a stranger runs it: `pip install pyqlib==0.9.7` in a new environment, and no more.

    Tests reach no address, so the environment is made beforehand; docs/scale.md says how.
    """
    named = os.environ.get("TIDE_STOCK_QLIB")
    if not named:
        pytest.skip("TIDE_STOCK_QLIB names no Python that has stock Qlib and not this project")
    python = Path(named)
    listed = "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"
    said = subprocess.run(
        [python, "-c", listed], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    packages = said.stdout.lower().split()
    assert "pyqlib" in packages
    assert "limit-up-tide" not in packages
    runs_in_qlib(python, home, tmp_path / "for-qlib")


def test_text_from_outside_never_becomes_code(home: Home, tmp_path: Path) -> None:
    """A hypothesis is a model's words: neither the Python file nor qrun's template may have it."""
    export(home, "python", tmp_path / "factors.py")
    export(home, "qlib", tmp_path / "folder")
    for path in (tmp_path / "factors.py", tmp_path / "folder" / "workflow.yaml"):
        assert "an idea" not in path.read_text("utf-8")


def test_what_cannot_be_written_is_said(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="there is: json, csv, parquet, qlib, python"):
        export(home, "xml", tmp_path / "pool.xml")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("kept")
    with pytest.raises(ExportError, match="cannot be written"):
        export(home, "qlib", tmp_path / "full")
    assert (tmp_path / "full" / "mine.txt").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    with pytest.raises(ExportError, match="cannot be written"):
        export(home, "json", tmp_path / "absent" / "pool.json")
    empty = Home(tmp_path / "empty").create()
    for format_ in FORMATS[1:]:
        with pytest.raises(ExportError, match="no factor in use"):
            export(empty, format_, tmp_path / "out")
