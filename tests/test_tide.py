"""The command line as a person uses it: real processes, one home, from a file to a ranking."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.commands import document, give_kernels, tide

EVALUATIONS = 300


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory, market_file: Path, kernels: Path) -> Path:
    """A home with a store, a mined ledger and a trained predictor."""
    home = tmp_path_factory.mktemp("main_job") / "home"
    give_kernels(home, kernels)
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
            "added_rank_ic",
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


def test_eval_writes_a_report_where_it_is_told(mined: Path) -> None:
    done = tide(mined, "eval", "Mean($one_word_count, 5)", "--html")
    page = Path(done.stderr.split("report: ")[1].strip())
    assert page.parent.name == "reports"
    output = mined.parent / "page.html"
    tide(mined, "eval", "$one_word_count", "--window", "all", "--html", "-o", str(output))
    assert "$one_word_count" in output.read_text("utf-8")
    done = tide(mined, "eval", "$close", "-o", str(output), status=2)
    assert "--html" in done.stderr
    done = tide(mined, "eval", "$close", "--html", "-o", "nowhere/page.html", status=2)
    assert "nowhere" in done.stderr


def test_a_factor_is_shown_monitored_and_retired(mined: Path) -> None:
    rows = document(tide(mined, "pool", "list", "--json"))
    assert isinstance(rows, list)
    factor = rows[-1]["id"]
    shown = document(tide(mined, "pool", "show", factor, "--json"))
    assert isinstance(shown, dict)
    assert Path(shown["report"]).exists()
    text = tide(mined, "pool", "show", factor).stdout
    assert "hypothesis" in text
    assert max(map(len, text.splitlines()[:-1])) <= 100
    checks = document(tide(mined, "pool", "monitor", "--json"))
    assert isinstance(checks, list)
    assert [check["member"] for check in checks] == [row["id"] for row in rows]
    assert all(check["status"] == "active" and check["sessions"] == 0 for check in checks)
    tide(mined, "pool", "retire", factor, "--why", "a test of retiring")
    assert "a test of retiring" in tide(mined, "pool", "show", factor).stdout
    assert "retired" in tide(mined, "pool", "list").stdout
    done = tide(mined, "pool", "retire", factor, "--why", "again", status=1)
    assert "retired already" in done.stderr
    assert "tide pool list" in tide(mined, "pool", "show", "F9999", status=1).stderr


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
    for universe in ("sector", "stock"):
        said = tide(home, "pool", "list", "--universe", universe).stdout
        assert "empty" in said
        assert "tide data import FILE" in said
        assert "tide mine" not in said


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
