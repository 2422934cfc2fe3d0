"""The MLflow server: whether it answers, and where its artifacts go.

MLflow waits minutes for a server that is away: seconds that double, ten times over. A night must
not wait so long, because it can publish later. So the server is asked first, with a deadline.
"""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from factor_pool.errors import PoolError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SECONDS = 5
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_WITH_TIMEOUT = ("postgresql", "mysql")  # whose drivers know `connect_timeout`


def database(uri: str) -> str | None:
    """Kind of the database that an address names; None for a server, a folder or a service."""
    kind = urlsplit(uri).scheme.partition("+")[0]
    return kind if kind in _DATABASES else None


def artifact_location(uri: str, folder: Path) -> str | None:
    """Where a new experiment keeps its files: in the folder, unless a server decides.

    Without one, MLflow would write into the working directory.
    """
    return folder.absolute().as_uri() if database(uri) else None


def client(uri: str) -> "MlflowClient":
    """A client of tracking server and model registry, which prints nothing by itself."""
    from mlflow import MlflowClient

    # Both announce the making of a database, and print what they raise as well; MLflow sets its
    # own level when it is imported.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def reach(uri: str) -> None:
    """Return if the server of this address answers within a few seconds.

    Raises
    ------
    PoolError
        It does not, or its driver is not installed.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    kind = database(uri)
    if kind in _WITH_TIMEOUT:
        _ask_database(uri)
    elif urlsplit(uri).scheme in ("http", "https"):
        _ask_server(uri)


def _ask_database(uri: str) -> None:
    import sqlalchemy

    try:
        engine = sqlalchemy.create_engine(
            uri, poolclass=sqlalchemy.NullPool, connect_args={"connect_timeout": _SECONDS}
        )
        engine.connect().close()
    except ModuleNotFoundError as error:
        raise PoolError(
            f"MLFLOW_TRACKING_URI names a database whose driver is not installed ({error.name}): "
            "pip install 'limit-up-tide[postgres]'"
        ) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise _away(error) from error


def _ask_server(uri: str) -> None:
    import requests

    try:
        requests.get(f"{uri.rstrip('/')}/health", timeout=_SECONDS)  # any answer is an answer
    except requests.RequestException as error:
        raise _away(error) from error


def _away(error: Exception) -> PoolError:
    words = " ".join(str(error).split("\n")[0].split())[:200]
    return PoolError(
        f"MLflow's server does not answer ({words}). Accepted factors are safe in the ledger; "
        "start the server or check MLFLOW_TRACKING_URI"
    )
