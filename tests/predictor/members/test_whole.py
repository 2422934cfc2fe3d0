"""The whole predictor on a home with stocks: heard, told, point-in-time, and not leant upon."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from console.tables import show_training
from data_profile.home import Home
from data_profile.market import Market
from data_profile.store import Store
from predictor.features import MEMBERS
from predictor.members import expected
from predictor.tracking import figures
from predictor.training import Trained, train
from predictor.update import Update
from tests.predictor.members.conftest import fill, limit_events, take
from tide import app


@pytest.fixture(scope="module")
def trained(market: Market, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Trained]:
    """A home with stocks and a model that hears them; who changes it puts it back."""
    home = Home(tmp_path_factory.mktemp("stocks")).create()
    fill(home, market, limit_events(market))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expected, "ROUNDS", 20)
        return home, train(home, seed=5)


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "ROUNDS", 20)


def said(home: Home, date: str) -> str:
    result = CliRunner().invoke(
        app, ["predict", "--json", "--home", str(home.root), "--date", date]
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_hears_the_stocks_and_later_events_change_no_byte(
    trained: tuple[Home, Trained], market: Market
) -> None:
    home, found = trained
    assert MEMBERS in {feature["name"] for feature in found.card["features"]}
    assert MEMBERS not in found.card["missing_features"]
    assert MEMBERS in found.card["scales"]
    day = str(Store(home.store).panel().sessions[-2])
    before = said(home, day)
    assert MEMBERS in before  # one of the reasons
    events = limit_events(market)
    later = events["session"] > day
    assert later.any()
    wrong = events.copy()
    wrong.loc[later, ["limit_up", "streak", "volume"]] = [0.0, 9.0, 7.0]
    take(home, market, wrong)
    assert said(home, day) == before
    take(home, market, events)


def test_a_home_that_lost_its_stocks_still_forecasts_and_says_so(
    trained: tuple[Home, Trained], market: Market
) -> None:
    home, _ = trained
    day = str(Store(home.store).panel().sessions[-1])
    heard = json.loads(said(home, day))
    shutil.rmtree(home.stocks)
    deaf = json.loads(said(home, day))
    assert deaf["sectors"] == heard["sectors"]
    assert [row["score"] for row in deaf["scores"]] != [row["score"] for row in heard["scores"]]
    assert any("single stocks" in note for note in deaf["notes"])
    assert not any("single stocks" in note for note in heard["notes"])
    take(home, market, limit_events(market))


def test_training_learns_from_auctions_and_says_what_they_added(
    trained: tuple[Home, Trained],
) -> None:
    learnt = trained[1].card["auction"]
    assert Update.from_dict(learnt).sessions >= 20
    figures = learnt["track_record"]
    assert set(figures["methods"]) == {"evening", "after_auction"}
    assert {"rank_ic", "hit_rate_at_5"} <= set(figures["difference"])
    for metric, gain in figures["difference"].items():
        assert gain["low"] <= gain["mean"] <= gain["high"]
        difference = (
            figures["methods"]["after_auction"][metric]["mean"]
            - figures["methods"]["evening"][metric]["mean"]
        )
        assert gain["mean"] == pytest.approx(difference, abs=1e-5)


def test_training_tells_it_at_the_desk_and_in_mlflow(
    trained: tuple[Home, Trained], capsys: pytest.CaptureFixture[str]
) -> None:
    show_training(trained[1].to_dict())
    told = capsys.readouterr().out
    assert "after the opening auction" in told
    assert {"15:45", "09:26"} <= set(told.split())
    card = trained[1].card
    added = card["auction"]["track_record"]["difference"]["hit_rate_at_5"]
    assert figures(card)["auction_adds.hit_rate_at_5"] == added["mean"]
