"""The features every model starts from: our own expressions, and the words that explain them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from factor_pool.records import Member

Reference = Literal["own", "others"]


@dataclass(frozen=True)
class Feature:
    """One input of the model.

    Parameters
    ----------
    name
        Identifier, unique among a model's features.
    text
        Expression in the project's language; look-ahead is impossible by its grammar.
    theme
        What the feature speaks of. Features of a theme overlap, so a reason names a theme once.
    zh, en
        Sentence with one `str.format` field for the value. For a pool factor, its hypothesis.
    against
        What a value is compared with: the sector's `own` past, the `others` that day.
    member
        Id of the pool member; None for a base feature.
    """

    name: str
    text: str
    theme: str
    zh: str
    en: str
    against: tuple[Reference, ...] = ("own", "others")
    member: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As stored beside a model."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Feature":
        """What `to_dict` made, after a round trip through JSON."""
        return cls(**{**stored, "against": tuple(stored["against"])})


_LIMIT_UP_DENSITY = "$limit_up_count / $company_count"
_RETURN = "$close / Ref($close, 1) - 1"

BASE_FEATURES: tuple[Feature, ...] = (
    Feature("limit_ups", "$limit_up_count", "limit-ups",
            "今日涨停 {:.0f} 家", "limit-ups today: {:.0f}"),
    Feature("limit_ups_3", "EMA($limit_up_count, 3)", "limit-ups",
            "近 3 日涨停均值 {:.2f} 家", "limit-ups a day over about 3 sessions: {:.2f}"),
    Feature("limit_ups_10", "EMA($limit_up_count, 10)", "limit-ups",
            "近 10 日涨停均值 {:.2f} 家", "limit-ups a day over about 10 sessions: {:.2f}"),
    Feature("limit_ups_40", "EMA($limit_up_count, 40)", "limit-ups",
            "近 40 日涨停均值 {:.2f} 家", "limit-ups a day over about 40 sessions: {:.2f}"),
    Feature("density_10", f"EMA({_LIMIT_UP_DENSITY}, 10)", "density",
            "近 10 日涨停占成分股 {:.2%}", "share of companies at the limit, 10 sessions: {:.2%}"),
    Feature("companies", "$company_count", "size",
            "成分股 {:.0f} 家", "companies: {:.0f}", ("others",)),
    Feature("multi_board", "$limit_up_multi_board", "streaks",
            "今日连板 {:.0f} 家", "companies on a streak of limit-ups: {:.0f}"),
    Feature("max_streak", "$max_streak", "streaks",
            "最高 {:.0f} 连板", "longest streak in boards: {:.0f}"),
    Feature("one_word", "$one_word_count", "one-word boards",
            "今日一字板 {:.0f} 家", "one-word boards today: {:.0f}"),
    Feature("one_word_5", "EMA($one_word_count, 5)", "one-word boards",
            "近 5 日一字板均值 {:.2f} 家", "one-word boards a day over about 5 sessions: {:.2f}"),
    Feature("broken", "$broken_limit_count", "broken limits",
            "今日炸板 {:.0f} 家", "broken limits today: {:.0f}"),
    Feature("broken_5", "EMA($broken_limit_count, 5)", "broken limits",
            "近 5 日炸板均值 {:.2f} 家", "broken limits a day over about 5 sessions: {:.2f}"),
    Feature("wide_limit_5", "EMA($limit_up_20pct_count, 5)", "20% boards",
            "近 5 日 20cm 涨停均值 {:.2f} 家", "20% limit-ups a day over about 5 sessions: {:.2f}"),
    Feature("limit_downs", "$limit_down_count", "limit-downs",
            "今日跌停 {:.0f} 家", "limit-downs today: {:.0f}"),
    Feature("breadth", "$up_count / ($up_count + $down_count)", "breadth",
            "今日上涨家数占比 {:.0%}", "share of its companies that rose today: {:.0%}"),
    Feature("return_1", _RETURN, "return",
            "今日涨跌 {:+.2%}", "return today: {:+.2%}"),
    Feature("return_5", "$close / Ref($close, 5) - 1", "return",
            "5 日涨跌 {:+.2%}", "return over 5 sessions: {:+.2%}"),
    Feature("return_20", "$close / Ref($close, 20) - 1", "return",
            "20 日涨跌 {:+.2%}", "return over 20 sessions: {:+.2%}"),
    Feature("volatility_20", f"Std({_RETURN}, 20)", "volatility",
            "20 日波动率 {:.2%}", "daily volatility over 20 sessions: {:.2%}"),
    Feature("turnover_20", "$turnover / Mean($turnover, 20)", "turnover",
            "成交额为 20 日均值的 {:.2f} 倍", "turnover over its mean of 20 sessions: {:.2f}"),
    Feature("flow_1", "$net_inflow / $turnover", "money flow",
            "主力净流入占成交额 {:+.2%}", "net inflow to turnover today: {:+.2%}"),
    Feature("flow_5", "Mean($net_inflow / $turnover, 5)", "money flow",
            "近 5 日主力净流入占比 {:+.2%}", "net inflow to turnover, 5 sessions: {:+.2%}"),
    Feature("flow_20", "Mean($net_inflow / $turnover, 20)", "money flow",
            "近 20 日主力净流入占比 {:+.2%}", "net inflow to turnover, 20 sessions: {:+.2%}"),
    Feature("market_limit_ups", "$limit_up_count - CSDemean($limit_up_count)", "market",
            "板块平均涨停 {:.2f} 家", "limit-ups of the average sector: {:.2f}", ("own",)),
    Feature("market_return", f"({_RETURN}) - CSDemean({_RETURN})", "market",
            "板块平均涨跌 {:+.2%}", "return of the average sector today: {:+.2%}", ("own",)),
)  # fmt: skip


def pool_features(members: Iterable[Member]) -> tuple[Feature, ...]:
    """The pool's members as features, each explained by its hypothesis and its expression."""
    return tuple(
        Feature(
            name=f"pool_{member.id}",
            text=member.expression,
            theme=f"pool_{member.id}",
            zh=member.hypothesis,
            en=member.hypothesis,
            member=member.id,
        )
        for member in members
    )
