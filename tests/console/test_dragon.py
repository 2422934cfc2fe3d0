"""`tide dragon` as a person runs it."""

from pathlib import Path

import pytest

from tests.commands import document, tide
from tests.predictor.dragon_tiger.markets import stock_home

WIDE = (
    "--set", "top=0.5", "--set", "keep=0.6", "--set", "min_institutional=0.2",
    "--set", "min_turnover_change=-1", "--set", "impact=0.2",
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stock_home(tmp_path_factory.mktemp("dragon") / "home").root


def test_backtest_prints_one_document_and_writes_a_page(home: Path):
    told = document(tide(home, "dragon", "backtest", "--json", *WIDE))
    assert told["rules"]["top"] == 0.5
    assert told["costs"]["impact"] == 0.2
    assert len(told["trades"]) > 20
    assert Path(told["page"]).read_text("utf-8").startswith("<!doctype html>")
    shown = tide(home, "dragon", "backtest", *WIDE).stdout
    assert "whole list" in shown
    assert "claimed" in shown
    assert "83 sessions" not in shown


def test_the_date_is_asked_for_as_elsewhere(tmp_path: Path):
    for command in ("tune", "backtest", "signals"):
        said = tide(tmp_path / "home", "dragon", command, "--help").stdout
        assert "YYYY-MM-DD" in said
        assert "%Y" not in said


def test_signals(home: Path):
    told = document(tide(home, "dragon", "signals", "--json", *WIDE))
    assert told["known_at"] == "18:10"
    assert told["buy"]
    shown = tide(home, "dragon", "signals", *WIDE)
    assert told["buy"][0]["code"] in shown.stdout
    assert "positions of the played account" in " ".join(shown.stdout.split())
    assert "record 1 of the forecast log" in shown.stderr
    early = document(tide(home, "dragon", "signals", "--json", "--date", "2025-08-15", *WIDE))
    assert (early["as_of"], early["for_session"]) == ("2025-08-15", "2025-08-18")


def test_tune(home: Path):
    told = document(tide(home, "dragon", "tune", "--json", *WIDE))
    assert set(told["weightings"]) == {
        "default", "equal", "grid", "genetic", "forest", "lightgbm",
    }  # fmt: skip
    assert len(told["folds"]) == len(told["weightings"]["grid"]["folds"])


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("backtest", "--set", "stop=much"), 2, "stop must be a float"),
        (("backtest", "--set", "luck=1"), 2, "sets nothing"),
        (("backtest", "--weights", "best"), 1, "no weighting 'best'"),
        (("signals", "--date", "2025-08-16"), 1, "no dragon-tiger list with prices on 2025-08-16"),
    ],
)
def test_what_is_wrong_is_named(home: Path, arguments, status: int, told: str):
    assert told in tide(home, "dragon", *arguments, status=status).stderr


def test_without_stocks_it_says_what_to_do(tmp_path: Path):
    assert "tide data import" in tide(tmp_path / "home", "dragon", "backtest", status=1).stderr
