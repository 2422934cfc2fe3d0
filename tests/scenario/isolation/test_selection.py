"""Which sandbox a run gets, and what the user is told."""

from pathlib import Path

import pytest

from data_profile.home import Home
from scenario.errors import IsolationError
from scenario.isolation import Isolation, choose
from tests.scenario.isolation.conftest import Engine


def told(mode: str, home: Path) -> tuple[Isolation, list[str]]:
    said: list[str] = []
    return choose(mode, 2, Home(home), said.append), said


def test_processes_as_asked(tmp_path: Path) -> None:
    isolation, said = told("process", tmp_path)
    assert (isolation.name, isolation.identity) == ("process", "process")
    assert len(said) == 1
    assert said[0].startswith("isolation: process (as asked)")


def test_auto_without_an_engine_says_which_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    isolation, said = told("auto", tmp_path)
    assert isolation.name == "process"
    assert len(said) == 1
    assert "isolation: process (no Docker engine at unix:///nowhere/docker.sock)" in said[0]


def test_docker_without_an_engine_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(IsolationError, match="start Docker or set DOCKER_HOST"):
        told("docker", tmp_path)


@pytest.mark.docker
@pytest.mark.parametrize("mode", ["auto", "docker"])
def test_containers_where_an_engine_answers(engine: Engine, tmp_path: Path, mode: str) -> None:
    isolation, said = told(mode, tmp_path)
    assert (isolation.name, isolation.identity) == ("docker", engine.image)
    assert len(said) == 1
    assert said[0].startswith("isolation: docker (2 workers, image sha256:")
