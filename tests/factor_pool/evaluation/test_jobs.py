"""What a worker answers: numbers only, in order, from the rows it may read."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation import jobs
from factor_pool.evaluation.backtest import Market, Rules
from factor_pool.evaluation.windows import Windows, place
from factor_pool.evaluation.yardstick import Yardstick, pool_fingerprint
from factor_pool.expression import evaluate, parse
from tests.factor_pool.evaluation.markets import market, panel_of

TEXTS = ["Mean($signal, 2)", "$noise", "$limit_up_count", "$company_count", "Mean($close, 5)"]


@pytest.fixture(scope="module")
def panel() -> Panel:
    return market(7, sessions=600)


@pytest.fixture(scope="module")
def windows(panel: Panel) -> Windows:
    return place(panel, ("close",))


@pytest.fixture(scope="module")
def panels(panel: Panel, windows: Windows) -> dict[str, Panel]:
    return {"search": windows.search_panel(panel), "confirm": windows.confirm_panel(panel)}


def search(panels: dict[str, Panel], texts: list[str], pool: list[str] | None = None) -> list[dict]:
    job = {"kind": "search", "expressions": texts, "pool": pool or [], "label": "limit_up_count"}
    return jobs.run(job, panels)["results"]


def confirm(panels: dict[str, Panel], windows: Windows, text: str, pool: list[str]) -> np.ndarray:
    bounds = {"start": str(windows.confirm.start), "end": str(windows.confirm.end)}
    job = {"kind": "confirm", "expressions": [text], "pool": pool, "label": "limit_up_count"}
    (result,) = jobs.run(job | bounds, panels)["results"]
    return np.array(result["daily"], dtype=float)


def only_numbers(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and only_numbers(v) for k, v in value.items())
    return value is None or (isinstance(value, int | float) and np.isfinite(value))


def test_reply_is_numbers_in_the_order_of_the_job(panels: dict[str, Panel]) -> None:
    results = search(panels, TEXTS)
    assert json.loads(json.dumps(results, allow_nan=False)) == results
    assert all(only_numbers(result["figures"]) for result in results)
    backwards = search(panels, TEXTS[::-1])
    assert backwards[::-1] == results
    assert search(panels, [TEXTS[1]]) == [results[1]]


def test_signal_noise_persistence_and_size_are_told_apart(panels: dict[str, Panel]) -> None:
    signal, noise, count, size, _ = (r["figures"] for r in search(panels, TEXTS))
    assert signal["added_t_hac"] > 10
    assert signal["sign"] == 1
    assert signal["same_sign_share"] == 1.0
    assert min(signal["halves"].values()) > 0.1
    assert abs(noise["added_t_hac"]) < 4
    for copy in (count, size):
        assert copy["explained"] == pytest.approx(1.0)
        assert copy["added_rank_ic"] == 0.0
    assert count["correlations"]["count"] == pytest.approx(1.0)
    assert size["size_exposure"] == pytest.approx(1.0)
    assert signal["hit_rate_at_5"] > signal["base_rate"]
    assert signal["persistence_hit_rate_at_5"] > signal["base_rate"]


def test_a_weak_factor_has_what_the_gates_up_to_strength_ask_for_and_no_more(
    panels: dict[str, Panel],
) -> None:
    strong, weak = (r["figures"] for r in search(panels, ["$signal", "$noise"]))
    assert abs(weak["added_t_hac"]) < jobs.DETAILED[1]
    assert strong.keys() - weak.keys() == {
        "account", "base_rate", "by_year", "cpcv", "hit_rate_at_5", "hit_rate_error",
        "persistence_hit_rate_at_5", "size_hit_rate_at_5",
    }  # fmt: skip
    assert weak["halves"] == {"a": None, "b": None}  # with which no factor passes that gate
    in_full = Yardstick(panels["search"]).figures(
        parse("$noise"), evaluate([parse("$noise")], panels["search"])[0]
    )
    assert weak == {name: in_full[name] for name in weak} | {"halves": weak["halves"]}


def test_negation_keeps_everything_but_the_sign(panels: dict[str, Panel]) -> None:
    plain, negated = (r["figures"] for r in search(panels, ["$signal", "0 - $signal"]))
    assert (plain["sign"], negated["sign"]) == (1, -1)
    for name in ("rank_ic", "marginal_rank_ic", "added_rank_ic", "t_hac"):
        assert negated[name] == pytest.approx(-plain[name])
    for name in ("hit_rate_at_5", "coverage", "explained", "rank_autocorrelation"):
        assert negated[name] == pytest.approx(plain[name])


def test_pool_members_are_controls(panels: dict[str, Panel]) -> None:
    pool = ["$noise", "Mean($signal, 2)"]
    copy, other = (r["figures"] for r in search(panels, ["0 - Mean($signal, 2)", "$signal"], pool))
    assert copy["max_pool_correlation"] == pytest.approx(1.0)
    assert copy["closest_member"] == 1
    assert copy["added_rank_ic"] == 0.0
    assert copy["marginal_rank_ic"] < -0.1
    assert 0.5 < other["max_pool_correlation"] < 0.9
    assert other["added_rank_ic"] > 0.1
    assert other["pool_size"] == 2
    assert other["pool_fingerprint"] == pool_fingerprint(pool)


def test_a_pool_larger_than_a_third_of_the_universe_still_measures(
    panels: dict[str, Panel],
) -> None:
    pool = [f"Mean($noise, {n})" for n in range(2, 32)] + ["Mean($signal, 2)"]
    (figures,) = (r["figures"] for r in search(panels, ["$signal"], pool))
    assert figures["closest_member"] == 30
    assert figures["added_rank_ic"] > 0.1  # beyond the ten members nearest to it


def test_one_bad_expression_costs_no_other_its_figures(panels: dict[str, Panel]) -> None:
    bad = ["Mean(", "$missing", "__import__('os')"]
    results = search(panels, [bad[0], "$signal", bad[1], bad[2]])
    assert [sorted(r) for r in results] == [["error"], ["figures"], ["error"], ["error"]]
    assert "$missing" in results[2]["error"]
    assert results[1] == search(panels, ["$signal"])[0]


def test_coverage_counts_from_the_first_session_of_all_fields(panels: dict[str, Panel]) -> None:
    values = {name: x.copy() for name, x in panels["search"].values.items()}
    values["late"] = values["signal"].copy()
    values["late"][:100] = np.nan
    values["late"][200:220] = np.nan
    values["never"] = np.full_like(values["late"], np.nan)
    late = panel_of(**values)
    figures = search({"search": late}, ["$late + $noise", "$never"])
    assert figures[0]["figures"]["first_session"] == 20200410
    total = len(late.sessions) - 100
    assert figures[0]["figures"]["coverage"] == pytest.approx(1 - 20 / total)
    assert figures[0]["figures"]["sessions"] == total - 20 - 1  # the last has no label
    assert "'never' has no value" in figures[1]["error"]


def test_confirm_figures_are_those_of_the_window_alone(
    panel: Panel, panels: dict[str, Panel], windows: Windows
) -> None:
    daily = confirm(panels, windows, "$signal", ["$noise"])
    assert len(daily) == windows.confirm.sessions
    assert np.isnan(daily[-1])  # its label would be a purged session's
    assert np.isfinite(daily[:-1]).all()
    assert daily[:-1].mean() > 0.1
    garbage = market(99, sessions=600)
    after = panel.sessions > np.datetime64(windows.confirm.end)
    poisoned = panel_of(
        **{k: np.where(after[:, None], garbage.values[k], v) for k, v in panel.values.items()}
    )
    again = confirm({"confirm": windows.confirm_panel(poisoned)}, windows, "$signal", ["$noise"])
    np.testing.assert_array_equal(daily, again)


def test_poison_after_the_search_window_changes_no_search_figure(
    panel: Panel, windows: Windows
) -> None:
    after = panel.sessions > np.datetime64(windows.search.end)
    garbage = market(98, sessions=600)
    poisoned = panel_of(
        **{k: np.where(after[:, None], garbage.values[k], v) for k, v in panel.values.items()}
    )
    clean, dirty = (
        search({"search": windows.search_panel(one)}, TEXTS, ["$noise"])
        for one in (panel, poisoned)
    )
    assert clean == dirty


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"kind": "sealed"}, "not 'sealed'"),
        ({"kind": "search", "expressions": "abc"}, "'expressions' of a job must be a list"),
        ({"kind": "search", "expressions": [], "pool": [1]}, "'pool' of a job must be a list"),
        ({"kind": "search", "expressions": [], "label": "profit"}, "no label 'profit'"),
        ({"kind": "search", "expressions": [], "pool": ["Mean("]}, "pool member"),
        ({"kind": "confirm", "expressions": []}, "needs 'start' and 'end'"),
        ({"kind": "confirm", "expressions": [], "start": "x", "end": "y"}, "needs 'start'"),
    ],
)
def test_a_malformed_job_is_refused(
    panels: dict[str, Panel], job: dict[str, object], message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        jobs.run(job, panels)


def test_a_worker_without_the_panel_says_so(panels: dict[str, Panel]) -> None:
    with pytest.raises(EvaluationError, match="no confirm panel; it has search"):
        jobs.run(
            {"kind": "confirm", "expressions": [], "start": "2020-01-01", "end": "2020-02-01"},
            {"search": panels["search"]},
        )


def test_a_job_needs_nothing_but_numpy_and_numba(tmp_path: Path, panels: dict[str, Panel]) -> None:
    """The sandbox image holds nothing else."""
    panels["search"].save(tmp_path / "panel")
    code = """
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class OnlyTheImage(MetaPathFinder):
    ours = {"numpy", "numba", "llvmlite", "data_profile", "factor_pool", "sitecustomize"}
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in self.ours and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{top} is not in the image")

