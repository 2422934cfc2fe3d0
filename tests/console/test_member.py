"""`tide pool show` as a person reads it: three windows side by side, every figure as it is used."""

from typing import Any

import pytest

from console.member import show_member

FIGURES = {
    "sessions": 900, "coverage": 1.0, "rank_ic": -0.2, "marginal_rank_ic": -0.1, "t_hac": -9.0,
    "added_rank_ic": -0.05, "added_t_hac": -6.1, "rank_autocorrelation": 0.4, "explained": 0.1,
    "max_pool_correlation": 0.3, "hit_rate_at_5": 0.55, "base_rate": 0.39,
    "persistence_hit_rate_at_5": 0.84, "size_hit_rate_at_5": 0.75,
}  # fmt: skip
ACCOUNT = {"annual_excess": -0.078, "excess_drawdown": -0.127, "daily_turnover": 0.03}


def member(**other: Any) -> dict[str, Any]:
    document = {
        "id": "F0009",
        "status": "active",
        "expression": "Med(Cov($limit_up_count, $max_streak, 30), 5) * Std($turnover, 60)",
        "sign": -1,
        "label": "limit_up_count",
        "proposer": "evolve",
        "hypothesis": "An idea " * 30,
        "search": FIGURES,
        "confirm": {"start": "2025-02-07", "end": "2025-08-08", "sessions": 125,
                    "added_rank_ic": -0.04, "p_value": 0.0044, "level": 0.01},
        "sealed": None,
        "backtest": None,
        "decay": None,
        "history": [{"at": "2026-11-21T08:25:19+00:00", "status": "active", "reason": "accepted"}],
        "session": "20261121T082408892425-1b0f",
        "snapshot": "4fd160eba12d62814fd160eba12d6281",
        "report": "runs/reports/F0009/report.html",
    }  # fmt: skip
    return document | other


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.display.stdout.width", 100)


def test_a_factor_used_with_its_sign_turned_shows_what_it_brings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_member(member())
    said = capsys.readouterr().out
    for figure in ("+0.200", "+0.100", "+0.050", "+0.040", "t +6.1"):
        assert figure in said
    assert "t -6.1" not in said
    assert "lower values" in said


def test_before_anything_was_opened_or_traded_it_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_member(member())
    said = capsys.readouterr().out
    assert "not opened" in said
    assert "waits for the end of a night" in said


def test_sealed_and_portfolio_stand_beside_search_and_confirm_in_100_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sealed = {"mean": 0.016, "low": -0.008, "high": 0.039, "sessions": 75}
    part = {"figures": ACCOUNT, "difference": 4e-16}
    traded = {"engine": "Qlib 0.9.7", "windows": {"search": part, "confirm": part}}
    show_member(member(sealed=sealed, backtest=traded))
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 100
    for figure in ("+0.016", "-0.008 to +0.039", "-7.8%", "-12.7%", "3.0%", "4e-16", "Qlib 0.9.7"):
        assert figure in said
    assert "not opened" not in said


def test_an_account_without_a_figure_is_shown_as_a_dash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    part = {"figures": dict.fromkeys(ACCOUNT), "difference": 0.0}
    traded = {"engine": "Qlib 0.9.7", "windows": {"search": part, "confirm": part}}
    show_member(member(backtest=traded))
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "over the market" in line]
    assert row.count(" -") == 2
