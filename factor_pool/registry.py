"""The pool as an MLflow registered model: one version for each set of factors in use.

A tracking server may serve several homes, each with a pool of its own. Every version carries its
home's id, and the alias of another home's version is never moved: such a home needs a model's name
of its own, `TIDE_POOL_MODEL`.
"""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factor_pool.errors import PoolError
from factor_pool.expression import parse
from factor_pool.records import Member
from factor_pool.run_card import MODEL_NOTE, version_note

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "alpha_pool"
ALIAS = "production"
_CONTENT_TAG = "tide.content"
_HOME_TAG = "tide.home"
_PACKAGES = ("data_profile", "factor_pool")


def named(name: str, universe: str) -> str:
    """A name in MLflow for a universe's own: that of sectors is the plain one."""
    return name if universe == "sector" else f"{name}_{universe}"


def model_name(universe: str = "sector") -> str:
    """Name of the registered model: `TIDE_POOL_MODEL`, or `alpha_pool`; `..._stock` for stocks."""
    return named(os.environ.get("TIDE_POOL_MODEL", "").strip() or MODEL, universe)


def register(
    client: "MlflowClient",
    members: Sequence[Member],
    pool_version: int,
    cache: Path,
    home: str,
    name: str,
) -> None:
    """Make a version of exactly these members production, unless it is already.

    Parameters
    ----------
    client
        Of the tracking server.
    members
        Published ones. With none, no version is production any more.
    pool_version
        Number of changes of the pool so far.
    cache
        Folder for the files while they are made.
    home
        Id of the home whose pool this is.
    name
        Of the registered model: `model_name`.

    Raises
    ------
    PoolError
        The version in production is another home's.
    """
    content = hashlib.sha256(json.dumps([[m.id, m.expression] for m in members]).encode())
    current = _current(client, name)
    if current is not None and current.tags.get(_HOME_TAG, home) != home:
        raise PoolError(
            f"the MLflow model {name!r} holds the pool of another home "
            f"({current.tags[_HOME_TAG]}; this one is {home}), and stays as it is: set "
            "TIDE_POOL_MODEL to a name of this home's own"
        )
    if not members:
        if current is not None:
            client.delete_registered_model_alias(name, ALIAS)
        return
    if current is not None and current.tags.get(_CONTENT_TAG) == content.hexdigest():
        return
    run_id = str(members[-1].mlflow_run_id)
    place = f"{name}-{content.hexdigest()[:8]}"  # one run may carry several versions
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        model = Path(folder) / "model"
        _save(members, model)
        client.log_artifacts(run_id, str(model), place)
    _create(client, name)
    version = client.create_model_version(
        name,
        source=f"runs:/{run_id}/{place}",
        run_id=run_id,
        description=version_note(members, pool_version),
        tags={
            _CONTENT_TAG: content.hexdigest(),
            _HOME_TAG: home,
            "factors": str(len(members)),
            "pool_version": str(pool_version),
        },
    )
    client.set_registered_model_alias(name, ALIAS, version.version)


def _create(client: "MlflowClient", name: str) -> None:
    """Make the registered model unless it is there."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description=MODEL_NOTE)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _current(client: "MlflowClient", name: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, ALIAS)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _save(members: Sequence[Member], folder: Path) -> None:
    """Write the pyfunc model of these members into the new folder."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    expressions = [parse(member.expression) for member in members]
    fields = sorted({name for expression in expressions for name in expression.fields})
    index = [ColSpec(DataType.datetime, "date"), ColSpec(DataType.string, "instrument")]
    signature = ModelSignature(
        inputs=Schema([*index, *(ColSpec(DataType.double, name) for name in fields)]),
        outputs=Schema([*index, *(ColSpec(DataType.float, m.id) for m in members)]),
    )
    factors = [{"id": m.id, "expression": m.expression} for m in members]
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory(dir=folder.parent) as staging:
        listing = Path(staging) / "pool.json"
        listing.write_text(json.dumps({"factors": factors}, indent=1), encoding="utf-8")
        with warnings.catch_warnings():
            # It asks for type hints on `predict` and an input example; the signature is given.
            warnings.simplefilter("ignore", UserWarning)
            mlflow.pyfunc.save_model(
                str(folder),
                python_model=str(Path(__file__).with_name("pool_model.py")),
                artifacts={"pool": str(listing)},
                signature=signature,
                code_paths=[str(root / package) for package in _PACKAGES],
                pip_requirements=["mlflow", "numba", "numpy", "pandas"],
            )
