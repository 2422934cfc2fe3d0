"""The account that follows a ranking: rules, costs, figures, and lots drawn beside it."""

import datetime
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.backtest import SESSIONS_A_YEAR, Curve, Market, Rules
from predictor.errors import PredictorError
from predictor.holdout import Bootstrap, around

Deal = Literal["open", "close"]
DRAWS = 20
DUTY_HALVED = datetime.date(2023, 8, 28)


@dataclass(frozen=True)
class Costs:
    """What a trade costs, as shares of its value.

    Parameters
    ----------
    commission
        Of a broker, each way.
    stamp_duty
        On sales: 0.0005 since 2023-08-28, 0.001 before; see `duty`.
    slippage
        Between the index price and what a basket of limit-up candidates is had for, each way.
    """

    commission: float = 0.00025
    stamp_duty: float = 0.0005
    slippage: float = 0.001

    @property
    def buying(self) -> float:
        """Of a purchase."""
        return self.commission + self.slippage

    @property
    def selling(self) -> float:
        """Of a sale."""
        return self.commission + self.slippage + self.stamp_duty


def duty(start: datetime.date) -> float:
    """The stamp duty on sales of a window: the higher one if any of it lies before the cut."""
    return 0.001 if start < DUTY_HALVED else 0.0005


class Account:
    """One set of rules over one window of a panel; any ranking can follow them.

    Parameters
    ----------
    panel
        Prices and limits.
    first, last
        Rows that are traded.
    top, drop, deal
        Sectors held, exchanged in a session at most, and the price of a trade; see `Rules`.
    costs
        None for the defaults with the stamp duty of the window.
    bootstrap
        Over the sessions that are traded.

    Raises
    ------
    PredictorError
        The rules are none, or the panel has no prices.
    """

    def __init__(
        self,
        panel: Panel,
        first: int,
        last: int,
        *,
        top: int,
        drop: int,
        deal: Deal,
        costs: Costs | None,
        bootstrap: Bootstrap,
    ) -> None:
        self.costs = costs or Costs(stamp_duty=duty(panel.sessions[first].item()))
        self._days = (panel.sessions[first], panel.sessions[last])
        self._bootstrap = bootstrap
        try:
            rules = Rules(
                top=top,
                drop=drop,
                deal=deal,
                open_cost=self.costs.buying,
                close_cost=self.costs.selling,
            )
            self.rules = rules.on(panel)
            self._market = Market(panel, self.rules)
        except EvaluationError as error:
            raise PredictorError(f"the account cannot be simulated: {error}") from error

    def trade(self, way: np.ndarray) -> Curve:
        """Follow scores (T, S), NaN where a sector is not to be held."""
        try:
            return self._market.simulate(way, *self._days)
        except EvaluationError as error:
            raise PredictorError(f"the account cannot be simulated: {error}") from error

    def figures(self, curve: Curve) -> dict[str, Any]:
        """An account in a few numbers (`Curve.figures`); the two that matter with intervals."""
        excess = _excess(curve)
        figures: dict[str, Any] = dict(curve.figures())
        figures["annual_excess"] = self._interval(excess)
        if (ratio := figures["information_ratio"]) is not None:
            mean, square = self._bootstrap.means(excess), self._bootstrap.means(excess**2)
            with np.errstate(divide="ignore", invalid="ignore"):
                resampled = mean / np.sqrt(square - mean**2) * np.sqrt(SESSIONS_A_YEAR)
            figures["information_ratio"] = around(ratio, resampled).to_dict()
        return figures

    def difference(self, one: Curve, other: Curve) -> dict[str, float] | None:
        """Annual excess of one account over another's, paired by session."""
        return self._interval(_excess(one) - _excess(other))

    def lots(self, kept: np.ndarray, seed: int) -> dict[str, Any]:
        """The figures on lots drawn among `kept` (bool (T, S)).

        Returns
        -------
        dict
            As `figures`: the median of `DRAWS` accounts; in the place of the intervals the lowest
            and the highest of them.
        """
        rng = np.random.default_rng(seed)
        drawn = [
            self.trade(np.where(kept, rng.random(kept.shape), np.nan)).figures()
            for _ in range(DRAWS)
        ]
        figures: dict[str, Any] = {}
        for name in drawn[0]:
            found = [x for one in drawn if (x := one[name]) is not None]
            figures[name] = float(np.median(found)) if found else None
            if found and name in ("annual_excess", "information_ratio"):
                ends = {"mean": figures[name], "low": min(found), "high": max(found)}
                figures[name] = {end: round(x, 6) for end, x in ends.items()}
        return figures

    def to_dict(self) -> dict[str, Any]:
        """The rules, for the record."""
        return {
            "strategy": f"TopkDropout({self.rules.top}, {self.rules.drop}) on the ranking's score",
            "deal": f"{self.rules.deal} of the session after the forecast",
            **vars(self.costs),
            "cannot_buy": self.rules.no_buy,
            "cannot_sell": self.rules.no_sell,
            "benchmark": "equal-weight mean change of all sectors",
            "chance": f"median, lowest and highest of {DRAWS} accounts on lots drawn",
        }

    def _interval(self, daily: np.ndarray) -> dict[str, float] | None:
        interval = self._bootstrap.interval(daily * SESSIONS_A_YEAR)
        return None if interval is None else interval.to_dict()


def _excess(curve: Curve) -> np.ndarray:
    """Daily return after costs over the equal-weight market."""
    return curve.returns - curve.cost - curve.benchmark
