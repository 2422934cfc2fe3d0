"""The master mapping: what is taken for what, what waits, and that no id ever changes."""

import datetime
import json
from pathlib import Path

import pandas as pd
import pytest

from data_profile.identifiers import is_instrument
from data_profile.sector_names import SectorError
from data_profile.sectors import Match, Sectors

DAY = datetime.date(2025, 12, 30)
NEXT = datetime.date(2025, 12, 31)


@pytest.fixture
def sectors(tmp_path: Path) -> Sectors:
    return Sectors(tmp_path / "sectors")


def ids(answers: dict[str, Match]) -> list[str | None]:
    return [match.sector_id for match in answers.values()]


def test_new_boards_get_ids_for_ever(sectors: Sectors, tmp_path: Path) -> None:
    answers = sectors.enter(["银行", "半导体", "白酒"], "industry", DAY)
    assert sorted(map(str, ids(answers))) == ["BK0001", "BK0002", "BK0003"]
    assert all(match.how == "new" for match in answers.values())
    again = sectors.enter(["白酒", "银行", "稀土", "半导体"], "industry", NEXT)
    assert {name: again[name].sector_id for name in answers} == {
        name: match.sector_id for name, match in answers.items()
    }
    assert again["稀土"] == Match("BK0004", "new", again["稀土"].score)
    assert sectors.sectors()["BK0004"].since == NEXT
    assert Sectors(tmp_path / "sectors").sectors() == sectors.sectors()


def test_the_order_of_a_list_does_not_matter(tmp_path: Path) -> None:
    names = ["大盘价值", "小盘价值", "AI手机", "AI眼镜"]
    one, other = Sectors(tmp_path / "1"), Sectors(tmp_path / "2")
    assert one.enter(names, "concept", DAY) == other.enter(names[::-1], "concept", DAY)


def test_kind_is_part_of_the_key(sectors: Sectors) -> None:
    industry = sectors.enter(["白酒"], "industry", DAY)["白酒"]
    concept = sectors.enter(["白酒概念"], "concept", DAY)["白酒概念"]
    assert industry.sector_id != concept.sector_id
    with pytest.raises(SectorError, match="industry or concept"):
        sectors.resolve("白酒", "region", DAY)


def test_spellings_and_synonyms_are_aliases(sectors: Sectors) -> None:
    sectors.enter(["锂电池概念", "阿里概念", "游戏"], "concept", DAY)
    answers = sectors.enter(["锂 电 池", "阿里巴巴概念", "游戏Ⅱ"], "concept", NEXT)
    assert {match.how for match in answers.values()} == {"alias"}
    assert len(sectors.sectors()) == 3
    assert sectors.resolve("阿里巴巴概念", "concept", NEXT).how == "exact"


def test_levels_are_boards_of_their_own_where_a_list_has_both(sectors: Sectors) -> None:
    answers = sectors.enter(["综合", "综合Ⅱ", "综合Ⅲ"], "industry", DAY)
    assert len(set(ids(answers))) == 3


def test_a_name_without_a_level_means_the_second(sectors: Sectors) -> None:
    """One vendor lists 中药Ⅱ and its only part 中药Ⅲ, the other 中药."""
    levels = sectors.enter(["中药Ⅱ", "中药Ⅲ", "钢铁", "普钢Ⅲ"], "industry", DAY)
    answers = sectors.enter(["中药", "普钢"], "industry", DAY)
    assert answers["中药"] == Match(levels["中药Ⅱ"].sector_id, "alias", 100.0)
    assert answers["普钢"].sector_id == levels["普钢Ⅲ"].sector_id


def test_boards_of_one_list_are_never_one(sectors: Sectors) -> None:
    names = ["大盘价值", "小盘价值", "中盘价值", "5G概念", "6G概念", "预增", "预减"]
    assert len(set(ids(sectors.enter(names, "concept", DAY)))) == len(names)
    assert sectors.review() == []


