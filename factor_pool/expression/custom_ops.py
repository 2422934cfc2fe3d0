"""The operators that stock Qlib lacks, as Qlib operators, for an exported pool.

>>> import qlib
>>> from factor_pool.expression import custom_ops
>>> qlib.init(provider_uri=..., custom_ops=custom_ops.OPERATORS)  # doctest: +SKIP

A cross-sectional operator loads its operand for every instrument of the market `all`, whatever
instruments were asked for. The result serves the other instruments of the query from Qlib's own
memory cache, which `qlib.init` empties.
"""

from abc import abstractmethod
from typing import Any

import pandas as pd
from qlib.data import D
from qlib.data import ops as qlib_ops
from qlib.data.base import Expression
from qlib.data.cache import H
from qlib.data.data import Cal


class _CrossSection(qlib_ops.ElemOperator):
    """A function of all instruments of a session."""

    def _load_internal(self, instrument: str, start_index: int, end_index: int, *args: Any) -> Any:
        key = ("all instruments", str(self), start_index, end_index, *args)
        if key not in H["f"]:
            H["f"][key] = self.across(self.everyone(start_index, end_index, *args))
        own = self.feature.load(instrument, start_index, end_index, *args)
        return H["f"][key][instrument].reindex(own.index)

    def everyone(self, start_index: int, end_index: int, *args: Any) -> pd.DataFrame:
        """Operand of each instrument within its listing, one column an instrument."""
        spans = D.list_instruments(D.instruments("all"), freq=args[0])
        days = Cal.calendar(freq=args[0])
        columns = {}
        for instrument, listings in spans.items():
            series = self.feature.load(instrument, start_index, end_index, *args)
            dates = days[series.index.to_numpy(dtype=int)]
            inside = pd.Series(False, index=series.index)
            for begin, end in listings:
                inside |= (dates >= begin) & (dates <= end)
            columns[instrument] = series[inside]
        return pd.DataFrame(columns)

    @abstractmethod
    def across(self, values: pd.DataFrame) -> pd.DataFrame:
        """Apply the operator to rows of sessions, columns of instruments."""


class CSRank(_CrossSection):
    """Rank among all instruments of the session, as a fraction of them."""

    def across(self, values: pd.DataFrame) -> pd.DataFrame:
        """Rank each row."""
        return values.rank(axis=1, pct=True)


class CSZScore(_CrossSection):
    """Distance from the session's mean in sample standard deviations."""

    def across(self, values: pd.DataFrame) -> pd.DataFrame:
        """Centre and scale each row; infinite values count as missing."""
        finite = _finite(values)
        deviation = finite.sub(finite.mean(axis=1), axis=0)
        scale = finite.std(axis=1)
        return deviation.div(scale.where(scale > 0), axis=0)


class CSDemean(_CrossSection):
    """Distance from the session's mean."""

    def across(self, values: pd.DataFrame) -> pd.DataFrame:
        """Centre each row; infinite values count as missing."""
        finite = _finite(values)
        return finite.sub(finite.mean(axis=1), axis=0)


class EMA(qlib_ops.EMA):
    """Exponential mean over the whole history, whatever session the query starts from."""

    def get_extended_window_size(self) -> tuple[int, int]:
        """Sessions before the query that must be loaded: all."""
        _, after = self.feature.get_extended_window_size()
        return _WHOLE_HISTORY, after


_WHOLE_HISTORY = 1_000_000


def _finite(values: pd.DataFrame) -> pd.DataFrame:
    return values.astype("float64").replace([float("inf"), float("-inf")], float("nan"))


OPERATORS: list[type[Expression]] = [CSRank, CSZScore, CSDemean, EMA]
