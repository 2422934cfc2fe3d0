"""Files about stocks through the command line, as a person hands them in."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import tide
from tests.commands import tide as process
from tests.dragon import DAYS, HOT, INSTITUTION, REASON

DATE = str(DAYS[30].date())
ALIKE = ["信达证券深圳湾科技园证券营业部", "信达证券深圳湾科技生态园证券营业部"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stocks") / "home"


def run(home: Path, *arguments: str) -> str:
    """What a command prints; in this process, for there are many."""
    done = CliRunner().invoke(tide.app, [*arguments, "--home", str(home)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def written(home: Path, name: str, frame: pd.DataFrame) -> str:
    path = home.parent / f"{name}.csv"
    frame.to_csv(path, index=False)
    return str(path)


def test_a_day_with_the_commands(home: Path) -> None:
    days = [str(day.date()) for day in DAYS]
    bars = pd.DataFrame(
        {"date": days, "code": "600001", "open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0,
         "volume_hand": 100}
    )  # fmt: skip
    listed = pd.DataFrame(
        {"date": [DATE], "code": "600001", "name": "甲", "list_reason": REASON, "上榜后1日": 3.0}
    )
    rows = [("buy", 1, INSTITUTION, 5000.0, 0.0), ("buy", 2, ALIKE[0], 1.0, 0.0),
            ("buy", 3, ALIKE[1], 1.0, 0.0), ("sell", 1, HOT, 0.0, 2000.0)]  # fmt: skip
    seats = pd.DataFrame(rows, columns=["side", "rank", "department", "buy_wan", "sell_wan"])
    seats = seats.assign(date=DATE, code="600001")

    assert f"{len(DAYS)} rows: daily bars" in run(
        home, "data", "import", written(home, "bars", bars)
    )
    told = run(home, "data", "import", written(home, "lists", listed))
    assert "dropped, for it is the future of the session: 上榜后1日" in told
    manifest = json.loads(run(home, "data", "import", written(home, "seats", seats), "--json"))
    assert manifest["tables"]["seats"]["rows"] == 4
    assert manifest["stocks"] == 1

    assert json.loads(run(home, "data", "verify", "--json"))["ok"]
    shown = json.loads(run(home, "data", "show", "--json"))
    assert shown["stocks"]["sessions"] == len(DAYS)
    assert shown["store"] is None
    fields = json.loads(run(home, "data", "profile", "--universe", "stock", "--json"))["fields"]
    assert {field["name"]: field["known_at"] for field in fields}["lhb_net_buy"] == "18:10"

    (doubt,) = json.loads(run(home, "data", "seats", "review", "--json"))
    run(home, "data", "seats", "review", "--same", doubt["id"], "--reason", "one address")
    assert json.loads(run(home, "data", "seats", "review", "--json")) == []
    several = json.loads(run(home, "data", "seats", "list", "--several", "--json"))
    assert [one["names"] for one in several] == [sorted(ALIKE)]
    past = json.loads(run(home, "data", "seats", "history", "国盛宁波桑田路营业部", "--json"))
    assert past["names"] == [HOT]
    assert [(day["session"], day["type"], day["buys"]) for day in past["days"]] == [
        (DATE, "hot_money", 0.0)
    ]


def test_a_bad_file_is_one_line_and_status_2(home: Path) -> None:
    bad = pd.DataFrame(
        {"date": [DATE], "code": "600001", "open": 10.0, "high": 9.0, "low": 9.0, "close": 10.0,
         "volume": 1.0}
    )  # fmt: skip
    done = process(home, "data", "import", written(home, "bad", bad), status=2)
    said = done.stderr.strip().splitlines()
    assert len(said) == 1
    assert "bad.csv, line 2, column 'high'" in said[0]