def test_a_long_name_with_a_letter_more_is_taken_and_can_be_separated(sectors: Sectors) -> None:
    sectors.enter(["汽车轻量化一体压铸"], "concept", DAY)
    found = sectors.enter(["汽车轻量化一体压铸件"], "concept", NEXT)["汽车轻量化一体压铸件"]
    assert (found.sector_id, found.how) == ("BK0001", "fuzzy")
    assert sectors.history("BK0001")[-1].score == pytest.approx(found.score)
    assert sectors.separate("汽车轻量化一体压铸件", "concept", reason="two boards") == "BK0002"
    assert sectors.resolve("汽车轻量化一体压铸件", "concept", NEXT).sector_id == "BK0002"
    assert sectors.resolve("汽车轻量化一体压铸", "concept", NEXT).sector_id == "BK0001"
    with pytest.raises(SectorError, match="of its own already"):
        sectors.separate("汽车轻量化一体压铸", "concept")


def test_an_alias_that_meets_its_sector_in_a_list_is_doubted(sectors: Sectors) -> None:
    """A likeness once taken for granted is refuted when one list has both names."""
    sectors.enter(["汽车轻量化一体压铸"], "concept", DAY)
    sectors.enter(["汽车轻量化一体压铸件"], "concept", DAY)
    both = sectors.enter(["汽车轻量化一体压铸", "汽车轻量化一体压铸件"], "concept", NEXT)
    assert ids(both) == ["BK0001", None]
    (question,) = sectors.review()
    assert sectors.decide(question.number, "new") == "BK0002"
    both = sectors.enter(both, "concept", NEXT)
    assert ids(both) == ["BK0001", "BK0002"]


def doubtful(sectors: Sectors) -> int:
    sectors.enter(["通用专用设备", "半导体"], "industry", DAY)
    found = sectors.enter(["专用设备"], "industry", NEXT)["专用设备"]
    assert found == Match(None, "review", found.score)
    (question,) = sectors.review()
    assert question.candidates[0][:2] == ("BK0002", "通用专用设备")
    assert json.dumps(question.to_dict())
    return question.number


def test_a_doubt_waits_and_is_asked_once(sectors: Sectors) -> None:
    number = doubtful(sectors)
    for day in (NEXT, NEXT + datetime.timedelta(days=1)):
        assert sectors.enter(["专用设备", "半导体"], "industry", day)["专用设备"].how == "review"
    assert [one.number for one in sectors.review()] == [number]


@pytest.mark.parametrize(
    ("verdict", "sector", "shown", "parent"),
    [
        ("accept", "BK0002", "通用专用设备", None),
        ("rename", "BK0002", "专用设备", None),
        ("new", "BK0003", "专用设备", None),
        ("split", "BK0003", "专用设备", "BK0002"),
    ],
)
def test_verdicts(
    sectors: Sectors, verdict: str, sector: str, shown: str, parent: str | None
) -> None:
    number = doubtful(sectors)
    assert sectors.decide(number, verdict, reason="known so") == sector  # type: ignore[arg-type]
    assert sectors.review() == []
    assert sectors.resolve("专用设备", "industry", NEXT) == Match(sector, "exact", 100.0)
    found = sectors.sectors()[sector]
    assert (found.name, found.parent) == (shown, parent)
    assert sectors.resolve("通用专用设备", "industry", NEXT).sector_id == "BK0002"
    last = sectors.history(sector)[-1]
    assert (last.by, last.reason, last.session) == ("user", "known so", NEXT)
    with pytest.raises(SectorError, match="no open question"):
        sectors.decide(number, "new")


def test_a_candidate_can_be_named(sectors: Sectors) -> None:
    number = doubtful(sectors)
    with pytest.raises(SectorError, match="no sector 'BK9999'"):
        sectors.decide(number, "accept", "BK9999")
    assert sectors.decide(number, "accept", "BK0001") == "BK0001"


def test_a_rename_keeps_id_and_old_names(sectors: Sectors) -> None:
    sectors.enter(["券商信托", "银行"], "industry", DAY)
    sectors.rename("BK0001", "证券", NEXT, reason="renamed upstream")
    assert sectors.sectors()["BK0001"].name == "证券"
    for name in ("证券", "券商信托"):
        assert sectors.resolve(name, "industry", NEXT).sector_id == "BK0001"
    with pytest.raises(SectorError, match="is the name of BK0002"):
        sectors.rename("BK0001", "银行", NEXT)


