"""The words of the daily page, in Chinese and English."""

from collections.abc import Mapping

from predictor.explain import Language

Words = Mapping[str, str]
_COLUMNS: Mapping[Language, int] = {"en": 0, "zh": 1}


def words(language: Language) -> Words:
    """Key -> text."""
    column = _COLUMNS[language]
    return {key: texts[column] for key, texts in _WORDS.items()}


def terms(language: Language) -> tuple[tuple[str, str], ...]:
    """A-share terms, and what they mean."""
    column = _COLUMNS[language]
    return tuple((names[column], texts[column]) for names, texts in _TERMS)


_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Limit-up sectors for {day}", "{day} 涨停板块预测"),
    "brand": ("Limit-up Tide 涨停潮", "涨停潮 Limit-up Tide"),
    "as_of": ("After the close of {day}", "{day} 收盘后"),
    "made.log": ("forecast of {at}, from the log", "预测时间 {at}，取自预测日志"),
    "made.late": (
        "recorded {at}, after the session had begun: not counted",
        "记录于 {at}，已过开盘，不计入战绩",
    ),
    "made.now": ("computed with this page; not in the log", "随本页计算，未入预测日志"),
    "model": ("model {id}", "模型 {id}"),
    "pool_version": ("pool version {version}", "因子池版本 {version}"),
    "snapshot": ("data {id}", "数据快照 {id}"),
    "of_sectors": ("{n} sectors ranked", "共排 {n} 个板块"),
    "advice": (
        "Research output, no investment advice.",
        "仅供研究，不构成投资建议。",
    ),
    # today
    "today": ("The market that day", "当日盘面"),
    "limit_ups": ("Limit-ups", "涨停家数"),
    "sealing": ("Sealing rate", "封板率"),
    "promotion": ("Promotion rate", "晋级率"),
    "highest": ("Highest board", "最高连板"),
    "limit_downs": ("Limit-downs", "跌停家数"),
    "breadth": ("Rising : falling", "涨 : 跌"),
    "turnover": ("Turnover", "成交额"),
    "net_inflow": ("Main net inflow", "主力净流入"),
    "above_past": ("above {share} of the {n} sessions before", "高于此前 {n} 日的 {share}"),
    "boards": ("{n}", "{n} 板"),
    "no_value": ("no data", "无数据"),
    # ranking
    "ranking": ("Most limit-ups tomorrow", "明日涨停最多的板块"),
    "ranking.note": (
        "In the order of the ranking model. Probabilities are calibrated; reasons are the model's "
        "own contributions (SHAP), less the average sector's.",
        "按排序模型的次序。概率经校准；理由取自模型自身的贡献（SHAP），已减去板块平均。",
    ),
    "expected": ("expected", "预期家数"),
    "p_one": ("at least one", "至少一家"),
    "p_surge": ("a wave", "涨停潮"),
    "waves": ("Most likely waves", "最可能出现涨停潮"),
    "waves.note": (
        "A wave: at least 3 limit-ups and at least twice the sector's usual number.",
        "涨停潮：至少 3 家涨停，且不少于该板块平常的两倍。",
    ),
    "baselines": ("What needs no model", "不需要模型的排法"),
    "baselines.note": (
        "If the ranking only repeats these, it has added nothing.",
        "若排名与此相同，模型便没有增量。",
    ),
    "persistence": ("persistence: most limit-ups of late", "延续性：近期涨停最多"),
    "size": ("size: most companies", "规模：成分股最多"),
    "base_rate": ("any sector", "任意板块"),
    "candidates": ("not sealed yet", "尚未封板"),
    "candidates.sealed": ("sealed", "已封板"),
    "cold": ("only {n} sessions of history", "历史仅 {n} 日"),
    "removed": ("Removed from the ranking", "被剔除的板块"),
    "removed.note": (
        "High scores do not help: these rules come first.",
        "得分再高也剔除：规则优先。",
    ),
    # outcome
    "outcome": ("The last forecast, and what happened", "上次预测与实际"),
    "outcome.note": (
        "Made after the close of {as_of} for {day}.",
        "{as_of} 收盘后作出，预测 {day}。",
    ),
    "outcome.none": (
        "No forecast for {day} is in the log, so there is nothing to hold against what happened. "
        "None is made up afterwards.",
        "预测日志中没有针对 {day} 的预测，因此无从对照；不会事后补造。",
    ),
    "outcome.auction": ("After the opening auction", "集合竞价后"),
    "outcome.late": (
        "It was recorded too late to count in the track record.",
        "记录过晚，不计入战绩。",
    ),
    "happened": ("limit-ups", "实际涨停"),
    "was_wave": ("wave", "涨停潮"),
    "first_five": ("first five", "前五名"),
    "tally.hits": ("with a limit-up", "有涨停"),
    "tally.limit_ups": ("limit-ups each", "平均涨停"),
    "tally.waves": ("waves", "涨停潮"),
    "missed": ("Most limit-ups outside its first ten", "前十名之外涨停最多"),
    "missed.rank": ("rank {rank}", "排第 {rank}"),
    "missed.unranked": ("not ranked", "未入排名"),
    # record
    "record": ("Track record", "战绩"),
    "record.live": (
        "{days} live forecasts, {start} to {end}: each was in the log before its session opened.",
        "实盘预测 {days} 次，{start} 至 {end}：每次均在开盘前写入日志。",
    ),
    "record.none": (
        "No live forecast has come due yet. Below is a replay on sessions that the judged model "
        "had not seen ({start} to {end}); it is not a live record.",
        "尚无到期的实盘预测。下表为留出期回放（{start} 至 {end}，被评模型未见过这些数据），"
        "并非实盘战绩。",
    ),
    "record.pending": ("{n} more await their session.", "另有 {n} 次待验证。"),
    "record.interval": ("In brackets: 95% interval.", "方括号内为 95% 区间。"),
    "metric.rank_ic": ("rank IC", "Rank IC"),
    "metric.hit_rate_at_5": ("with a limit-up, first 5", "前 5 有涨停"),
    "metric.limit_ups_at_5": ("limit-ups each, first 5", "前 5 平均涨停"),
    "metric.surge_precision_at_5": ("waves, first 5", "前 5 出现涨停潮"),
    "method.model": ("model", "模型"),
    "method.model_without_pool": ("model without the pool", "模型（不含因子池）"),
    "method.persistence": ("persistence", "延续性"),
    "method.size": ("size", "规模"),
    "method.auction": ("model after the auction", "模型（竞价后）"),
    "method.base_rate": ("chance", "随机"),
    "method.difference": ("model − persistence", "模型 − 延续性"),
    # phase
    "phase": ("Phase of the market's mood", "情绪周期"),
    "phase.ice": ("ice", "冰点"),
    "phase.start": ("start", "启动"),
    "phase.rise": ("rise", "发酵"),
    "phase.climax": ("climax", "高潮"),
    "phase.ebb": ("ebb", "退潮"),
    "phase.repair": ("repair", "修复"),
    "phase.none": ("unknown", "未知"),
    "phase.spell": ("session {n} of it", "第 {n} 日"),
    "phase.rule.ice": ("heat ≤ 20% quantile", "热度 ≤ 20% 分位"),
    "phase.rule.climax": ("heat ≥ 80% quantile", "热度 ≥ 80% 分位"),
    "phase.rule.ebb": ("between, not rising", "居中，未回升"),
    "phase.rule.repair": (
        "between, rising, last extreme a climax", "居中，回升，上一极端为高潮",
    ),
    "phase.rule.rise": (
        "between, rising after ice, at or above the median", "居中，冰点后回升，不低于中位数",
    ),
    "phase.rule.start": (
        "between, rising after ice, below the median", "居中，冰点后回升，低于中位数",
    ),
    "phase.rule": (
        "Heat is the mean percentile of the five figures below among their {past} sessions before, "
        "smoothed over {span}. Rising: above the mean of the {recent} sessions before. All borders "
        "are quantiles of the past known that day.",
        "热度为下列五项在此前 {past} 日中的百分位均值，按 {span} 日平滑；"
        "高于前 {recent} 日均值为回升。所有界线均为当日已知历史的分位数。",
    ),
    "phase.unknown": (
        "Too little is known for the rule: {n} of 5 figures, and at least {enough} sessions of "
        "history are needed.",
        "数据不足以判断：5 项中有 {n} 项，且至少需 {enough} 日历史。",
    ),
    "phase.heat": ("heat", "热度"),
    "phase.now": (
        "{heat} (mean of the {recent} before: {before})", "{heat}（前 {recent} 日均值 {before}）",
    ),
    "phase.borders": ("20 / 50 / 80% quantiles", "20 / 50 / 80% 分位"),
    "phase.figure": ("figure", "项目"),
    "phase.value": ("value", "数值"),
    "phase.percentile": ("percentile", "百分位"),
    "phase.turned": (" (turned: fewer is hotter)", "（反向：越少越热）"),
    "phase.after": ("What followed so far", "此前各阶段之后"),
    "phase.after.note": (
        "Means of the session after, with 95% intervals, over this store's past. Descriptive: "
        "intervals that overlap the last line say that the phase tells little.",
        "次日均值及 95% 区间，取自本库历史。仅为描述：区间与末行重叠即说明该阶段信息有限。",
    ),
    "phase.sessions": ("sessions", "日数"),
    "phase.length": ("mean length", "平均持续"),
    "phase.next.limit_ups": ("limit-ups next", "次日涨停"),
    "phase.next.promotion": ("promotion next", "次日晋级率"),
    "phase.next.return": ("sector return next", "次日板块涨跌"),
    "phase.any": ("any", "全部"),
    "phase.chart": ("The last {n} sessions", "近 {n} 日"),
    # treemap
    "treemap": ("Where the money went", "资金流向地图"),
    "treemap.note.turnover": ("Area: turnover.", "面积：成交额。"),
    "treemap.note.company_count": (
        "Area: number of companies (no turnover that day).", "面积：成分股数（当日无成交额）。",
    ),
    "treemap.note.flow": (
        " Colour: main net inflow over turnover, red in, green out.",
        "颜色：主力净流入 / 成交额，红入绿出。",
    ),
    "treemap.no_flow": (
        " No money flow is known for that day, so nothing is coloured.",
        "当日无资金流数据，故不着色。",
    ),
    "treemap.none": ("Neither turnover nor companies are known.", "成交额与成分股数均未知。"),
    "treemap.unknown_flow": ("flow unknown", "资金流未知"),
    "treemap.of_turnover": ("of turnover", "占成交额"),
    # ladder
    "ladder": ("The ladder of limit-ups", "连板梯队"),
    "ladder.height": ("boards", "连板"),
    "ladder.first": ("first board", "首板"),
    "ladder.companies": ("companies", "家数"),
    "ladder.rate": ("promotion", "晋级率"),
    "ladder.of": ("{climbed} of {before}", "{climbed} / {before}"),
    "ladder.who": ("who", "个股"),
    "ladder.sector": ("sector", "板块"),
    "ladder.multi": ("on a streak", "连板家数"),
    "ladder.highest": ("highest", "最高"),
    "ladder.one_word": ("one-word", "一字"),
    "ladder.more": ("and {n} more", "等，另 {n} 家"),
    "ladder.fell": ("(fell off: {who})", "（断板：{who}）"),
    "ladder.sealed": ("sealed {sealed}, broken {broken}", "封板 {sealed} 家，炸板 {broken} 家"),
    "ladder.previous": ("Yesterday's limit-ups, today", "昨日涨停今日表现"),
    "ladder.previous.text": (
        "{count} stocks: mean return {mean}, {risen} rose", "{count} 只：平均 {mean}，{risen} 上涨",
    ),
    "ladder.previous.again": (", {again} limit-up again", "，{again} 再涨停"),
    "ladder.overall": (
        "Of {before} limit-ups the session before, {again} were limit-ups again: {rate}.",
        "前一日涨停 {before} 家，今日再封 {again} 家：{rate}。",
    ),
    "ladder.source.limit_events": (
        "Stock by stock, from the price-limit events.", "逐股取自涨跌停事件表。",
    ),
    "ladder.source.limit_up_pool": (
        "Stock by stock, from the day's pool of limit-ups (without ST).",
        "逐股取自当日涨停股池（不含 ST）。",
    ),
    "ladder.fields": (
        "From the sectors' own counts.", "取自板块自身的计数。",
    ),
    "ladder.no_stocks": (
        "No table of single stocks for that day: names and promotion by height cannot be told.",
        "当日没有个股表：无法列出个股与各高度晋级率。",
    ),
    "ladder.no_rates": (
        "No table of single stocks for the session before: promotion by height cannot be told.",
        "前一日没有个股表：无法计算各高度晋级率。",
    ),
    "ladder.no_previous": (
        "No prices of yesterday's limit-ups: their return today cannot be told.",
        "没有昨日涨停股的行情：无法计算其今日涨跌。",
    ),
    # importance
    "importance": ("What the model goes by", "模型依据什么"),
    "importance.note": (
        "Share of each theme in the contributions to the ranking (mean absolute SHAP over sessions "
        "that the model was fitted on).",
        "各主题在排序贡献中的占比（模型训练期内 SHAP 绝对值的均值）。",
    ),
    # health
    "health": ("Health of the factor pool", "因子池健康"),
    "health.none": ("No factor has been accepted.", "尚无入池因子。"),
    "health.trouble": ("The pool could not be checked: {why}", "因子池无法检查：{why}"),
    "health.note": (
        "Daily rank IC beyond persistence and size, since acceptance, against what was promised.",
        "入池以来，在延续性与规模之外的日 Rank IC，对照入池时的水平。",
    ),
    "health.count": ("{n} in use: {active} active, {watch} on watch.",
                     "在用 {n} 个：正常 {active}，观察 {watch}。"),
    "health.factor": ("factor", "因子"),
    "health.status": ("status", "状态"),
    "health.active": ("active", "正常"),
    "health.watch": ("on watch", "观察"),
    "health.retired": ("retired", "停用"),
    "health.since": ("since acceptance", "入池以来"),
    "health.promised": ("promised", "入池时"),
    "health.sessions": ("sessions", "日数"),
    "health.new": ("no session yet", "尚无新数据"),
    "health.later": ("{n} accepted on later data: left out.", "{n} 个以更晚数据入池，未列。"),
    # data
    "data": ("Data, and what to doubt", "数据与保留"),
    "state.complete": ("complete", "完整"),
    "state.partial": ("partial", "不完整"),
    "state.imported": ("imported", "导入"),
    "data.lacks": ("without {what}", "缺 {what}"),
    "data.last": ("State of the last sessions", "近几日数据状态"),
    "data.missing_features": ("Features the model does without", "模型缺少的特征"),
    "data.absent": ("No row that session: {names}.", "当日无数据：{names}。"),
    "caveat.hit": (
        "A high share of sectors with a limit-up is easy: persistence alone reaches it. Read every "
        "figure beside its baseline.",
        "“有涨停”的命中率天然很高，单靠延续性即可达到；请对照基线阅读。",
    ),
    "caveat.turnover": (
        "Turnover is a proxy (volume x mean price of adjusted bars) where it was imported: compare "
        "it with its own recent past only.",
        "导入的成交额为估算（成交量 × 均价，复权），只宜与自身近期比较。",
    ),
    "caveat.net_inflow": (
        "Money flow is final at 16:45 only; before that the page shows what was known at 15:35. "
        "Boards changed over time: compare within a session, not across years.",
        "资金流 16:45 才为终值，此前为 15:35 的数值；板块口径随时间变化，只宜同日横向比较。",
    ),
    "caveat.membership": (
        "Members of a sector are today's, applied backwards: companies that left are missing.",
        "成分股按现名单回溯，已退出的公司不在其中。",
    ),
    "terms": ("Terms", "术语"),
    "as_table": ("As a table", "以表格显示"),
    "rank": ("rank", "名次"),
    "sector": ("sector", "板块"),
    "written": ("In words", "文字说明"),
    "written.none": ("{model} wrote nothing: {why}", "{model} 未能撰写：{why}"),
    "written.note": (
        "Written by {model}. Sentences with a number that is not in the tables were struck: {n}.",
        "由 {model} 撰写。含有表中没有的数字的句子已删去：{n} 句。",
    ),
}  # fmt: skip

