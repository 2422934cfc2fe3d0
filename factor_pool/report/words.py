"""The words of a score report, in English and Chinese; `TIDE_LANG` chooses."""

import os
from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def language() -> Language:
    """The language of reports: "en", or "zh" where `TIDE_LANG` begins so (zh, zh_CN, zh-Hans)."""
    return "zh" if os.environ.get("TIDE_LANG", "").strip().lower().startswith("zh") else "en"


def words(language: str) -> Mapping[str, str]:
    """Key -> text in a language of `LANGUAGES`."""
    column = LANGUAGES.index(language)
    return {key: texts[column] for key, texts in _WORDS.items()}


_WORDS = {
    "title": ("Score report", "因子评分报告"),
    "pool_factor": ("Factor {id} of the alpha pool", "因子池成员 {id}"),
    "one_expression": (
        "An expression, scored; not a pool member",
        "单个表达式的评分，非因子池成员",
    ),
    "hypothesis": ("Hypothesis, as proposed", "提出时的假设"),
    "no_hypothesis": ("none was written", "未写明"),
    "higher": (
        "Used as written: higher values should mean more limit-ups.",
        "按原样使用：数值越高，预期涨停越多。",
    ),
    "lower": (
        "Used with its sign turned: lower values should mean more limit-ups. Every figure below "
        "is shown in that orientation.",
        "反号使用：数值越低，预期涨停越多。下列数字均按此方向列示。",
    ),
    "higher.stock_open_return": (
        "Used as written: higher values should mean a higher return from the next open.",
        "按原样使用：数值越高，预期次日开盘起的收益越高。",
    ),
    "lower.stock_open_return": (
        "Used with its sign turned: lower values should mean a higher return from the next open. "
        "Every figure below is shown in that orientation.",
        "反号使用：数值越低，预期次日开盘起的收益越高。下列数字均按此方向列示。",
    ),
    "foretells": ("Foretells", "预测目标"),
    "label.limit_up_count": (
        "the number of limit-ups (涨停) in the sector next session",
        "该板块下一交易日的涨停家数",
    ),
    "label.limit_up_density": (
        "limit-ups next session per company of the sector",
        "该板块下一交易日涨停家数占成分股数的比例",
    ),
    "label.limit_up_surge": (
        "a wave (涨停潮) next session: at least 3 limit-ups and twice the sector's recent average",
        "下一交易日出现涨停潮：涨停不少于 3 家，且不低于该板块近期均值的两倍",
    ),
    "label.limit_up_top_decile": (
        "the sector being among the top tenth by limit-ups next session",
        "该板块下一交易日涨停家数进入全部板块的前十分之一",
    ),
    "label.composite": (
        "0.7 rank(close) + 0.3 rank(limit-ups) of the next session",
        "下一交易日 0.7 收盘排名 + 0.3 涨停家数排名",
    ),
    "label.stock_open_return": (
        "the stock's return from the next open (the first price after the evening's list) to the "
        "open after it",
        "个股自次日开盘（龙虎榜公布后首个可成交价）至再下一日开盘的收益",
    ),
    "label.stock_limit_up": (
        "the stock closing limit-up next session",
        "个股下一交易日收盘涨停",
    ),
    "window.search": ("search", "搜索窗"),
    "window.confirm": ("confirm", "确认窗"),
    "window.sealed": ("sealed", "封存窗"),
    "window.all": ("all sessions", "全部交易日"),
    "window.search.what": (
        "the proposers saw this: figures are flattered by selection",
        "提出者看过此窗：数字因筛选而偏高",
    ),
    "window.confirm.what": (
        "unseen by any proposer; judged once, at acceptance",
        "提出者从未看过；仅在入池时检验一次",
    ),
    "window.sealed.what": ("opened on purpose; see the ledger", "经明示启封，见台账"),
    "window.all.what": (
        "every session of the store: no honest estimate for a factor chosen with its help",
        "全部数据：若因子由此选出，则不是诚实的估计",
    ),
    "verdict": ("In short", "一句话"),
    "verdict.text": (
        "{window}: rank IC beyond persistence and size {mean} (t {t}) over {sessions} sessions.",
        "{window}：在延续性与规模之外的 rank IC 为 {mean}（t {t}），共 {sessions} 个交易日。",
    ),
    "figures": ("Figures", "指标"),
    "figures.note": (
        "± is half of the 95% interval (Newey-West, lag 10). Persistence is the exponential "
        "average of past limit-up counts (EWM 10), size the number of companies; both on the same "
        "sessions and sectors.",
        "± 为 95% 区间的半宽（Newey-West，滞后 10）。延续性指过去涨停家数的指数平均（EWM 10），"
        "规模指成分股数；均取相同的交易日与板块。",
    ),
    "factor": ("factor", "因子"),
    "persistence": ("persistence", "延续性"),
    "size": ("size", "规模"),
    "chance": ("chance", "随机"),
    "nothing": ("persistence and size are 0 by construction", "延续性与规模按定义为 0"),
    "rank_ic": ("Rank IC", "Rank IC"),
    "verdict.pool": (
        "Beyond these and the pool {mean} (t {t}).",
        "在这些与因子池之外为 {mean}（t {t}）。",
    ),
    "marginal": ("Rank IC beyond the baseline", "基准之外的 Rank IC"),
    "added": ("Rank IC beyond baseline and pool", "基准与因子池之外的 Rank IC"),
    "t": ("t (Newey-West)", "t 值（Newey-West）"),
    "hit_rate": ("Hit rate of the 5 highest", "前 5 命中率"),
    "hit.any": ("at least one limit-up next session", "下一交易日至少 1 家涨停"),
    "hit.limit_up_surge": ("a wave next session", "下一交易日出现涨停潮"),
    "hit.stock_open_return": ("a gain from the next open", "次日开盘起上涨"),
    "hit.stock_limit_up": ("limit-up next session", "下一交易日涨停"),
    "hit.limit_up_top_decile": ("top tenth next session", "下一交易日进入前十分之一"),
    "rank_autocorrelation": ("Rank autocorrelation, 1 session", "排名自相关（1 日）"),
    "coverage": ("Coverage", "覆盖率"),
    "sessions": ("Sessions measured", "可计量的交易日"),
    "spread": ("Highest less lowest fifth, beyond the baseline", "最高减最低五分位（基准之外）"),
    "spread.unit": ("places of 100 in the outcome's ranking", "结果排名的百分位"),
    "stable": (
        "Periods with this sign, beyond baseline and pool",
        "同号时段占比（基准与因子池之外）",
    ),
    "cumulative": ("Cumulative rank IC beyond the baseline", "基准之外的累计 Rank IC"),
    "cumulative.note": (
        "A steady slope is skill; a step is one episode. Persistence and size are flat at zero "
        "here by construction. Shaded: sessions that no proposer saw.",
        "斜率稳定才是能力，台阶只是一段行情。延续性与规模按定义恒为零。阴影：提出者未看过的交易日。",
    ),
    "beyond_baseline": ("beyond the baseline", "基准之外"),
    "beyond_pool": ("beyond baseline and pool", "基准与因子池之外"),
    "by_year": ("By year", "分年度"),
    "by_year.note": (
        "First the rank IC beyond the baseline with its 95% interval, then the plain rank IC "
        "beside those of persistence and size.",
        "先是基准之外的 Rank IC 及 95% 区间，再是原始 Rank IC，与延续性、规模并列。",
    ),
    "groups": ("Monotonicity", "单调性"),
    "groups.note": (
        "Sectors in five equal groups each session, ties split evenly. First what the baseline "
        "does not explain: groups of the factor's remainder, and the remainder of the outcome's "
        "rank in places of 100. Then the mean outcome itself, beside groups made by persistence "
        "and by size.",
        "每个交易日将板块等分为五组，并列者均分。先看基准未能解释的部分：按因子残差分组，"
        "结果排名的残差（百分位）；再看结果均值，与按延续性、规模分组并列。",
    ),
    "groups.beyond": ("Outcome's rank beyond the baseline", "基准之外的结果排名"),
    "groups.axis": ("fifths of the factor, lowest to highest", "因子五分位，从低到高"),
    "outcome": ("Mean outcome", "结果均值"),
    "all_sectors": ("all sectors", "全部板块"),
    "decay": ("How long a ranking lasts", "排名能持续多久"),
    "decay.note": (
        "Rank correlation with the factor's own ranking some sessions before. What falls fast "
        "trades much.",
        "与若干交易日前自身排名的相关。下降快者换手高。",
    ),
    "decay.axis": ("sessions before", "间隔交易日"),
    "exposures": ("Exposure to the baseline", "对基准的暴露"),
    "exposures.note": (
        "Mean daily rank correlation with each baseline variable. The baseline explains {share} "
        "of the factor's ranking ({window}); above {most} it would be the baseline in other words.",
        "与各基准变量的日均排名相关。基准解释了该因子排名的 {share}（{window}）；"
        "超过 {most} 即为基准的另一种写法。",
    ),
    "pool": ("Correlation with the pool", "与因子池的相关"),
    "pool.note": (
        "Mean daily rank correlation with the other factors in use. Acceptance asks for less than "
        "{most} in size.",
        "与其他在用因子的日均排名相关。入池要求绝对值低于 {most}。",
    ),
    "pool.empty": ("No other factor is in the pool.", "池中没有其他因子。"),
    "account": ("As a portfolio", "作为组合"),
    "account.note": (
        "The {top} highest-ranked sectors, {drop} exchanged a session at most, traded at the next "
        "session's {deal}, cost {open_cost} to buy and {close_cost} to sell; a sector of which "
        "half or more closed at the limit is neither bought nor sold. {engine} What is traded is a "
        "sector's equal-weight basket, which nobody can buy as such: the account says what the "
        "ranking is worth after costs, and promises no return.",
        "持有排名最高的 {top} 个板块，每日最多换 {drop} 个，按下一交易日{deal}成交，买入成本 "
        "{open_cost}、卖出成本 {close_cost}；半数以上成分股收于涨跌停的板块不买不卖。{engine}"
        "交易标的为板块等权篮子，实际无法直接买到：此账户只说明排名扣除成本后的价值，不承诺收益。",
    ),
    "account.engine": (
        "Traded by {engine}'s own engine in a sandbox; our simulator's account differs by "
        "{difference} at most.",
        "由 {engine} 自身的引擎在沙箱中回测；与本程序模拟器的账户相差至多 {difference}。",
    ),
    "account.simulator": (
        "Traded by this program's simulator, which equals Qlib's engine to 1e-9; of an accepted "
        "factor Qlib's own backtest follows at the end of the night.",
        "由本程序的模拟器回测，与 Qlib 引擎相差不超过 1e-9；入池因子的 Qlib 回测在当夜结束时进行。",
    ),
    "account.deal.open": ("open", "开盘价"),
    "account.deal.close": ("close", "收盘价"),
    "account.axis": ("each window begins with an account of its own", "每个窗口各自起始"),
    "account.market": ("equal-weight market", "等权市场"),
    "account.net_value": ("Net value, after costs", "净值（扣除成本）"),
    "account.excess": ("Sum of daily excess over the market, %", "对市场的累计超额（%）"),
    "account.after_cost": ("after costs", "扣除成本"),
    "account.before_cost": ("before costs", "未扣成本"),
    "account.annual_excess": ("Excess over the market, a year", "年化超额"),
    "account.annual_excess_before_cost": ("the same before costs", "年化超额（未扣成本）"),
    "account.information_ratio": ("Information ratio", "信息比率"),
    "account.excess_drawdown": ("Largest loss against the market", "最大超额回撤"),
    "account.annual_return": ("Return, a year", "年化收益"),
    "account.annual_benchmark": ("Market, a year", "市场年化收益"),
    "account.max_drawdown": ("Largest loss since a peak", "最大回撤"),
    "account.annual_cost": ("Costs, a year", "年化成本"),
    "account.daily_turnover": ("Turnover, a session", "日均换手"),
    "account.sessions": ("Sessions traded", "交易日数"),
    "evidence": ("What acceptance rests on", "入池依据"),
    "evidence.test": (
        "Confirm test number {position}: one-sided p {p} against a level of {level} ({rule}).",
        "第 {position} 次确认检验：单侧 p 值 {p}，水平 {level}（{rule}）。",
    ),
    "evidence.attempts": (
        "It was attempt {attempt}; {count} factors had been tried on these data when this page "
        "was made. The false-discovery rule counts every one that reached its test.",
        "它是第 {attempt} 次尝试；制作本页时，这些数据上共试过 {count} 个因子。"
        "假发现控制计入每一个进入检验的因子。",
    ),
    "origin": ("Where it comes from", "来历"),
    "origin.accepted": ("accepted", "入池时间"),
    "origin.status": ("status", "状态"),
    "origin.proposer": ("proposer", "提出者"),
    "origin.session": ("mining session", "挖掘场次"),
    "origin.isolation": ("evaluated in", "评估环境"),
    "origin.judged_on": ("judged on snapshot", "评判所用快照"),
    "origin.snapshot": ("data snapshot", "数据快照"),
    "origin.source": ("data from", "数据来源"),
    "origin.qlib": ("Qlib text", "Qlib 表达式"),
    "origin.made": ("page made", "本页生成"),
    "origin.version": ("program", "程序版本"),
    "caveats": ("Read this before you trust it", "使用前请读"),
    "caveat.search": (
        "Search figures are those of a winner among many attempts and overstate its skill.",
        "搜索窗数字属于众多尝试中的胜出者，会高估其能力。",
    ),
    "caveat.confirm": (
        "Confirm figures are unseen by proposers, yet of a factor that passed a test there: a "
        "little flattered still.",
        "确认窗未被提出者看过，但因子在此通过了检验，数字仍略偏高。",
    ),
    "caveat.hit": (
        "Hit rates flatter everybody: read them only beside persistence, size and chance.",
        "命中率人人都高：只能与延续性、规模、随机并列来看。",
    ),
    "caveat.moved": (
        "The data have changed since acceptance: figures can differ from those it was judged by.",
        "入池后数据已更新：数字可能与入池评判时不同。",
    ),
    "caveat.field": ("${name}: {text}", "${name}：{text}"),
    "caveat.membership": (
        "Today's sector membership may be applied backwards by the source of the data "
        "(survivorship).",
        "数据来源可能以当前成分股回溯历史（幸存者偏差）。",
    ),
    "caveat.advice": ("Not investment advice.", "不构成投资建议。"),
    "old_browser": (
        "The charts need a browser of 2023 or later; every figure stands in the tables.",
        "图表需要 2023 年以后的浏览器；所有数字均见表格。",
    ),
    "year": ("year", "年份"),
    "group": ("group", "分组"),
    "days": ("sessions", "交易日数"),
    "lag": ("lag", "间隔"),
    "variable": ("variable", "变量"),
    "as_table": ("as a table", "数据表"),
    "base.ewm10_count": ("limit-ups, EWM 10", "涨停家数 EWM 10"),
    "base.ewm40_count": ("limit-ups, EWM 40", "涨停家数 EWM 40"),
    "base.count": ("limit-ups today", "当日涨停家数"),
    "base.ewm10_density": ("density, EWM 10", "涨停密度 EWM 10"),
    "base.ewm20_limit_up": ("own limit-ups, EWM 20", "自身涨停 EWM 20"),
    "base.streak": ("streak", "连板数"),
    "base.turnover": ("turnover", "成交额"),
    "base.return_5": ("return of 5 sessions", "近 5 日收益"),
    "base.return_20": ("return of 20 sessions", "近 20 日收益"),
    "base.float_value": ("float value (size)", "流通市值（规模）"),
    "base.companies": ("companies (size)", "成分股数（规模）"),
}
