"""The fetching process: hangs, crashes and prints there harm nothing here."""

import datetime
import os
from pathlib import Path

import pytest

from data_profile.errors import SourceError
from data_profile.fetching import Job, fetch
from data_profile.sources.base import Observation, SourceRefused, SourceUnreachable
from tests.data_profile import fake_sources as fakes

FRIDAY = datetime.date(2026, 11, 20)


def jobs(*kinds: type[fakes.Fake]) -> list[Job]:
    return [Job(kind.name, kind, FRIDAY) for kind in kinds]


def test_each_source_answers_whatever_the_others_do(tmp_path: Path) -> None:
    kinds = (
        fakes.Refusing,
        fakes.Hanging,
        fakes.Crashing,
        fakes.Buggy,
        fakes.Malformed,
        fakes.Fake,
    )
    names = [kind.name for kind in kinds]
    answers = dict(fetch(jobs(*kinds), tmp_path / "scratch", deadline=1.0))
    assert list(answers) == names
    assert isinstance(answers["fake.refusing"], SourceRefused)
    assert isinstance(answers["fake.hanging"], SourceUnreachable)
    assert "within" in str(answers["fake.hanging"])
    assert "status 7" in str(answers["fake.crashing"])
    assert "ZeroDivisionError: a fault of ours" in str(answers["fake.buggy"])
    assert all(isinstance(answers[name], SourceError) for name in names[:-1])
    good = answers["fake.board_quotes"]
    assert isinstance(good, Observation)
    assert good.frame["close"].tolist() == [1.0, 2.0]
    assert not list((tmp_path / "scratch").iterdir())


def test_the_process_has_chinas_clock_and_an_empty_folder_of_its_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here = Path.cwd()
    before = set(here.iterdir())
    kind = fakes.Surroundings
    [(_, answer)] = fetch(jobs(kind), tmp_path / "scratch")
    assert isinstance(answer, Observation)
    told = dict(zip(answer.frame["board"], answer.frame["said"], strict=True))
    assert told["zone"] == "CST"
    assert told["pid"] != str(os.getpid())
    assert Path(told["cwd"]).parent == tmp_path / "scratch"
    assert set(here.iterdir()) == before
    assert "standard output" not in capfd.readouterr().out


def test_nothing_is_started_where_nothing_is_asked(tmp_path: Path) -> None:
    assert list(fetch([], tmp_path)) == []
