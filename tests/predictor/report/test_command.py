"""`tide report`, as a person runs it."""

import json
import shutil
from pathlib import Path

from data_profile.home import Home
from tests.commands import tide


def test_it_writes_the_page_and_says_where(full_home: Home, tmp_path: Path) -> None:
    shutil.copytree(full_home.root, tmp_path / "home", symlinks=True)
    done = tide(tmp_path / "home", "report", "--language", "zh", "--json")
    told = json.loads(done.stdout)
    assert told["language"] == "zh"
    page = Path(told["html"])
    assert page.name == f"daily-{told['session']}.zh.html"
    assert page.parent == tmp_path / "home" / "reports"
    assert "涨停板块预测" in page.read_text("utf-8")
    assert Path(told["md"]).exists()


def test_without_a_store_it_says_what_to_do(tmp_path: Path) -> None:
    done = tide(tmp_path / "home", "report", status=1)
    assert "tide data import" in done.stderr


def test_prose_without_a_model_names_the_setting(full_home: Home, tmp_path: Path) -> None:
    shutil.copytree(full_home.root, tmp_path / "home", symlinks=True)
    done = tide(tmp_path / "home", "report", "--prose", status=3)
    assert "CHAT_MODEL" in done.stderr
