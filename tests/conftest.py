"""What all tests share: the guard against the network, and the real market data."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import mlflow_tables

if TYPE_CHECKING:
    from tests.browser import Tab

# Property tests measure no time: a busy machine must not make them fail.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parents[1]
CACHE = REPOSITORY / ".pytest_cache"
_GUARD = Path(__file__).parent / "guard"


def pytest_configure(config: pytest.Config) -> None:
    """Bar every connection that is not to this machine; compile once what many tests need."""
    _guard_network()
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        compile_kernels()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with whole nights first: whichever runs last, the others wait for."""
    nights = {item.path for item in items if "kernels" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in nights)


def _guard_network() -> None:
    sys.path.insert(0, str(_GUARD))
    import network_guard

    network_guard.install()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    # Compiled once for all tests, not once a home folder.
    os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE / "kernels"))
    # Where bytecode may not lie beside its source, every process that a test starts would
    # compile all it imports anew.
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(CACHE / "bytecode"))
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"]
        sys.dont_write_bytecode = False
    paths = [str(_GUARD), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


@pytest.fixture(autouse=True)
def _every_home_has_its_own_mlflow() -> Iterator[None]:
    """MLflow and Qlib set its address for the whole process."""
    mlflow_tables.share(CACHE)
    yield
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real market data beside the project; the test skips where it is absent."""
    folder = Path(os.environ.get("TIDE_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "sector_day_panel.parquet").exists():
        pytest.skip(f"no real market data at {folder}; set TIDE_REAL_DATA to its folder")
    return folder


@pytest.fixture(scope="module")
def tab() -> Iterator["Tab"]:
    """A page of a real browser; the test skips where none is installed."""
    from tests import browser

    executable = browser.program()
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(browser.NAMES)} is installed")
    with browser.tab(executable) as opened:
        yield opened


def compile_kernels() -> Path:
    """Where numba finds its kernels, here and in worker processes; compiled if they are not yet."""
    from scenario.isolation.process import ProcessIsolation

    folder = CACHE / "kernels"
    ProcessIsolation(1, folder).compile()
    return folder


@pytest.fixture(scope="session")
def kernels() -> Path:
    """The folder of `compile_kernels`, for a home (`commands.give_kernels`)."""
    return compile_kernels()


@pytest.fixture(scope="session")
def market_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A panel file of a small synthetic market."""
    from data_profile.market import synthetic

    market = synthetic(7, sectors=24, sessions=640)
    path = tmp_path_factory.mktemp("market") / "panel.parquet"
    frame = market.frame.assign(sector=market.frame["instrument"].map(market.names))
    frame.to_parquet(path)
    return path
