"""What every stock carries from session to session: its own past at its price limits.

One pass in time order; what stands in a row after a step was known at that session's cut-off.
"""

import numpy as np

from data_profile.price_limits import BOARDS
from predictor.members.events import Day, Stocks

LONG = 250  # sessions after which "never" begins
_UPS = (3, 10, 30, 100, 250)
_BROKEN = (5, 20, 60)
_DOWNS = (5, 20, 60)
_SECTOR = (1, 3, 10, 40)
TODAY = ("streak", "one_word", "broken", "limit_down", "ret", "path", "from_high", "volume",
         "volume_ratio")  # fmt: skip
NAMES: tuple[str, ...] = (
    *(f"ups_{span}" for span in _UPS),
    *(f"broken_{span}" for span in _BROKEN),
    *(f"downs_{span}" for span in _DOWNS),
    "one_word_20",
    "since_up",
    "since_touch",
    "since_down",
    "last_streak",
    "promoted",
    *TODAY,
    "age",
    "board",
    *(f"sector_ups_{span}" for span in _SECTOR),
    "sector_downs_3",
    "sector_broken_3",
    "sector_size",
    "market_ups",
    "market_ups_5",
    "market_downs",
    "market_broken",
    "market_streaks",
    "market_promotion",
    *(f"{board}_ups_3" for board in BOARDS),
)


class _Average:
    """Means of a vector over the sessions so far, with weights that decay over a span."""

    def __init__(self, span: int, size: int) -> None:
        self._keep = 1 - 2 / (span + 1)
        self._sum, self._weight = np.zeros(size, dtype=np.float32), 0.0

    def add(self, values: np.ndarray) -> None:
        self._sum *= self._keep
        self._sum += values
        self._weight = self._weight * self._keep + 1

    @property
    def mean(self) -> np.ndarray:
        return self._sum / np.float32(max(self._weight, 1.0))


