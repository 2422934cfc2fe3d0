"""The demonstration, up to its mining."""

from pathlib import Path

import pytest

from console import demo
from data_profile.home import Home
from data_profile.store import Store
from scenario.session import MineOptions


class Asked(Exception):
    """Stands in the place of mining."""


def test_a_second_run_goes_on_with_the_session_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, MineOptions]] = []

    def mine(home: Home, options: MineOptions, display: object) -> None:
        asked.append((Store(home.store).panel().snapshot_id, options))
        raise Asked

    monkeypatch.setattr("scenario.loop.mine", mine)
    monkeypatch.setattr(demo, "SECTORS", 20)
    monkeypatch.setattr(demo, "SESSIONS", 200)
    for _ in range(2):
        with pytest.raises(Asked):
            demo.run(Home(tmp_path).create(), evaluations=100, seed=1)
    first, second = asked
    assert first == second  # the same data and options, so that the session fits
    assert second[1].reopen
