"""Training runs in MLflow, experiment "predictor", and the registered model above them.

A mirror for people and for whoever serves the model elsewhere; nothing is read back from it.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_profile.home import Home
from factor_pool import tracking
from factor_pool.errors import PoolError
from factor_pool.pool import Pool
from predictor import champion, importance, registry, storage
from predictor.errors import PredictorError
from predictor.storage import Stored

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "predictor"
_BATCH = 1_000  # metrics that MLflow takes at once
_NOTE = """\
**Trained predictors of Limit-up Tide (涨停潮).** One run a training.

- `model.rank_ic`, `model.hit_rate_at_5`, ...: figures on the hold-out, which the judged model had
  not seen. Read each beside `persistence....` (who had limit-ups of late), `size....` and
  `base_rate....`; `.low` and `.high` are the ends of its 95% interval.
- `model_minus_persistence....`: the paired difference. Above zero with its whole interval: real.
- `pool_adds....`: what the mined factors add to the same model without them.
- `importance/<order>/<feature>`: how far a feature moves the forecasts, as a share of what all
  features do; an order's shares add up to 1. `importance.csv` has them in a table, with what each
  order answers and with every expression.
- `replay/...`: a walk-forward replay over history, one step a window.
- The registered model `limit_up_predictor` has every version; `champion` is the one in use.
"""


def publish(home: Home, model_id: str) -> str:
    """Bring MLflow up to date with the models on disk: runs, versions, aliases, decisions.

    What an earlier call could not write, because MLflow was away or the call was killed, is made
    up for: every stored model without a version gets one.

    Parameters
    ----------
    home
        Where the models are, and where a local MLflow keeps its database and artifacts.
    model_id
        The model just trained.

    Returns
    -------
    str
        The run of that model.

    Raises
    ------
    PredictorError
        MLflow cannot be written. The models and their roles on disk are not touched.
    """
    models = home.models
    saved = f"the model is saved in {models / model_id} and its role is settled"
    with _errors(saved):
        client, experiment = _open(home)
        known = registry.versions(client)
        for stored in _lacking(models, known, model_id):
            registry.register(client, stored.id, _log(client, experiment, home, stored))
        registry.mirror(client, models, champion.decisions(models))
        return str(_find(client, experiment, model_id))


def log_replay(
    home: Home, rows: Sequence[Mapping[str, Any]], paired: Mapping[str, Any], note: str
) -> str:
    """Record a walk-forward replay: one run, in which each window is a step of every figure.

    Parameters
    ----------
    home
        Where a local MLflow keeps its database and artifacts.
    rows
        One a window: "test" with its dates, "model" and "persistence" with their figures.
    paired
        Figure -> difference of model and persistence over all windows, with its interval.
    note
        What a reader must know.

    Raises
    ------
    PredictorError
        MLflow cannot be written. The windows' models are kept.
    """
    from mlflow.entities import Metric, RunTag

    first, last = rows[0]["test"]["start"], rows[-1]["test"]["end"]
    with _errors("the windows' models are saved"):
        client, experiment = _open(home)
        name = f"walk-forward replay {first}..{last}"
        run = client.create_run(experiment, run_name=name)
        begun, run_id = run.info.start_time, str(run.info.run_id)
        metrics = [
            Metric(f"replay/{method}/{figure}", value, begun, step)
            for step, row in enumerate(rows)
            for method in ("model", "persistence")
            for figure, value in row[method].items()
            if value is not None
        ]
        metrics += [
            Metric(f"replay/model_minus_persistence/{figure}", one["mean"], begun, 0)
            for figure, one in paired.items()
            if one is not None
        ]
        for start in range(0, len(metrics), _BATCH):
            client.log_batch(run_id, metrics=metrics[start : start + _BATCH])
        client.log_batch(run_id, tags=[RunTag("mlflow.note.content", note)])
        client.log_text(run_id, json.dumps(list(rows), indent=1), "windows.json")
        client.set_terminated(run_id)
    return run_id


def _open(home: Home) -> tuple["MlflowClient", str]:
    """A client of the server, and the id of the experiment."""
    uri = Pool(home).tracking_uri
    tracking.reach(uri)
    client = tracking.client(uri)
    return client, _experiment(client, home, uri)


@contextmanager
def _errors(saved: str) -> Iterator[None]:
    """Name MLflow, what is safe and the remedy in whatever it raises."""
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (PoolError, MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise PredictorError(
            f"{saved}, but MLflow could not record it: {error}. Check MLFLOW_TRACKING_URI and the "
            "disk; the same command again makes up for it"
        ) from error


def _lacking(models: Path, known: Mapping[str, str], model_id: str) -> Iterator[Stored]:
    """Stored models without a version; a damaged one of earlier days is of no use to anybody."""
    for stored_id in storage.ids(models):
        if stored_id in known:
            continue
        try:
            yield storage.load(models / stored_id)
        except PredictorError:
            if stored_id == model_id:
                raise


def _log(client: "MlflowClient", experiment: str, home: Home, stored: Stored) -> str:
    """Record a training; the run of an earlier, interrupted call is used again."""
    from mlflow.entities import Metric, Param, RunStatus, RunTag

    card, run = stored.card, _find(client, experiment, stored.id)
    if run is None:
        tags = {"model_id": stored.id}
        run = client.create_run(experiment, tags=tags, run_name=stored.id).info.run_id
    begun = client.get_run(run).info.start_time
    client.log_batch(
        run,
        metrics=[Metric(name, value, begun, 0) for name, value in figures(card).items()],
        params=[Param(name, value) for name, value in _params(card).items()],
        tags=[
            RunTag("data_snapshot", card["data"]["snapshot_id"]),
            RunTag("mlflow.note.content", card["track_record"]["note"]),
        ],
    )
    features = {feature.name: feature for feature in stored.model.features}
    shares = card.get("importance", {})
    client.log_text(run, importance.as_csv(shares, features), "importance.csv")
    client.log_text(run, json.dumps(shares, indent=1), "importance.json")
    with tempfile.TemporaryDirectory(dir=home.cache) as folder:
        registry.save(stored, home.models / stored.id, Path(folder) / registry.PLACE)
        client.log_artifacts(run, str(Path(folder) / registry.PLACE), registry.PLACE)
    client.set_terminated(run, RunStatus.to_string(RunStatus.FINISHED))
    return str(run)


def _find(client: "MlflowClient", experiment: str, model_id: str) -> str | None:
    runs = client.search_runs([experiment], f"tags.model_id = '{model_id}'", max_results=1)
    return str(runs[0].info.run_id) if runs else None


def figures(card: Mapping[str, Any]) -> dict[str, float]:
    """The hold-out's figures as flat metrics: `model.rank_ic`, `model.rank_ic.low`, ..."""
    record = card["track_record"]
    groups = dict(record["methods"])
    for name, values in record["difference_to_persistence"].items():
        groups[f"{name}_minus_persistence"] = values
    if record["pool_adds"] is not None:
        groups["pool_adds"] = record["pool_adds"]
    if "auction" in card:
        opened = card["auction"]["track_record"]
        groups |= {**opened["methods"], "auction_adds": opened["difference"]}
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
    for order, shares in card.get("importance", {}).items():
        for feature, share in shares.items():
            flat[f"importance/{order}/{feature}"] = share["effect"]
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
    tags = {"mlflow.note.content": _NOTE, "mlflow.experimentKind": "custom_model_development"}
    return str(client.create_experiment(EXPERIMENT, artifact_location=place, tags=tags))
