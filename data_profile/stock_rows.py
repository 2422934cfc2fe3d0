"""Rows of one session in place of those that a table of the stock store held of it."""

import numpy as np
import pandas as pd

from data_profile import stock_bars


def rows_with_session(
    name: str, held: pd.DataFrame | None, rows: pd.DataFrame
) -> pd.DataFrame | None:
    """The table with a session's rows in place of those it held; None if they are the same.

    Parameters
    ----------
    name
        Of the table; earlier `bars` are scaled to what the session's say (`stock_bars.continued`).
    held
        The table so far; None where there is none.
    rows
        Of one session.
    """
    kept_rows = rows.drop(columns=stock_bars.PREVIOUS, errors="ignore")
    if held is None or not len(rows):
        return kept_rows if len(rows) else None
    day = rows["session"].iloc[0]
    told = [column for column in kept_rows if column != "observed_at"]
    if _same(held[held["session"] == day].reindex(columns=told), kept_rows[told]):
        return None
    others = held[held["session"] != day]
    if name == "bars":
        others = stock_bars.continued(others, rows)
    return joined(others, kept_rows)


def _same(held: pd.DataFrame, rows: pd.DataFrame) -> bool:
    """Whether two tables hold the same rows in the same order, however they are typed."""
    if len(held) != len(rows):
        return False
    for name in rows:
        a, b = held[name], rows[name]
        if pd.api.types.is_numeric_dtype(b):
            if not np.array_equal(a.to_numpy(float), b.to_numpy(float), equal_nan=True):
                return False
        elif not (a.astype(object).where(a.notna(), None).to_numpy()
                  == b.astype(object).where(b.notna(), None).to_numpy()).all():  # fmt: skip
            return False
    return True


def joined(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The rows of both, with the columns of either."""
    filled = [part.dropna(axis=1, how="all") for part in (one, other) if len(part)]
    columns = list(dict.fromkeys((*one.columns, *other.columns)))
    joined = pd.concat(filled, ignore_index=True) if filled else one
    return joined.reindex(columns=columns)