def test_a_board_that_comes_when_another_went_is_asked_about(sectors: Sectors) -> None:
    before = ["券商信托", "银行"]
    old = sectors.enter(before, "industry", DAY)["券商信托"].sector_id
    today = sectors.enter(["证券", "银行"], "industry", NEXT, before=before)
    assert today["证券"].how == "review"
    (question,) = sectors.review()
    assert [candidate[0] for candidate in question.candidates] == [old]
    assert sectors.decide(question.number, "rename") == old
    assert sectors.sectors()[str(old)].name == "证券"
    more = sectors.enter(["证券", "银行", "稀土"], "industry", NEXT, before=["证券", "银行"])
    assert more["稀土"].how == "new"


def test_a_rename_found_late_is_a_merger_and_a_rename(sectors: Sectors) -> None:
    old = str(sectors.enter(["券商信托"], "industry", DAY)["券商信托"].sector_id)
    new = str(sectors.enter(["证券"], "industry", NEXT)["证券"].sector_id)
    sectors.merge(new, old, NEXT, reason="renamed upstream")
    sectors.rename(old, "证券", NEXT)
    assert sectors.resolve("证券", "industry", NEXT).sector_id == old
    assert sectors.sectors()[old].name == "证券"


def test_a_merger_holds_from_its_session_on(sectors: Sectors) -> None:
    sectors.enter(["船舶制造", "航天航空"], "industry", DAY)
    ship = str(sectors.resolve("船舶制造", "industry", DAY).sector_id)
    space = str(sectors.resolve("航天航空", "industry", DAY).sector_id)
    sectors.merge(ship, space, NEXT, reason="one board since")
    assert sectors.resolve("船舶制造", "industry", DAY).sector_id == ship
    assert sectors.resolve("船舶制造", "industry", NEXT).sector_id == space
    assert ids(sectors.enter(["船舶制造", "航天航空"], "industry", NEXT)) == [space, space]
    for one, other in ((ship, space), (space, ship)):
        with pytest.raises(SectorError):
            sectors.merge(one, other, NEXT)


def test_allocate_is_idempotent_and_knows_parents(sectors: Sectors) -> None:
    assert sectors.allocate("医药", "industry", DAY) == "BK0001"
    assert sectors.allocate("医 药", "industry", NEXT) == "BK0001"
    assert sectors.allocate("中药", "industry", NEXT, parent="BK0001") == "BK0002"
    assert sectors.sectors()["BK0002"].parent == "BK0001"
    with pytest.raises(SectorError, match="no sector 'BK0007'"):
        sectors.allocate("化学制药", "industry", NEXT, parent="BK0007")


def test_days_before_the_first_meet_the_same_sector(sectors: Sectors) -> None:
    sectors.enter(["稀土"], "concept", NEXT)
    assert sectors.enter(["稀土"], "concept", DAY)["稀土"].sector_id == "BK0001"


def test_an_imported_panel_is_continued_by_collected_boards(sectors: Sectors) -> None:
    file = {"C01": "半导体", "C66": "银行", "C06": "软件与IT服务", "C70": "综合"}
    adopted = sectors.adopt(file, DAY)
    assert adopted == {code: code for code in file}  # what is joined by these ids still can be
    assert sectors.sectors()["C01"].codes == ("C01",)
    today = sectors.enter(["半导体", "银行Ⅱ", "综合行业", "稀土"], "industry", NEXT)
    assert today["半导体"].sector_id == adopted["C01"]
    assert today["银行Ⅱ"].sector_id == adopted["C66"]
    assert today["综合行业"].sector_id == adopted["C70"]
    assert (today["稀土"].how, today["稀土"].sector_id) == ("new", "BK0001")
    before = sectors.history()
    assert sectors.adopt(file, DAY) == adopted
    assert sectors.history() == before


