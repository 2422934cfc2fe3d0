"""The funds of sectors: the table that is kept, and what a user adds."""

from pathlib import Path

import pytest
import yaml

from data_profile.home import Home
from predictor import etfs
from predictor.errors import PredictorError
from predictor.etfs import FILE, Fund, funds


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).create()


def test_well_known_funds(home: Home) -> None:
    table = funds(home)
    assert table.of("证券") == (Fund("512880", "证券ETF"),)
    assert {fund.code for fund in table.of("半导体")} == {"512480", "159995"}
    assert table.of("没有这个板块") == ()


def test_the_kept_table_has_every_code_once() -> None:
    entries = yaml.safe_load(Path(etfs.__file__).with_name(FILE).read_text("utf-8"))
    codes = [entry["code"] for entry in entries]
    assert len(codes) == len(set(codes)) > 30


def test_the_homes_own_table_goes_first(home: Home) -> None:
    text = '- {code: "510300", name: 沪深300ETF, sectors: [证券, 我的板块]}\n'
    (home.root / FILE).write_text(text, "utf-8")
    table = funds(home)
    assert [fund.code for fund in table.of("证券")] == ["510300", "512880"]
    assert [fund.code for fund in table.of("我的板块")] == ["510300"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("code: 1", "list of entries"),
        ("- {code: 512880, name: a, sectors: [b]}", "in quotes"),
        ('- {code: "600000", name: a, sectors: [b]}', "ETF"),
        ('- {code: "512880", name: a}', "entry 1"),
        ('- {code: "512880", name: a, sectors: b}', "must be text"),
        ('- {code: "512880", name: "\\e[31m", sectors: [b]}', "must be text"),
        ("- !!python/object/apply:os.system [ls]", "cannot be read"),
        ("\xff", "cannot be read|list of entries"),
    ],
)
def test_a_table_that_is_none_is_refused_by_name(home: Home, text: str, told: str) -> None:
    (home.root / FILE).write_text(text, "utf-8")
    with pytest.raises(PredictorError, match=told) as caught:
        funds(home)
    assert FILE in str(caught.value)
