"""Commands that only read leave nothing behind, least of all in a place that was mistyped."""

from pathlib import Path

import pytest

from tests.commands import tide


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("pool", "list"), 0),
        (("data", "show"), 1),
        (("data", "profile"), 1),
        (("data", "profile", "--universe", "stock"), 1),
        (("data", "verify"), 1),
    ],
)
def test_a_mistyped_home_is_not_made(tmp_path: Path, command: tuple[str, ...], status: int) -> None:
    told = tide(tmp_path / "typo", *command, status=status)
    assert told.stdout + told.stderr
    assert not (tmp_path / "typo").exists()
