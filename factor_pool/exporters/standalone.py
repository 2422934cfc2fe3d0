"""Values of accepted factors, with numpy and pandas alone.

    python FILE panel.parquet values.parquet      (or .csv)

reads rows of date, instrument and fields, one for each instrument and session, and writes rows of
date, instrument and one column a factor. `FACTORS` names the factors; each is a function of a
`Market`. A value uses nothing later than its own session. Operators mean what they mean in Qlib.
"""

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

Frame = pd.DataFrame


class Market:
    """Fields of a panel as frames of sessions by instruments, and the operators on such frames.

    Parameters
    ----------
    rows
        Columns date, instrument and the fields. From its first row to its last an instrument is
        listed; a session between without a row has no values.

    Raises
    ------
    ValueError
        A column is missing, or an instrument has two rows for one session.
    """

    def __init__(self, rows: Frame) -> None:
        missing = {"date", "instrument"} - set(rows.columns)
        if missing:
            raise ValueError(f"no column {', '.join(sorted(missing))}")
        doubled = rows.duplicated(["date", "instrument"])
        if doubled.any():
            raise ValueError(f"two rows for {rows.loc[doubled, ['date', 'instrument']].iloc[0]}")
        table = rows.assign(date=pd.to_datetime(rows["date"])).set_index(["date", "instrument"])
        self._rows = table
        there = pd.Series(1.0, index=table.index).unstack("instrument")
        self.listed: Frame = there.bfill().notna() & there.ffill().notna()

    def __getitem__(self, name: str) -> Frame:
        """Values of a field, float32."""
        if name not in self._rows.columns:
            raise ValueError(f"no column {name}")
        return self._rows[name].astype("float32").unstack("instrument")

    def factor(self, values: Frame) -> pd.Series:
        """Values within the listings, float32, by (date, instrument)."""
        row, column = self.listed.to_numpy().nonzero()
        days, ids = self.listed.index[row], self.listed.columns[column]
        inside = values.to_numpy(dtype="float32")[row, column]
        return pd.Series(inside, index=pd.MultiIndex.from_arrays([days, ids]))

    def over_time(self, x: Frame, function: Callable[[pd.Series], pd.Series]) -> Frame:
        """Apply a function to each instrument's own sessions."""
        columns = {i: function(x[i][self.listed[i]]) for i in x.columns}
        return pd.DataFrame(columns, index=x.index)

    # --- cell by cell

    def truth(self, condition: Frame) -> Frame:
        """1.0 or 0.0."""
        return condition.astype("float32").where(self.listed)

    def choose(self, test: Frame, yes: Frame | float, no: Frame | float) -> Frame:
        """`yes` where the test is not 0 (missing counts as not 0), else `no`."""
        return pd.DataFrame(np.where(test != 0, yes, no), test.index, test.columns)

    def log(self, x: Frame) -> Frame:
        """Natural logarithm; of 0 -inf, below 0 missing."""
        with np.errstate(all="ignore"):
            return pd.DataFrame(np.log(x), x.index, x.columns)

    # --- looking back n sessions

    def rolling(self, x: Frame, n: int, name: str, *args: float) -> Frame:
        """A function of pandas' rolling windows, from the first value on."""
        return self.over_time(x, lambda s: getattr(s.rolling(n, min_periods=1), name)(*args))

    def applied(self, x: Frame, n: int, function: Callable[[np.ndarray], float]) -> Frame:
        """A function of the values of each rolling window, from the first value on."""
        return self.over_time(x, lambda s: s.rolling(n, min_periods=1).apply(function, raw=True))

    def ref(self, x: Frame, n: int) -> Frame:
        """Value n sessions ago."""
        return self.over_time(x, lambda s: s.shift(n))

    def ema(self, x: Frame, n: int) -> Frame:
        """Exponential mean with span n over the whole history."""
        return self.over_time(x, lambda s: s.ewm(span=n, min_periods=1).mean())

    def rank(self, x: Frame, n: int) -> Frame:
        """Rank of x among its own last n sessions, as a fraction of them."""
        return self.over_time(x, lambda s: s.rolling(n, min_periods=1).rank(pct=True))

    def count(self, x: Frame, n: int) -> Frame:
        """Number of sessions with a value."""
        return self.over_time(x, lambda s: s.notna().astype("float64").rolling(n, 1).sum())

    def place_of_max(self, x: Frame, n: int) -> Frame:
        """Place of the maximum in the window, 1 for its oldest session."""
        return self.applied(x, n, lambda window: float(window.argmax()) + 1)

    def place_of_min(self, x: Frame, n: int) -> Frame:
        """Place of the minimum in the window, 1 for its oldest session."""
        return self.applied(x, n, lambda window: float(window.argmin()) + 1)

    def mad(self, x: Frame, n: int) -> Frame:
        """Mean absolute deviation from the mean."""

        def deviation(window: np.ndarray) -> float:
            there = window[~np.isnan(window)]
            return float(np.mean(np.abs(there - there.mean())))

        return self.applied(x, n, deviation)

    def corr(self, x: Frame, y: Frame, n: int) -> Frame:
        """Correlation; none where either hardly moves."""
        return self._pairs(x, y, n, "corr", still=True)

    def cov(self, x: Frame, y: Frame, n: int) -> Frame:
        """Covariance."""
        return self._pairs(x, y, n, "cov", still=False)

    def _pairs(self, x: Frame, y: Frame, n: int, name: str, still: bool) -> Frame:
        columns = {}
        for i in x.columns:
            a, b = (s[i][self.listed[i]] for s in (x, y))
            value = getattr(a.rolling(n, min_periods=1), name)(b)
            if still:
                value[_still(a, n) | _still(b, n)] = np.nan
            columns[i] = value
        return pd.DataFrame(columns, index=x.index)

    def slope(self, x: Frame, n: int) -> Frame:
        """Slope of the line through the last n sessions."""
        return self.over_time(x, lambda s: _line(s, n)["slope"])

    def rsquare(self, x: Frame, n: int) -> Frame:
        """R squared of that line; none where x hardly moves."""
        return self.over_time(x, lambda s: _line(s, n)["rsquare"].mask(_still(s, n)))

    def resi(self, x: Frame, n: int) -> Frame:
        """Distance of the last value from that line."""
        return self.over_time(x, lambda s: _line(s, n)["resi"])

    # --- across the instruments of a session

    def cs_rank(self, x: Frame) -> Frame:
        """Rank among the instruments, as a fraction of them."""
        return x.where(self.listed).rank(axis=1, pct=True)

    def cs_demean(self, x: Frame) -> Frame:
        """Distance from the session's mean; infinite values count as missing."""
        finite = self._finite(x)
        return finite.sub(finite.mean(axis=1), axis=0)

    def cs_zscore(self, x: Frame) -> Frame:
        """Distance from the session's mean in sample standard deviations."""
        finite = self._finite(x)
        scale = finite.std(axis=1)
        return self.cs_demean(x).div(scale.where(scale > 0), axis=0)

    def _finite(self, x: Frame) -> Frame:
        return x.where(self.listed).astype("float64").replace([np.inf, -np.inf], np.nan)


