"""A portrait's figures are those of the yardstick, window by window, in one orientation."""

import datetime as dt

import numpy as np
import pytest

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.portrait import Estimate, portray
from factor_pool.evaluation.windows import Window
from factor_pool.expression import parse
from tests.factor_pool.evaluation.markets import market

SEARCH = Window("search", dt.date(2020, 1, 1), dt.date(2020, 9, 30))
CONFIRM = Window("confirm", dt.date(2020, 10, 20), dt.date(2021, 1, 20))


@pytest.fixture(scope="module")
def panel() -> Panel:
    return market(3)


def test_a_true_factor_shows_in_both_windows(panel: Panel) -> None:
    portrait = portray(parse("$signal"), panel, [SEARCH, CONFIRM], pool={"F1": "Neg($signal)"})
    assert portrait.sign == 1
    for view in portrait.views:
        assert view.beyond_baseline.mean is not None
        assert view.beyond_baseline.mean > 0.2
        assert view.beyond_baseline.mean == pytest.approx(view.figures["marginal_rank_ic"])
        assert view.beyond_baseline.t == pytest.approx(view.figures["t_hac"])
        assert view.rank_ic["factor"].mean == pytest.approx(view.figures["rank_ic"])
        assert view.exposures == pytest.approx(view.figures["correlations"])
        assert view.pool["F1"] == pytest.approx(-1)
        assert view.groups.rising == 1.0
        assert view.groups.spread.mean == pytest.approx(
            view.groups.beyond[-1] - view.groups.beyond[0]  # type: ignore[operator]
        )
        assert view.days[0] >= str(view.window.start)
        assert view.days[-1] <= str(view.window.end)
        assert len(view.days) == len(view.marginal) == view.figures["sessions"]


def test_a_turned_factor_is_shown_the_way_it_is_used(panel: Panel) -> None:
    up = portray(parse("$signal"), panel, [SEARCH, CONFIRM])
    down = portray(parse("Neg($signal)"), panel, [SEARCH, CONFIRM])
    assert (up.sign, down.sign) == (1, -1)
    for one, other in zip(up.views, down.views, strict=True):
        np.testing.assert_allclose(one.marginal, other.marginal, atol=1e-9)
        assert one.groups.beyond == pytest.approx(other.groups.beyond)
        assert one.exposures == pytest.approx(other.exposures)
        assert one.figures["hit_rate_at_5"] == pytest.approx(other.figures["hit_rate_at_5"])


def test_the_orientation_is_not_chosen_again_on_unseen_sessions(panel: Panel) -> None:
    """A factor used the wrong way round looks as bad there as it is."""
    wrong = portray(parse("$signal"), panel, [SEARCH, CONFIRM], sign=-1)
    for view in wrong.views:
        assert view.beyond_baseline.mean is not None
        assert view.beyond_baseline.mean < -0.2
        assert view.figures["hit_rate_at_5"] < view.figures["base_rate"]


def test_nothing_after_a_window_reaches_its_figures(panel: Panel) -> None:
    """The poison test: garbage after the last window changes no figure."""
    after = panel.sessions > np.datetime64(CONFIRM.end)
    values = {name: x.copy() for name, x in panel.values.items()}
    for x in values.values():
        x[after] = 1e6
    poisoned = Panel(panel.sessions, panel.instruments, values, panel.listed)
    one, other = (portray(parse("$signal"), p, [SEARCH, CONFIRM]) for p in (panel, poisoned))
    for a, b in zip(one.views, other.views, strict=True):
        assert a.figures == b.figures
        assert a.groups == b.groups
        assert a.years == b.years
        assert a.persistence == b.persistence
        assert np.array_equal(a.marginal, b.marginal, equal_nan=True)


def test_a_window_without_figures_is_named(panel: Panel) -> None:
    window = Window("search", dt.date(2021, 2, 3), dt.date(2021, 2, 3))
    with pytest.raises(EvaluationError, match=r"no figure in the search window 2021-02-03"):
        portray(parse("$signal"), panel, [window])
    with pytest.raises(EvaluationError, match="at least one window"):
        portray(parse("$signal"), panel, [])


def test_estimates_of_little() -> None:
    assert Estimate.of(np.full(5, np.nan)) == Estimate(None, None, 0)
    few = Estimate.of(np.array([1.0, 3.0, np.nan]))
    assert (few.mean, few.error, few.sessions, few.t) == (2.0, None, 2, None)
