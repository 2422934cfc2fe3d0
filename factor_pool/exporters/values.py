"""The factors' values on the home's own store, as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data_profile.panel import Panel
from factor_pool.expression import evaluate, parse
from factor_pool.records import Member

if TYPE_CHECKING:
    import pandas as pd


def table(members: Sequence[Member], panel: Panel) -> "pd.DataFrame":
    """One row for each listed session and instrument.

    Returns
    -------
    pandas.DataFrame
        Columns date, instrument, and float32 values in a column for each factor's id, sorted by
        date, then instrument. A value is the expression's own: multiply by the factor's `sign` for
        "more means more of what it foretells".
    """
    import pandas as pd

    values = evaluate([parse(member.expression) for member in members], panel)
    row, column = panel.listed.nonzero()
    ids = pd.Series(panel.instruments, dtype=object).to_numpy()
    columns = {"date": pd.DatetimeIndex(panel.sessions[row]), "instrument": ids[column]}
    named = zip(members, values, strict=True)
    return pd.DataFrame(columns | {member.id: matrix[row, column] for member, matrix in named})
