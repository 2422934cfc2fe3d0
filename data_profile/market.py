"""A synthetic market whose truth is known: for the demo, and for testing that mining is honest.

Each session's limit-up counts are drawn from a ranking of the sectors that was fixed the session
before, out of

* persistence and size: each sector's share of the past limit-ups and of all companies;
* the planted factors, computed from published values only, exactly as their texts say.

How many limit-ups there are in all follows the market's mood: ice (冰点), start (启动), rise
(上升), climax (高潮) and ebb (退潮). Base rate, mean count, surges, rank IC and hit rates of the
usual baselines come out as in the Chinese market of 2021 to 2025, which
tests/data_profile/test_market.py holds them to. A daily loop over vectors; S sectors, T sessions.

Three kinds of market
---------------------
* By default the planted factors are at work; `strength` multiplies their effect.
* `strength=0`: nothing is planted, persistence and size are as strong as in the real market. The
  marginal rank IC of the baseline's own curvature is not zero there, in the real market neither: a
  regression on ranks leaves it over.
* `null=True`: beyond the baseline nothing predicts at all. Each sector has a limit-up with a
  probability that is linear in the baseline's ranks, and all that have one draw how many from the
  same distribution. Then the expectation of ANY function of the count is linear in these ranks, so
  the regression on them leaves nothing over (a marginal rank IC of at most 0.002, the curvature of
  size, since each day's correlation is divided by its own scatter). The price is weaker
  persistence: the 62% of sectors without a limit-up share a low rank that no expectation can fall
  below, so what is linear in ranks has a rank IC of at most about 0.44; 0.50 takes curvature.
"""

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_profile.planted import PLANTED
from data_profile.sessions import sessions as trading_sessions

if TYPE_CHECKING:
    import pandas as pd

LAST_SESSION = datetime.date(2025, 12, 31)

# A sector's pull is its share of all companies and of the past limit-ups; the mean count of a
# session is divided in proportion to pull x exp(planted). All shares have mean 1.
SHARES = {"size": 0.31, "ewm10": 0.43, "ewm40": 0.16, "today": 0.10}
MEAN_COUNT = 0.79
BURST = 3.0  # shape of the gamma that multiplies each sector's mean for one session: its bursts

# Regimes of the mood: mean length in sessions, and what each adds to the log of the mean count.
REGIMES = (("ice", 7.0, -0.3), ("start", 4.0, 0.0), ("rise", 6.0, 0.2), ("climax", 3.0, 0.4),
           ("ebb", 6.0, -0.1))  # fmt: skip
MOOD_SD, MOOD_AR = 0.25, 0.5  # of the log mean count around its regime

# The null market: how the chance of a limit-up leans on the baseline's ranks, its mean, and what a
# sector with limit-ups adds to its first. None has more than 8, the size of the smallest sector.
NULL_LEAN = {"ewm10": 0.25, "ewm40": 0.15, "today": 0.3, "size": 0.3}
NULL_CHANCE, NULL_EXTRA, NULL_MOST = 0.38, 1.25, 8

_NAMES = """
半导体 消费电子 光学光电子 元件 通信设备 通信服务 计算机设备 软件开发 互联网服务
游戏 影视院线 出版 广告营销 数字媒体 化学制药 中药 生物制品 医疗器械 医疗服务
医药商业 白酒 饮料乳品 食品加工 调味发酵品 种植业 养殖业 农产品加工 饲料
白色家电 小家电 厨卫电器 家居用品 造纸 包装印刷 纺织制造 服装家纺 汽车整车
汽车零部件 摩托车及其他 电池 光伏设备 风电设备 电网设备 电机 通用设备 专用设备
工程机械 自动化设备 轨交设备 航空装备 航天装备 地面兵装 船舶制造 工业金属 贵金属
小金属 能源金属 金属新材料 普钢 特钢 煤炭开采 焦炭 油气开采 炼化及贸易 化学原料
化学制品 化学纤维 塑料 橡胶 农化制品 非金属材料 水泥 玻璃玻纤 装修建材
房地产开发 房地产服务 房屋建设 装修装饰 基础建设 专业工程 工程咨询 电力 燃气
环境治理 环保设备 国有银行 股份制银行 城商行 证券 保险 多元金融 航空机场
航运港口 铁路公路 物流 贸易 一般零售 专业连锁 互联网电商 旅游景区 酒店餐饮 教育
体育 个护用品 化妆品 医疗美容 动物保健 渔业 林业 综合
"""


