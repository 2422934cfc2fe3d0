"""The predictors as versions of one registered model in MLflow, a mirror of the models on disk.

The disk is the truth: which model forecasts is decided there, and an alias moved by hand in MLflow
is moved back. Whatever MLflow lacks is made up for by the next `mirror`, so that either side may
fail, or be killed, at any moment.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from factor_pool.expression import parse
from predictor.champion import Decision
from predictor.storage import CHALLENGER, CHAMPION, Stored, holder

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "limit_up_predictor"
PLACE = "model"
_ALIASES = {CHAMPION: "champion", CHALLENGER: "challenger"}
_ID = "model_id"
_NOTE = (
    "Which sectors see limit-ups tomorrow: give it rows of date, instrument and fields, get a "
    "score, the expected number of limit-ups, and the probabilities of at least one and of a wave. "
    "The alias `champion` is on the version that forecasts; `challenger` on one that waits to be "
    "compared with it on sessions that neither was trained on. Both follow `tide train`: moving "
    "an alias here changes no forecast (`tide train --promote` does)."
)
_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("data_profile", "factor_pool", "predictor")
_OUTPUTS = ("score", "expected_count", "p_at_least_one", "p_surge")


def versions(client: "MlflowClient") -> dict[str, str]:
    """Model id -> its version, of all that are registered."""
    found = client.search_model_versions(f"name = '{MODEL}'")
    return {
        str(one.tags[_ID]): str(one.version)
        for one in sorted(found, key=lambda one: int(one.version))
        if _ID in one.tags
    }


def register(client: "MlflowClient", model_id: str, run_id: str) -> str:
    """A version of the model that lies in a run's folder `PLACE`; its number."""
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL, description=_NOTE)
    made = client.create_model_version(
        MODEL, source=f"runs:/{run_id}/{PLACE}", run_id=run_id, tags={_ID: model_id}
    )
    return str(made.version)


def mirror(client: "MlflowClient", models: Path, decided: Sequence[Decision]) -> None:
    """Point the aliases at the versions that have the roles on disk, and tag each decision.

    Parameters
    ----------
    client
        Of the tracking server.
    models
        The folder of all models.
    decided
        All decisions, oldest first.
    """
    known = versions(client)
    if not known:
        return
    for role, alias in _ALIASES.items():
        version = known.get(holder(models, role) or "")
        standing = _alias(client, alias)
        if version is None and standing is not None:
            client.delete_registered_model_alias(MODEL, alias)
        elif version is not None and version != standing:
            client.set_registered_model_alias(MODEL, alias, version)
    for decision in {one.model: one for one in decided}.values():
        version = known.get(decision.model)
        if version is None:
            continue
        tags = {"decision": decision.verdict, "decided_at": decision.at}
        for name, text in (tags | {"reason": decision.reason[:5000]}).items():
            client.set_model_version_tag(MODEL, version, name, text)


def save(stored: Stored, path: Path, folder: Path) -> None:
    """Write a model as MLflow's pyfunc.

    Parameters
    ----------
    stored, path
        The model, and its folder on disk, which is kept whole.
    folder
        New; what to write.
    """
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    fields = sorted({name for f in stored.model.features for name in parse(f.text).fields})
    index = [ColSpec(DataType.datetime, "date"), ColSpec(DataType.string, "instrument")]
    signature = ModelSignature(
        inputs=Schema([*index, *(ColSpec(DataType.double, name) for name in fields)]),
        outputs=Schema([*index, *(ColSpec(DataType.double, name) for name in _OUTPUTS)]),
    )
    with warnings.catch_warnings():
        # It asks for type hints on `predict` and an input example; the signature is given.
        warnings.simplefilter("ignore", UserWarning)
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(Path(__file__).with_name("served_model.py")),
            artifacts={"model": str(path)},
            signature=signature,
            code_paths=[str(_ROOT / package) for package in _PACKAGES],
            pip_requirements=[
                "exchange-calendars", "lightgbm", "mlflow", "numba", "numpy", "pandas", "pyarrow",
                "pyyaml", "scipy",
            ],
        )  # fmt: skip


def _alias(client: "MlflowClient", alias: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(MODEL, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
