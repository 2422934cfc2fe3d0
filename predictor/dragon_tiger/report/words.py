"""The words of the backtest's page, in English and Chinese."""

from collections.abc import Mapping
from typing import Any

from factor_pool.report.words import LANGUAGES


def words(language: str) -> Mapping[str, str]:
    """Key -> text in a language of `LANGUAGES`."""
    column = LANGUAGES.index(language)
    return {key: texts[column] for key, texts in _WORDS.items()}


def caveats(facts: Mapping[str, Mapping[str, Any]], language: str) -> list[str]:
    """What to keep in mind, in a language; `caveat_facts` of the backtest's document."""
    said = words(language)
    return [said[f"caveat.{key}"].format(**named) for key, named in facts.items()]


_WORDS: Mapping[str, tuple[str, str]] = {
    "brand": ("Limit-up Tide 涨停潮", "涨停潮 Limit-up Tide"),
    "title": ("Dragon-tiger strategy, {first} to {as_of}", "龙虎榜策略回测，{first} 至 {as_of}"),
    "origin": (
        "{sessions} sessions, {listed} stock-days on the list, weights: {weights}",
        "{sessions} 个交易日，上榜 {listed} 股次，权重：{weights}",
    ),
    "verdict": (
        "Net of costs {total}, a year {annual} (95% interval {low} to {high}), Sharpe {sharpe}. "
        "The document claims {claimed} a year and a Sharpe ratio of {claimed_sharpe}.",
        "扣费后 {total}，年化 {annual}（95% 区间 {low} 至 {high}），夏普 {sharpe}。"
        "参考文档声称年化 {claimed}、夏普 {claimed_sharpe}。",
    ),
    "figures": ("Beside what needs no skill", "与无需技巧的做法对照"),
    "figures.note": (
        "The same execution and costs for all; idle cash earns nothing. In brackets: 95% interval "
        "of the stationary bootstrap.",
        "执行与费用相同；闲置现金不计息。方括号内为平稳自助法 95% 区间。",
    ),
    "strategy": ("strategy", "策略"),
    "all_listed": ("all listed stocks", "全部上榜股"),
    "market": ("market, equal weight", "全市场等权"),
    "market_same_exposure": ("market at the same exposure", "同仓位的全市场"),
    "claimed": ("claimed by the document", "文档声称"),
    "less": ("strategy less …, a year", "策略减去……（年化）"),
    "total_return": ("return", "收益"),
    "annual_return": ("a year", "年化"),
    "sharpe": ("Sharpe", "夏普"),
    "max_drawdown": ("drawdown", "最大回撤"),
    "trades": ("trades", "笔数"),
    "mean_gain": ("a trade", "每笔"),
    "mean_invested": ("invested", "平均仓位"),
    "curve": ("The account", "净值"),
    "curve.note": (
        "Below: the share of the account in stocks; red while buying is paused.",
        "下方为持仓占比；红色为暂停买入期间。",
    ),
    "lots": ("Stocks drawn by lot", "随机选股"),
    "lots.note": (
        "{draws} accounts that bought as many stocks of the same lists on the same evenings, drawn "
        "by lot, under the same rules.",
        "{draws} 个账户，在相同日期从相同榜单中随机买入同样数目的股票，规则相同。",
    ),
    "median": ("median draw", "随机中位数"),
    "range": ("95% of draws", "95% 区间"),
    "own": ("strategy", "策略"),
    "p": ("draws as good", "不逊于策略的比例"),
    "readings": ("Other readings of the rules", "规则的其他读法"),
    "readings.note": (
        "Shown, not chosen from: the best of several readings would need deflating again.",
        "仅供对照，不从中挑选：选最优者须再次打折。",
    ),
    "tuned": ("Weights by folds", "权重 × 折"),
    "tuned.note": (
        "Return of each test. {tries} weights were tried on earlier sessions; the deflated Sharpe "
        "ratio is the probability of skill after all of them. PBO of the grid: {pbo}.",
        "各检验段收益。共在历史上试过 {tries} 组权重；折减夏普为扣除多次尝试后的胜算。"
        "网格的过拟合概率（PBO）：{pbo}。",
    ),
    "tuned.none": (
        "No tuning of these data, rules and costs is kept; run: tide dragon tune",
        "尚无同一数据、规则与费用的调参结果；运行：tide dragon tune",
    ),
    "together": ("together", "合计"),
    "deflated": ("deflated", "折减夏普"),
    "weights": ("weights", "权重"),
    "exits": ("Exits", "卖出理由"),
    "failed": ("Orders not carried out", "未成交委托"),
    "none": ("none", "无"),
    "ledger": ("Every trade", "全部成交"),
    "ledger.note": (
        "Prices are front-adjusted and include slippage; the gain is after all costs.",
        "价格为前复权且含滑点；收益已扣除全部费用。",
    ),
    "listed_on": ("listed", "上榜"),
    "bought_on": ("bought", "买入"),
    "sold_on": ("sold", "卖出"),
    "stock": ("stock", "股票"),
    "reason": ("why sold", "卖出理由"),
    "gain": ("gain", "收益"),
    "cost": ("cost, yuan", "费用（元）"),
    "open": ("held", "持有中"),
    "waited": ("waited {n}", "等待 {n} 日"),
    "caveats": ("What to keep in mind", "注意事项"),
    "absent": ("Factors that cannot be had", "缺失因子"),
    "settings": ("Rules and costs", "规则与费用"),
    "advice": ("Research output, no investment advice.", "仅供研究，不构成投资建议。"),
    "exit.stop": ("stop", "止损"),
    "exit.sentiment": ("news sentiment", "新闻情绪"),
    "exit.left_the_top": ("out of the top part", "跌出前列"),
    "exit.left_the_list": ("off the list", "未上榜"),
    "exit.held_the_longest": ("longest holding time", "持有到期"),
    "caveat.short": (
        "{sessions} sessions are {years} years: no annual figure of so short a sample can confirm "
        "or refute a claim; look at the intervals.",
        "{sessions} 个交易日仅 {years} 年：如此短的样本，年化数字既不能证实也不能证伪；请看区间。",
    ),
    "caveat.adjusted": (
        "Prices are front-adjusted: limits are judged with the tolerance that "
        "docs/dragon-tiger.md states, and lots and fees are those of adjusted prices.",
        "价格为前复权：涨跌停按 docs/dragon-tiger.md 所述容差判断，手数与费用按复权价计。",
    ),
    "caveat.unpriced": (
        "Delisted stocks have no prices here, so none was bought; the list names {stocks} stocks "
        "without prices.",
        "已退市股票无行情，故未买入；榜单中有 {stocks} 只股票无行情。",
    ),
    "caveat.absent": (
        "Without {factors}, which the data do not have.",
        "数据中没有 {factors}，故未使用。",
    ),
    "caveat.walked": (
        "Weights of each session were found on earlier sessions alone, so the account begins on "
        "{first}.",
        "每日权重仅由此前数据得出，账户自 {first} 开始。",
    ),
    "as configured": ("as configured", "当前设置"),
    "sell what leaves the list": ("sell what leaves the list", "未上榜即卖出"),
    "below 5 holdings all in cash": ("below 5 holdings all in cash", "不足 5 只则空仓"),
    "no condition on F1, F2, F4": ("no condition on F1, F2, F4", "不设 F1、F2、F4 条件"),
    "no stop": ("no stop", "不设止损"),
    "held one session": ("held one session", "仅持有一日"),
    "buy": ("buy", "买入"),
    "sell": ("sell", "卖出"),
    "suspended: no trade in the session": ("suspended: no trade in the session", "停牌"),
    "limits unknown: no previous close, or a bar outside its limits": (
        "limits unknown: no previous close, or a bar outside its limits",
        "涨跌停价无法判断",
    ),
    "one-word board at the upper limit": ("one-word board at the upper limit", "一字涨停"),
    "opened at the upper limit": ("opened at the upper limit", "涨停开盘"),
    "opened at the lower limit": ("opened at the lower limit", "跌停开盘"),
    "too little cash for a lot": ("too little cash for a lot", "资金不足一手"),
}
