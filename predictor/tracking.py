"""Training runs in MLflow, experiment "predictor": a record for people, never read back."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_profile.home import Home
from factor_pool import tracking
from factor_pool.errors import PoolError
from factor_pool.pool import Pool
from predictor.errors import PredictorError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "predictor"


def log_training(home: Home, path: Path, card: Mapping[str, Any]) -> str:
    """Record a trained model: parameters, figures beside their baselines, and its files.

    Parameters
    ----------
    home
        Where MLflow's database and artifacts live.
    path
        The model's folder; its name is the model's id.
    card
        See `predictor.storage.Stored`.

    Returns
    -------
    str
        The run's id.

    Raises
    ------
    PredictorError
        MLflow cannot be written. The model itself is on disk and in use.
    """
    import sqlalchemy.exc
    from mlflow.entities import Metric, Param, RunStatus, RunTag
    from mlflow.exceptions import MlflowException
    from mlflow.utils.time import get_current_time_millis

    uri = Pool(home).tracking_uri
    try:
        tracking.reach(uri)
        client = tracking.client(uri)
        run = client.create_run(_experiment(client, home, uri), run_name=path.name).info.run_id
        now = get_current_time_millis()
        client.log_batch(
            run,
            metrics=[Metric(name, value, now, 0) for name, value in figures(card).items()],
            params=[Param(name, value) for name, value in _params(card).items()],
            tags=[
                RunTag("model_id", path.name),
                RunTag("data_snapshot", card["data"]["snapshot_id"]),
                RunTag("mlflow.note.content", card["track_record"]["note"]),
            ],
        )
        client.log_artifacts(run, str(path), "model")
        client.set_terminated(run, RunStatus.to_string(RunStatus.FINISHED))
    except (PoolError, MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise PredictorError(
            f"the model is saved in {path} and in use, but MLflow could not record its training: "
            f"{error}. Check MLFLOW_TRACKING_URI and the disk"
        ) from error
    return str(run)


def figures(card: Mapping[str, Any]) -> dict[str, float]:
    """The hold-out's figures as flat metrics: `model.rank_ic`, `model.rank_ic.low`, ..."""
    record = card["track_record"]
    groups = dict(record["methods"])
    for name, values in record["difference_to_persistence"].items():
        groups[f"{name}_minus_persistence"] = values
    if record["pool_adds"] is not None:
        groups["pool_adds"] = record["pool_adds"]
    flat = {}
    for group, metrics in groups.items():
        for metric, interval in metrics.items():
            if interval is None:
                continue
            flat[f"{group}.{metric}"] = interval["mean"]
            flat[f"{group}.{metric}.low"] = interval["low"]
            flat[f"{group}.{metric}.high"] = interval["high"]
    for name, values in record["probabilities"].items():
        flat |= {f"{name}.{key}": value for key, value in values.items()}
    return flat


def _params(card: Mapping[str, Any]) -> dict[str, str]:
    windows = card["windows"]
    return {
        "seed": str(card["seed"]),
        "features": str(len(card["features"])),
        "missing_features": ", ".join(card["missing_features"])[:500] or "none",
        "pool_version": str(card["pool"]["version"]),
        "pool_members": str(len(card["pool"]["members"])),
        **{
            name: f"{windows[name]['start']}..{windows[name]['end']}"
            for name in ("train", "valid", "test", "everything")
        },
        **{f"rounds_{head}": str(rounds) for head, rounds in card["rounds"].items()},
        **{f"version_{name}": version for name, version in card["versions"].items()},
    }


def _experiment(client: "MlflowClient", home: Home, uri: str) -> str:
    """Id of the experiment, made on first use; a local one keeps its artifacts in the home."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    place = tracking.artifact_location(uri, home.artifacts / EXPERIMENT)
    return str(client.create_experiment(EXPERIMENT, artifact_location=place))
