"""Which model forecasts: the first at once, any other by proof on sessions new to both."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import mlflow
import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import Market, synthetic
from data_profile.store import Store
from predictor import champion, storage
from predictor.champion import decisions
from predictor.contest import ENOUGH, hold
from predictor.dataset import panels
from predictor.forecast import predict
from predictor.model import Model
from predictor.registry import MODEL
from predictor.storage import CHALLENGER, CHAMPION, Stored, holder, load_current
from predictor.training import train
from tests.conftest import REPOSITORY

LATER = 60


@pytest.fixture(scope="module")
def longer() -> Market:
    """The market of the shared home, and 60 sessions later."""
    return synthetic(3, sectors=20, sessions=620 + LATER)


@pytest.fixture(scope="module")
def early_home(longer: Market, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A store of the first 620 sessions with a champion; none may change it."""
    home = Home(tmp_path_factory.mktemp("early")).create()
    build(home, longer, LATER)
    train(home, seed=5)
    return home


@pytest.fixture
def home(early_home: Home, tmp_path: Path) -> Home:
    shutil.copytree(early_home.root, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


def build(home: Home, market: Market, without: int) -> None:
    """Make the store of all but the last sessions."""
    days = np.sort(market.frame["date"].unique())
    frame = market.frame
    if without:
        frame = frame[frame["date"] < days[-without]]
    Store(home.store).build(frame, market.names, source="test")


def card_of(stored: Stored) -> dict[str, object]:
    added = ("format", "features", "rounds", "calibration", "files")
    return {name: value for name, value in stored.card.items() if name not in added}


def worse(stored: Stored) -> Model:
    """The same model with every order turned round."""

    def turned(text: str) -> str:
        booster = lgb.Booster(model_str=text)
        for tree in booster.dump_model()["tree_info"]:
            for leaf in range(tree["num_leaves"]):
                number = tree["tree_index"]
                booster.set_leaf_output(number, leaf, -booster.get_leaf_output(number, leaf))
        return str(booster.model_to_string())

    boosters = {
        head: tuple(turned(text) for text in texts) for head, texts in stored.model.boosters.items()
    }
    return replace(stored.model, boosters=boosters)


def test_the_first_model_is_champion_and_says_so(home: Home) -> None:
    (decision,) = decisions(home.models)
    assert (decision.verdict, decision.reason) == ("champion", "it is the first model")
    assert holder(home.models, CHAMPION) == decision.model
    assert holder(home.models, CHALLENGER) is None


def test_without_new_sessions_a_new_model_waits_and_says_so(home: Home) -> None:
    before = holder(home.models, CHAMPION)
    trained = train(home, seed=6)
    assert trained.decision.verdict == "challenger"
    assert f"0 of {ENOUGH} sessions" in trained.decision.reason
    assert holder(home.models, CHALLENGER) == trained.id != before
    assert trained.champion == before == predict(home).model

    third = train(home, seed=7)  # the first challenger keeps its place
    assert third.decision.verdict == "spare"
    assert trained.id in third.decision.reason
    assert holder(home.models, CHALLENGER) == trained.id

    again = train(home, seed=5)  # as the champion was made
    assert (again.id, again.decision.verdict) == (before, "champion")


def test_a_person_may_promote(home: Home) -> None:
    waiting = train(home, seed=6)
    chosen = train(home, seed=7, promote=True)
    assert chosen.champion == chosen.id == predict(home).model
    assert holder(home.models, CHALLENGER) is None
    assert [one.verdict for one in decisions(home.models)] == [
        "champion", "challenger", "dismissed", "champion",
    ]  # fmt: skip
    assert decisions(home.models)[2].model == waiting.id


def test_a_better_challenger_takes_over_after_enough_new_sessions(
    home: Home, longer: Market
) -> None:
    good = load_current(home.models)
    bad = storage.put(home.models, worse(good), card_of(good))
    storage.assign(home.models, CHAMPION, bad)
    storage.assign(home.models, CHALLENGER, good.id)
    build(home, longer, LATER - ENOUGH)
    assert champion.settle(home.models, panels(Store(home.store)), seed=1) == []
    build(home, longer, LATER - ENOUGH - 1)  # the last session's outcome is not known yet
    (decision,) = champion.settle(home.models, panels(Store(home.store)), seed=1)
    assert (decision.model, decision.verdict) == (good.id, "champion")
    assert decision.contest is not None
    assert decision.contest["sessions"] == ENOUGH
    assert decision.contest["differences"]["rank_ic"]["low"] > 0
    assert decision.contest["start"] > good.card["data"]["end"]
    assert holder(home.models, CHAMPION) == good.id
    assert holder(home.models, CHALLENGER) is None


def test_a_worse_challenger_is_dismissed_and_the_newest_takes_its_place(
    home: Home, longer: Market
) -> None:
    good = load_current(home.models)
    bad = storage.put(home.models, worse(good), card_of(good))
    storage.assign(home.models, CHALLENGER, bad)
    build(home, longer, 0)
    trained = train(home, seed=5)
    assert [(one.model, one.verdict) for one in trained.settled] == [(bad, "dismissed")]
    assert trained.decision.verdict == "challenger"
    assert holder(home.models, CHALLENGER) == trained.id
    assert holder(home.models, CHAMPION) == good.id
    client = mlflow.MlflowClient(tracking_uri=home.mlflow_uri)
    for alias, model_id in (("champion", good.id), ("challenger", trained.id)):
        assert client.get_model_version_by_alias(MODEL, alias).tags["model_id"] == model_id
    tags = {
        one.tags["model_id"]: one.tags for one in client.search_model_versions(f"name='{MODEL}'")
    }
    assert tags[bad]["decision"] == "dismissed"
    assert "not better" in tags[bad]["reason"]


def test_equal_models_do_not_change_places(home: Home, longer: Market) -> None:
    one = load_current(home.models)
    build(home, longer, 0)
    contest = hold(one, one, panels(Store(home.store)), seed=1)
    assert contest.decided
    assert not contest.better


def test_a_champion_of_another_market_or_with_damage_defends_nothing(home: Home) -> None:
    other = synthetic(4, sectors=20, sessions=620)
    Store(home.store).build(other.frame, other.names, source="test")
    trained = train(home, seed=5)
    assert trained.decision.verdict == "champion"
    assert "are others in the store now" in trained.decision.reason
    (home.models / trained.id / "rank_0.txt").write_text("damaged")
    again = train(home, seed=6)
    assert again.champion == again.id
    assert "rank_0.txt is not what was written" in again.decision.reason


def test_mlflow_lost_or_behind_is_made_up_for(home: Home) -> None:
    first = holder(home.models, CHAMPION)
    home.mlflow_db.unlink()
    trained = train(home, seed=6)
    client = mlflow.MlflowClient(tracking_uri=home.mlflow_uri)
    assert client.get_model_version_by_alias(MODEL, "champion").tags["model_id"] == first
    assert client.get_model_version_by_alias(MODEL, "challenger").tags["model_id"] == trained.id
    client.set_registered_model_alias(MODEL, "champion", "2")  # by hand: moved back
    count = len(client.search_model_versions(f"name='{MODEL}'"))
    train(home, seed=6)
    assert client.get_model_version_by_alias(MODEL, "champion").tags["model_id"] == first
    assert len(client.search_model_versions(f"name='{MODEL}'")) == count


def test_the_registered_model_forecasts_as_the_stored_one(home: Home, longer: Market) -> None:
    mlflow.set_tracking_uri(home.mlflow_uri)
    served = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    panel = panels(Store(home.store)).known
    said = served.predict(panel.to_frame().reset_index(drop=True))
    last = said[said["date"] == pd.Timestamp(panel.sessions[-1])].set_index("instrument")
    for row in predict(home, top=20).ranking:
        assert last.loc[row.sector_id, "expected_count"] == pytest.approx(row.expected_count)
        assert last.loc[row.sector_id, "p_surge"] == pytest.approx(row.p_surge)


_TRAIN = """
import sys
from pathlib import Path
from data_profile.home import Home
from predictor.training import train
def say(what, share):
    print(what, flush=True)
train(Home(Path(sys.argv[1])), seed=6, progress=say)
"""


@pytest.mark.parametrize("moment", ["saving the model", "champion", "recording in MLflow"])
def test_killed_at_a_late_moment_the_next_training_sets_everything_right(
    home: Home, moment: str
) -> None:
    before = holder(home.models, CHAMPION)
    killed = subprocess.Popen(
        [sys.executable, "-c", _TRAIN, str(home.root)],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert killed.stdout is not None
    while not killed.stdout.readline().startswith(moment):
        assert killed.poll() is None
    killed.kill()
    killed.wait()
    killed.stdout.close()
    assert load_current(home.models).id == before
    trained = train(home, seed=6)
    assert holder(home.models, CHALLENGER) == trained.id
    assert [one.verdict for one in decisions(home.models)] == ["champion", "challenger"]
    client = mlflow.MlflowClient(tracking_uri=home.mlflow_uri)
    found = client.search_model_versions(f"name='{MODEL}'")
    assert sorted(one.tags["model_id"] for one in found) == sorted([str(before), trained.id])
    assert client.get_model_version_by_alias(MODEL, "challenger").tags["model_id"] == trained.id