@dataclass(frozen=True)
class Market:
    """A synthetic market.

    Parameters
    ----------
    frame
        Rows by (date, instrument) in date order; columns `date` (datetime64), `instrument`, then
        the numeric fields of `fields.yaml`. Money in yuan, index in points.
    names
        Instrument id -> display name.
    planted
        Texts of the factors that are true by construction, each positively related to the next
        session's limit-up count beyond persistence and size. Empty where nothing is planted.
    expected
        (T, S), sessions and `names` in order: what the next session's counts are drawn from, in
        units of that session's mean. Nobody can rank the sectors better. NaN where not listed. In
        the null market it is the score that decides the chance of a limit-up.
    """

    frame: "pd.DataFrame"
    names: dict[str, str]
    planted: tuple[str, ...]
    expected: np.ndarray


def synthetic(
    seed: int,
    sectors: int = 60,
    sessions: int = 700,
    *,
    strength: float = 1.0,
    null: bool = False,
    flow_from: float = 0.15,
) -> Market:
    """Draw a market; the same arguments give the same market.

    Parameters
    ----------
    seed
        Any non-negative integer.
    sectors
        S, 2 to 500. About one in twelve lists late.
    sessions
        T >= 30 sessions of the Shanghai exchange, ending on `LAST_SESSION`.
    strength
        0 to 3, of the planted factors. At 1 each has a marginal rank IC of about 0.05; at 0 nothing
        is planted.
    null
        True: beyond the baseline nothing predicts, exactly, and nothing is planted.
    flow_from
        Share of the sessions before money flow begins; its fields are missing until then.

    Raises
    ------
    ValueError
        An argument outside its range.

    Examples
    --------
    >>> market = synthetic(1, sectors=12, sessions=60)
    >>> len(market.names), len(market.planted), market.frame["date"].nunique()
    (12, 6, 60)
    """
    if not 2 <= sectors <= 500 or not 30 <= sessions <= 3000:
        raise ValueError("sectors must be 2..500 and sessions 30..3000")
    if not 0 <= flow_from < 1 or not 0 <= strength <= 3:
        raise ValueError("flow_from must be in [0, 1) and strength in [0, 3]")
    strength = 0.0 if null else strength
    return _Simulation(seed, sectors, sessions, strength, null, int(flow_from * sessions)).run()


