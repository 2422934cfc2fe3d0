"""`tide data show`, `tide pool unseal`, `tide pool audit` as a person runs them."""

from pathlib import Path
from typing import Any

import pytest

from console import windows
from tests.commands import document, give_kernels, tide

LABELS = {
    "limit_up_count", "limit_up_density", "limit_up_surge", "limit_up_top_decile", "composite",
}  # fmt: skip


def printed(home: Path, *arguments: str) -> dict[str, Any]:
    found = document(tide(home, *arguments, "--json"))
    assert isinstance(found, dict)
    return found


def test_from_the_first_look_to_the_last(
    tmp_path: Path, market_file: Path, kernels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    give_kernels(home, kernels)
    tide(home, "data", "import", str(market_file))
    before = printed(home, "data", "show")
    assert before["borders"] is None
    placed = before["windows"]
    assert placed["search"]["end"] < placed["confirm"]["start"] < placed["sealed"]["start"]
    assert {row["label"] for row in before["labels"]} == LABELS
    windows.show_store(before)
    text = capsys.readouterr().out
    for word in ("search", "confirm", "sealed", "purge", placed["search"]["end"], "not fixed yet"):
        assert word in text
    refused = tide(home, "pool", "unseal", "--why", "to see", status=1)
    assert refused.stderr.startswith("error: nothing has been mined in this home")

    tide(home, "mine", "--evaluations", "150", "--proposer", "evolve", "--isolation", "process")
    assert "fixed " in tide(home, "data", "show").stdout

    first = printed(home, "pool", "unseal", "--why", "the season is over")
    assert first["fresh"]
    assert first["members"]
    again = tide(home, "pool", "unseal", "--why", "once more").stdout
    assert "No longer fresh" in again
    assert "the season is over" in again

    trail = printed(home, "pool", "audit")
    assert [one["why"] for one in trail["unsealings"]] == ["the season is over", "once more"]
    assert trail["borders"][0]["search_end"] == placed["search"]["end"]
    assert trail["attempts"]["total"] >= 150
    assert trail["tests"]["next_level"] > 0
    assert sum(trail["confirm_readers"].values()) == trail["confirm_openings"]
    assert trail["confirm_readers"]["acceptance"] >= trail["tests"]["total"]
    windows.show_audit(trail)
    text = capsys.readouterr().out
    assert "confirm tests" in text
    assert "Deflated Sharpe" in text
