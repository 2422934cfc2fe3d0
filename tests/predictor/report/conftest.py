"""A home with everything that the page can tell of, hostile names included."""

import datetime
import shutil
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import Market
from data_profile.raw import Raw
from data_profile.schedule import SHANGHAI
from data_profile.sessions import as_date
from data_profile.sources.base import Observation
from data_profile.store import Store
from predictor.forecast import predict
from predictor.forecast_log import ForecastLog
from predictor.training import Trained

HOSTILE = (
    "<script>window.hacked=1</script><img src=x onerror=hacked=2> | # *a* [p](http://x) @all \u202e"
)


def evening(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(15, 46), SHANGHAI)


def pool(day: datetime.date, heights: dict[str, int]) -> Observation:
    """The day's pool of limit-ups: code -> height."""
    frame = pd.DataFrame(
        {
            "code": list(heights),
            "name": [HOSTILE if code == "600003" else f"股票{code}" for code in heights],
            "industry": "银行",
            "streak": list(heights.values()),
            "first_time": "09:31:05",
            "sealing_value": 1e8,
        }
    )
    return Observation("akshare.limit_up_pool", day, evening(day), True, frame, ("code",))


def previous(day: datetime.date, returns: dict[str, float]) -> Observation:
    """How the limit-ups of the session before did: code -> return."""
    frame = pd.DataFrame({"code": list(returns), "streak": 1, "ret": list(returns.values())})
    return Observation("akshare.limit_up_previous", day, evening(day), True, frame, ("code",))


@pytest.fixture(scope="session")
def days(market: Market) -> tuple[datetime.date, datetime.date]:
    """The last two sessions of the market."""
    first, last = sorted(set(market.frame["date"]))[-2:]
    return as_date(first), as_date(last)


@pytest.fixture(scope="session")
def full_home(
    trained_home: tuple[Home, Trained],
    market: Market,
    days: tuple[datetime.date, datetime.date],
    tmp_path_factory: pytest.TempPathFactory,
) -> Home:
    """Logged forecasts, tables of single stocks, a pool, and a hostile name; none may change it."""
    root = tmp_path_factory.mktemp("full") / "home"
    shutil.copytree(trained_home[0].root, root, symlinks=True)
    home, (before, last) = Home(root), days
    names = market.names | {next(iter(market.names)): HOSTILE}
    Store(home.store).build(market.frame, names, source="synthetic-3")
    with ForecastLog(home.forecasts) as log:
        for day in (before, last):
            made = predict(home, date=day, top=100)
            log.append(made.to_dict("en"), made_at=evening(day), step="predict")
        first = log.counted()[0]
        said = {
            "state": "changed",
            "summary": "two sectors changed places",
            "changes": [HOSTILE],
            "ranking": first.document["ranking"][::-1],
        }
        morning = datetime.datetime.combine(last, datetime.time(9, 26), SHANGHAI)
        document = {**first.document, "confirmation": said}
        log.append(document, made_at=morning, step="confirm")
    raw = Raw(home.store / "raw")
    raw.put(pool(before, {"600001": 1, "600002": 1, "600003": 2, "600004": 4}))
    raw.put(pool(last, {"600001": 2, "600003": 3, "600005": 1}))
    raw.put(previous(last, {"600001": 0.1, "600002": -0.05, "600003": 0.1, "600004": np.nan}))
    return home


@pytest.fixture
def spoil() -> Callable[[Market, datetime.date], pd.DataFrame]:
    """A market whose every value after a session is garbage, with sessions and a sector added."""

    def garbage(market: Market, end: datetime.date) -> pd.DataFrame:
        frame = market.frame.copy()
        later = frame["date"].map(as_date) > end
        numbers = frame.select_dtypes("number").columns
        rng = np.random.default_rng(0)
        frame[numbers] = frame[numbers].astype(float)
        frame.loc[later, numbers] = rng.integers(0, 999, (int(later.sum()), len(numbers)))
        newcomer = frame[later].drop_duplicates("date").assign(instrument="ZZ99")
        return pd.concat([frame, newcomer], ignore_index=True)

    return garbage
