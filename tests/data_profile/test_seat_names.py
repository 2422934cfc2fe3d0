"""One spelling for every way to write a seat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.seat_names import SeatError, parse


@pytest.mark.parametrize(
    "names",
    [
        ("中信证券股份有限公司上海分公司", "中信证券上海分公司", "中信上海分公司"),
        ("高盛(中国)证券有限责任公司上海浦东新区世纪大道证券营业部",
         "高盛（中国）证券有限责任公司上海浦东新区世纪大道证券营业部"),
        ("国泰君安证券股份有限公司上海江苏路证券营业部",
         "国泰海通证券股份有限公司上海江苏路营业部", "国泰君安上海江苏路营业部"),
        ("上海证券有限责任公司温州分公司", "上海证券温州分公司"),
        ("广发证券股份有限公司上海分公司", "广发上海分公司"),
        ("海通证券股份有限公司青岛福州南路营业部",
         "国泰海通证券股份有限公司山东青岛福州南路营业部"),
        ("安信证券股份有限公司西安曲江池南路证券营业部",
         "国投证券股份有限公司西安曲江池南路证券营业部"),
        ("广发证券股份有限公司江西分公司(对外营业部)", "广发证券股份有限公司江西省分公司"),
        ("广发证券珠海市珠海大道证券营业部", "广发证券珠海珠海大道证券营业部"),
        ("上海证券有限责任公司上海证券徐汇区高安路证券营业部",
         "上海证券有限责任公司徐汇区高安路证券营业部"),
        ("国金证券股份有限公司杭州天目山路证券营业", "国金证券 杭州天目山路 证券营业部"),
        ("华泰证券股份有限公司", "华泰证券股份有限公司总部"),
        ("沪股通", "沪股通专用"),
        ("国盛证券有限责任公司宁波桑田路证券营业部", "国盛证券股份有限公司宁波桑田路证券营业部"),
    ],
)  # fmt: skip
def test_ways_to_write_one_seat(names: tuple[str, ...]) -> None:
    assert len({parse(name).key for name in names}) == 1, [parse(name) for name in names]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("中信上海分公司", "中信建投上海分公司"),
        ("中国银河证券股份有限公司绍兴证券营业部", "中国银河证券股份有限公司绍兴分公司"),
        ("东方财富证券股份有限公司拉萨东环路第一证券营业部",
         "东方财富证券股份有限公司拉萨东环路第二证券营业部"),
        ("国信证券股份有限公司深圳红岭中路证券营业部",
         "国信证券股份有限公司深圳红岭北路证券营业部"),
        ("财通证券股份有限公司杭州市心北路证券营业部", "财通证券股份有限公司杭州心北路证券营业部"),
        ("中信证券(山东)有限责任公司青岛分公司", "中信证券股份有限公司青岛分公司"),
        ("华泰证券股份有限公司吉林吉林大街证券营业部",
         "华泰证券股份有限公司长春吉林大街证券营业部"),
    ],
)  # fmt: skip
def test_seats_that_only_look_alike(one: str, other: str) -> None:
    assert parse(one).key != parse(other).key


def test_what_is_no_branch() -> None:
    kinds = {name: parse(name).kind for name in ("机构专用", "深股通专用", "其他自然人", "机构")}
    assert list(kinds.values()) == ["institution", "northbound", "summary", "summary"]
    assert parse("中信证券股份有限公司客户资产管理部").kind == "desk"


@pytest.mark.parametrize("name", ["", "  ", "（）", "营" * 500, None])
def test_no_name_is_refused(name) -> None:
    with pytest.raises(SeatError, match="no seat's name"):
        parse(name)


@given(st.text(max_size=60))
def test_hostile_names_end_in_a_spelling_or_a_seat_error(text: str) -> None:
    try:
        key = parse(text).key
    except SeatError:
        return
    assert key
    assert parse(text).key == key