def test_another_panel_of_the_same_names_gets_the_same_ids(sectors: Sectors) -> None:
    first = sectors.adopt({"C01": "半导体", "C02": "消费电子"}, DAY)
    second = sectors.adopt({"881121": "半导体", "881124": "消费电子", "BK0001": "元件"}, DAY)
    assert [second["881121"], second["881124"]] == [first["C01"], first["C02"]]
    assert second["BK0001"] == "BK0001"  # the first that we number, whatever the file meant
    third = sectors.adopt({"C01": "白酒", "c02": "养殖"}, DAY)
    assert set(third.values()) == {"BK0002", "BK0003"}  # taken, but for the case of a letter


def test_ids_of_a_file_never_share_a_sector(sectors: Sectors) -> None:
    adopted = sectors.adopt({"A": "银行", "B": "银行", "C": "银 行", "D": "银行Ⅱ"}, DAY)
    assert len(set(adopted.values())) == 4
    assert sectors.adopt({"A": "银行", "B": "银行", "C": "银 行", "D": "银行Ⅱ"}, DAY) == adopted
    with pytest.raises(SectorError, match="no id"):
        sectors.adopt({"../x": "银行"}, DAY)


def test_an_import_never_fails_for_a_name(sectors: Sectors) -> None:
    adopted = sectors.adopt({"C01": "", "C02": "___", "C03": "长" * 10_000}, DAY)
    assert [sectors.sectors()[adopted[c]].name for c in adopted] == ["C01", "C02", "C03"]


@pytest.mark.parametrize("bad", ["", "\x00", "长" * 10_000])
def test_a_list_with_a_hostile_name_enters_nothing(sectors: Sectors, bad: str) -> None:
    with pytest.raises(SectorError):
        sectors.enter(["银行", bad], "industry", DAY)
    assert sectors.sectors() == {}


@pytest.mark.parametrize("name", ["../../x", "..", "C:\\x", "a\nb", "\u202e银行", "x\u2028y"])
def test_no_name_is_a_path_or_breaks_the_log(sectors: Sectors, tmp_path: Path, name: str) -> None:
    match = sectors.enter(["x" + name], "concept", DAY)["x" + name]
    assert match.sector_id is not None
    assert is_instrument(match.sector_id)
    assert Sectors(tmp_path / "sectors").sectors() == sectors.sectors()
    assert sorted(p.name for p in (tmp_path / "sectors").iterdir()) == ["lock", "log.jsonl"]


def test_a_damaged_log_is_named(sectors: Sectors, tmp_path: Path) -> None:
    sectors.enter(["银行"], "industry", DAY)
    path = tmp_path / "sectors" / "log.jsonl"
    whole = path.read_text("utf-8")
    path.write_text(whole + '{"at": "yesterday"}\n', "utf-8")
    with pytest.raises(SectorError, match="line 2"):
        sectors.sectors()
    path.write_text(whole + whole, "utf-8")
    with pytest.raises(SectorError, match="not the next id"):
        sectors.resolve("银行", "industry", DAY)


@pytest.mark.real_data
def test_two_days_of_four_real_lists(real_data: Path, tmp_path: Path) -> None:
    sectors = Sectors(tmp_path)
    panel = pd.read_parquet(
        real_data / "sector_day_panel.parquet", columns=["sector_id", "sector"]
    ).drop_duplicates()
    adopted = sectors.adopt(dict(zip(panel["sector_id"], panel["sector"], strict=True)), DAY)
    assert len(set(adopted.values())) == 70
    kept = dict(sectors.sectors())
    for day in ("20260811", "20260812"):
        session = datetime.date.fromisoformat(day)
        for file, column, kind in (
            ("stock_board_industry_name_em", "板块名称", "industry"),
            ("stock_fund_flow_industry", "行业", "industry"),
            ("stock_board_concept_name_em", "板块名称", "concept"),
            ("stock_fund_flow_concept", "行业", "concept"),
        ):
            path = real_data / "raw_akshare" / day / f"{file}.csv"
            names = list(pd.read_csv(path, encoding="utf-8-sig")[column])
            answers = sectors.enter(names, kind, session)
            found = [match.sector_id for match in answers.values() if match.sector_id]
            assert len(found) == len(set(found))
            if day == "20260812":
                assert {match.how for match in answers.values()} <= {"exact", "review"}
    assert all(sectors.sectors()[i].name == sector.name for i, sector in kept.items())
    assert 30 < len(sectors.review()) < 100