class States:
    """The stocks after the session that was stepped to last.

    Parameters
    ----------
    stocks
        N of them; their days are given to `step` one after the other.
    sectors
        How many columns `stocks.sector` may name.
    """

    def __init__(self, stocks: Stocks, sectors: int) -> None:
        self._stocks, self._sectors = stocks, sectors
        size = len(stocks.codes)
        self._ups = [_Average(span, size) for span in _UPS]
        self._broken = [_Average(span, size) for span in _BROKEN]
        self._downs = [_Average(span, size) for span in _DOWNS]
        self._one_word = _Average(20, size)
        self._again, self._stood = _Average(LONG, size), _Average(LONG, size)
        self._sector_ups = [_Average(span, sectors) for span in _SECTOR]
        self._sector_downs, self._sector_broken = _Average(3, sectors), _Average(3, sectors)
        self._market_ups = _Average(5, 1)
        self._boards = _Average(3, len(BOARDS))
        self._since = np.full((3, size), LONG, dtype=np.float32)
        self._up = np.zeros(size, dtype=np.float32)
        self._streak = np.zeros(size, dtype=np.float32)
        self._last_streak = np.zeros(size, dtype=np.float32)
        self._last_volume = np.full(size, np.nan, dtype=np.float32)
        self._today: dict[str, np.ndarray] = {}
        self._market: tuple[float, ...] = ()

    def step(self, session: np.datetime64, day: Day) -> np.ndarray:
        """Take in a session; bool (N,): which stocks closed at their upper limit."""
        size = len(self._stocks.codes)

        def spread(name: str) -> np.ndarray:
            whole = np.zeros(size, dtype=np.float32)
            whole[day.stock] = day.column(name)
            return whole

        up, down, broken = spread("limit_up"), spread("limit_down"), spread("broken")
        touched, one_word = spread("touched_limit_up"), spread("one_word") * up
        before = self._up
        told = spread("streak")
        # Quotes of a single day tell no streak; a file's knows of suspensions.
        streak = up * np.where(np.isfinite(told) & (told > 0), told, 1 + self._streak * before)
        for averages, values in (
            (self._ups, up), (self._broken, broken), (self._downs, down),
            ([self._one_word], one_word), ([self._again], up * before), ([self._stood], before),
        ):  # fmt: skip
            for average in averages:
                average.add(values)
        for row, happened in enumerate((up, touched, down)):
            self._since[row] = np.where(happened > 0, 0, np.minimum(self._since[row] + 1, LONG))
        self._last_streak = np.where(up > 0, streak, self._last_streak)
        self._up, self._streak = up, streak
        self._remember(day, {"streak": streak, "one_word": one_word, "broken": broken,
                             "limit_down": down})  # fmt: skip
        self._add_up(session, up, down, broken, touched, before)
        return up > 0

    def _remember(self, day: Day, flags: dict[str, np.ndarray]) -> None:
        """What is told of the stocks of the day alone; NaN for the others."""
        close, volume = day.column("close"), day.column("volume")
        with np.errstate(divide="ignore", invalid="ignore"):
            told = {
                "ret": day.column("ret"),
                "path": close / day.column("open") - 1,
                "from_high": close / day.column("high") - 1,
                "volume": np.log(volume),
                "volume_ratio": volume / self._last_volume[day.stock],
            }
        self._last_volume[day.stock] = volume
        self._today = dict(flags)
        for name, values in told.items():
            whole = np.full(len(self._stocks.codes), np.nan, dtype=np.float32)
            whole[day.stock] = np.where(np.isfinite(values), values, np.nan)
            self._today[name] = whole

    def _add_up(
        self,
        session: np.datetime64,
        up: np.ndarray,
        down: np.ndarray,
        broken: np.ndarray,
        touched: np.ndarray,
        before: np.ndarray,
    ) -> None:
        """The sums over sectors, boards and the market."""
        stocks = self._stocks
        self.listed = stocks.listed_on <= session
        self._age = (session - stocks.listed_on).astype(np.float32)

        def over(groups: np.ndarray, many: int, values: np.ndarray) -> np.ndarray:
            return np.bincount(groups, values, many)

        self._size = over(stocks.sector, self._sectors, self.listed) + 1
        for average in self._sector_ups:
            average.add(over(stocks.sector, self._sectors, up) / self._size)
        self._sector_downs.add(over(stocks.sector, self._sectors, down) / self._size)
        self._sector_broken.add(over(stocks.sector, self._sectors, broken) / self._size)
        every = over(stocks.board, len(BOARDS), np.ones(len(up)))
        self._boards.add(over(stocks.board, len(BOARDS), up) / np.maximum(every, 1))
        ups, higher = float(up.sum()), float((self._streak >= 2).sum())
        self._market_ups.add(np.array([ups]))
        self._market = (
            ups,
            float(self._market_ups.mean[0]),
            float(down.sum()),
            float(broken.sum()) / (float(touched.sum()) + 1),
            higher,
            higher / (float(before.sum()) + 1),
        )

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """What is known of some stocks, float32 (M, `NAMES`)."""
        sector = self._stocks.sector[chosen]
        stood = self._stood.mean[chosen]
        columns = [
            *(average.mean[chosen] for average in (*self._ups, *self._broken, *self._downs)),
            self._one_word.mean[chosen],
            *self._since[:, chosen],
            self._last_streak[chosen],
            self._again.mean[chosen] / (stood + 1e-3),
            *(self._today[name][chosen] for name in TODAY),
            self._age[chosen],
            self._stocks.board[chosen],
            *(average.mean[sector] for average in self._sector_ups),
            self._sector_downs.mean[sector],
            self._sector_broken.mean[sector],
            self._size[sector],
            *self._market,
            *self._boards.mean,
        ]
        result = np.empty((len(sector), len(NAMES)), dtype=np.float32)
        for k, column in enumerate(columns):
            result[:, k] = column
        return result

    @property
    def active(self) -> np.ndarray:
        """Bool (N,): near a limit of late, which is where most limit-ups come from."""
        return (self._since[1] < 20) | (self._since[2] < 3)
