"""The command line as a person uses it: real processes, one home, from a file to a ranking."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from data_profile.market import synthetic

pytestmark = pytest.mark.xdist_group("tide")  # one worker makes the mined home for all
REPOSITORY = Path(__file__).resolve().parents[1]
EVALUATIONS = 300


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "tide.py"), *arguments, "--home", str(home)]


def environment(place: Path) -> dict[str, str]:
    """A new user's environment: no key, no Docker, an empty home folder of their own."""
    person = place / "person"
    person.mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_KEY") and k != "CHAT_MODEL"}
    return kept | {"HOME": str(person), "DOCKER_HOST": "unix:///nonexistent/docker.sock"}


def tide(home: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run one command in an empty working directory and expect its exit status."""
    place = home.parent
    cwd = place / "cwd"
    cwd.mkdir(exist_ok=True)
    done = subprocess.run(
        command(home, *arguments),
        cwd=cwd,
        env=environment(place),
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == status, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done


def document(done: subprocess.CompletedProcess[str]) -> object:
    """What `--json` printed: one document and nothing else."""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def market_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    market = synthetic(7, sectors=24, sessions=640)
    path = tmp_path_factory.mktemp("market") / "panel.parquet"
    frame = market.frame.assign(sector=market.frame["instrument"].map(market.names))
    frame.to_parquet(path)
    return path


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory, market_file: Path) -> Path:
    """A home with a store, a mined ledger and a trained predictor."""
    home = tmp_path_factory.mktemp("main_job") / "home"
    tide(home, "data", "import", str(market_file))
    done = tide(home, "mine", "--evaluations", str(EVALUATIONS), "--seed", "1", "--json")
    summary = document(done)
    assert isinstance(summary, dict)
    assert summary["evaluated"] >= EVALUATIONS
    assert done.stderr.count("isolation") == 1
    tide(home, "train")
    return home


def test_mine_summary_has_the_contracts_keys(mined: Path) -> None:
    summary = document(tide(mined, "mine", "--evaluations", str(EVALUATIONS), "--json"))
    assert isinstance(summary, dict)
    assert set(summary) >= {
        "evaluated",
        "accepted",
        "rejected",
        "seconds",
        "evaluations_per_second",
        "cost_usd",
        "session",
    }


def test_pool_list_and_export(mined: Path) -> None:
    rows = document(tide(mined, "pool", "list", "--json"))
    assert isinstance(rows, list)
    for row in rows:
        assert set(row) >= {
            "id",
            "expression",
            "qlib",
            "status",
            "accepted_at",
            "marginal_rank_ic",
            "p_value",
            "hypothesis",
            "mlflow_run_id",
        }
    output = mined.parent / "pool.json"
    tide(mined, "pool", "export", "--format", "json", "-o", str(output))
    exported = json.loads(output.read_text("utf-8"))
    assert [f["expression"] for f in exported["factors"]] == [r["expression"] for r in rows]


def test_prediction_is_for_the_session_after_the_last(mined: Path, market_file: Path) -> None:
    last = pd.to_datetime(pd.read_parquet(market_file, columns=["date"])["date"]).max().date()
    forecast = document(tide(mined, "predict", "--json"))
    assert isinstance(forecast, dict)
    assert forecast["as_of"] == str(last)
    assert forecast["for_session"] > str(last)
    assert [row["rank"] for row in forecast["ranking"]] == list(range(1, 11))
    assert all(row["reasons"] and row["name"] for row in forecast["ranking"])
    assert forecast["track_record"]


def test_eval_prints_the_factor_beside_its_baselines(mined: Path) -> None:
    document_ = document(tide(mined, "eval", "Mean($one_word_count, 5)", "--json"))
    assert isinstance(document_, dict)
    assert document_["canonical"]
    assert document_["window"] == "search"
    assert {"marginal_rank_ic", "base_rate", "persistence_hit_rate_at_5"} <= set(document_)
    text = tide(mined, "eval", "Mean($one_word_count, 5)").stdout
    assert "limit_up_count" in text
    assert "persistence" in text


def test_profile_and_doctor(mined: Path) -> None:
    assert "net_inflow" in tide(mined, "data", "profile").stdout
    findings = document(tide(mined, "doctor", "--json"))
    assert isinstance(findings, list)
    by_name = {finding["name"]: finding for finding in findings}
    assert by_name["Docker"]["state"] == "optional"
    assert by_name["market data"]["state"] == "ok"


def test_nothing_is_written_outside_the_home_folder(mined: Path) -> None:
    """After a whole job, working directory and the person's own home folder are empty."""
    assert list((mined.parent / "cwd").iterdir()) == []
    assert [path.name for path in (mined.parent / "person").rglob("*")] == []


def test_wrong_expression_is_explained(mined: Path) -> None:
    done = tide(mined, "eval", "Men($close, 5)", status=2)
    assert "Mean" in done.stderr
    assert "Traceback" not in done.stderr


def test_docker_demanded_without_an_engine(mined: Path) -> None:
    done = tide(mined, "mine", "--isolation", "docker", "--evaluations", "9999", status=3)
    assert "Docker" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_before_there_is_data(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for arguments in (["mine", "--evaluations", "10"], ["train"], ["predict"], ["data", "profile"]):
        done = tide(home, *arguments, status=1)
        assert "tide data import" in done.stderr
        assert "Traceback" not in done.stderr
    assert "empty" in tide(home, "pool", "list").stdout


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: rows.drop(columns="limit_up_count"), ["limit_up_count"]),
        (lambda rows: pd.concat([rows, rows.iloc[[4]]]), ["date", "line"]),
        (lambda rows: rows.assign(close=rows["close"].astype(object).where(rows.index != 5, "x")),
         ["close", "line"]),
        (lambda rows: rows.iloc[[1, 0, *range(2, len(rows))]], ["date", "line"]),
    ],
    ids=["missing column", "duplicate", "text in a number", "dates out of order"],
)  # fmt: skip
def test_bad_file_is_refused_and_the_store_stays(
    mined: Path, market_file: Path, tmp_path: Path, spoil: object, said: list[str]
) -> None:
    rows = pd.read_parquet(market_file)
    one = rows[rows["instrument"] == rows["instrument"].iloc[0]].reset_index(drop=True)
    bad = tmp_path / "bad.csv"
    spoil(one).to_csv(bad, index=False)  # type: ignore[operator]
    before = tide(mined, "data", "profile", "--json").stdout
    done = tide(mined, "data", "import", str(bad), status=2)
    assert "bad.csv" in done.stderr
    assert all(word in done.stderr for word in said), done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3
    assert "Traceback" not in done.stderr
    assert tide(mined, "data", "profile", "--json").stdout == before


def test_killed_night_resumes_and_holds_nothing_twice(tmp_path: Path, market_file: Path) -> None:
    """Kill -9 in the middle of mining, then the same command again."""
    home = tmp_path / "home"
    tide(home, "data", "import", str(market_file))
    mine = ("mine", "--evaluations", str(EVALUATIONS), "--seed", "1", "--json")
    process = subprocess.Popen(
        command(home, *mine),
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while attempts(home) < EVALUATIONS // 4:
        assert process.poll() is None, "mining ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    killed_at = attempts(home)
    summary = document(tide(home, *mine))
    assert isinstance(summary, dict)
    assert attempts(home) >= max(killed_at, EVALUATIONS)
    rows = document(tide(home, "pool", "list", "--json"))
    assert isinstance(rows, list)
    expressions = [row["expression"] for row in rows]
    assert len(set(expressions)) == len(expressions)
    assert all(row["mlflow_run_id"] for row in rows)
    assert len({row["mlflow_run_id"] for row in rows}) == len(rows)


def attempts(home: Path) -> int:
    """Attempts in the ledger, read as another process would."""
    path = home / "ledger.db"
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM attempts").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
