"""Models on disk: what comes back is what was written, or an error says which file is not."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from data_profile.files import exclusive
from data_profile.home import Home
from predictor import storage
from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.storage import Stored, load, load_current, save
from tests.conftest import REPOSITORY

_SAVE_WITHOUT_END = """
import sys
from pathlib import Path
from predictor.storage import load_current, save
models = Path(sys.argv[1])
stored = load_current(models)
card = {k: v for k, v in stored.card.items() if k not in ("format", "files")}
print("begun", flush=True)
for number in range(10_000):
    save(models, stored.model, card | {"seed": int(sys.argv[2]) * 10_000 + number})
"""


@pytest.fixture
def stored(home: Home) -> Stored:
    return load_current(home.models)


def names_in(models: Path) -> set[str]:
    """What lies there, but for locks."""
    return {path.name for path in models.iterdir()} - {".lock", ".training"}


def own_card(stored: Stored) -> dict[str, object]:
    """What training gave, without what saving adds."""
    added = ("format", "features", "rounds", "calibration", "scales", "files")
    return {name: value for name, value in stored.card.items() if name not in added}


def test_round_trip(home: Home, stored: Stored, dataset: Dataset, tmp_path: Path) -> None:
    other = tmp_path / "models"
    assert save(other, stored.model, own_card(stored)) == stored.id
    again = load_current(other)
    assert again.model.features == stored.model.features
    values = np.zeros((3, len(stored.model.features)), dtype=np.float32)
    values[1], values[2] = np.nan, 5.0
    for name, array in vars(stored.model.predict(values)).items():
        np.testing.assert_array_equal(array, getattr(again.model.predict(values), name))


def test_no_pickle_and_no_leftovers(home: Home, stored: Stored) -> None:
    names = {path.name for path in (home.models / stored.id).iterdir()}
    assert names == {"model.json", *stored.card["files"]}
    for name in stored.card["files"]:
        assert (home.models / stored.id / name).read_text().startswith("tree\n")
    assert names_in(home.models) == {"current", "decisions.json", stored.id}


def test_any_changed_byte_is_noticed(home: Home, stored: Stored) -> None:
    folder = home.models / stored.id
    for name in ("model.json", *stored.card["files"]):
        original = (folder / name).read_bytes()
        changed = bytearray(original)
        changed[len(changed) // 2] ^= 1
        (folder / name).write_bytes(bytes(changed))
        with pytest.raises(PredictorError, match=rf"{name}.*not what was written"):
            load_current(home.models)
        (folder / name).write_bytes(original)
    assert load_current(home.models).id == stored.id


def test_a_missing_file_is_named(home: Home, stored: Stored) -> None:
    (home.models / stored.id / "count_1.txt").unlink()
    with pytest.raises(PredictorError, match=r"count_1.txt.*tide train"):
        load_current(home.models)


def test_a_card_cannot_reach_outside_its_folder(home: Home, stored: Stored) -> None:
    card = json.loads((home.models / stored.id / "model.json").read_text())
    card["files"]["../../ledger.db"] = "0" * 64
    content = json.dumps(card).encode()
    forged = home.models / storage._id(content)
    shutil.copytree(home.models / stored.id, forged)
    (forged / "model.json").write_bytes(content)
    with pytest.raises(PredictorError, match="not what was written"):
        load(forged)


def test_without_a_model_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PredictorError, match="tide train"):
        load_current(tmp_path / "models")


def test_saving_mends_a_damaged_copy_and_sweeps_what_a_killed_one_left(
    home: Home, stored: Stored
) -> None:
    (home.models / ".building-1").mkdir()
    (home.models / ".building-1" / "rank_0.txt").write_text("half")
    (home.models / stored.id / "rank_0.txt").write_text("damaged")
    save(home.models, stored.model, own_card(stored))
    assert load_current(home.models).id == stored.id
    assert names_in(home.models) == {"current", "decisions.json", stored.id}


def test_a_killed_saver_leaves_a_whole_model(home: Home, stored: Stored) -> None:
    """Whatever was current stays readable; what was half written is swept by the next save."""
    for number in range(3):
        saver = subprocess.Popen(
            [sys.executable, "-c", _SAVE_WITHOUT_END, str(home.models), str(number)],
            cwd=REPOSITORY, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert saver.stdout is not None
        saver.stdout.readline()  # it has begun
        time.sleep(0.02 + 0.037 * number)
        saver.kill()
        saver.wait()
        saver.stdout.close()
        assert load_current(home.models).card["seed"] >= 0
    save(home.models, stored.model, own_card(stored))
    assert not list(home.models.glob(".building-*"))
    assert load_current(home.models).id == stored.id


def test_two_savers_do_not_mix(home: Home, stored: Stored) -> None:
    with exclusive(home.models / ".lock"), pytest.raises(PredictorError, match="another process"):
        save(home.models, stored.model, own_card(stored))


def test_an_older_model_stays_and_the_link_moves(home: Home, stored: Stored) -> None:
    other = save(home.models, stored.model, own_card(stored) | {"seed": 99})
    assert other != stored.id
    assert load_current(home.models).id == other
    assert load(home.models / stored.id).id == stored.id
