"""The words of the morning report, in English and Chinese; `TIDE_LANG` chooses."""

from collections.abc import Mapping

from factor_pool.report.words import LANGUAGES

GATES: Mapping[str, tuple[str, str]] = {
    "validity": ("no valid expression", "表达式无效"),
    "availability": ("reads what is not known in time", "用到届时未知的数据"),
    "duplicate": ("attempted before", "以前试过"),
    "evaluation": ("could not be evaluated", "无法计算"),
    "novelty": ("in the pool already", "已在因子池中"),
    "complexity": ("too long", "过于复杂"),
    "coverage": ("too few values", "数据太少"),
    "baseline_copy": ("persistence or size in other words", "只是延续性或规模的另一种写法"),
    "correlation": ("too close to a pool member", "与池中因子过于相似"),
    "strength": ("adds too little in the search window", "搜索窗内增量太小"),
    "power": ("too weak for the confirm window to show", "太弱，确认窗无法检出"),
    "stability": ("not the same in most periods", "多数时段方向不一致"),
    "halves": ("not the same in both halves of the universe", "两半样本方向不一致"),
    "turnover": ("reverses from day to day", "排名逐日反转"),
    "kin": (
        "close kin of one that did not hold in the confirm window",
        "与确认窗未通过者近似",
    ),
    "confirm_coverage": ("too few values in the confirm window", "确认窗内数据太少"),
    "confirm": ("did not hold in the confirm window", "确认窗未通过"),
}
"""Name of a gate -> why it rejects, in the order in which they are asked."""


def words(language: str) -> Mapping[str, str]:
    """Key -> text in a language of `factor_pool.report.words.LANGUAGES`."""
    column = LANGUAGES.index(language)
    gates = {f"gate.{name}": texts[column] for name, texts in GATES.items()}
    return gates | {key: texts[column] for key, texts in _WORDS.items()}


