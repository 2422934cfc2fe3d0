"""What each kind of money bought and sold of the stocks on the dragon-tiger list."""

import pandas as pd

_NET = {"institution_net_buy": "institution", "hot_money_net_buy": "hot_money"}
COLUMNS = tuple(_NET)
"""What is known only of stocks whose seats are."""


def by_stock(lists: pd.DataFrame, seats: pd.DataFrame) -> pd.DataFrame:
    """One row a session and stock: its list of the day, else the one over several days.

    Parameters
    ----------
    lists
        As `StockStore.lists`.
    seats
        As `seat_types.typed`.

    Returns
    -------
    DataFrame
        session, code, name, net_buy, institution_net_buy, hot_money_net_buy (yuan); the last two
        are missing where the stock's seats are not there.
    """
    key = ["session", "code", "span"]
    # "day" before "several" before "unknown", as it happens in the order of the alphabet.
    entries = lists.sort_values("span").drop_duplicates(key[:2])
    made = entries[[*key, "name", "net_buy"]].sort_values(key).set_index(key)
    by = [seats[name] for name in key]
    for column, kind in _NET.items():
        net = seats["net_buy"].where(seats["type"] == kind, 0.0)
        made[column] = net.groupby(by).sum().reindex(made.index)
    return made.reset_index().drop(columns="span")
