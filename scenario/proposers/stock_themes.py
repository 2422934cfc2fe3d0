"""The ideas that the built-in search starts from on single stocks: the list, boards, and tape."""

from collections.abc import Mapping

from scenario.proposers.themes import THEMES, Theme

STOCK_THEMES = (
    Theme(
        "institutions",
        "Net buying on the dragon-tiger list, by institutional seats and in all, and turnover tell "
        "of the return from the next open (机构席位净买).",
        "Institutions need days to fill their orders; the list shows the first of them.",
        ("lhb_institution_net_buy", "lhb_net_buy", "float_value", "turnover"),
        (
            "$lhb_institution_net_buy / $turnover",
            "$lhb_institution_net_buy / $float_value",
            "Sum($lhb_institution_net_buy, {w}) / $float_value",
            "Sum($lhb_institution_net_buy, {v}) / $float_value",
            "Sum($lhb_institution_net_buy, {v}) / Sum($turnover, {v})",
            "$lhb_net_buy / $turnover",
            "Sum($lhb_net_buy, {w}) / Sum($turnover, {w})",
            "Sum($lhb_net_buy, {v}) / $float_value",
        ),
    ),
    Theme(
        "hot_money",
        "Net buying by hot-money seats, listings on the dragon-tiger list, limit-ups and turnover "
        "tell who sells after the next open (游资一日游).",
        "Fast money seals a limit with little stock and leaves in a day or two, at the price that "
        "followers pay.",
        ("lhb_hot_money_net_buy", "lhb_listed", "turnover", "float_value", "limit_up"),
        (
            "$lhb_hot_money_net_buy / $turnover",
            "$lhb_hot_money_net_buy / $float_value",
            "Sum($lhb_hot_money_net_buy, {w}) / Sum($turnover, {w})",
            "Sum($lhb_listed, {v})",
            "Sum($lhb_listed, {w})",
            "EMA($lhb_listed, {v})",
            "Sum($lhb_listed, {v}) - Sum($limit_up, {v})",
        ),
    ),
    Theme(
        "boards",
        "Limit-ups, limit-downs, streaks and prices tell whether a stock's holders sell "
        "(连板, 股性).",
        "A stock whose limits held before draws those who chase limits again.",
        ("limit_up", "limit_down", "streak", "high", "low", "close"),
        (
            "Sum($limit_up, {v})",
            "Sum($limit_down, {v})",
            "Max($streak, {v})",
            "IdxMax($streak, {v})",
            "Sum($limit_up - $limit_down, {w})",
            "Sum($limit_up, {w}) / (Sum($limit_up, {v}) + 1)",
            "($high - $close) / $close",
            "Mean(($high - $close) / $close, {w})",
        ),
    ),
    Theme(
        "attention",
        "Turnover and volume show attention, and attention tells of the return from the next open "
        "(换手, 关注度).",
        "Who buys because of the news buys at the open; no such buyer is left a day later.",
        ("turnover_rate", "turnover", "volume", "float_value"),
        (
            "$turnover_rate",
            "$turnover / Mean($turnover, {v})",
            "Mean($turnover, {w}) / Mean($turnover, {v})",
            "$turnover_rate - Mean($turnover_rate, {v})",
            "Mean($turnover_rate, {v})",
            "Std($turnover_rate, {v})",
            "Std($turnover, {v}) / Mean($turnover, {v})",
            "Slope($turnover_rate, {w})",
            "Rank($turnover, {v})",
        ),
    ),
    Theme(
        "reversal",
        "The course of a stock's prices tells how far they overshot, and come back (反转).",
        "Small investors trade on moves and overshoot; who supplies liquidity is paid.",
        ("close", "open", "high", "low"),
        (
            "$close / Ref($close, 1)",
            "$close / Ref($close, {w})",
            "$close / Mean($close, {w})",
            "$close / Mean($close, {v})",
            "($close - $open) / $open",
            "$open / Ref($close, 1)",
            "($close - $low) / ($high - $low + 0.01 * $close)",
            "Mean(($close - $open) / $open, {w})",
            "$close / Max($high, {v})",
        ),
    ),
    Theme(
        "volatility",
        "Prices and volume, and how they swing, tell which stocks gamblers overpay (彩票股, 波动).",
        "A lottery ticket is overpaid, and large moves make a stock one.",
        ("high", "low", "close", "volume"),
        (
            "Std($close / Ref($close, 1), {v})",
            "Max($close / Ref($close, 1), {v})",
            "Skew($close / Ref($close, 1), {v})",
            "Mean(($high - $low) / $close, {w})",
            "Mean(($high - $low) / $close, {v})",
            "Corr($close / Ref($close, 1), $volume / Ref($volume, 1), {v})",
            "Corr($close, Log($volume + 1), {v})",
        ),
    ),
    Theme(
        "large_orders",
        "Main-force net inflow, large orders and turnover tell where money takes a position "
        "(主力资金).",
        "Large orders need days to be filled, and leave traces while they are.",
        ("main_net_inflow", "large_order_turnover", "turnover", "float_value"),
        (
            "$main_net_inflow / $turnover",
            "Sum($main_net_inflow, {w}) / $float_value",
            "Mean($main_net_inflow / $turnover, {w})",
            "$large_order_turnover / $turnover",
            "Mean($large_order_turnover / $turnover, {w})",
        ),
    ),
)
BY_UNIVERSE: Mapping[str, tuple[Theme, ...]] = {"sector": THEMES, "stock": STOCK_THEMES}
