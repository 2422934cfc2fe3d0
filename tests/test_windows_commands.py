"""`tide data show`, `tide pool unseal`, `tide pool audit` as a person runs them."""

from pathlib import Path

import pytest

from tests.commands import document, tide


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, market_file: Path) -> Path:
    home = tmp_path_factory.mktemp("windows") / "home"
    tide(home, "data", "import", str(market_file))
    return home


def test_show_before_and_after_the_first_night(home: Path) -> None:
    before = document(tide(home, "data", "show", "--json"))
    assert isinstance(before, dict)
    assert before["borders"] is None
    windows = before["windows"]
    assert windows["search"]["end"] < windows["confirm"]["start"] < windows["sealed"]["start"]
    assert {row["label"] for row in before["labels"]} == {
        "limit_up_count", "limit_up_density", "limit_up_surge", "limit_up_top_decile", "composite",
    }  # fmt: skip
    surge = next(row for row in before["labels"] if row["label"] == "limit_up_surge")
    assert surge["mean"] == pytest.approx(surge["event_rate"])
    text = tide(home, "data", "show").stdout
    for word in ("search", "confirm", "sealed", "purge", windows["search"]["end"], "not fixed yet"):
        assert word in text
    tide(home, "mine", "--evaluations", "200", "--proposer", "evolve", "--isolation", "process")
    after = document(tide(home, "data", "show", "--json"))
    assert isinstance(after, dict)
    assert after["windows"] == windows
    assert after["borders"]["id"] == 1
    assert "fixed " in tide(home, "data", "show").stdout
    unsealed(home)


def unsealed(home: Path) -> None:
    """Open twice, and audit."""
    done = tide(home, "pool", "unseal", status=2)
    assert "--why" in done.stderr
    first = document(tide(home, "pool", "unseal", "--why", "the season is over", "--json"))
    assert isinstance(first, dict)
    assert first["fresh"]
    assert first["members"]
    text = tide(home, "pool", "unseal", "--why", "once more").stdout
    assert "No longer fresh" in text
    assert "the season is over" in text
    trail = document(tide(home, "pool", "audit", "--json"))
    assert isinstance(trail, dict)
    assert [one["why"] for one in trail["unsealings"]] == ["the season is over", "once more"]
    assert trail["attempts"]["total"] >= 200
    assert trail["tests"]["next_level"] > 0
    assert "confirm tests" in tide(home, "pool", "audit").stdout


def test_unseal_without_a_pool_is_one_line(tmp_path: Path, market_file: Path) -> None:
    home = tmp_path / "home"
    tide(home, "data", "import", str(market_file))
    done = tide(home, "pool", "unseal", "--why", "to see", status=1)
    assert done.stderr.startswith("error: nothing has been mined in this home")