class _Simulation:
    """State of the market while its sessions are drawn; `v` holds what is published."""

    def __init__(
        self, seed: int, sectors: int, count: int, strength: float, null: bool, flow_start: int
    ) -> None:
        self.rng = np.random.default_rng([seed, sectors, count])
        self.shape = (count, sectors)
        self.strength, self.null, self.flow_start = strength, null, flow_start
        self.v: dict[str, np.ndarray] = {}
        self.listed, self.present = self._listing()
        size = np.exp(self.rng.normal(np.log(50), 0.8, sectors)).round()
        self.size, self.growth = np.clip(size, 8, 400), self.rng.uniform(0.0, 0.25, sectors)
        self.liquidity = np.exp(self.rng.normal(18.9, 0.5, sectors))  # yuan a company and session
        self.close = np.exp(self.rng.normal(7.0, 0.3, sectors))
        self.ewm = {f"ewm{span}": _Ewm(span, sectors) for span in (10, 40)}
        self.previous, self.streak = np.zeros(sectors), np.zeros(sectors)
        self.activity, self.brittle = np.zeros(sectors), np.zeros(sectors)
        self.regime, self.noise, self.mood = 0, 0.0, 0.0
        self.expected = np.zeros(sectors) if null else self._share(self.size)

    def run(self) -> Market:
        oracle = np.empty(self.shape)
        for t in range(self.shape[0]):
            count, companies = self._limits(t)
            change, span = self._prices(t, count, companies)
            self._money(t, count, companies, change, span)
            self._expect(t, count, companies)
            oracle[t] = np.where(self.listed[t], self.expected, np.nan)
        planted = tuple(factor.text for factor in PLANTED) if self.strength else ()
        return Market(self._frame(), self._names(), planted, oracle)

    def _listing(self) -> tuple[np.ndarray, np.ndarray]:
        """Which (session, sector) are listed, some late, and which are published: a few are not."""
        count, sectors = self.shape
        first = np.zeros(sectors, dtype=int)
        late = self.rng.permutation(sectors)[: sectors // 12]
        first[late] = self.rng.integers(count // 10, count * 6 // 10, len(late))
        holes = self.rng.random(self.shape) < 0.002
        holes[-1] = False
        listed = np.arange(count)[:, None] >= first
        return listed, listed & ~holes

    def _publish(self, t: int, **fields: np.ndarray) -> None:
        for name, value in fields.items():
            if name not in self.v:
                self.v[name] = np.full(self.shape, np.nan)
            self.v[name][t, self.present[t]] = value[self.present[t]]

    def _limits(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Counts of boards that closed at, left or touched a price limit."""
        rng, sectors = self.rng, self.shape[1]
        companies = np.round(self.size * (1 + self.growth * t / self.shape[0]))
        self._turn_mood()
        count = self._null_counts() if self.null else self._counts(companies)
        multi = rng.binomial(np.minimum(count, self.previous).astype(int), 0.4).astype(float)
        climbs = rng.random(sectors) < 0.5  # whether the tallest streak is among the survivors
        ladder = np.where(climbs, self.streak + 1, 2)
        self.streak = np.where(multi > 0, np.maximum(ladder, 2), np.minimum(count, 1))
        self.brittle = 0.6 * self.brittle + 0.8 * rng.normal(size=sectors)
        touched = (0.25 * count + 0.004 * companies) * np.exp(0.9 * self.brittle - 0.4)
        broken = np.minimum(rng.poisson(touched), companies - count)
        fallen = rng.poisson(0.0033 * companies * np.exp(-2 * self.mood))
        fallen = np.minimum(fallen, (companies - count) // 2)
        whole = count.astype(int)
        self._publish(
            t, company_count=companies, limit_up_count=count, limit_up_first_board=count - multi,
            limit_up_multi_board=multi, max_streak=self.streak,
            one_word_count=rng.binomial(whole, 0.075),
            limit_up_20pct_count=rng.binomial(whole, 0.12),
            limit_up_st=rng.poisson(0.0015 * companies), broken_limit_count=broken,
            limit_down_count=fallen,
        )  # fmt: skip
        self.previous = count
        return count, companies

    def _turn_mood(self) -> None:
        """Move the market's regime on by one session, and the mood around it."""
        if self.rng.random() < 1 / REGIMES[self.regime][1]:
            self.regime = (self.regime + 1) % len(REGIMES)
        shock = MOOD_SD * np.sqrt(1 - MOOD_AR**2) * self.rng.normal()
        self.noise = MOOD_AR * self.noise + shock
        self.mood = REGIMES[self.regime][2] + self.noise

    def _counts(self, companies: np.ndarray) -> np.ndarray:
        burst = self.rng.gamma(BURST, 1 / BURST, self.shape[1])
        mean = MEAN_COUNT * np.exp(self.mood) * self.expected * burst
        return np.minimum(self.rng.poisson(np.minimum(mean, 90)), companies // 2).astype(float)

    def _null_counts(self) -> np.ndarray:
        """A limit-up with a chance linear in the score; how many more, the same for all."""
        chance = np.clip(NULL_CHANCE * np.exp(self.mood), 0.05, 0.8)
        low, high = self.expected.min(), self.expected.max()
        if low < high:
            lean = 0.98 * min(chance / -low, (1 - chance) / high)
            chance = chance + lean * self.expected
        burst = NULL_EXTRA * self.rng.gamma(0.35, 1 / 0.35, self.shape[1])
        size = np.minimum(1 + self.rng.poisson(burst), NULL_MOST)
        return np.where(self.rng.random(self.shape[1]) < chance, size, 0).astype(float)

    def _prices(
        self, t: int, count: np.ndarray, companies: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Index bars and breadth; returns the session's change and where in its span it closed."""
        rng, sectors = self.rng, self.shape[1]
        push = np.log1p(count)
        own = 0.011 * rng.normal(size=sectors) + 0.003 * (push - push.mean())
        change = np.clip(0.012 * rng.normal() + 0.004 * self.mood + own, -0.16, 0.16)
        before, close = self.close, self.close * (1 + change)
        opened = before * (1 + 0.007 * rng.normal(size=sectors))
        high = np.maximum(opened, close) * (1 + 0.012 * rng.random(sectors) ** 2 + 1e-4)
        low = np.minimum(opened, close) * (1 - 0.012 * rng.random(sectors) ** 2 - 1e-4)
        self.close = close
        fallen = np.nan_to_num(self.v["limit_down_count"][t])
        free = (companies - count - fallen).astype(int)
        rising = 1 / (1 + np.exp(-change / 0.009))
        up = rng.binomial(free, 0.98 * rising)
        down = rng.binomial(free - up, 0.97)
        weighted = change + 0.003 * rng.normal(size=sectors)
        self._publish(
            t, open=opened, high=high, low=low, close=close, ret=change, ret_cw=weighted,
            up_count=count + up, down_count=fallen + down,
        )  # fmt: skip
        if t == 0:
            self.v["ret"][0] = self.v["ret_cw"][0] = np.nan
        return change, (close - low) / (high - low)

    def _money(
        self, t: int, count: np.ndarray, companies: np.ndarray, change: np.ndarray, span: np.ndarray
    ) -> None:
        """Turnover, money flow (from its first session on) and the dragon-tiger list."""
        rng, sectors = self.rng, self.shape[1]
        self.activity = 0.9 * self.activity + 0.15 * rng.normal(size=sectors)
        loud = self.activity + 0.08 * np.log1p(count) + 0.2 * self.mood
        turnover = companies * self.liquidity * np.exp(loud + 0.1 * rng.normal(size=sectors))
        self._publish(
            t, turnover=turnover, inflow_proxy=turnover * span, outflow_proxy=turnover * (1 - span)
        )
        shock = 0.56 * (change - change.mean()) / 0.012 + 0.83 * rng.normal(size=sectors)
        ratio = -0.022 + 0.05 * shock
        path = np.cumsum(rng.normal(size=(3, sectors)), axis=0) * 0.012
        if t >= self.flow_start:
            self._publish(
                t, net_inflow=ratio * turnover, net_inflow_ratio=ratio,
                flow_1000=(0.4 * ratio + path[0]) * turnover,
                flow_1130=(0.6 * ratio + path[1]) * turnover,
                flow_1430=(0.85 * ratio + path[2]) * turnover,
            )  # fmt: skip
        listed = rng.poisson(0.012 * companies).astype(float)
        bought = listed * 3e7 * rng.normal(size=sectors)
        if t >= self.shape[0] - self.shape[0] // 12:
            self._publish(t, lhb_count=listed, lhb_net_buy=bought)

    def _expect(self, t: int, count: np.ndarray, companies: np.ndarray) -> None:
        """Rank the sectors for session t + 1 by what session t has published."""
        seen = self.present[t]
        past = {name: ewm.update(count, seen) for name, ewm in self.ewm.items()}
        today = np.where(seen, count, np.nan)
        if self.null:
            after = self.present[min(t + 1, self.shape[0] - 1)]
            usable = self.listed[t] & after  # the label's cross-section
            values = past | {"today": today, "size": np.where(seen, companies, np.nan)}
            self.expected = np.zeros(self.shape[1])
            for name, weight in NULL_LEAN.items():
                rank = _centred_rank(np.where(usable, values[name], np.nan))
                self.expected += weight * rank
            return
        shares = past | {
            "today": np.where(seen, count, past["ewm10"]), "size": companies,
        }  # fmt: skip
        pull = sum(weight * self._share(shares[name]) for name, weight in SHARES.items())
        lift = np.zeros(self.shape[1])
        if self.strength:
            for factor in PLANTED:
                lift += factor.weight * _centred_rank(factor.signal(self.v, t))
        self.expected = self._share(pull * np.exp(self.strength * lift))

    def _share(self, values: np.ndarray) -> np.ndarray:
        """In units of the mean over all sectors; all alike where there is nothing to share."""
        mean = values.mean()
        return values / mean if mean > 0 else np.ones(len(values))

    def _frame(self) -> "pd.DataFrame":
        import pandas as pd

        days = trading_sessions(LAST_SESSION - datetime.timedelta(2 * self.shape[0]), LAST_SESSION)
        dates = np.array(days[-self.shape[0] :], dtype="datetime64[D]")
        row, column = np.nonzero(self.present)
        ids = np.array(list(self._names()), dtype=object)
        data = {"date": dates[row].astype("datetime64[s]"), "instrument": ids[column]}
        return pd.DataFrame(data | {name: value[row, column] for name, value in self.v.items()})

    def _names(self) -> dict[str, str]:
        known = _NAMES.split()
        return {
            f"S{i + 1:03d}": known[i % len(known)] + ("", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ")[i // len(known)]
            for i in range(self.shape[1])
        }


class _Ewm:
    """Exponentially weighted mean as pandas' `ewm(span)`: adjusted, gaps decay."""

    def __init__(self, span: int, sectors: int) -> None:
        self.decay = 1 - 2 / (span + 1)
        self.total, self.weight = np.zeros(sectors), np.zeros(sectors)

    def update(self, value: np.ndarray, seen: np.ndarray) -> np.ndarray:
        self.total = self.decay * self.total + np.where(seen, value, 0.0)
        self.weight = self.decay * self.weight + seen
        return self.total / np.maximum(self.weight, 1e-12)


def _centred_rank(values: np.ndarray) -> np.ndarray:
    """Cross-sectional rank, average ties, scaled to [-0.5, 0.5]; 0 where the value is missing."""
    ok = np.isfinite(values)
    result = np.zeros(len(values))
    if ok.sum() > 1:
        _, place, count = np.unique(values[ok], return_inverse=True, return_counts=True)
        result[ok] = (np.cumsum(count) - (count + 1) / 2)[place] / (ok.sum() - 1) - 0.5
    return result
