"""A ledger of a night that never was, with everything a report has to tell."""

from pathlib import Path
from typing import Any

from factor_pool.discovery import next_test
from factor_pool.gates import Settings
from factor_pool.ledger import Ledger
from factor_pool.records import Proposal, Test
from scenario.session import Record, Tally

SESSION = "20261120T130000000000-ab12"
HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='hacked = 2'> "
    "[click](javascript:alert) | `code` \u202e </td></table> {{ 7 * 7 }} "
    "![p](http://127.0.0.1:9/x)\n# heading"
)
SETTINGS = Settings()
CONFIRM = 120
RECORD = Record(
    seed=5, snapshot="d" * 64, label="limit_up_count", proposer="auto", stream=5, iterations=4,
    evaluated=9, accepted=2, seconds=3_725.0, tallies={"evolve": Tally(2, 1, 9.0)},
)  # fmt: skip


def figures(**changes: Any) -> dict[str, Any]:
    """Search figures that pass every gate."""
    values: dict[str, Any] = {
        "sessions": 400, "coverage": 1.0, "explained": 0.3, "sign": 1,
        "correlations": {"ewm10_count": 0.3}, "rank_ic": 0.1,
        "marginal_rank_ic": 0.06, "t_hac": 6.0, "added_rank_ic": 0.05, "added_t_hac": 5.0,
        "max_pool_correlation": 0.1, "closest_member": None, "same_sign_share": 1.0,
        "periods": {"2023": 0.1}, "halves": {"a": 0.05, "b": 0.06}, "rank_autocorrelation": 0.6,
        "hit_rate_at_5": 0.61, "persistence_hit_rate_at_5": 0.55, "size_hit_rate_at_5": 0.5,
        "base_rate": 0.3, "isolation": "here",
    }  # fmt: skip
    return values | changes


#: text, hypothesis, proposer, gate (None: accepted), changed figures, p value
STORY: list[tuple[str, str, str, str | None, dict[str, Any], float | None]] = [
    ("Mean($close, 5)", HOSTILE, "llm", None, {}, 1e-5),
    ("Std($close, 5)", HOSTILE, "llm", "strength", {"added_t_hac": 3.9}, None),
    ("Std($close, 9)", HOSTILE, "llm", "strength", {"added_rank_ic": 0.001}, None),
    ("Mean($turnover, 5)", "money leads", "evolve", "power", {"added_t_hac": 3.6}, None),
    ("Mean($turnover, 9)", "money leads", "evolve", "confirm", {}, 0.3),
    ("Mean($high, 5)", "money leads", "evolve", "correlation",
     {"max_pool_correlation": 0.72}, None),
    ("Mean($low, 5)", "money leads", "evolve", "stability", {"same_sign_share": 0.6}, None),
    ("Mean($low, 9)", "money leads", "evolve", "halves",
     {"halves": {"a": -0.001, "b": 0.05}}, None),
    ("Mean($open, 9)", "money leads", "evolve", "turnover", {"rank_autocorrelation": -0.12}, None),
    ("Mean($open, 7)", "money leads", "evolve", None, {"added_rank_ic": 0.04}, 1e-6),
]  # fmt: skip


def tell(path: Path, session: str = SESSION, story: Any = STORY) -> Ledger:
    """Write a session to a ledger and leave it open."""
    ledger = Ledger(path)
    proposals = [Proposal(text, text, who, idea, "so") for text, idea, who, *_ in story]
    proposals += [
        Proposal("$nothing", None, "llm", HOSTILE, "so", "no such field"),
        Proposal("Mean($close, 5)", "Mean($close, 5)", "llm", HOSTILE, "so"),
    ]
    attempts = ledger.record(
        session, 0, proposals, snapshot=RECORD.snapshot, label=RECORD.label, seed=5
    )
    for attempt, (_, _, _, gate, changes, p_value) in zip(attempts, story, strict=False):
        found = figures(**changes)
        test = None
        if p_value is not None:
            past = ledger.tests()
            level, discovery = next_test(past, p_value, SETTINGS)
            test = Test(
                len(past) + 1, attempt.id, SETTINGS.rule_name, p_value, level, discovery,
                {"start": "2025-01-02", "end": "2025-06-30", "sessions": CONFIRM,
                 "added_rank_ic": 0.03, "sign": 1},
            )  # fmt: skip
        if gate is None:
            assert test is not None
            ledger.accept(attempt.id, test, sign=1, figures=found)
        else:
            ledger.judged(attempt.id, "rejected", figures=found, gate=gate, reason="why", test=test)
    return ledger
