"""The release benchmark in its reduced form: a null market, and one with a known truth."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import nights
from data_profile.market import synthetic
from data_profile.panel import Panel
from factor_pool.evaluation import labels
from factor_pool.evaluation.baselines import design
from factor_pool.evaluation.metrics import Projection

REPOSITORY = Path(__file__).parents[2]


def benchmark(what: str, folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """Run it as a person would; what it printed, and what it wrote."""
    done = subprocess.run(
        [sys.executable, "benchmarks/release.py", what, "--quick", "--workers", "1",
         "--json", str(folder / "rows.json")],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads((folder / "rows.json").read_text())


def test_where_there_is_nothing_nothing_is_accepted(tmp_path: Path) -> None:
    shown, rows = benchmark("null", tmp_path)
    assert "0 accepted in 2 nights" in shown
    assert [row["accepted"] for row in rows] == [0, 0]
    assert all(row["attempts"] >= 320 for row in rows)


def test_where_there_is_something_it_is_found(tmp_path: Path) -> None:
    shown, (row,) = benchmark("planted", tmp_path)
    assert "of 6 found" in shown
    assert row["found"] >= 2
    assert row["pool_ic"] > 0.5 * row["oracle_ic"] > 0
    assert row["all_ic"] > row["oracle_ic"]


def test_shuffled_labels_are_a_permutation_that_every_window_shares() -> None:
    panel = Panel.from_frame(synthetic(1, sectors=20, sessions=60).frame)
    name = nights.shuffled(5)
    try:
        mixed, plain = labels.label(panel, name), labels.label(panel)
        cut = labels.label(panel.between(None, panel.sessions[39]), name)
    finally:
        del labels.LABELS[name]
    np.testing.assert_array_equal(np.sort(mixed, axis=1), np.sort(plain, axis=1))
    np.testing.assert_array_equal(mixed[:39], cut[:39])
    assert (mixed != plain).mean() > 0.1


def test_the_combination_of_true_factors_is_better_than_any_of_them() -> None:
    market = synthetic(1, sectors=40, sessions=500)
    panel = Panel.from_frame(market.frame)
    label, baseline = labels.label(panel), design(panel)
    rows = np.arange(500) < 250
    beyond = Projection(label, baseline)
    everything = nights.less_baseline(nights.expected_rank(market.expected, label, rows), baseline)
    from factor_pool.expression import evaluate, parse

    true = evaluate([parse(text) for text in market.planted], panel)
    combined = nights.combine(true, label, baseline, rows)
    worth = [np.nanmean(beyond.marginal_rank_ic(x)[~rows]) for x in (*true, combined, everything)]
    assert max(worth[:6]) < worth[6] < worth[7]
    assert nights.combine(true[:1], label, baseline, rows).shape == label.shape


@pytest.mark.parametrize("missing", [0, 3])
def test_less_baseline_leaves_nothing_of_the_baseline(missing: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 30))
    values[:, :missing] = np.nan
    baseline = rng.normal(size=(2, 5, 30))
    rest = nights.less_baseline(values, baseline)
    assert np.isfinite(rest).sum() == 5 * (30 - missing)
    for variable in baseline:
        product = np.nansum(rest * nights.centred_ranks(variable), axis=1)
        np.testing.assert_allclose(product, 0, atol=1e-9)