def _still(series: pd.Series, n: int) -> pd.Series:
    """Where a series hardly moves within the window."""
    deviation = series.rolling(n, min_periods=1).std()
    return pd.Series(np.isclose(deviation, 0, atol=2e-5), index=series.index)


def _line(series: pd.Series, n: int) -> Frame:
    """The least-squares line through the window's values.

    From its first infinite value on a series has no line: Qlib's running sums never recover.
    """
    padded = np.concatenate([np.full(n - 1, np.nan), series.to_numpy(dtype=float)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, n)
    there = ~np.isnan(windows)
    count = there.sum(axis=1)
    with np.errstate(all="ignore"):
        x = np.where(there, np.arange(1.0, n + 1), np.nan)
        dx = x - np.nansum(x, axis=1, keepdims=True) / count[:, None]
        mean = np.nansum(windows, axis=1) / count
        dy = windows - mean[:, None]
        xx, xy, yy = (np.nansum(v, axis=1) for v in (dx * dx, dx * dy, dy * dy))
        slope = np.where(count > 1, xy / xx, np.nan)
        resi = dy[:, -1] - slope * dx[:, -1]
        columns = {"slope": slope, "rsquare": slope * xy / yy, "resi": resi}
    return pd.DataFrame(columns, index=series.index).mask(np.isinf(series).cummax())


FACTORS: dict[str, Callable[[Market], Frame]] = {}


def values(rows: Frame) -> Frame:
    """Rows of date, instrument and one column a factor."""
    market = Market(rows)
    columns = {name: market.factor(factor(market)) for name, factor in FACTORS.items()}
    return pd.DataFrame(columns).rename_axis(["date", "instrument"]).reset_index()


def main() -> None:
    """Read a panel file, write a file of values."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} PANEL VALUES   (each .parquet or .csv)")
    source, target = sys.argv[1:]
    rows = pd.read_parquet(source) if source.endswith(".parquet") else pd.read_csv(source)
    result = values(rows)
    if target.endswith(".parquet"):
        result.to_parquet(target)
    else:
        result.to_csv(target, index=False)