_TERMS: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = (
    (("limit-up 涨停", "涨停"), (
        "The daily upper price limit: 10% on the main boards, 20% on ChiNext and STAR, 30% in "
        "Beijing. A stock there can hardly be bought.",
        "当日涨幅上限：主板 10%，创业板、科创板 20%，北交所 30%；封住后难以买入。")),
    (("wave 涨停潮", "涨停潮"), (
        "At least 3 limit-ups in a sector, and at least twice its own EWM(20).",
        "板块内至少 3 家涨停，且不少于自身 EWM(20) 的两倍。")),
    (("sealing rate 封板率", "封板率"), (
        "Stocks closed at the limit / stocks that touched it. A broken limit (炸板) touched and "
        "did not hold.",
        "收盘封住的家数 / 触及涨停的家数；触及而未封住为炸板。")),
    (("streak 连板", "连板"), (
        "Consecutive limit-ups of a stock over its own sessions; the first is the first board "
        "(首板).", "个股按自身交易日连续涨停的次数；第一次为首板。")),
    (("promotion rate 晋级率", "晋级率"), (
        "Of the stocks on n boards, the share on n + 1 the next session; over all heights, the "
        "share of yesterday's limit-ups that are limit-ups again.",
        "n 连板中次日升至 n + 1 连板的比例；不分高度时，为昨日涨停今日再封的比例。")),
    (("one-word board 一字板", "一字板"), (
        "Opened at the limit and never traded below it.", "开盘即涨停，全天未打开。")),
    (("main net inflow 主力净流入", "主力净流入"), (
        "Buys less sells of large and super-large orders, by the upstream's classes.",
        "特大单与大单的买入减卖出，口径依数据源。")),
    (("heat", "热度"), (
        "See the rule of the phase.", "见情绪周期的规则。")),
)  # fmt: skip