_WORDS = {
    "title": ("Morning report", "晨报"),
    "night": ("Night of {day}", "{day} 夜间"),
    "session": ("Session {session}", "场次 {session}"),
    "verdict": (
        "{attempts} factors proposed, {tested} tested on unseen sessions, {accepted} accepted.",
        "共提出 {attempts} 个因子，{tested} 个进入未见数据检验，{accepted} 个入池。",
    ),
    "end.target": ("The target was reached.", "已达到目标。"),
    "end.deadline": ("The time was up.", "已到截止时间。"),
    "end.budget": ("The language model's budget was spent.", "语言模型预算已用完。"),
    "end.spent": (
        "The error budget was spent: no factor could have been accepted any more.",
        "错误预算已用完：再好的因子也无法入池。",
    ),
    "end.exhausted": ("Nothing new was left to evaluate.", "已没有新的因子可评估。"),
    "end.interrupted": (
        "Stopped by hand in iteration {iteration}: the same command goes on from there.",
        "在第 {iteration} 轮被手动停止：同一命令会从该处继续。",
    ),
    "end.failed": ("It stopped on an error: {trouble}", "因错误停止：{trouble}"),
    "trouble": ("Last trouble: {trouble}", "最近一次故障：{trouble}"),
    "at_a_glance": ("At a glance", "概览"),
    "evaluated": ("evaluated", "已评估"),
    "evaluated.text": ("{count} in {time} ({rate}/s)", "{count} 个，用时 {time}（{rate}/秒）"),
    "accepted": ("accepted", "入池"),
    "iterations": ("iterations", "轮次"),
    "spend": ("language model", "语言模型"),
    "spend.none": ("not asked, nothing spent", "未调用，无花费"),
    "spend.text": (
        "{usd} USD, {tokens} tokens, {replies} replies",
        "{usd} 美元，{tokens} 词元，{replies} 次回复",
    ),
    "spend.limits": ("; limits: {limits}", "；上限：{limits}"),
    "limit.session": ("session", "本场"),
    "limit.night": ("night", "本夜"),
    "limit.text": ("{which} {used} of {limit} {unit}", "{which} {used} / {limit} {unit}"),
    "unit.usd": ("USD", "美元"),
    "unit.tokens": ("tokens", "词元"),
    "budget": ("error budget", "错误预算"),
    "budget.text": (
        "{left} of the first test's level: the next candidate needs p at most {next} (the first "
        "needed {first})",
        "为首次检验水平的 {left}：下一个候选需 p ≤ {next}（首个为 {first}）",
    ),
    "budget.note": (
        "Every test in the confirm window spends from a false-discovery budget of {fdr} that all "
        "nights of this home share; a discovery earns some back. Tonight: from {before} to "
        "{after}, with {tests} tests and {discoveries} discoveries.",
        "每次确认窗检验都消耗同一个假发现预算（{fdr}），由本目录的所有夜晚共享；发现会赚回一部分。"
        "今夜：由 {before} 到 {after}，检验 {tests} 次，发现 {discoveries} 个。",
    ),
    "setup": ("set-up", "设置"),
    "setup.text": (
        "seed {seed}, proposer {proposer}, label {label}, data {snapshot}",
        "种子 {seed}，提出者 {proposer}，标签 {label}，数据 {snapshot}",
    ),
    "found": ("Accepted, and why", "入池因子及理由"),
    "found.none": ("Nothing was accepted.", "今夜没有因子入池。"),
    "found.note": (
        "Search figures flatter: they are those of winners. What counts is the confirm line: "
        "sessions no proposer saw. ± is half of the 95% interval (Newey-West); persistence and "
        "size add 0 by construction.",
        "搜索窗数字属于胜出者，偏高；应看确认窗：提出者从未见过的交易日。"
        "± 为 95% 区间半宽（Newey-West）；延续性与规模的增量按定义为 0。",
    ),
    "found.sense.1": ("higher values should mean more limit-ups", "数值越高，预期涨停越多"),
    "found.sense.1.stock_open_return": (
        "higher values should mean a higher return from the next open",
        "数值越高，预期次日开盘起的收益越高",
    ),
    "found.sense.-1.stock_open_return": (
        "lower values should mean a higher return from the next open",
        "数值越低，预期次日开盘起的收益越高",
    ),
    "found.sense.-1": ("lower values should mean more limit-ups", "数值越低，预期涨停越多"),
    "found.search": (
        "Search: adds a rank IC of {added} to persistence, size and the earlier pool (t {t}); "
        "beyond persistence and size alone {marginal}.",
        "搜索窗：在延续性、规模与已有因子池之外增加 rank IC {added}（t {t}）；"
        "仅在延续性与规模之外为 {marginal}。",
    ),
    "found.hits": (
        "Hit rate of the 5 highest {own} against persistence {persistence}, size {size}, chance "
        "{chance}.",
        "前 5 命中率 {own}；延续性 {persistence}，规模 {size}，随机 {chance}。",
    ),
    "found.confirm": (
        "Confirm: adds {added} on {sessions} unseen sessions ({start} to {end}); p {p}, at most "
        "{level} was needed.",
        "确认窗：在 {sessions} 个未见交易日（{start} 至 {end}）增加 {added}；p {p}，需 ≤ {level}。",
    ),
    "found.report": ("its report", "因子报告"),
    "hypothesis": ("Hypothesis, as proposed", "提出时的假设"),
    "no_hypothesis": ("none was written", "未写明"),
    "near": ("What nearly made it", "差一点入池的因子"),
    "near.none": ("Nothing came near.", "没有接近入池的因子。"),
    "near.note": (
        "The closest misses at each gate, the last gate first. The confirm p-values are for you: "
        "no proposer sees them, and choosing by them would spend the window.",
        "各道关口差得最少的因子，从最后一关起。确认窗 p 值仅供您查看：提出者看不到，"
        "据此挑选会耗掉确认窗。",
    ),
    "factor": ("factor", "因子"),
    "gate": ("gate", "关口"),
    "missed_by": ("missed by", "差距"),
    "measured.p_value": (
        "confirm p {value}; at most {needed} was needed",
        "确认窗 p {value}，需 ≤ {needed}",
    ),
    "measured.added_rank_ic": (
        "adds a rank IC of {value}; {needed} needed",
        "增量 rank IC {value}，需 {needed}",
    ),
    "measured.added_t": (
        "t of what it adds {value}; {needed} needed",
        "增量 t 值 {value}，需 {needed}",
    ),
    "measured.expected_t": (
        "expected t in the confirm window {value}; {needed} needed",
        "确认窗预期 t 值 {value}，需 {needed}",
    ),
    "measured.same_sign_share": (
        "same sign in {value} of periods; {needed} needed",
        "同号时段 {value}，需 {needed}",
    ),
    "measured.weaker_half": (
        "rank IC in the weaker half of the universe {value}; above {needed} needed",
        "较弱一半样本的 rank IC {value}，需高于 {needed}",
    ),
    "measured.rank_autocorrelation": (
        "rank autocorrelation {value}; {needed} needed",
        "排名自相关 {value}，需 {needed}",
    ),
    "measured.pool_correlation": (
        "correlation with a pool member {value}; below {needed} needed",
        "与池中因子相关 {value}，需低于 {needed}",
    ),
    "funnel": ("The funnel", "筛选漏斗"),
    "funnel.note": (
        "Where the {attempts} attempts ended, in the order in which the gates ask.",
        "{attempts} 次尝试止于何处，按关口顺序排列。",
    ),
    "attempts": ("attempts", "次数"),
    "tried": ("What was tried", "试了什么"),
    "tried.note": (
        "By proposer, then by idea, those that got furthest first. Best: the largest rank IC added "
        "to baseline and pool in the search window.",
        "先按提出者，再按想法，走得最远者在前。最佳：搜索窗内在基准与因子池之外的最大 rank IC。",
    ),
    "proposer": ("proposer", "提出者"),
    "idea": ("idea", "想法"),
    "invalid": ("invalid", "无效"),
    "repeated": ("repeated", "重复"),
    "measured": ("measured", "已度量"),
    "tested": ("tested", "检验"),
    "best": ("best", "最佳"),
    "ideas.more": (
        "{count} more ideas with {attempts} attempts are in the ledger.",
        "另有 {count} 个想法、{attempts} 次尝试，见台账。",
    ),
    "growth": ("Growth of the pool's skill", "因子池能力的增长"),
    "growth.note": (
        "Root of the sum of squares of what each factor in use added to baseline and earlier "
        "factors, each addition taken as independent: about the rank IC of all together beyond "
        "persistence and size.",
        "各在用因子在基准与先前因子之外的增量平方和之根（视增量相互独立）："
        "约为全部因子合起来在延续性与规模之外的 rank IC。",
    ),
    "growth.before": ("before the night", "入夜前"),
    "growth.search": ("search (flattered)", "搜索窗（偏高）"),
    "growth.confirm": ("confirm (unseen)", "确认窗（未见）"),
    "growth.attempts": ("after attempts", "尝试次数"),
    "course": ("The course of the night", "夜间进程"),
    "course.note": (
        "Largest rank IC added in the search window by any attempt so far (line), and acceptances "
        "(dots). A line that is long flat says that the search repeats itself.",
        "截至当时任一尝试在搜索窗内的最大增量 rank IC（线）与入池（点）。长期走平说明搜索在重复。",
    ),
    "next": ("Next steps", "下一步"),
    "next.resume": (
        "Go on with the same command; nothing of this night is done again.",
        "用同一命令继续；今夜已完成的不会重做。",
    ),
    "next.failed": (
        "Put the error right (tide doctor helps), then go on with the same command.",
        "先排除错误（tide doctor 可协助），再用同一命令继续。",
    ),
    "next.budget": (
        "More budget (--budget-usd, TIDE_NIGHT_BUDGET_USD or the token budgets) lets the language "
        "model go on; the built-in search needs none.",
        "提高预算（--budget-usd、TIDE_NIGHT_BUDGET_USD 或词元预算）可让语言模型继续；"
        "内置搜索无需预算。",
    ),
    "next.use": (
        "Read the reports of {members}, then let the predictor use them: tide train, tide predict.",
        "阅读 {members} 的报告，然后让预测使用它们：tide train、tide predict。",
    ),
    "next.spent": (
        "What was accepted stays in use. A new home (--home) begins a new budget, and a new "
        "promise: its false discoveries add to those of this one.",
        "已入池的因子继续有效。换一个新目录（--home）会有新的预算，也是一个新的承诺："
        "它的错误发现会与这里的相加。",
    ),
    "next.exhausted": (
        "Begin elsewhere: tide mine --new --seed {seed}, a language model, or new data fields.",
        "换个起点：tide mine --new --seed {seed}、语言模型，或新的数据字段。",
    ),
    "next.repeats": (
        "{share} of the proposals had been attempted before: another seed (--new --seed {seed}) or "
        "another proposer brings more than more hours.",
        "{share} 的提案以前试过：换种子（--new --seed {seed}）或换提出者，比加时更有效。",
    ),
    "next.invalid": (
        "{share} of what {proposer} wrote was no valid expression: a stronger model or a lower "
        "CHAT_TEMPERATURE would waste less.",
        "{proposer} 写出的 {share} 不是有效表达式：换更强的模型或降低 CHAT_TEMPERATURE 可少浪费。",
    ),
    "next.power": (
        "{count} factors held in search but are too weak for {sessions} confirm sessions to show; "
        "keep collecting, the windows grow with the data.",
        "{count} 个因子在搜索窗成立，但 {sessions} 个确认日检不出；请继续采集，窗口会随数据增长。",
    ),
    "next.copies": (
        "{share} of the measured factors were too close to the pool: this vein is mined; new "
        "fields or ideas are needed more than hours.",
        "{share} 的已度量因子与因子池过于相似：此脉已采尽，需要新字段或新想法，而非更多时间。",
    ),
    "next.poor": (
        "Only {left} of the error budget is left: let confirm sessions accrue before long nights, "
        "since each test that fails makes the next harder.",
        "错误预算只剩 {left}：每次失败的检验都会抬高门槛，先积累确认窗交易日再长夜挖掘。",
    ),
    "next.longer": (
        "Nothing stands in the way of a longer night: the best added rank IC was {best}, {needed} "
        "is needed.",
        "没有其他障碍，可以延长挖掘：最佳增量 rank IC 为 {best}，需 {needed}。",
    ),
    "as_table": ("as a table", "数据表"),
    "advice": ("Not investment advice.", "不构成投资建议。"),
    "more": ("More", "更多"),
    "more.text": (
        "Every attempt with its reason is in ledger.db; the night's run in MLflow carries this "
        "report and the funnel over time.",
        "每次尝试及理由见 ledger.db；MLflow 中本夜的运行附有本报告与漏斗随时间的变化。",
    ),
}
