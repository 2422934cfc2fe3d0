"""Which model forecasts: the first at once, any other by proof on sessions new to both."""

import shutil
import subprocess
import sys
import time
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
from predictor import champion, storage, tracking
from predictor.champion import Decision, decisions
from predictor.contest import ENOUGH, hold
from predictor.dataset import panels
from predictor.forecast import predict
from predictor.model import Model
from predictor.registry import MODEL
from predictor.storage import CHALLENGER, CHAMPION, Stored, holder, load_current
from predictor.training import train
from tests.conftest import REPOSITORY
from tests.predictor.conftest import QUICK

LATER = 60


@pytest.fixture(scope="module")
def longer() -> Market:
    """A market whose last 60 sessions the shared home does not have."""
    return synthetic(3, sectors=20, sessions=620 + LATER)


@pytest.fixture(scope="module")
def early_home(longer: Market, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """With a champion; none may change it."""
    home = Home(tmp_path_factory.mktemp("early")).create()
    build(home, longer, LATER)
    train(home, seed=5, **QUICK)
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


def another(home: Home, number: int, model: Model | None = None) -> str:
    """Store one more model: the champion's trees under another seed, or those given."""
    stored = load_current(home.models)
    added = ("format", "features", "rounds", "calibration", "scales", "files")
    card = {name: value for name, value in stored.card.items() if name not in added}
    return storage.put(home.models, model or stored.model, card | {"seed": number})


def enter(home: Home, model_id: str, *, promote: bool = False) -> Decision:
    market = panels(Store(home.store))
    return champion.enter(home.models, model_id, market, promote=promote, seed=1)


def settle(home: Home) -> list[Decision]:
    return champion.settle(home.models, panels(Store(home.store)), seed=1)


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


def in_mlflow(home: Home) -> tuple[dict[str, str], list[str]]:
    """Alias -> model id, and the model ids of all versions."""
    client = mlflow.MlflowClient(tracking_uri=home.mlflow_uri)
    versions = client.search_model_versions(f"name='{MODEL}'")
    ids = {int(one.version): one.tags["model_id"] for one in versions}
    aliases = client.get_registered_model(MODEL).aliases
    return {name: ids[int(version)] for name, version in aliases.items()}, sorted(ids.values())


def test_the_first_model_is_champion_and_says_so(home: Home) -> None:
    (decision,) = decisions(home.models)
    assert (decision.verdict, decision.reason) == ("champion", "it is the first model")
    assert holder(home.models, CHAMPION) == decision.model
    assert holder(home.models, CHALLENGER) is None


def test_without_new_sessions_a_new_model_waits_and_says_so(home: Home) -> None:
    before = holder(home.models, CHAMPION)
    trained = train(home, seed=6, **QUICK)
    assert trained.decision.verdict == "challenger"
    assert f"0 of {ENOUGH} sessions" in trained.decision.reason
    assert holder(home.models, CHALLENGER) == trained.id != before
    assert trained.champion == before == predict(home).model
    assert in_mlflow(home)[0] == {"champion": before, "challenger": trained.id}


def test_one_challenger_waits_at_a_time(home: Home) -> None:
    before, first, second = holder(home.models, CHAMPION), another(home, 1), another(home, 2)
    assert enter(home, first).verdict == "challenger"
    spare = enter(home, second)
    assert spare.verdict == "spare"
    assert first in spare.reason
    assert holder(home.models, CHALLENGER) == first
    assert enter(home, str(before)).verdict == "champion"
    assert holder(home.models, CHALLENGER) == first


def test_a_person_may_promote(home: Home) -> None:
    waiting, chosen = another(home, 1), another(home, 2)
    enter(home, waiting)
    assert "--promote" in enter(home, chosen, promote=True).reason
    assert predict(home).model == chosen
    assert holder(home.models, CHALLENGER) is None
    told = [(one.model, one.verdict) for one in decisions(home.models)[1:]]
    assert told == [(waiting, "challenger"), (waiting, "dismissed"), (chosen, "champion")]


def test_a_better_challenger_takes_over_after_enough_new_sessions(
    home: Home, longer: Market
) -> None:
    good = load_current(home.models)
    bad = another(home, 1, worse(good))
    storage.assign(home.models, CHAMPION, bad)
    storage.assign(home.models, CHALLENGER, good.id)
    build(home, longer, LATER - ENOUGH)
    assert settle(home) == []  # the outcome of the last session is not known yet
    build(home, longer, LATER - ENOUGH - 1)
    (decision,) = settle(home)
    assert (decision.model, decision.verdict) == (good.id, "champion")
    assert decision.contest is not None
    assert decision.contest["sessions"] == ENOUGH
    assert decision.contest["figures"]["rank_ic"]["p_better"] < 0.01
    assert decision.contest["start"] > good.card["data"]["end"]
    assert holder(home.models, CHAMPION) == good.id
    assert holder(home.models, CHALLENGER) is None


def test_a_worse_challenger_is_dismissed_and_the_newest_takes_its_place(
    home: Home, longer: Market
) -> None:
    good = load_current(home.models)
    bad = another(home, 1, worse(good))
    enter(home, bad)
    build(home, longer, 0)
    trained = train(home, seed=5, **QUICK)
    assert [(one.model, one.verdict) for one in trained.settled] == [(bad, "dismissed")]
    assert trained.decision.verdict == "challenger"
    assert in_mlflow(home)[0] == {"champion": good.id, "challenger": trained.id}
    client = mlflow.MlflowClient(tracking_uri=home.mlflow_uri)
    (version,) = client.search_model_versions(f"name='{MODEL}' and tags.model_id='{bad}'")
    assert version.tags["decision"] == "dismissed"
    assert "not better" in version.tags["reason"]


def test_equal_models_do_not_change_places(home: Home, longer: Market) -> None:
    one = load_current(home.models)
    build(home, longer, 0)
    contest = hold(one, one, panels(Store(home.store)), seed=1)
    assert contest.decided
    assert not contest.better


def test_a_champion_of_another_market_defends_nothing(home: Home) -> None:
    other = synthetic(4, sectors=20, sessions=620)
    Store(home.store).build(other.frame, other.names, source="test")
    decision = enter(home, another(home, 1))
    assert decision.verdict == "champion"
    assert "are others in the store now" in decision.reason


def test_a_damaged_champion_or_challenger_defends_nothing(home: Home) -> None:
    good, new = load_current(home.models), another(home, 1)
    enter(home, new)
    (home.models / new / "rank_0.txt").write_text("damaged")
    (decision,) = settle(home)
    assert (decision.model, decision.verdict) == (new, "dismissed")
    third = another(home, 2)
    (home.models / good.id / "rank_0.txt").write_text("damaged")
    decision = enter(home, third)
    assert decision.verdict == "champion"
    assert "rank_0.txt is not what was written" in decision.reason


def test_what_mlflow_lacks_is_made_up_for_and_the_disk_is_the_truth(home: Home) -> None:
    first, second = str(holder(home.models, CHAMPION)), another(home, 1)
    enter(home, second)
    home.mlflow_db.unlink()
    tracking.publish(home, second)
    expected = {"champion": first, "challenger": second}, sorted([first, second])
    assert in_mlflow(home) == expected
    client = mlflow.MlflowClient(tracking_uri=home.mlflow_uri)
    client.set_registered_model_alias(MODEL, "champion", "2")  # moved by hand
    client.set_registered_model_alias(MODEL, "challenger", "2")
    tracking.publish(home, second)
    assert in_mlflow(home) == expected
    enter(home, second, promote=True)
    tracking.publish(home, second)
    assert in_mlflow(home)[0] == {"champion": second}


def test_the_registered_model_forecasts_as_the_stored_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", home.mlflow_uri)
    served = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    panel = panels(Store(home.store)).known
    said = served.predict(panel.to_frame().reset_index(drop=True))
    last = said[said["date"] == pd.Timestamp(panel.sessions[-1])].set_index("instrument")
    for row in predict(home, top=20).ranking:
        assert last.loc[row.sector_id, "expected_count"] == pytest.approx(row.expected_count)
        assert last.loc[row.sector_id, "p_surge"] == pytest.approx(row.p_surge)


_ENTER = """
import sys
from pathlib import Path
from data_profile.home import Home
from data_profile.store import Store
from predictor import champion, tracking
from predictor.dataset import panels
home, model = Home(Path(sys.argv[1])), sys.argv[2]
market = panels(Store(home.store))
print("begun", flush=True)
champion.enter(home.models, model, market, promote=True, seed=1)
tracking.publish(home, model)
"""


@pytest.mark.parametrize("seconds", [0.0, 0.2, 1.5])
def test_killed_at_any_moment_the_next_call_sets_everything_right(
    home: Home, seconds: float
) -> None:
    before, new = str(holder(home.models, CHAMPION)), another(home, 1)
    killed = subprocess.Popen(
        [sys.executable, "-c", _ENTER, str(home.root), new],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert killed.stdout is not None
    assert killed.stdout.readline() == "begun\n"
    time.sleep(seconds)
    killed.kill()
    killed.wait()
    killed.stdout.close()
    assert load_current(home.models).id in (before, new)
    enter(home, new, promote=True)
    tracking.publish(home, new)
    told = [(one.model, one.verdict) for one in decisions(home.models)]
    assert told == [(before, "champion"), (new, "champion")]
    assert in_mlflow(home) == ({"champion": new}, sorted([before, new]))
