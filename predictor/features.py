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


_DENSITY = "$limit_up_count / $company_count"
_TOUCHED = "$limit_up_count + $broken_limit_count"
_RETURN = "$close / Ref($close, 1) - 1"
# The limit-ups of a sector against those of the average sector that day; 0.3 keeps a day without
# any from deciding.
_SHARE = "$limit_up_count / ($limit_up_count - CSDemean($limit_up_count) + 0.3)"

THRESHOLD = "wave_threshold"
COMPANIES = "companies"
MEMBERS = "members"
MEMBERS_FIELD = "member_limit_ups"


def _averages(
    name: str, text: str, spans: Iterable[int], theme: str, zh: str, en: str
) -> tuple[Feature, ...]:
    """The same quantity, averaged with weights that decay over several spans of sessions."""
    return tuple(
        Feature(f"{name}_{span}", f"EMA({text}, {span})", theme, zh.format(span), en.format(span))
        for span in spans
    )


def _returns(spans: Iterable[int]) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            f"return_{span}", f"$close / Ref($close, {span}) - 1", "return",
            f"{span} 日涨跌 {{:+.2%}}", f"return over {span} sessions: {{:+.2%}}",
        )
        for span in spans
    )  # fmt: skip


BASE_FEATURES: tuple[Feature, ...] = (
    Feature(MEMBERS, f"${MEMBERS_FIELD}", "members",
            "按成分股各自状态合计，预期明日涨停 {:.2f} 家",
            "limit-ups tomorrow that its stocks' own states let one expect: {:.2f}"),
    Feature("limit_ups", "$limit_up_count", "limit-ups",
            "今日涨停 {:.0f} 家", "limit-ups today: {:.0f}"),
    *_averages("limit_ups", "$limit_up_count", (2, 3, 5, 10, 20, 40, 80, 160), "limit-ups",
               "近 {} 日涨停均值 {{:.2f}} 家", "limit-ups a day over about {} sessions: {{:.2f}}"),
    Feature("limit_ups_year", "Mean($limit_up_count, 250)", "limit-ups",
            "近一年日均涨停 {:.2f} 家", "limit-ups a day over a year: {:.2f}"),
    Feature("limit_ups_max_20", "Max($limit_up_count, 20)", "limit-ups",
            "20 日内单日涨停最多 {:.0f} 家", "most limit-ups in a day of 20 sessions: {:.0f}"),
    Feature("limit_ups_std_20", "Std($limit_up_count, 20)", "limit-ups",
            "20 日涨停家数标准差 {:.2f}", "deviation of limit-ups over 20 sessions: {:.2f}"),
    Feature("limit_ups_rank", "CSRank($limit_up_count)", "limit-ups",
            "今日涨停家数排位 {:.0%}", "place by limit-ups today: {:.0%}"),
    Feature("limit_ups_rank_10", "CSRank(EMA($limit_up_count, 10))", "limit-ups",
            "近 10 日涨停排位 {:.0%}", "place by limit-ups over 10 sessions: {:.0%}"),
    Feature(THRESHOLD, "Greater(2 * EMA($limit_up_count, 20), 3)", "usual level",
            "成潮门槛 {:.1f} 家", "limit-ups that would be a wave tomorrow: {:.1f}"),
    Feature("surprise", "($limit_up_count + 1) / (EMA($limit_up_count, 20) + 1)", "surprise",
            "今日涨停为近 20 日常态的 {:.2f} 倍", "limit-ups today over the usual of 20: {:.2f}"),
    *_averages("first_board", "$limit_up_first_board", (5, 20), "first boards",
               "近 {} 日首板均值 {{:.2f}} 家", "first boards a day, {} sessions: {{:.2f}}"),
    *_averages("touched", _TOUCHED, (3,), "limit-ups",
               "近 {} 日触及涨停均值 {{:.2f}} 家", "touched it, {} sessions: {{:.2f}} a day"),
    Feature("share_1", _SHARE, "share of the market",
            "今日涨停为板块平均的 {:.2f} 倍", "limit-ups over the average sector's today: {:.2f}"),
    *_averages("share", _SHARE, (10, 20, 60), "share of the market",
               "近 {} 日涨停为板块平均的 {{:.2f}} 倍",
               "limit-ups over the average sector's, {} sessions: {{:.2f}}"),
    Feature("share_year", f"Mean({_SHARE}, 250)", "share of the market",
            "近一年涨停为板块平均的 {:.2f} 倍",
            "limit-ups over the average sector's, a year: {:.2f}"),
    Feature("density_1", _DENSITY, "density",
            "今日涨停占成分股 {:.2%}", "share of companies at the limit today: {:.2%}"),
    *_averages("density", _DENSITY, (10, 40), "density",
               "近 {} 日涨停占成分股 {{:.2%}}",
               "share of companies at the limit, {} sessions: {{:.2%}}"),
    Feature(COMPANIES, "$company_count", "size",
            "成分股 {:.0f} 家", "companies: {:.0f}", ("others",)),
    Feature("multi_board", "$limit_up_multi_board", "streaks",
            "今日连板 {:.0f} 家", "companies on a streak of limit-ups: {:.0f}"),
    *_averages("multi_board", "$limit_up_multi_board", (3, 40), "streaks",
               "近 {} 日连板均值 {{:.2f}} 家", "on a streak, {} sessions: {{:.2f}} a day"),
    Feature("max_streak", "$max_streak", "streaks",
            "最高 {:.0f} 连板", "longest streak in boards: {:.0f}"),
    *_averages("max_streak", "$max_streak", (5,), "streaks",
               "近 {} 日最高连板均值 {{:.1f}}", "longest streak, {} sessions: {{:.1f}} boards"),
    Feature("promotion", "$limit_up_multi_board / (Ref($limit_up_count, 1) + 1)", "promotion",
            "昨日涨停今日晋级率 {:.0%}", "yesterday's limit-ups promoted today: {:.0%}"),
    Feature("one_word", "$one_word_count", "one-word boards",
            "今日一字板 {:.0f} 家", "one-word boards today: {:.0f}"),
    *_averages("one_word", "$one_word_count", (5, 20), "one-word boards",
               "近 {} 日一字板均值 {{:.2f}} 家",
               "one-word boards a day over about {} sessions: {{:.2f}}"),
    Feature("broken", "$broken_limit_count", "broken limits",
            "今日炸板 {:.0f} 家", "broken limits today: {:.0f}"),
    *_averages("broken", "$broken_limit_count", (5, 20), "broken limits",
               "近 {} 日炸板均值 {{:.2f}} 家",
               "broken limits a day over about {} sessions: {{:.2f}}"),
    Feature("sealed_10", f"EMA($limit_up_count, 10) / (EMA({_TOUCHED}, 10) + 0.1)", "sealing",
            "近 10 日封板率 {:.0%}", "sealed of those that touched the limit, 10 sessions: {:.0%}"),
    *_averages("wide_limit", "$limit_up_20pct_count", (5,), "20% boards",
               "近 {} 日 20cm 涨停均值 {{:.2f}} 家",
               "20% limit-ups a day over about {} sessions: {{:.2f}}"),
    *_averages("special", "$limit_up_st", (60,), "ST boards",
               "近 {} 日 ST 涨停均值 {{:.2f}} 家", "ST limit-ups, {} sessions: {{:.2f}} a day"),
    Feature("limit_downs", "$limit_down_count", "limit-downs",
            "今日跌停 {:.0f} 家", "limit-downs today: {:.0f}"),
    *_averages("limit_downs", "$limit_down_count", (5, 20), "limit-downs",
               "近 {} 日跌停均值 {{:.2f}} 家", "limit-downs, {} sessions: {{:.2f}} a day"),
    Feature("rising", "$up_count", "breadth",
            "今日上涨 {:.0f} 家", "companies that rose today: {:.0f}"),
    Feature("breadth", "$up_count / ($up_count + $down_count)", "breadth",
            "今日上涨家数占比 {:.0%}", "share of its companies that rose today: {:.0%}"),
    Feature("breadth_5", "Mean($up_count / ($up_count + $down_count), 5)", "breadth",
            "近 5 日上涨家数占比 {:.0%}", "share that rose, 5 sessions: {:.0%}"),
    Feature("return_1", _RETURN, "return",
            "今日涨跌 {:+.2%}", "return today: {:+.2%}"),
    *_returns((5, 10, 20, 60, 120)),
    Feature("relative_1", f"CSDemean({_RETURN})", "return",
            "今日超板块平均 {:+.2%}", "return above the average sector's today: {:+.2%}"),
    Feature("relative_20", "CSDemean($close / Ref($close, 20) - 1)", "return",
            "20 日超板块平均 {:+.2%}", "return above the average sector's, 20 sessions: {:+.2%}"),
    Feature("return_rank_20", "CSRank($close / Ref($close, 20))", "return",
            "20 日涨幅排位 {:.0%}", "place by return over 20 sessions: {:.0%}"),
    Feature("gap", "$open / Ref($close, 1) - 1", "the day's path",
            "今日开盘跳空 {:+.2%}", "opening gap today: {:+.2%}"),
    Feature("from_high", "$high / $close - 1", "the day's path",
            "收盘距日内高点 {:.2%}", "high of the day over the close: {:.2%}"),
    Feature("from_low", "$close / $low - 1", "the day's path",
            "收盘高于日内低点 {:.2%}", "close over the low of the day: {:.2%}"),
    Feature("range", "$high / $low - 1", "volatility",
            "今日振幅 {:.2%}", "range of the day: {:.2%}"),
    Feature("range_10", "Mean($high / $low - 1, 10)", "volatility",
            "近 10 日振幅 {:.2%}", "range of a day, 10 sessions: {:.2%}"),
    Feature("volatility_5", f"Std({_RETURN}, 5)", "volatility",
            "5 日波动率 {:.2%}", "daily volatility over 5 sessions: {:.2%}"),
    Feature("volatility_20", f"Std({_RETURN}, 20)", "volatility",
            "20 日波动率 {:.2%}", "daily volatility over 20 sessions: {:.2%}"),
    Feature("volatility_60", f"Std({_RETURN}, 60)", "volatility",
            "60 日波动率 {:.2%}", "daily volatility over 60 sessions: {:.2%}"),
    Feature("below_high_20", "$close / Max($high, 20) - 1", "height",
            "距 20 日高点 {:+.2%}", "from the high of 20 sessions: {:+.2%}"),
    Feature("below_high_60", "$close / Max($high, 60) - 1", "height",
            "距 60 日高点 {:+.2%}", "from the high of 60 sessions: {:+.2%}"),
    Feature("above_low_60", "$close / Min($low, 60) - 1", "height",
            "高于 60 日低点 {:+.2%}", "above the low of 60 sessions: {:+.2%}"),
    Feature("turnover_1", "$turnover / Ref($turnover, 1)", "turnover",
            "成交额为昨日的 {:.2f} 倍", "turnover over yesterday's: {:.2f}"),
    Feature("turnover_20", "$turnover / Mean($turnover, 20)", "turnover",
            "成交额为 20 日均值的 {:.2f} 倍", "turnover over its mean of 20 sessions: {:.2f}"),
    Feature("turnover_rank", "CSRank($turnover / Mean($turnover, 20))", "turnover",
            "放量程度排位 {:.0%}", "place by turnover over its mean: {:.0%}"),
    Feature("turnover_company", "$turnover / $company_count", "turnover",
            "平均每家成交 {:.3g} 元", "turnover of a company in yuan: {:.3g}"),
    Feature("flow_1", "$net_inflow / $turnover", "money flow",
            "主力净流入占成交额 {:+.2%}", "net inflow to turnover today: {:+.2%}"),
    Feature("flow_5", "Mean($net_inflow / $turnover, 5)", "money flow",
            "近 5 日主力净流入占比 {:+.2%}", "net inflow to turnover, 5 sessions: {:+.2%}"),
    Feature("flow_20", "Mean($net_inflow / $turnover, 20)", "money flow",
            "近 20 日主力净流入占比 {:+.2%}", "net inflow to turnover, 20 sessions: {:+.2%}"),
    Feature("market_limit_ups", "$limit_up_count - CSDemean($limit_up_count)", "market",
            "板块平均涨停 {:.2f} 家", "limit-ups of the average sector: {:.2f}", ("own",)),
    Feature("market_limit_ups_5",
            "EMA($limit_up_count, 5) - CSDemean(EMA($limit_up_count, 5))", "market",
            "近 5 日板块平均涨停 {:.2f} 家",
            "limit-ups of the average sector, 5 sessions: {:.2f}", ("own",)),
    Feature("market_multi_board", "$limit_up_multi_board - CSDemean($limit_up_multi_board)",
            "market", "板块平均连板 {:.2f} 家", "on a streak in the average sector: {:.2f}",
            ("own",)),
    Feature("market_limit_downs", "$limit_down_count - CSDemean($limit_down_count)", "market",
            "板块平均跌停 {:.2f} 家", "limit-downs of the average sector: {:.2f}", ("own",)),
    Feature("market_return", f"({_RETURN}) - CSDemean({_RETURN})", "market",
            "板块平均涨跌 {:+.2%}", "return of the average sector today: {:+.2%}", ("own",)),
    Feature("market_return_5", "$close / Ref($close, 5) - CSDemean($close / Ref($close, 5)) - 1",
            "market", "板块平均 5 日涨跌 {:+.2%}",
            "return of the average sector, 5 sessions: {:+.2%}", ("own",)),
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
