"""What the forecast's rules would have done: filters, candidates, and the 09:26 re-ranking.

    python -m benchmarks.outlook DATA --home HOME

DATA is the folder of the real market data; HOME is made, or used as it is where it has a store. No
model is needed: where sectors must be chosen, persistence (EWM(10) of limit-ups) chooses them.
docs/backtest.md has the figures.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.sectors import Sectors
from data_profile.sessions import as_date
from data_profile.sources.panel_file import read
from data_profile.sources.stock_files import parse, recognise
from data_profile.sources.table_file import open_table
from data_profile.stocks import StockStore
from data_profile.store import Store
from factor_pool.evaluation.baselines import PERSISTENCE, design
from factor_pool.evaluation.labels import label
from predictor.candidates import MEMBERS, choose
from predictor.confirm import rerank
from predictor.constituents import Absent, Constituents, constituents
from predictor.dataset import CUTOFF, Panels, panels
from predictor.filters import RISE_SESSIONS, HighPosition, Thresholds, usable
from predictor.holdout import Bootstrap, Interval, around
from predictor.leaders import Leaders

TOP = 10
CHOSEN = 5
STOCK_FILES = ("stock_daily_qfq.parquet", "stock_map.parquet")


def prepare(data: Path, home: Home) -> None:
    """Import the panel and the stock files, unless they are there."""
    store, stocks = Store(home.store), StockStore(home.store / "stocks")
    if not store.exists():
        imported = read(data / "sector_day_panel.parquet")
        first = imported.frame["date"].min().date()
        ids = Sectors(home.store / "sectors").adopt(imported.names, first, kind="industry")
        imported = imported.renamed(ids)
        store.build(imported.frame, imported.names, source="panel")
    if not stocks.has("bars"):
        for name in STOCK_FILES:
            table = open_table(data / name)
            kind = recognise(table)
            assert kind is not None, name
            taken = parse(table, kind)
            stocks.take(taken.table, taken.frame, source=taken.source)


def persistence(panel: Panel) -> np.ndarray:
    """EWM(10) of limit-ups, (T, S)."""
    return design(panel, (PERSISTENCE,))[0]


def in_top(score: np.ndarray, places: int) -> np.ndarray:
    """Bool (T, S): among the first places of its session."""
    order = np.argsort(np.argsort(-np.where(np.isfinite(score), score, -np.inf), axis=1), axis=1)
    return (order < places) & np.isfinite(score)


def outcomes(panel: Panel) -> dict[str, np.ndarray]:
    """What came after each session, (T, S)."""
    count = label(panel, "limit_up_count").astype(np.float64)
    price = panel.values["open"].astype(np.float64)
    held = np.full(price.shape, np.nan)
    held[:-2] = price[2:] / price[1:-1] - 1
    usual = np.array([np.nanmean(row) if np.isfinite(row).any() else np.nan for row in held])
    return {
        "hit": np.where(np.isfinite(count), count >= 1, np.nan),
        "limit-ups": count,
        "wave": label(panel, "limit_up_surge").astype(np.float64),
        "excess %": 100 * (held - usual[:, None]),
    }


def mean_over(values: np.ndarray, mask: np.ndarray, bootstrap: Bootstrap) -> np.ndarray:
    """[mean, resampled means...] of the cells of a mask, resampled by session."""
    cells = mask & np.isfinite(values)
    total = np.where(cells, values, 0.0).sum(axis=1)
    n = cells.sum(axis=1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.r_[total.sum() / n.sum(), bootstrap.means(total) / bootstrap.means(n)]


def compare(
    title: str, one: np.ndarray, other: np.ndarray, panel: Panel, bootstrap: Bootstrap
) -> None:
    """Print each outcome of two sets of sector-days, and their difference with its interval."""
    if not one.any():
        print(f"{title:<46}; never")
        return
    cells = [f"{title:<46}", f"{int(one.sum()):>6} | {int(other.sum()):>6}"]
    for name, values in outcomes(panel).items():
        here, there = (mean_over(values, mask, bootstrap) for mask in (one, other))
        between = around(here[0] - there[0], (here - there)[1:])
        cells.append(f"{name} {here[0]:.3f} | {there[0]:.3f}, {told(between)}")
    print("; ".join(cells))


def told(interval: Interval) -> str:
    """A difference with its interval."""
    return f"{interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"


def measure_filters(market: Panels) -> None:
    """Removed against kept, for each rule."""
    known, panel = market.known, market.outcome
    bootstrap = Bootstrap(len(panel.sessions), seed=1)
    here = np.isfinite(known.values["limit_up_count"])
    top = in_top(persistence(known), TOP)
    rules, _ = usable(known, Thresholds())
    print("filters: sector-days removed | kept")
    for rule in rules:
        fired = rule.fires(known) & here
        compare(f"{rule.name}, all sectors", fired, here & ~fired, panel, bootstrap)
        compare(f"{rule.name}, among the first {TOP}", fired & top, top & ~fired, panel, bootstrap)
    candle = HighPosition(Thresholds()).fires(known)
    high = (rise(known) > Thresholds().rise) & ~candle & here
    compare("20-session rise above 30%: candle | none", candle, high, panel, bootstrap)


def rise(panel: Panel) -> np.ndarray:
    """Change of the close over 20 sessions, (T, S)."""
    close = panel.values["close"].astype(np.float64)
    risen = np.full(panel.shape, np.nan)
    risen[RISE_SESSIONS:] = close[RISE_SESSIONS:] / close[:-RISE_SESSIONS] - 1
    return risen


def measure_candidates(home: Home, market: Panels) -> None:
    """What the candidates of the chosen sectors did in the next session, beside other members."""
    panel, stocks = market.outcome, StockStore(home.store / "stocks").panel()
    top = in_top(persistence(market.known), CHOSEN)
    days = [d for d in stocks.sessions[25:-2] if d in panel.sessions]
    names = ("limit-up", "open to close %", "open to open %")
    series = {(who, name): np.full(len(days), np.nan)
              for who in ("first 3", f"first {MEMBERS}", "all") for name in names}  # fmt: skip
    for t, day in enumerate(days):
        row = int(np.searchsorted(panel.sessions, day))
        sectors = [panel.instruments[s] for s in np.flatnonzero(top[row])]
        known = constituents(home, sectors, as_date(day), CUTOFF)
        later = constituents(home, sectors, as_date(next_day(stocks, day)), CUTOFF)
        assert not isinstance(known, Absent)
        assert not isinstance(later, Absent)
        for who, codes in picked(known, sectors).items():
            for name, values in after(stocks, day, later, codes).items():
                series[who, name][t] = np.nanmean(values)
    bootstrap = Bootstrap(len(days), seed=1)
    print(f"candidates of {CHOSEN} sectors, {len(days)} sessions {days[0]}..{days[-1]}")
    for name in names:
        every = series["all", name]
        for who in ("first 3", f"first {MEMBERS}"):
            interval = bootstrap.interval(series[who, name] - every)
            assert interval is not None
            print(f"{name:<16} {who} {np.nanmean(series[who, name]):.4f}, all unsealed members "
                  f"{np.nanmean(every):.4f}, difference {told(interval)}")  # fmt: skip


def next_day(panel: Panel, day: np.datetime64) -> np.datetime64:
    """The session after."""
    return panel.sessions[int(np.searchsorted(panel.sessions, day)) + 1]


def picked(known: Constituents, sectors: list[str]) -> dict[str, list[str]]:
    """Codes of the first candidates, and of every member that could be bought."""
    found: dict[str, list[str]] = {"first 3": [], f"first {MEMBERS}": [], "all": []}
    place = {code: column for column, code in enumerate(known.codes)}
    for sector in sectors:
        members = known.sectors.get(sector, ())
        codes = [one.code for one in choose(known, members).candidates]
        found["first 3"] += codes[:3]
        found[f"first {MEMBERS}"] += codes
        free = known.plain & ~known.sealed[-1] & np.isfinite(known.change[-1])
        found["all"] += [code for code in members if code in place and free[place[code]]]
    return found


def after(
    stocks: Panel, day: np.datetime64, later: Constituents, codes: list[str]
) -> dict[str, np.ndarray]:
    """What stocks did after a session: sealed in the next, and returns from its open, percent."""
    row = int(np.searchsorted(stocks.sessions, day)) + 1
    column = {code: s for s, code in enumerate(stocks.instruments)}
    at = [column[code] for code in codes]
    opened, closed = (stocks.values[name][row, at].astype(np.float64) for name in ("open", "close"))
    reopened = stocks.values["open"][row + 1, at].astype(np.float64)
    sealed = {code: later.sealed[-1, i] for i, code in enumerate(later.codes)}
    return {
        "limit-up": np.array([sealed.get(code, np.nan) for code in codes], dtype=np.float64),
        "open to close %": 100 * (closed / opened - 1),
        "open to open %": 100 * (reopened / opened - 1),
    }


def measure_confirm(home: Home, market: Panels) -> None:
    """The first places of the top sectors, re-ranked by opening gaps, against the order before."""
    panel, stocks = market.outcome, StockStore(home.store / "stocks").panel()
    score = persistence(market.known)
    count, wave = (label(panel, name) for name in ("limit_up_count", "limit_up_surge"))
    metrics: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "hit@3": lambda c, w: float((c[:3] >= 1).mean()),
        "hit@5": lambda c, w: float((c[:5] >= 1).mean()),
        "limit-ups@3": lambda c, w: float(c[:3].mean()),
        "limit-ups@5": lambda c, w: float(c[:5].mean()),
        "waves@3": lambda c, w: float(w[:3].mean()),
        "waves@5": lambda c, w: float(w[:5].mean()),
    }
    days = [d for d in stocks.sessions[1:-1] if d in panel.sessions]
    series = {(who, name): np.full(len(days), np.nan)
              for who in ("before", "after") for name in metrics}  # fmt: skip
    for t, day in enumerate(days):
        row = int(np.searchsorted(panel.sessions, day))
        order = np.argsort(-score[row], kind="stable")[:TOP]
        sectors = [panel.instruments[s] for s in order]
        known = constituents(home, sectors, as_date(day), CUTOFF)
        assert not isinstance(known, Absent)
        rows = [(one, one, float(score[row, s])) for one, s in zip(sectors, order, strict=True)]
        place = {one: s for one, s in zip(sectors, order, strict=True)}
        ranked = [place[one.sector_id] for one in rerank(rows, gaps(stocks, day, known))]
        for who, columns in (("before", order), ("after", ranked)):
            for name, metric in metrics.items():
                series[who, name][t] = metric(count[row, columns], wave[row, columns])
    bootstrap = Bootstrap(len(days), seed=1)
    print(f"confirm: the first {TOP} by persistence, {len(days)} sessions {days[0]}..{days[-1]}")
    for name in metrics:
        interval = bootstrap.interval(series["after", name] - series["before", name])
        assert interval is not None
        print(f"{name:<12} before {np.nanmean(series['before', name]):.3f}, after "
              f"{np.nanmean(series['after', name]):.3f}, difference {told(interval)}")  # fmt: skip


def gaps(stocks: Panel, day: np.datetime64, known: Constituents) -> dict[str, Leaders]:
    """How the limit-ups of a session opened in the next, by sector."""
    row = int(np.searchsorted(stocks.sessions, day))
    column = {code: s for s, code in enumerate(stocks.instruments)}
    found = {}
    sealed = {code for i, code in enumerate(known.codes) if known.sealed[-1, i] and known.plain[i]}
    for sector, members in known.sectors.items():
        at = [column[code] for code in members if code in sealed]
        gap = stocks.values["open"][row + 1, at] / stocks.values["close"][row, at] - 1
        gap = gap[np.isfinite(gap)]
        if len(gap):
            found[sector] = Leaders(len(gap), int((gap > 0).sum()), float(gap.mean()))
    return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    chosen = parser.parse_args()
    home = Home(chosen.home).create()
    prepare(chosen.data, home)
    market = panels(Store(home.store))
    measure_filters(market)
    measure_candidates(home, market)
    measure_confirm(home, market)


if __name__ == "__main__":
    main()
