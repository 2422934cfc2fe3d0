"""The ideas that the built-in search starts from on sectors, with seed expressions.

A theme says in words what might tell of tomorrow's limit-ups, and gives templates of
expressions. `{w}` is a short window and `{v}` a long one. Templates whose fields the store does
not have are left out.
"""

import re
from dataclasses import dataclass

SHORT = (3, 5, 10)
LONG = (20, 40, 60)
_FIELD = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Theme:
    """An economic idea and the expressions to begin with.

    Parameters
    ----------
    name
        Short name, unique.
    hypothesis
        The idea, as a person would put it. It speaks of all its fields, and of neither window nor
        direction: an expression has its own, and the data give it its sign.
    reason
        Why it might hold.
    fields
        Fields that its random expressions draw from first.
    templates
        Expression texts with `{w}` and `{v}` for windows.
    """

    name: str
    hypothesis: str
    reason: str
    fields: tuple[str, ...]
    templates: tuple[str, ...]


def true_to(theme: Theme, text: str) -> bool:
    """Whether at least half of the fields that an expression names are the theme's."""
    named = _FIELD.findall(text)
    return 2 * sum(name in theme.fields for name in named) >= len(named)


THEMES = (
    Theme(
        "fermentation",
        "How a sector's limit-ups come, as streaks, as one-word boards and in what number, tells "
        "how many follow tomorrow (发酵).",
        "Sealed orders that could not be filled are bid again the next morning, and the leader's "
        "streak pulls its followers.",
        ("one_word_count", "limit_up_multi_board", "max_streak", "limit_up_count", "company_count"),
        (
            "$one_word_count",
            "$one_word_count / $company_count",
            "$limit_up_multi_board / $company_count",
            "$max_streak",
            "Mean($one_word_count, {w})",
            "Mean($limit_up_multi_board, {w})",
            "Sum($limit_up_multi_board, {w}) / (Sum($limit_up_count, {w}) + 1)",
            "Sum($one_word_count, {w}) / (Sum($limit_up_count, {v}) + 1)",
            "Max($max_streak, {w})",
            "$max_streak - Mean($max_streak, {v})",
        ),
    ),
    Theme(
        "ignition",
        "First boards, the numbers of limit-ups and of rising stocks, and turnover tell whether a "
        "sector wakes up (启动).",
        "New money arrives before the crowd: it shows in breadth and turnover before it shows in "
        "streaks.",
        ("limit_up_first_board", "turnover", "up_count", "company_count", "limit_up_count"),
        (
            "$turnover / Mean($turnover, {v})",
            "Mean($turnover, {w}) / Mean($turnover, {v})",
            "$limit_up_first_board / (Mean($limit_up_first_board, {v}) + 1)",
            "$limit_up_count - Mean($limit_up_count, {v})",
            "($limit_up_count - Mean($limit_up_count, {v})) / (Std($limit_up_count, {v}) + 1)",
            "$up_count / $company_count",
            "Delta($up_count / $company_count, {w})",
            "Rank($turnover, {v})",
            "CSRank($turnover / Mean($turnover, {v}))",
            "IdxMax($turnover, {v})",
        ),
    ),
    Theme(
        "climax",
        "How many boards break, how many stay sealed and how many stocks limit down tell whether a "
        "wave goes on (高潮, 炸板).",
        "A broken limit is supply meeting demand at the price limit: it shows attention, and also "
        "how much is sold into it.",
        ("broken_limit_count", "limit_up_count", "limit_down_count", "company_count"),
        (
            "$broken_limit_count / $company_count",
            "Mean($broken_limit_count, {w})",
            "Sum($broken_limit_count, {w}) / (Sum($limit_up_count, {w}) + 1)",
            "$broken_limit_count - Mean($broken_limit_count, {v})",
            "$limit_down_count / $company_count",
            "Mean($limit_down_count, {w}) / $company_count",
            "Mean($limit_up_count - $broken_limit_count, {w})",
            "Corr($limit_up_count, $broken_limit_count, {v})",
        ),
    ),
    Theme(
        "accumulation",
        "Main-force money flow, turnover and price tell which sectors are bought before a wave "
        "(资金潜伏).",
        "Large orders need days to be filled, and leave traces while they are.",
        ("net_inflow", "turnover", "close"),
        (
            "$net_inflow / $turnover",
            "Mean($net_inflow / $turnover, {w})",
            "Sum($net_inflow, {w}) / Sum($turnover, {w})",
            "Sum($net_inflow, {w}) / Sum(Abs($net_inflow), {w})",
            "Mean(Gt($net_inflow, 0), {w})",
            "Mean($net_inflow, {w}) / Std($net_inflow, {v})",
            "CSRank(Mean($net_inflow / $turnover, {w}))",
            "CSRank($net_inflow / $turnover) - CSRank($close / Ref($close, 1))",
            "Corr($net_inflow, $close, {v})",
            "Corr($net_inflow / $turnover, $close / Ref($close, 1), {v})",
            "EMA($net_inflow / $turnover, {w})",
            "Slope($net_inflow / $turnover, {w})",
            "CSRank(Mean($flow_1430 / $turnover, {w}))",
            "Mean(($net_inflow - $flow_1430) / $turnover, {w})",
        ),
    ),
    Theme(
        "relay",
        "How many limit-ups a sector had, streaks and those of 20% among them, tells whether hot "
        "money comes back to it (游资接力).",
        "Short-term money follows profit, until the relay stops: past limit-ups say how alive a "
        "theme is.",
        ("limit_up_count", "limit_up_multi_board", "company_count", "limit_up_20pct_count"),
        (
            "Mean($limit_up_count, {w}) / Mean($limit_up_count, {v})",
            "Mean($limit_up_count / $company_count, {w})",
            "Slope($limit_up_count, {w})",
            "Max($limit_up_count, {v})",
            "IdxMax($limit_up_count, {v})",
            "Mean(Gt($limit_up_count, 0), {v})",
            "Rank($limit_up_count, {v})",
            "Sum($limit_up_20pct_count, {w}) / (Sum($limit_up_count, {w}) + 1)",
            "Std($limit_up_count, {v})",
        ),
    ),
    Theme(
        "trend",
        "The course of a sector's prices and turnover tells of limit-ups beyond what their count "
        "says (趋势).",
        "Moves draw attention, and attention is what limit-ups feed on.",
        ("close", "high", "low", "open", "turnover"),
        (
            "$close / Ref($close, {w})",
            "$close / Ref($close, {v})",
            "$close / Mean($close, {v})",
            "($close - Min($low, {v})) / (Max($high, {v}) - Min($low, {v}))",
            "$close / Max($high, {v})",
            "Slope($close, {v}) / $close",
            "Rsquare($close, {v})",
            "Resi($close, {v}) / $close",
            "Rank($close, {v})",
            "CSRank($close / Ref($close, {v}))",
            "($close - $open) / $open",
            "($high - $close) / $close",
        ),
    ),
    Theme(
        "volatility",
        "Prices and their range, turnover and the numbers of rising and falling stocks tell where "
        "limit-ups are possible at all (弹性).",
        "A sector that never moves cannot reach a price limit; one that swings can.",
        ("high", "low", "close", "turnover", "up_count", "down_count", "company_count"),
        (
            "Std($close / Ref($close, 1), {v})",
            "Mean(($high - $low) / $close, {w})",
            "Std($turnover, {v}) / Mean($turnover, {v})",
            "Corr($close, Log($turnover + 1), {v})",
            "Corr($close / Ref($close, 1), $turnover / Ref($turnover, 1), {v})",
            "Mean(Abs($close / Ref($close, 1) - 1), {w})",
            "Mean(($up_count - $down_count) / $company_count, {w})",
            "Std($up_count / $company_count, {v})",
            "Skew($close / Ref($close, 1), {v})",
        ),
    ),
)
