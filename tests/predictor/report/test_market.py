"""The market's figures are sums over its sectors, and what is unknown stays unknown."""

import numpy as np

from data_profile.panel import Panel
from predictor.report.market import breadth

SESSIONS = np.array(["2025-01-02", "2025-01-03", "2025-01-06"], dtype="datetime64[D]")


def panel(**values: list[list[float]]) -> Panel:
    matrices = {name: np.array(rows, dtype=np.float32) for name, rows in values.items()}
    sectors = len(next(iter(matrices.values()))[0])
    names = tuple(f"S{k}" for k in range(sectors))
    return Panel(SESSIONS, names, matrices, np.ones((3, sectors), dtype=bool))


def test_figures_by_hand() -> None:
    market = breadth(
        panel(
            limit_up_count=[[4, 1], [6, np.nan], [0, 0]],
            limit_up_multi_board=[[1, 0], [2, 0], [0, 0]],
            broken_limit_count=[[1, 2], [0, 2], [0, 0]],
            max_streak=[[3, 1], [4, 0], [0, 0]],
            close=[[100, 200], [110, 200], [110, 100]],
        )
    )
    np.testing.assert_array_equal(market.limit_ups, [5, 6, 0])
    np.testing.assert_allclose(market.sealing, [5 / 8, 6 / 8, np.nan])
    np.testing.assert_allclose(market.promotion, [np.nan, 2 / 5, 0])
    np.testing.assert_array_equal(market.highest, [3, 4, 0])
    np.testing.assert_allclose(market.market_return, [np.nan, 0.05, -0.25], rtol=1e-6)


def test_a_field_that_nobody_has_is_unknown_not_zero() -> None:
    market = breadth(panel(limit_up_count=[[1], [np.nan], [2]]))
    np.testing.assert_array_equal(market.limit_ups, [1, np.nan, 2])
    assert np.isnan(market.net_inflow).all()
    assert market.at("net_inflow") is None
    assert market.at("limit_ups") == 2
    assert market.at("limit_ups", 1) is None


def test_concepts_can_be_left_out() -> None:
    whole = panel(limit_up_count=[[1, 5], [1, 5], [1, 5]])
    assert breadth(whole, {"S0"}).limit_ups.tolist() == [1, 1, 1]
