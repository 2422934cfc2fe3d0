"""Orders of an evening; nothing that comes later changes one."""

import datetime
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.stocks import StockStore
from predictor.dragon_tiger import scene
from predictor.dragon_tiger.signals import signals
from predictor.dragon_tiger.strategy import Options
from predictor.errors import PredictorError
from tests.predictor.dragon_tiger.markets import stock_home
from tests.predictor.dragon_tiger.test_weights import LOOSE


class Poisoned(StockStore):
    """The same store, everything after a session replaced by garbage."""

    after: np.datetime64

    def panel(self) -> Panel:
        whole = super().panel()
        rng = np.random.default_rng(1)
        late = whole.sessions > self.after
        values = {}
        for name, matrix in whole.values.items():
            values[name] = np.array(matrix)
            values[name][late] = rng.lognormal(2, 2, (late.sum(), whole.shape[1]))
        return Panel(whole.sessions, whole.instruments, values, whole.listed)

    def lists(self) -> pd.DataFrame:
        return self._garbled(super().lists(), ("buy", "sell", "net_buy", "close", "ret"))

    def seats(self) -> pd.DataFrame:
        return self._garbled(super().seats(), ("buy", "sell", "net_buy"))

    def _garbled(self, rows: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
        late = (rows["session"] > pd.Timestamp(self.after)).to_numpy()
        rng = np.random.default_rng(2)
        made = rows.copy()
        for name in columns:
            made.loc[late, name] = rng.normal(0, 1e9, late.sum())
        for name in ("code", "seat") if "seat" in made else ("name",):
            made.loc[late, name] = rng.permutation(made.loc[late, name].to_numpy())
        return made


def poison(monkeypatch: pytest.MonkeyPatch, day: datetime.date) -> None:
    kind = type("After", (Poisoned,), {"after": np.datetime64(day)})
    monkeypatch.setattr(scene, "StockStore", kind)


def told(home: Home, day: datetime.date, options: Options) -> bytes:
    return json.dumps(signals(home, date=day, options=options).to_dict()).encode()


@pytest.mark.parametrize("weights", ["default", "grid", "lightgbm"])
def test_what_comes_later_changes_no_byte(small_home, small_scene, monkeypatch, weights: str):
    options = Options(weights, LOOSE)
    day = small_scene.market.sessions[42].item()
    clean = told(small_home, day, options)
    assert json.loads(clean)["buy"]
    poison(monkeypatch, day)
    assert told(small_home, day, options) == clean
    later = small_scene.market.sessions[44].item()
    assert told(small_home, later, options) != clean


@pytest.mark.real_data
@pytest.mark.parametrize(
    "day",
    [
        "2025-11-14",
        pytest.param("2025-10-16", marks=pytest.mark.slow),
        pytest.param("2025-12-19", marks=pytest.mark.slow),
    ],
)
def test_what_comes_later_changes_no_byte_of_the_real_list(real_home, monkeypatch, day: str):
    date = datetime.date.fromisoformat(day)
    clean = told(real_home, date, Options())
    poison(monkeypatch, date)
    assert told(real_home, date, Options()) == clean


def test_signals_are_for_the_next_open(small_home: Home, small_scene):
    made = signals(small_home, options=Options(rules=LOOSE))
    document = made.to_dict()
    assert made.as_of == small_scene.last < made.for_session
    assert document["known_at"] == "18:10"
    assert [one["score"] for one in document["buy"]] == sorted(
        (one["score"] for one in document["buy"]), reverse=True
    )
    assert all(one["reasons"] for side in ("buy", "sell") for one in document[side])
    for one in document["buy"]:
        assert all(" yuan" in text for text in one["reasons"] if text.startswith("net purchase"))
        assert f"institutions' share of the purchases {one['factors']['F2']:.0%}" in one["reasons"]
    held = {one["code"] for one in (*document["hold"], *document["sell"])}
    assert not held & {one["code"] for one in document["buy"]}
    assert len(document["scores"]) == document["listed"] == 30


def test_the_account_of_a_day_does_not_change_later(small_home: Home, small_scene):
    early = small_scene.market.sessions[30].item()
    one = signals(small_home, date=early, options=Options(rules=LOOSE)).to_dict()
    later = small_scene.market.sessions[31].item()
    two = signals(small_home, date=later, options=Options(rules=LOOSE)).to_dict()
    bought = {x["code"] for x in (*two["hold"], *two["sell"]) if x["bought_on"] == str(later)}
    assert bought <= {x["code"] for x in one["buy"]}
    sold = {x["code"] for x in one["sell"]}
    assert not sold & {x["code"] for x in two["hold"]}


def test_a_date_without_a_list_is_named(tmp_path: Path):
    home = stock_home(tmp_path / "home", days=30)
    with pytest.raises(PredictorError, match="2025-07-05"):
        signals(home, date=datetime.date(2025, 7, 5))
    with pytest.raises(PredictorError, match="2025-07-17"):
        signals(home, date=datetime.date(2025, 7, 4))
