"""A forecast on a terminal: within 100 columns, in both languages, nothing of it left out."""

from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from console import forecast as module
from console.forecast import WIDTH, show_forecast


def document() -> dict[str, Any]:
    row = {
        "rank": 1, "sector_id": "C01", "name": "半导体[red]", "expected_count": 3.25,
        "p_at_least_one": 0.91, "p_surge": 0.18, "score": 1.0,
        "reasons": [{"text": "今日涨停 5 家，" * 12}],
    }  # fmt: skip
    stock = {"code": "600001", "name": "甲股份", "limit_ups": 2, "change": 0.031}
    figure = {"mean": 0.5, "low": 0.4, "high": 0.6}
    metrics = ("rank_ic", "hit_rate_at_5", "limit_ups_at_5", "surge_precision_at_5")
    methods = ("model", "persistence", "size", "base_rate")
    return {
        "as_of": "2025-11-20", "for_session": "2025-11-21", "model": "abc", "pool_version": 3,
        "sectors": 69, "ranking": [row], "waves": [row],
        "data_states": {
            "as_of": {"session": "2025-11-20", "state": "partial", "missing": ["board_flow"]},
            "sessions": 278, "partial": 3,
        },
        "candidates": {"C01": [stock] * 5},
        "sealed": {"C01": [{"code": "600002", "name": f"龙头{i}"} for i in range(6)]},
        "etfs": {"C01": [{"code": "512480", "name": "半导体ETF"}]},
        "candidates_rule": "rule", "candidates_note": "note of stocks",
        "removed": [
            {"sector_id": "C68", "name": "保险", "rule": "thin", "why": "too few", "would_rank": 7}
        ],
        "baselines": {"persistence": [row], "size": [row]},
        "notes": ["hindsight: beware"],
        "track_record": {
            "kind": "hold-out replay",
            "sessions": {"sessions": 60, "start": "2025-01-02", "end": "2025-03-31"},
            "methods": {m: dict.fromkeys(metrics, figure) for m in methods},
        },
    }  # fmt: skip


def printed(monkeypatch: pytest.MonkeyPatch, language: str, told: dict[str, Any]) -> str:
    console = Console(width=140, record=True, highlight=False)
    monkeypatch.setattr(module, "stdout", console)
    show_forecast(told, language)  # type: ignore[arg-type]
    return console.export_text()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("涨停潮", "未封板", "已封板", "被过滤剔除", "原排第 7", "不完整", "随机")),
        ("en", ("P(wave)", "not sealed", "removed by a filter", "would rank 7", "PARTIAL")),
    ],
)  # fmt: skip
def test_it_says_everything_within_its_width(
    monkeypatch: pytest.MonkeyPatch, language: str, words: tuple[str, ...]
) -> None:
    text = printed(monkeypatch, language, document())
    assert max(cell_len(line) for line in text.splitlines()) <= WIDTH
    for word in (*words, "半导体[red]", "board_flow", "512480", "甲股份", "thin", "hindsight"):
        assert word in text, word
    assert "18%" in text
    assert "0.500 [0.400, 0.600]" in text


def test_without_stocks_and_removals_it_stays_short(monkeypatch: pytest.MonkeyPatch) -> None:
    told = document() | {"candidates": {}, "sealed": {}, "etfs": {}, "removed": [], "notes": []}
    text = printed(monkeypatch, "en", told)
    assert "note of stocks" in text
    assert "removed by" not in text
    assert "rule" not in text.replace("rules", "")


def test_a_record_without_days_yet_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    told = document() | {"track_record": {"kind": "live forecasts", "sessions": None}}
    assert "hit@5" not in printed(monkeypatch, "en", told)
