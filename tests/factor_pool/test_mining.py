"""Evaluation and acceptance together, on markets whose truth is known."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.profile import Profile
from factor_pool.acceptance import Acceptance, Decision
from factor_pool.evaluation import jobs
from factor_pool.evaluation.metrics import rank_ic
from factor_pool.evaluation.windows import place
from factor_pool.expression import evaluate, parse
from factor_pool.ledger import Ledger
from factor_pool.records import Proposal
from tests.factor_pool.evaluation.markets import market

FIELDS = (
    "close", "turnover", "net_inflow_ratio", "up_count", "broken_limit_count",
    "limit_up_multi_board", "one_word_count", "max_streak", "limit_down_count", "ret_cw",
)  # fmt: skip
TEMPLATES = (
    "Mean(${0}, {1})", "Std(${0}, {1})", "${0} / Mean(${0}, {1})", "Delta(${0}, {1})",
    "Rank(${0}, {1})", "Max(${0}, {1}) - ${0}", "Corr(${0}, $ret, {1})",
)  # fmt: skip
GRID = [t.format(f, w) for t in TEMPLATES for f in FIELDS for w in (3, 10, 30)]


class Mine:
    """One store, one ledger, and a worker in this process."""

    def __init__(self, panel: Panel, core: Sequence[str], folder: Path) -> None:
        windows = place(panel, core)
        self.panel = panel
        self.ledger = Ledger(folder / "ledger.db")
        self.panels = {
            "search": windows.search_panel(panel),
            "confirm": windows.confirm_panel(panel),
        }
        self.bounds = {"start": str(windows.confirm.start), "end": str(windows.confirm.end)}
        self.acceptance = Acceptance(self.ledger, windows, self.confirm, search=self.search)

    def job(self, kind: str, texts: Sequence[str], pool: Sequence[str]) -> list[dict[str, Any]]:
        job = {"kind": kind, "expressions": list(texts), "pool": list(pool)} | self.bounds
        return jobs.run(job, self.panels)["results"]

    def search(self, text: str, pool: Sequence[str]) -> dict[str, Any]:
        return self.job("search", [text], pool)[0]["figures"]

    def confirm(self, text: str, pool: Sequence[str]) -> list[float | None]:
        return self.job("confirm", [text], pool)[0]["daily"]

    def attempt(self, *texts: str) -> list[Decision]:
        """Record, measure and decide one batch."""
        batch = self.ledger.record(
            "night", self.ledger.count(), [Proposal(t, str(parse(t)), "grid") for t in texts],
            snapshot=self.panel.snapshot_id, label="limit_up_count", seed=1,
        )  # fmt: skip
        batch = [a for a in batch if a.stage == "proposed"]
        pool = [m.expression for m in self.ledger.members()]
        results = self.job("search", [str(a.canonical) for a in batch], pool)
        self.ledger.scored([(a.id, r["figures"]) for a, r in zip(batch, results, strict=True)])
        return [self.acceptance.decide(a) for a in batch]


@pytest.fixture
def small(tmp_path: Path) -> Mine:
    return Mine(market(11, sessions=620), ("close",), tmp_path)


def test_a_true_factor_is_accepted_and_its_copies_are_refused_by_name(small: Mine) -> None:
    (found,) = small.attempt("$signal")
    assert found.accepted
    assert found.member is not None
    assert found.member.sign == 1
    for copy in ("0 - $signal", "CSRank($signal)", "$signal * 3"):
        (decision,) = small.attempt(copy)
        assert decision.gate == "correlation", copy
        assert "exactly as pool factor F0001, or exactly the other way round" in decision.reason


def test_a_useful_negative_factor_is_accepted_as_it_is_written(small: Mine) -> None:
    (found,) = small.attempt("0 - $signal")
    assert found.accepted
    assert found.member is not None
    assert found.member.sign == -1
    assert found.member.figures["added_rank_ic"] < 0


def test_persistence_and_size_are_refused_by_name(small: Mine) -> None:
    for text, name in (
        ("$company_count", "companies"),
        ("$limit_up_count", "count"),
        ("$company_count * 2 + 1", "companies"),
        ("Mean($limit_up_count, 10)", "ewm10_count"),
    ):
        (decision,) = small.attempt(text)
        assert decision.gate == "baseline_copy", text
        assert f"it is mostly {name}" in decision.reason
    for text in ("Ref($limit_up_count, 1)", "0 - Mean(Ref($limit_up_count, 2), 3)"):
        (decision,) = small.attempt(text)
        assert decision.gate == "baseline_copy", text
        assert "past limit-up counts alone" in decision.reason
    assert not small.ledger.tests()


def test_noise_is_refused_before_it_costs_a_test(small: Mine) -> None:
    decisions = small.attempt(*(f"Mean($noise, {n})" for n in range(1, 20)))
    assert not any(d.accepted for d in decisions)
    assert len(small.ledger.tests()) <= 1


def test_a_batch_that_repeats_itself_is_accepted_once(small: Mine) -> None:
    decisions = small.attempt("$signal", "$signal * 2", "Mean($signal, 2)")
    assert [d.accepted for d in decisions][:2] == [True, False]
    assert decisions[1].gate == "correlation"  # measured again beside the first


@pytest.mark.parametrize("seed", [1, 2])
def test_on_a_null_market_nothing_is_accepted(seed: int, tmp_path: Path) -> None:
    """Nothing but persistence and size predicts; 210 sensible expressions, both small batches."""
    panel = Panel.from_frame(synthetic(seed, null=True).frame)
    mine = Mine(panel, Profile.load().core(panel), tmp_path)
    for start in range(0, len(GRID), 70):
        assert not any(d.accepted for d in mine.attempt(*GRID[start : start + 70]))
    assert len(mine.ledger.tests()) <= 8


@pytest.mark.parametrize("seed", [1, 2])
def test_planted_factors_are_found_among_others(seed: int, tmp_path: Path) -> None:
    made = synthetic(seed, sessions=1000)
    panel = Panel.from_frame(made.frame)
    mine = Mine(panel, Profile.load().core(panel), tmp_path)
    rng = np.random.default_rng(seed)
    others = [GRID[k] for k in rng.permutation(len(GRID))[:60]]
    texts = [*made.planted, *others]
    order = rng.permutation(len(texts))
    for part in np.array_split(order, 3):
        mine.attempt(*(texts[k] for k in part))
    members = [m.expression for m in mine.ledger.members()]
    accepted = evaluate([parse(text) for text in members], panel)
    correlations = [
        max(abs(np.nanmean(rank_ic(one, planted))) for one in accepted)
        for planted in evaluate([parse(t) for t in made.planted], panel)
    ]
    assert sum(value > 0.7 for value in correlations) >= 3
    # What was not found was not confirmed, or is said already by what was: little of it is left.
    left = [abs(mine.search(text, members)["added_rank_ic"]) for text in made.planted]
    assert max(left) < 0.04
    assert np.mean(left) < 0.02
