"""The same portfolio by Qlib's own engine: TopkDropoutStrategy, Exchange and SimulatorExecutor.

Qlib reads prices and limits from a tree of its own format, evaluates the limit expressions itself,
and is given nothing but the scores. This module needs pyqlib, which the search's sandbox does not
hold: nothing that a search job imports may import it.
"""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import qlib
from qlib.backtest import backtest
from qlib.backtest.signal import Signal
from qlib.contrib.strategy.signal_strategy import TopkDropoutStrategy
from qlib.data.cache import H

from data_profile import qlib_tree
from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.backtest import Curve, Market, Rules, ordinal, rows_between

_NEVER = "$close < 0"  # Qlib takes None for a limit of its own
_CODE = "S{:05d}"  # the place of a column; ids are other people's text, and name files in the tree


class QlibBacktest:
    """Qlib's engine on one panel, for any number of factors.

    Parameters
    ----------
    panel, rules
        As for `backtest.Market`.
    folder
        A new folder for Qlib's tree of the panel.

    Raises
    ------
    EvaluationError
        The panel lacks a field that the rules name.
    """

    def __init__(self, panel: Panel, rules: Rules, folder: Path) -> None:
        self.panel = panel
        self.rules = rules
        self._market = Market(panel, rules)
        self._folder = folder
        _write_tree(panel, rules, folder)

    def simulate(self, scores: np.ndarray, start: object = None, end: object = None) -> Curve:
        """Trade on scores; arguments, result and errors as of `backtest.Market.simulate`.

        Equal scores rank in the order of the columns, as there.
        """
        if scores.shape != self.panel.shape:
            raise EvaluationError(f"scores of shape {scores.shape}, a panel of {self.panel.shape}")
        first, last = rows_between(self.panel, start, end)
        days = pd.DatetimeIndex(self.panel.sessions)
        self._start()
        metrics, _ = backtest(
            start_time=days[first],
            end_time=days[last],
            strategy=self._strategy(scores, days),
            executor={
                "class": "SimulatorExecutor",
                "module_path": "qlib.backtest.executor",
                "kwargs": {"time_per_step": "day", "generate_portfolio_metrics": True},
            },
            benchmark=pd.Series(self._market.benchmark, days),
            account=self.rules.cash,
            exchange_kwargs=self._exchange(),
        )
        report, positions = metrics["1day"]
        held = [len(positions[day].get_stock_list()) for day in report.index]
        return Curve(
            sessions=report.index.to_numpy().astype("datetime64[D]"),
            account=report["account"].to_numpy(np.float64),
            returns=report["return"].to_numpy(np.float64),
            cost=report["cost"].to_numpy(np.float64),
            turnover=report["turnover"].to_numpy(np.float64),
            benchmark=report["bench"].to_numpy(np.float64),
            positions=np.array(held, dtype=np.float64),
            cash=self.rules.cash,
        )

    def _start(self) -> None:
        """Point Qlib, whose settings are global, to this tree; it keeps nothing on disk."""
        qlib.init(
            provider_uri=str(self._folder),
            region="cn",
            kernels=1,
            joblib_backend="threading",
            expression_cache=None,
            dataset_cache=None,
            logging_level=logging.ERROR,
            exp_manager={
                "class": "MLflowExpManager",
                "module_path": "qlib.workflow.expm",
                "kwargs": {"uri": f"{self._folder}/unused", "default_exp_name": "unused"},
            },
        )
        H.clear()

    def _strategy(self, scores: np.ndarray, days: pd.DatetimeIndex) -> TopkDropoutStrategy:
        codes = [_CODE.format(column) for column in range(scores.shape[1])]
        signal = _Scores(pd.DataFrame(ordinal(scores), days, codes))
        rules = self.rules
        signal.strategy = TopkDropoutStrategy(
            signal=signal,
            topk=rules.top,
            n_drop=rules.drop,
            hold_thresh=rules.hold,
            risk_degree=rules.risk_degree,
            only_tradable=rules.only_tradable,
            forbid_all_trade_at_limit=rules.forbid_all,
        )
        return signal.strategy

    def _exchange(self) -> dict[str, object]:
        rules = self.rules
        return {
            "freq": "day",
            "codes": "all",
            "deal_price": f"${rules.deal}",
            "limit_threshold": tuple(one.qlib() if one else _NEVER for one in rules.limits()),
            "open_cost": rules.open_cost,
            "close_cost": rules.close_cost,
            "min_cost": rules.min_cost,
            "trade_unit": None,  # a basket has no lots
        }


class _Scores(Signal):
    """The scores of each session; holdings without one rank below all, in the order of the columns.

    Qlib sells those first, and which of several hangs on the hash of their names.
    """

    strategy: TopkDropoutStrategy

    def __init__(self, scores: pd.DataFrame) -> None:
        self._scores = scores

    def get_signal(self, start_time: pd.Timestamp, end_time: pd.Timestamp) -> pd.Series | None:
        if start_time not in self._scores.index:
            return None  # before the first session
        row = self._scores.loc[start_time]
        scored = row.dropna()
        if scored.empty:
            return None
        held = set(self.strategy.trade_position.get_stock_list())
        below = {code: -place for place, code in enumerate(row.index) if code in held}
        places = scored.reindex(row.index).to_numpy()
        gaps = np.array([below.get(code, np.nan) for code in row.index])
        return pd.Series(np.where(np.isnan(places), gaps, places), row.index).dropna()


def _write_tree(panel: Panel, rules: Rules, folder: Path) -> None:
    fields = {"close", rules.deal}.union(*(set(one.fields) for one in rules.limits() if one))
    values = {name: panel.values[name] for name in sorted(fields)}
    ones = np.ones(panel.shape, dtype=np.float32)
    values |= {
        "factor": ones,
        "volume": ones,
        "change": ones,
    }  # asked for, and of no influence here
    codes = tuple(_CODE.format(column) for column in range(len(panel.instruments)))
    qlib_tree.write(replace(panel, instruments=codes, values=values, ignored=()), folder)
    # A session ends for Qlib where the next begins, so the last one needs a successor.
    days = [str(day) for day in (*panel.sessions, panel.sessions[-1] + 1)]
    (folder / "calendars" / "day_future.txt").write_text("\n".join(days) + "\n", encoding="utf-8")
