"""What factors are of: the sectors, or single stocks; and what is different for each.

The loop, the windows, acceptance and the ledger are the same. A universe says which data they run
on, which fields are known when its forecast is made, and what its factors foretell. Which one is
meant is a property of the home (`Home.of`), so that whoever reads a pool reads one universe's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from data_profile.errors import StoreError
from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.profile import FIELDS, STOCK_FIELDS, Profile
from data_profile.stocks import StockStore
from data_profile.store import Store
from factor_pool.evaluation import baselines
from factor_pool.evaluation.baselines import Baseline
from factor_pool.evaluation.labels import DEFAULT_LABEL, LABELS, STOCK_LABEL


@dataclass(frozen=True)
class Universe:
    """One universe.

    Parameters
    ----------
    name
        "sector" or "stock".
    fields
        The table of fields; `Profile.load` has the cut-off with it.
    label
        What its factors foretell by default; a name in `LABELS`.
    baseline
        What they are measured beyond.
    store
        Home -> where its market data are.
    needs
        Fields without which there is neither label nor baseline.
    first
        Where data come from when there are none: what to do, in words.
    longer
        Where a history that is too short comes from: what to do, in words.
    """

    name: str
    fields: Path
    label: str
    baseline: Baseline
    store: Callable[[Home], Store | StockStore]
    needs: tuple[str, ...] = ()
    first: str = "tide data import FILE, or tide demo"
    longer: str = "import a longer history: tide data import FILE"

    @property
    def labels(self) -> tuple[str, ...]:
        """What its factors may foretell."""
        return tuple(name for name, one in LABELS.items() if one.baseline is self.baseline)

    def profile(self) -> Profile:
        """Meaning and known-at time of each field, and the cut-off of the forecast."""
        return Profile.load(self.fields)

    def exists(self, home: Home) -> bool:
        """Whether the home has market data of this universe."""
        return self.store(home).exists()

    def source(self, home: Home) -> str:
        """Where the data are from: names of files, "collected"."""
        return self.store(home).manifest().source

    def panel(self, home: Home) -> Panel:
        """The market data.

        Raises
        ------
        StoreError
            There are none, or they lack a field that label and baseline need.
        """
        panel = self.store(home).panel()
        if missing := [name for name in self.needs if name not in panel.values]:
            raise StoreError(
                f"the {self.name} panel of {home.root} has no {', '.join(missing)}, which factors "
                f"are measured by; run: {self.longer}"
            )
        return panel


SECTORS = Universe(
    "sector", FIELDS, DEFAULT_LABEL, baselines.SECTORS, lambda home: Store(home.store)
)
STOCKS = Universe(
    "stock",
    STOCK_FIELDS,
    STOCK_LABEL,
    baselines.STOCKS,
    lambda home: StockStore(home.stocks),
    needs=("open", "high", "low", "close", "turnover", "limit_up", "streak", "float_value"),
    first="tide data import FILE, with each of the stock files",
    longer="tide data import FILE, with daily bars (date, code, open, high, low, close, volume, "
    "limit_up, limit_down, streak), and with the stock map (code, float shares)",
)
UNIVERSES: Mapping[str, Universe] = {one.name: one for one in (SECTORS, STOCKS)}


def of(home: Home) -> Universe:
    """The universe whose factors a home's pool holds."""
    return UNIVERSES[home.universe]
