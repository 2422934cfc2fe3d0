"""Commands that are printed work where they are printed."""

import sys
from pathlib import Path

import pytest

from console import tables
from console.display import runnable
from data_profile.home import Home


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an environment's programs, which is not on PATH."""
    folder = tmp_path / "a project" / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("python", "tide", "mlflow"):
        (folder / name).write_text("#!/bin/sh\n", "ascii")
        (folder / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return folder


def test_by_its_path_where_path_does_not_have_it(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "a project")
    assert runnable("mlflow") == ".venv/bin/mlflow"
    monkeypatch.chdir(programs)
    assert runnable("mlflow") == f"'{programs / 'mlflow'}'"  # a bare name would not be found
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert runnable("mlflow") == f"'{programs / 'mlflow'}'"


def test_by_its_path_where_path_has_another(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "mlflow"
    other.write_text("#!/bin/sh\n", "ascii")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path / "a project")
    assert runnable("mlflow") == ".venv/bin/mlflow"


def test_by_its_name_where_path_has_it(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(programs))
    assert runnable("mlflow") == "mlflow"


def test_by_its_name_where_it_is_not_installed(programs: Path) -> None:
    assert runnable("nothing-of-that-name") == "nothing-of-that-name"


def test_the_last_lines_of_the_demo_can_be_copied(
    programs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path / "a project")
    tables.show_places(Home(Path("runs")))
    said = capsys.readouterr().out
    assert " .venv/bin/mlflow ui --backend-store-uri " in said
    assert " .venv/bin/tide pool export --home runs " in said
