"""The figures that the defaults rest on, on the real market (70 sectors, 2021-2025)."""

from pathlib import Path

import numpy as np
import pytest

from data_profile.panel import Panel
from data_profile.profile import Profile
from data_profile.sources import panel_file
from factor_pool.evaluation.baselines import design, ewm
from factor_pool.evaluation.inference import hac_t
from factor_pool.evaluation.labels import events, label
from factor_pool.evaluation.metrics import Projection, hit_rate, rank_ic
from factor_pool.evaluation.windows import place
from factor_pool.expression import evaluate, parse

pytestmark = pytest.mark.real_data

MARGINAL = [  # expression, marginal rank IC, Newey-West t
    ("$one_word_count", 0.117, 28),
    ("$limit_up_multi_board", 0.106, 23),
    ("$broken_limit_count / $company_count", 0.061, 15),
    ("$turnover / Mean($turnover, 20)", 0.055, 14),
    ("$close / Ref($close, 20) - 1", 0.049, 10),
    ("$net_inflow / $turnover", 0.003, 0.5),
]


@pytest.fixture(scope="module")
def panel(real_data: Path) -> Panel:
    return Panel.from_frame(panel_file.read(real_data / "sector_day_panel.parquet").frame)


@pytest.mark.parametrize(("text", "marginal", "t"), MARGINAL)
def test_marginal_rank_ic(panel: Panel, text: str, marginal: float, t: float) -> None:
    projection = Projection(label(panel), list(design(panel)))
    daily = projection.marginal_rank_ic(evaluate([parse(text)], panel)[0])
    assert np.nanmean(daily) == pytest.approx(marginal, abs=0.002)
    assert hac_t(daily) == pytest.approx(t, abs=0.7)


def test_five_day_flow_over_full_windows(panel: Panel) -> None:
    values = evaluate([parse("Mean($net_inflow / $turnover, 5)")], panel)[0]
    known = np.isfinite(panel.values["net_inflow"]).astype(float)
    full = np.array([known[max(0, t - 4) : t + 1].sum(axis=0) == 5 for t in range(len(known))])
    daily = Projection(label(panel), list(design(panel))).marginal_rank_ic(
        np.where(full, values, np.nan)
    )
    assert np.nanmean(daily) == pytest.approx(0.024, abs=0.001)
    assert hac_t(daily) == pytest.approx(4.8, abs=0.2)


def test_plain_rank_ic(panel: Panel) -> None:
    y, count = label(panel), panel.values["limit_up_count"]
    assert np.nanmean(rank_ic(count, y)) == pytest.approx(0.42, abs=0.005)
    assert np.nanmean(rank_ic(ewm(count, 10), y)) == pytest.approx(0.50, abs=0.005)
    assert np.nanmean(rank_ic(panel.values["company_count"], y)) == pytest.approx(0.42, abs=0.005)


def test_easy_hit_rates_and_base_rates(panel: Panel) -> None:
    y, hits = label(panel), events(panel)
    assert hits[:-1].mean() == pytest.approx(0.38, abs=0.005)
    persistence = hit_rate(ewm(panel.values["limit_up_count"], 10), y, hits)
    assert np.nanmean(persistence) == pytest.approx(0.84, abs=0.01)
    assert np.nanmean(hit_rate(panel.values["company_count"], y, hits)) == pytest.approx(
        0.75, abs=0.01
    )


def test_surge_is_rare_but_daily_somewhere(panel: Panel) -> None:
    surge = label(panel, "limit_up_surge")[:-1]
    assert np.nanmean(surge) == pytest.approx(0.054, abs=0.001)
    assert (surge == 1).any(axis=1).mean() == pytest.approx(0.95, abs=0.005)
    assert np.nanmean(label(panel, "limit_up_top_decile")) == pytest.approx(0.097, abs=0.002)


def test_windows_leave_flow_factors_enough_to_be_mined(panel: Panel) -> None:
    windows = place(panel, Profile.load().core(panel))
    assert str(windows.first_core) == "2023-09-27"
    assert str(windows.search.start) == "2021-01-04"
    flow = panel.sessions >= np.datetime64(windows.first_core)
    assert (windows.search.mask(panel.sessions) & flow).sum() >= 300
    assert windows.confirm.sessions >= 120