sys.meta_path.insert(0, OnlyTheImage())
from data_profile.panel import Panel
from factor_pool.evaluation import jobs
from factor_pool.evaluation.backtest import Market, Rules
job = {"kind": "search", "expressions": ["$signal"], "pool": ["$noise"]}
print(jobs.run(job, {"search": Panel.open(Path(sys.argv[1]))})["results"][0]["figures"]["sessions"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "panel")],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(panels["search"].sessions) - 1


def test_a_strong_factor_has_an_account_and_a_weak_one_none(panels: dict[str, Panel]) -> None:
    priced = panels["search"]
    strong, turned, weak = (
        one["figures"] for one in search(panels, ["$signal", "0 - $signal", "$noise"])
    )
    assert abs(strong["added_t_hac"]) >= jobs.DETAILED[1] > abs(weak["added_t_hac"])
    assert "account" not in weak
    trade = Market(priced, Rules().on(priced))
    curve = trade.simulate(priced.values["signal"], priced.sessions[0])
    assert strong["account"] == curve.figures()
    assert turned["account"] == strong["account"], "it is the portfolio of the factor as it is used"
    unpriced = {name: matrix for name, matrix in priced.values.items() if name != "close"}
    (bare,) = search({"search": replace(priced, values=unpriced)}, ["$signal"])
    assert bare["figures"] == {key: x for key, x in strong.items() if key != "account"}
