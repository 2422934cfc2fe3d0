"""What enters a day and what does not, and that a person can read why."""

import datetime
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.quality import check
from data_profile.sources.base import Observation

DAY = datetime.date(2026, 11, 20)
NOW = datetime.datetime(2026, 11, 20, 15, 40, tzinfo=datetime.UTC)


def observe(name: str, frame: pd.DataFrame, day: datetime.date = DAY) -> Observation:
    key = ("code",) if "code" in frame else ("board",)
    return Observation(name, day, NOW, True, frame, key)


def flow(seed: int = 1, boards: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    inflow, outflow = rng.uniform(1e9, 1e11, (2, boards)).round(-6)
    return pd.DataFrame({
        "board": [f"板块{at}" for at in range(boards)], "close": rng.uniform(500, 5e3, boards),
        "ret": rng.uniform(-0.05, 0.05, boards), "inflow": inflow, "outflow": outflow,
        "net_inflow": inflow - outflow, "company_count": rng.integers(9, 99, boards) * 1.0,
    })  # fmt: skip


def pool(seed: int = 1, stocks: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    value, rate = rng.uniform(1e9, 1e11, stocks), rng.uniform(0.01, 0.3, stocks)
    return pd.DataFrame({
        "code": [f"600{at:03d}" for at in range(stocks)], "ret": 0.1, "close": 12.5,
        "turnover": value * rate, "float_value": value, "market_value": value * 1.5,
        "turnover_rate": rate, "sealing_value": value / 100, "first_time": "09:31:00",
        "last_time": "10:02:00", "breaks": 2.0, "streak": 1.0,
    })  # fmt: skip


def swap(frame: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    return frame.assign(**{a: frame[b], b: frame[a]})


@pytest.mark.parametrize(
    ("name", "frame"), [("akshare.board_flow.industry", flow()), ("akshare.limit_up_pool", pool())]
)
def test_good(name: str, frame: pd.DataFrame) -> None:
    seen = observe(name, frame)
    assert check(seen).good
    assert check(seen, observe(name, frame)).good  # collected twice in one session
    earlier = flow(2) if "board" in frame else pool(2)
    assert check(seen, observe(name, earlier, DAY - datetime.timedelta(1))).good


@pytest.mark.parametrize(
    ("name", "made", "words"),
    [
        ("board_flow.industry", lambda: swap(flow(), "inflow", "outflow"), "net_inflow = inflow"),
        ("board_flow.industry", lambda: swap(flow(), "net_inflow", "outflow"), "outflow: outside"),
        ("board_flow.industry", lambda: flow().assign(company_count=12.5), "no whole number"),
        ("board_flow.industry", lambda: flow().assign(ret=3.2), "ret: outside"),
        ("board_flow.industry", lambda: flow().assign(inflow=np.nan), "inflow: missing in more"),
        ("board_flow.industry", lambda: flow().assign(inflow="1亿"), "inflow: not of type"),
        ("limit_up_pool", lambda: swap(pool(), "turnover", "market_value"), "near turnover_rate"),
        ("limit_up_pool", lambda: swap(pool(), "float_value", "market_value"), "<= market_value"),
        ("limit_up_pool", lambda: swap(pool(), "first_time", "last_time"), "first_time <= last"),
        ("limit_up_pool", lambda: swap(pool(), "breaks", "streak"), None),
        ("limit_up_pool", lambda: pool().assign(breaks=0.0), "never broke"),
        ("limit_up_pool", lambda: pool().assign(ret=0.05), "at the limit"),
        ("limit_up_pool", lambda: pool().assign(streak=0.0), "streak: outside 1 to 100"),
        ("limit_up_pool", lambda: pool().assign(last_time="23:59:59"), "last_time: outside"),
        ("limit_up_pool", lambda: pool().iloc[:0], "asked too early"),
    ],
)  # fmt: skip
def test_bad_says_why(name: str, made: Callable[[], pd.DataFrame], words: str | None) -> None:
    verdict = check(observe(f"akshare.{name}", made()))
    if words is None:  # the two are small counts: only the raw answer's names tell them apart
        return
    assert not verdict.good
    assert any(words in reason for reason in verdict.reasons), verdict.reasons


def test_reason_names_a_row_and_its_values() -> None:
    frame = flow()
    frame.loc[7, "net_inflow"] += 5e8
    (reason,) = check(observe("akshare.board_flow.industry", frame)).reasons
    assert "1 of 40 rows" in reason
    assert "板块7" in reason


def test_limit_down_pool_may_be_empty() -> None:
    assert check(observe("akshare.limit_down_pool", pool().iloc[:0])).good


def test_equal_to_another_session_is_stale() -> None:
    before = observe("akshare.board_flow.industry", flow(), DAY - datetime.timedelta(1))
    shuffled = flow().sample(frac=1, random_state=1, ignore_index=True)
    verdict = check(observe("akshare.board_flow.industry", shuffled), before)
    assert not verdict.good
    assert "every number is that of 2026-11-19" in verdict.reasons[0]


def test_members_may_repeat() -> None:
    frame = pd.DataFrame({"code": ["000001"], "board": ["某"]})
    before = observe("akshare.board_members.industry", frame, DAY - datetime.timedelta(1))
    assert check(observe("akshare.board_members.industry", frame), before).good


@pytest.mark.parametrize("factor", [1e4, 1e-4])
def test_hundredfold_scale_is_another_unit(factor: float) -> None:
    before = observe("akshare.board_flow.industry", flow(2), DAY - datetime.timedelta(1))
    money = ["inflow", "outflow", "net_inflow"]
    frame = flow()
    frame[money] *= factor
    reasons = check(observe("akshare.board_flow.industry", frame), before).reasons
    assert sum("another unit" in reason for reason in reasons) == 3


def test_missing_page_is_noticed() -> None:
    before = observe("akshare.board_flow.industry", flow(2), DAY - datetime.timedelta(1))
    (reason,) = check(observe("akshare.board_flow.industry", flow().iloc[:25]), before).reasons
    assert "25 rows where the observation before had 40" in reason


def test_pool_against_what_prices_say() -> None:
    seen = observe("akshare.limit_up_pool", pool())
    codes = set(seen.frame["code"])
    assert check(seen, expected=codes).good
    assert check(seen, expected=codes - {"600001"} | {"000001"}).good
    (reason,) = check(seen, expected=[*sorted(codes)[:20], "000001"]).reasons
    assert "30 stocks where 21 are expected: 1 missing (000001), 10 too many" in reason


def test_headlines_from_the_future() -> None:
    times = pd.to_datetime(["2026-11-20 15:00", "2026-11-21 09:00"]).tz_localize("UTC")
    frame = pd.DataFrame({"code": ["000001"] * 2, "headline": ["a", "b"], "time": times})
    seen = Observation("akshare.news", DAY, NOW, False, frame, ("code", "headline"))
    assert "1 headlines" in check(seen).reasons[0]


_CELLS = st.one_of(
    st.none(), st.floats(), st.integers(-(10**18), 10**18), st.text(max_size=5), st.booleans()
)


@given(
    st.sampled_from(["akshare.board_flow.industry", "akshare.limit_up_pool", "akshare.unheard_of"]),
    st.dictionaries(
        st.sampled_from([*flow().columns, *pool().columns]),
        st.lists(_CELLS, min_size=4, max_size=4),
        max_size=6,
    ),
)
def test_whatever_a_table_holds_is_a_verdict(name: str, cells: dict[str, list[object]]) -> None:
    """Nothing of pandera or pandas escapes."""
    base = flow(boards=4) if "board" in name else pool(stocks=4)
    keys = ("board", "code")
    changed = {n: pd.Series(c, dtype=object) for n, c in cells.items() if n not in keys}
    seen = observe(name, base.assign(**changed))
    before = observe(name, base, DAY - datetime.timedelta(1))
    verdict = check(seen, before)
    assert verdict.good is (not verdict.reasons)
    assert all(isinstance(reason, str) and reason for reason in verdict.reasons)
