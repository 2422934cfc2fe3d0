"""Models on disk: LightGBM's own text, a card in JSON, and a hash over every byte. No pickle.

::

    models/
      <id>/            id = the first 16 hex digits of the SHA-256 of model.json
        model.json     the card: features, data, pool, windows, figures, hash of each other file
        rank_0.txt ... one booster a head and seed
      current -> <id>      the champion: what forecasts
      challenger -> <id>   waits to be compared with it

A folder is built aside, flushed and renamed; a link is switched last, atomically.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data_profile.files import exclusive, fsync_dir, fsync_tree, switch_link
from predictor.errors import PredictorError
from predictor.features import Feature
from predictor.model import HEADS, Logistic, Model

FORMAT = 2
CHAMPION = "current"
CHALLENGER = "challenger"
_CARD = "model.json"
_ASIDE = ".building-"


@dataclass(frozen=True, eq=False)
class Stored:
    """A model read from disk, every byte of it checked.

    Parameters
    ----------
    id
        What its content is called.
    model
        Ready to predict.
    card
        The content of model.json: `features, missing_features, pool, data, seed, windows,
        rounds, calibration, parameters, versions, track_record, files`; and `auction`
        (`predictor.update`), where openings of stocks are known.
    """

    id: str
    model: Model
    card: Mapping[str, Any]


def save(models: Path, model: Model, card: Mapping[str, Any]) -> str:
    """Write a model and make it the current one.

    Parameters
    ----------
    models
        The folder of all models; made if missing.
    model
        What to save.
    card
        JSON-able facts about it; features, rounds, calibration and hashes are added here.

    Returns
    -------
    str
        The model's id. The same content has the same id, and is not written twice.

    Raises
    ------
    PredictorError
        Another process is saving a model.
    """
    model_id = put(models, model, card)
    assign(models, CHAMPION, model_id)
    return model_id


def put(models: Path, model: Model, card: Mapping[str, Any]) -> str:
    """Write a model without giving it a role; otherwise as `save`."""
    models.mkdir(parents=True, exist_ok=True)
    try:
        with exclusive(models / ".lock"):
            return _put(models, model, card)
    except BlockingIOError as error:
        raise PredictorError(f"another process is saving into {models}; wait for it") from error


def assign(models: Path, role: str, model_id: str | None) -> None:
    """Give the role CHAMPION or CHALLENGER to a stored model; None leaves it to nobody."""
    if model_id is not None:
        switch_link(models / role, models / model_id)
        return
    (models / role).unlink(missing_ok=True)
    fsync_dir(models)


def holder(models: Path, role: str) -> str | None:
    """Id of the model that has the role; None where there is none."""
    link = models / role
    return link.resolve().name if link.exists() else None


def ids(models: Path) -> list[str]:
    """Ids of all models stored, in order; whether each is whole is not looked at."""
    folders = (path.parent for path in models.glob(f"*/{_CARD}"))
    return sorted(folder.name for folder in folders if not folder.is_symlink())


def load_current(models: Path) -> Stored:
    """Read the current model.

    Raises
    ------
    PredictorError
        None was trained, or a file is not what was written.
    """
    champion = holder(models, CHAMPION)
    if champion is None:
        raise PredictorError(f"no model in {models}; run `tide train` first")
    return load(models / champion)


def load(folder: Path) -> Stored:
    """Read a model's folder, checking every file against its hash before it is parsed.

    Raises
    ------
    PredictorError
        A file is missing, or is not what was written.
    """
    content = _read(folder, _CARD)
    if _id(content) != folder.name:
        raise _damaged(folder, _CARD)
    try:
        card = json.loads(content)
        if card["format"] != FORMAT:
            raise PredictorError(
                f"{folder} has format {card['format']}, this program reads {FORMAT}; "
                "run `tide train`"
            )
        texts = {name: _checked(folder, name, digest) for name, digest in card["files"].items()}
        model = Model(
            tuple(Feature.from_dict(feature) for feature in card["features"]),
            {
                head: tuple(texts[_file(head, k)] for k in range(card["parameters"]["seeds"]))
                for head in HEADS
            },
            {head: int(card["rounds"][head]) for head in HEADS},
            {name: Logistic(**values) for name, values in card["calibration"].items()},
            {head: float(scale) for head, scale in card["scales"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PredictorError(f"{folder / _CARD} is not readable: {error!r}") from error
    return Stored(folder.name, model, card)


def _put(models: Path, model: Model, card: Mapping[str, Any]) -> str:
    for left in models.glob(f"{_ASIDE}*"):
        shutil.rmtree(left)
    files = {
        _file(head, k): text.encode()
        for head, texts in model.boosters.items()
        for k, text in enumerate(texts)
    }
    whole = {
        "format": FORMAT,
        **card,
        "features": [feature.to_dict() for feature in model.features],
        "rounds": dict(model.rounds),
        "calibration": {name: asdict(value) for name, value in model.calibration.items()},
        "scales": dict(model.scales),
        "files": {name: _hash(content) for name, content in files.items()},
    }
    content = json.dumps(whole, ensure_ascii=False, indent=1).encode()
    folder = models / _id(content)
    if not _is_whole(folder):
        shutil.rmtree(folder, ignore_errors=True)
        aside = models / f"{_ASIDE}{os.getpid()}"
        aside.mkdir()
        for name, data in {**files, _CARD: content}.items():
            (aside / name).write_bytes(data)
        fsync_tree(aside)
        os.rename(aside, folder)
        fsync_dir(models)
    return folder.name


def _is_whole(folder: Path) -> bool:
    try:
        load(folder)
    except PredictorError:
        return False
    return True


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise PredictorError(
            f"{folder / name} cannot be read: {error}; run `tide train`"
        ) from error


def _checked(folder: Path, name: str, digest: str) -> str:
    if Path(name).name != name:
        raise _damaged(folder, _CARD)
    content = _read(folder, name)
    if _hash(content) != digest:
        raise _damaged(folder, name)
    return content.decode()


def _damaged(folder: Path, name: str) -> PredictorError:
    return PredictorError(
        f"{folder / name} is not what was written (its hash differs); it is not used: "
        "run `tide train`"
    )


def _file(head: str, number: int) -> str:
    return f"{head}_{number}.txt"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _id(content: bytes) -> str:
    return _hash(content)[:16]
