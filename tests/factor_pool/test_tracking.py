"""Whether MLflow's server is asked quickly, and what is said if it does not answer."""

import socket
import time
from pathlib import Path

import pytest

from factor_pool import tracking
from factor_pool.errors import PoolError


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("sqlite:////x/mlflow.db", "sqlite"),
        ("postgresql://u@h/db", "postgresql"),
        ("postgresql+psycopg://u@h/db", "postgresql"),
        ("mysql+pymysql://u@h/db", "mysql"),
        ("http://h:5000", None),
        ("file:///x", None),
        ("/x/mlruns", None),
    ],
)
def test_which_addresses_are_databases(uri: str, kind: str | None) -> None:
    assert tracking.database(uri) == kind
    place = tracking.artifact_location(uri, Path("/home/artifacts"))
    assert place == (None if kind is None else "file:///home/artifacts")


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg"])
def test_a_server_that_is_away_is_told_without_the_password(scheme: str) -> None:
    if scheme.startswith("postgresql"):
        pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(PoolError, match="does not answer") as caught:
        tracking.reach(f"{scheme}://user:secret@127.0.0.1:{port}/db")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg"])
def test_a_server_that_is_silent_keeps_nobody_waiting(scheme: str) -> None:
    if scheme.startswith("postgresql"):
        pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(PoolError, match="does not answer"):
            tracking.reach(f"{scheme}://u@127.0.0.1:{port}/db")
        assert time.monotonic() - began < 60  # where MLflow itself would wait for minutes


def test_a_missing_driver_is_named_with_the_remedy() -> None:
    with pytest.raises(PoolError, match=r"limit-up-tide\[postgres\]"):
        tracking.reach("postgresql+pg8000://u@127.0.0.1:1/db")


def test_a_local_database_needs_no_asking(tmp_path: Path) -> None:
    tracking.reach(f"sqlite:///{tmp_path}/not-there.db")
    assert not list(tmp_path.iterdir())
