"""What the commands keep: ledger, page, log."""

import csv
import datetime
import json
from dataclasses import replace
from pathlib import Path

import pytest

from data_profile.home import Home
from predictor.dragon_tiger.making import backtest_and_report, signals_and_log, tune_and_keep
from predictor.dragon_tiger.report.page import html
from predictor.dragon_tiger.report.words import caveats, words
from predictor.dragon_tiger.rules import EXITS, OBSTACLES
from predictor.dragon_tiger.strategy import Options
from predictor.dragon_tiger.study import READINGS
from predictor.errors import PredictorError
from predictor.forecast_log import ForecastLog
from tests.browser import program, tab
from tests.predictor.dragon_tiger.markets import stock_home
from tests.predictor.dragon_tiger.test_weights import LOOSE

OPTIONS = Options(rules=LOOSE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return stock_home(tmp_path_factory.mktemp("made") / "home")


@pytest.fixture(scope="module")
def made(home: Home) -> dict:
    return backtest_and_report(home, date=None, options=OPTIONS, say=lambda _: None)


def test_the_ledger_holds_every_trade(made: dict):
    with open(made["ledger"], encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(made["trades"]) > 10
    assert [row["code"] for row in rows] == [trade["code"] for trade in made["trades"]]
    assert all(row["name"] for row in rows)


def test_the_page_takes_the_tuning_of_the_same_data_only(home: Home, made: dict):
    assert "tide dragon tune" in Path(made["page"]).read_text("utf-8")
    tune_and_keep(home, date=None, options=OPTIONS, say=lambda _: None)
    again = backtest_and_report(home, date=None, options=OPTIONS, say=lambda _: None)
    assert "PBO" in Path(again["page"]).read_text("utf-8")
    other = backtest_and_report(home, date=None, options=Options(), say=lambda _: None)
    assert "PBO" not in Path(other["page"]).read_text("utf-8")


@pytest.mark.slow
def test_tries_of_other_tunings_count_and_the_same_ones_do_not(tmp_path: Path):
    home = stock_home(tmp_path / "home")
    say = lambda _: None  # noqa: E731
    first = tune_and_keep(home, date=None, options=OPTIONS, say=say)
    again = tune_and_keep(home, date=None, options=OPTIONS, say=say)
    assert first == again
    other = tune_and_keep(home, date=None, options=replace(OPTIONS, seed=2), say=say)
    assert (first["earlier_tries"], other["earlier_tries"]) == (0, first["tries"])


def test_signals_enter_the_log_once_and_late_ones_do_not_count(home: Home):
    for _ in range(2):
        signals_and_log(home, date=None, options=OPTIONS)
    with ForecastLog(home.forecasts) as log:
        (record,) = log.records()
        log.verify()
    assert (record.step, record.live) == ("dragon", False)
    assert record.made_at > datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert len(record.document["ranking"]) == 30
    signals_and_log(home, date=None, options=Options())
    with ForecastLog(home.forecasts) as log:
        assert len(log.records()) == 2
        assert log.counted() == []


def test_two_sessions_are_enough_for_fixed_weights(tmp_path: Path):
    home = stock_home(tmp_path / "home", days=14)
    told = backtest_and_report(home, date=None, options=OPTIONS, say=lambda _: None)
    json.dumps(told, allow_nan=False)
    assert told["sessions"] == 2
    assert told["strategy"]["sharpe_interval"] is None
    with pytest.raises(PredictorError, match="at least 36 sessions"):
        backtest_and_report(home, date=None, options=Options("grid"), say=lambda _: None)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_text_of_the_page_is_in_its_language(made: dict, language: str):
    told = words(language)
    for name in (*READINGS, *filter(None, OBSTACLES), *(f"exit.{one}" for one in EXITS)):
        assert told[name]
    assert len(caveats(made["caveat_facts"], language)) == len(made["caveats"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_names_of_stocks_stay_text(made: dict, language: str):
    code = made["trades"][0]["code"]
    poisoned = json.loads(json.dumps(made))
    poisoned["names"][code] = "<script>alert(1)</script>"
    page = html(poisoned, None, language)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.skipif(program() is None, reason="no Chromium is installed")
def test_the_page_opens_on_a_desk_and_on_a_phone(made: dict):
    with tab(str(program())) as page:
        for width, phone in ((1200, False), (390, True)):
            page.size(width, 900, phone=phone)
            page.open(Path(made["page"]).as_uri())
            assert page.js("document.documentElement.scrollWidth") <= width
            assert page.js("document.querySelectorAll('polyline.strategy').length") == 2
        assert page.complaints == []
        assert all(address.startswith("file:") for address in page.requests)
