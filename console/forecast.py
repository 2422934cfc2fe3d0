"""A forecast as a person reads it: ranking, reasons, what was removed, what can be bought."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.padding import Padding

from console.display import interval, number, stdout, table
from factor_pool.report.words import Language

WIDTH = 100
_REASONS = 3
_SHOWN = 3
_SEALED = 4
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Limit-up sectors for {for_session}",
        "made": "as of {as_of}, data {state}, model {model}, pool version {pool_version}, "
        "{sectors} sectors ranked",
        "complete": "complete",
        "partial": "PARTIAL (without {missing})",
        "imported": "imported",
        "partial_days": "{n} of the {sessions} sessions it looks back on are partial",
        "row": "expected {count}, P(>= 1) {one:.0%}, P(wave) {wave:.0%}",
        "and": "; ",
        "candidates": "not sealed",
        "stock": "{name} {code} (limit-ups in 10 sessions: {limit_ups}, today {change:+.1%})",
        "sealed": "sealed, not to be had: {names}{more}",
        "more": " and {n} more",
        "etf": "ETF",
        "waves": "most likely to see a wave",
        "removed": "removed by a filter:",
        "would": "would rank {rank}",
        "persistence": "persistence alone would say",
        "size": "size alone would say",
        "note": "note",
        "record": "{kind}, {n} sessions {start}..{end}",
        "hold-out replay": "hold-out replay",
        "live forecasts": "live forecasts",
        "model": "model",
        "hit_rate_at_5": "hit@5",
        "limit_ups_at_5": "limit-ups@5",
        "surge_precision_at_5": "waves@5",
        "rank_ic": "rank IC",
        "base_rate": "chance",
        "by_persistence": "persistence",
        "by_size": "size",
    },
    "zh": {
        "title": "{for_session} 涨停板块预测",
        "made": "数据截至 {as_of}（{state}），模型 {model}，因子池版本 {pool_version}，"
        "共排 {sectors} 个板块",
        "complete": "完整",
        "partial": "不完整，缺 {missing}",
        "imported": "导入",
        "partial_days": "所回看的 {sessions} 个交易日中有 {n} 个数据不完整",
        "row": "预期涨停 {count} 家，P(至少 1 家) {one:.0%}，P(涨停潮) {wave:.0%}",
        "and": "；",
        "candidates": "未封板",
        "stock": "{name} {code}（10 日 {limit_ups} 次涨停，今日 {change:+.1%}）",
        "sealed": "已封板，买不到：{names}{more}",
        "more": "等，另 {n} 只",
        "etf": "ETF",
        "waves": "最可能出现涨停潮",
        "removed": "被过滤剔除：",
        "would": "原排第 {rank}",
        "persistence": "只看持续性会选",
        "size": "只看规模会选",
        "note": "注意",
        "record": "{kind}，{n} 个交易日 {start}..{end}",
        "hold-out replay": "留出期回放",
        "live forecasts": "实际预测记录",
        "model": "模型",
        "hit_rate_at_5": "前五命中率",
        "limit_ups_at_5": "前五平均涨停数",
        "surge_precision_at_5": "前五涨停潮占比",
        "rank_ic": "RankIC",
        "base_rate": "随机",
        "by_persistence": "持续性",
        "by_size": "规模",
    },
}
_METRICS = ("rank_ic", "hit_rate_at_5", "limit_ups_at_5", "surge_precision_at_5")
_METHODS = {"model": "model", "persistence": "by_persistence", "size": "by_size",
            "base_rate": "base_rate"}  # fmt: skip


def show_forecast(document: Mapping[str, Any], language: Language) -> None:
    """Print a forecast, no line wider than `WIDTH` columns.

    Parameters
    ----------
    document
        `Forecast.to_dict(language)`.
    language
        Of everything around the document's own words.
    """
    words = _WORDS[language]
    _print(f"[bold]{escape(words['title'].format(**document))}[/]")
    made = {**document, "state": _state(document["data_states"], words)}
    _print(f"[dim]{escape(words['made'].format(**made))}[/]")
    for row in document["ranking"]:
        _show_row(row, document, words)
    _print(f"[dim]{escape(document['candidates_note'])}[/]")
    if document["candidates"]:
        _print(f"[dim]{escape(document['candidates_rule'])}[/]")
    waves = (f"{row['name']} {row['p_surge']:.0%}" for row in document["waves"])
    _print(f"[bold]{words['waves']}[/]  {escape(_listed(waves, language))}")
    _show_removed(document["removed"], words)
    for name, rows in document["baselines"].items():
        listed = _listed((row["name"] for row in rows[:5]), language)
        _print(f"[dim]{words[name]}  {escape(listed)}[/]")
    for note in _notes(document, words):
        _print(f"[bold]{words['note']}[/]  {escape(note)}")
    _show_record(document["track_record"], words)


def _print(text: str, indent: int = 0) -> None:
    stdout.print(Padding(text, (0, 0, 0, indent), expand=False), width=min(WIDTH, stdout.width))


def _listed(names: Any, language: Language) -> str:
    return ("、" if language == "zh" else ", ").join(names)


def _state(states: Mapping[str, Any], words: Mapping[str, str]) -> str:
    of = states["as_of"]
    return words[of["state"]].format(missing=", ".join(of["missing"]))


def _notes(document: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    states = document["data_states"]
    before = states["partial"] - (states["as_of"]["state"] == "partial")
    told = words["partial_days"].format(n=before, sessions=states["sessions"])
    return [*document["notes"], *([told] if before else [])]


def _show_row(
    row: Mapping[str, Any], document: Mapping[str, Any], words: Mapping[str, str]
) -> None:
    """A sector: what the model says, why, and what of it can be bought."""
    said = words["row"].format(
        count=number(row["expected_count"], 1), one=row["p_at_least_one"], wave=row["p_surge"]
    )
    sector = row["sector_id"]
    _print(f"[bold]{row['rank']:>3} {escape(row['name'])}[/] [dim]{escape(sector)}[/]  {said}")
    for reason in row["reasons"][:_REASONS]:
        _print(f"[dim]{escape(reason['text'])}[/]", 6)
    stocks = [
        words["stock"].format(**stock) for stock in document["candidates"].get(sector, ())[:_SHOWN]
    ]
    if stocks:
        _print(f"[green]{words['candidates']}[/]  {escape(words['and'].join(stocks))}", 6)
    if sealed := document["sealed"].get(sector):
        names = " ".join(f"{stock['name']}" for stock in sealed[:_SEALED])
        left = len(sealed) - _SEALED
        more = words["more"].format(n=left) if left > 0 else ""
        _print(f"[dim]{escape(words['sealed'].format(names=names, more=more))}[/]", 6)
    if funds := document["etfs"].get(sector):
        named = " ".join(f"{fund['name']} {fund['code']}" for fund in funds)
        _print(f"[dim]{words['etf']} {escape(named)}[/]", 6)


def _show_removed(removed: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> None:
    if not removed:
        return
    _print(f"[bold]{words['removed']}[/]")
    for one in removed:
        place = one["would_rank"]
        would = "" if place is None else f" ({words['would'].format(rank=place)})"
        _print(f"{escape(one['name'])} [dim]{escape(one['sector_id'])}{would}[/]  "
               f"{one['rule']}: {escape(one['why'])}", 4)  # fmt: skip


def _show_record(record: Mapping[str, Any], words: Mapping[str, str]) -> None:
    """The figures that stand behind the forecast, each beside its baselines."""
    methods, span = record.get("methods"), record.get("sessions")
    if not methods or not span:
        return
    n = span.get("sessions", record.get("days", "-"))
    kind = words.get(record["kind"], record["kind"])
    title = words["record"].format(kind=kind, n=n, start=span["start"], end=span["end"])
    _print(f"[dim]{escape(title)}[/]")
    headings = [words[metric] for metric in _METRICS]
    made = table("", *headings, right=headings)
    for method, title in _METHODS.items():
        figures = methods.get(method, {})
        cells = (figures.get(metric) for metric in _METRICS)
        made.add_row(words[title], *("-" if x is None else escape(interval(x)) for x in cells))
    stdout.print(made, width=min(WIDTH, stdout.width))
