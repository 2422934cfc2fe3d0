"""A small synthetic market, made once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_profile.home import Home
from tests.draws import drawn_once
from tests.scenario.chat_server import ChatServer
from tests.scenario.fake_model import KEY
from tests.scenario.nights import Here, build_store, home_with


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_store(tmp_path_factory.mktemp("market") / "store")


@pytest.fixture(scope="session")
def null_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market in which nothing but persistence and size predicts."""
    return build_store(tmp_path_factory.mktemp("null") / "store", null=True)


@pytest.fixture
def home(store: Path, tmp_path: Path) -> Home:
    return home_with(store, tmp_path / "home")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Here]]:
    """Evaluate in this process, without MLflow; gives the sandbox of every run."""
    made: list[Here] = []

    def choose(*args: object) -> Here:
        made.append(Here())
        return made[-1]

    monkeypatch.setattr("scenario.loop.choose", choose)
    monkeypatch.setattr("scenario.loop.Pool.publish_night", lambda *args: None)
    monkeypatch.setattr("scenario.loop.backtest_accepted", lambda *args: 0)
    return lambda: made


@pytest.fixture(autouse=True)
def draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nights in this process share the draws of their confirm tests."""
    monkeypatch.setattr("factor_pool.acceptance.bootstrap_p", drawn_once)


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own language models only."""
    for name in ("CHAT_MODEL", "TIDE_TOKEN_BUDGET", "TIDE_PRICE_INPUT", "TIDE_PRICE_OUTPUT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ChatServer]]:
    servers: list[ChatServer] = []

    def start(script: Any) -> ChatServer:
        server = ChatServer(script).__enter__()
        servers.append(server)
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("CHAT_MODEL", "openai/fake-chat")
        monkeypatch.setenv("TIDE_PRICE_INPUT", "10")
        monkeypatch.setenv("TIDE_PRICE_OUTPUT", "20")
        monkeypatch.setattr("scenario.backend.FIRST_WAIT", 0.01)
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)
