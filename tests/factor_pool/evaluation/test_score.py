"""A score names its window and stands beside its baselines."""

import json

import numpy as np
import pytest

from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.profile import Profile
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.score import score
from factor_pool.evaluation.windows import Window, place
from factor_pool.expression import ExpressionError, parse

CONTRACT = (
    "rank_ic", "rank_icir", "marginal_rank_ic", "t_hac", "coverage", "rank_autocorrelation",
    "hit_rate_at_5", "base_rate", "persistence_hit_rate_at_5", "size_hit_rate_at_5", "by_year",
)  # fmt: skip


@pytest.fixture(scope="module")
def panel() -> Panel:
    return Panel.from_frame(synthetic(3, sectors=30, sessions=560).frame)


def test_score_is_json_with_the_contract_names(panel: Panel) -> None:
    found = score("$turnover / Mean($turnover, 20)", panel).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert all(found[name] is not None for name in CONTRACT)
    assert set(found["by_year"]) == {"2023", "2024", "2025"} & set(found["by_year"])
    assert found["marginal_rank_ic"] > 0
    assert found["window"] == "search"
    windows = place(panel, Profile.load().core(panel))
    assert found["end"] == str(windows.search.end)


def test_text_and_expression_score_alike(panel: Panel) -> None:
    assert score("$close", panel) == score(parse("$close"), panel)


def test_search_is_blind_to_what_follows(panel: Panel) -> None:
    windows = place(panel, Profile.load().core(panel))
    cut = panel.between(None, windows.search.end)
    assert score("Mean($ret, 5)", panel) == score("Mean($ret, 5)", cut, window=windows.search)


def test_all_and_a_window_of_ones_own(panel: Panel) -> None:
    whole = score("Mean($ret, 5)", panel, window="all")
    assert (
        whole.sessions == len(panel.sessions) - 1 - 1
    )  # no return on the first, no label on the last
    last = panel.sessions[-60:].astype(object)
    part = score("Mean($ret, 5)", panel, window=Window("last", last[0], last[-1]))
    assert part.sessions == 59
    assert part.start == last[0]


def test_hidden_windows_are_not_scored_by_name(panel: Panel) -> None:
    for name in ("confirm", "sealed"):
        with pytest.raises(EvaluationError, match=f"the {name} window is not for scoring"):
            score("$close", panel, window=name)
    with pytest.raises(EvaluationError, match="must be 'search' or 'all', not 'year'"):
        score("$close", panel, window="year")


def test_bad_input_is_named(panel: Panel) -> None:
    with pytest.raises(ExpressionError):
        score("Mean($close", panel)
    with pytest.raises(EvaluationError, match="no field 'profit'"):
        score("$profit", panel)
    with pytest.raises(EvaluationError, match="no baseline 'momentum'"):
        score("$close", panel, baseline=("momentum",))


def test_an_undefined_figure_is_none_not_nan(panel: Panel) -> None:
    constant = score("$close - $close", panel, window="all").to_dict()
    assert constant["rank_ic"] is None
    assert constant["sessions"] == 0
    assert np.isfinite(constant["coverage"])
