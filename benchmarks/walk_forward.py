"""Does the predictor foretell waves better than what needs no model? A walk-forward replay.

    python -m benchmarks.walk_forward [FILE] [--first 2023-01-01] [--last 2025-12-31]
        [--without pool,tra,no_stocks,auction] [--evaluations 3000] [--seed 1] [--workers 4]
        [--work DIR] [--json FILE]

FILE is a panel (default: the real one beside the project). Every month a model is trained on all
that lies before, with three months of validation and a purge on both sides, and speaks of that
month alone. Beside it stand:

at_0926      the same, brought up to date by the opening auction of the very session it is about
             (where FILE lies beside the files of stocks): known before trading begins, not the
             evening before
no_stocks    the same without what the single stocks say (where FILE lies beside their files)
pool         the same with the factors of a pool that was mined again as of each January, in a home
             that holds only the panel up to then; it speaks of that year alone, so that no session
             that the mining saw is counted
tra          Qlib's TRA on the same features and windows (needs the extra `[tra]`)
persistence  EWM(10) of limit-ups
size         number of companies
opened       EWM(10) plus the stocks that opened at the limit: the baseline of at_0926
random       lots

Each figure comes with the paired difference to persistence and its 95% interval (stationary
bootstrap over sessions). With --work, what is done is kept in DIR, and a run that was cut short
goes on where it was.
"""

import argparse
import datetime
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import nights
from benchmarks.market_home import filled
from benchmarks.work import Work
from data_profile.home import Home
from data_profile.sources.panel_file import read
from data_profile.store import Store
from predictor import tra
from predictor.auction import Auction, history
from predictor.dataset import Dataset, Panels, build, panels, split_usable
from predictor.features import BASE_FEATURES, MEMBERS, Feature
from predictor.holdout import MORE_METRICS, Bootstrap, Outcome, daily, difference, table
from predictor.model import parameters
from predictor.replay import Replay, baselines, expanding, joined, outcome_of, replay
from predictor.rolling import Window, windows

PANEL = "sector_day_panel.parquet"
TRAIN_MONTHS = 21
PERIODS = (("2023-01-01", "2025-12-31"), ("2024-01-01", "2025-12-31"))
# The bars, with the period each is measured in, and what a plain LightGBM on 18 features reached.
BARS: dict[str, tuple[int, float, float]] = {
    "rank_ic": (1, 0.56, 0.543),
    "hit_rate_at_5": (1, 0.880, 0.880),
    "limit_ups_at_5": (1, 4.08, 4.08),
    "density_at_5": (1, 0.0284, 0.0284),
    "surge_auc": (0, 0.82, 0.799),
    "surge_precision_at_5": (0, 0.20, 0.178),
    "surge_precision_at_1": (0, 0.30, 0.256),
}

Series = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Factor:
    """A factor that was mined: what of a pool member outlives its ledger."""

    id: str
    expression: str
    hypothesis: str


# ---------------------------------------------------------------- mining


def mine_until(task: tuple[Path, int, int, int]) -> dict[str, Any]:
    """Mine the panel as it was before a January, in a home of its own."""
    path, year, evaluations, seed = task
    imported = read(path)
    frame = imported.frame[imported.frame["date"] < pd.Timestamp(f"{year}-01-01")]
    night = nights.mined(
        frame.dropna(axis=1, how="all"), imported.names, evaluations=evaluations, seed=seed
    )
    return {
        "year": year,
        "last_session": str(frame["date"].max().date()),
        "evaluations": night.attempts,
        "seed": seed,
        "factors": [asdict(Factor(m.id, m.expression, m.hypothesis)) for m in night.members],
    }


def pool_features(mined: Mapping[str, Any]) -> tuple[Feature, ...]:
    """The factors of one January as features."""
    return tuple(
        Feature(f"pool_{f.id}", f.expression, f"pool_{f.id}", f.hypothesis, f.hypothesis,
                member=f.id)
        for f in (Factor(**factor) for factor in mined["factors"])
    )  # fmt: skip


# ---------------------------------------------------------------- methods


def key_of(dataset: Dataset, found: Sequence[Window], *more: object) -> str:
    """Name of everything that shapes a result: data, features, windows, settings."""
    digest = hashlib.sha256()
    for matrix in (dataset.values, dataset.count, dataset.surge, dataset.density, dataset.present):
        digest.update(matrix.tobytes())
    digest.update(repr((dataset.names, found, parameters(), more)).encode())
    return digest.hexdigest()[:16]


def ours(
    name: str, dataset: Dataset, found: Sequence[Window], work: Work, seed: int, workers: int,
    auction: Auction | None = None,
) -> Replay:  # fmt: skip
    """The replay of a dataset, with a line a window."""
    started = time.monotonic()

    def say(session: str) -> None:
        print(f"{name}: {session[:7]} after {time.monotonic() - started:.0f} s", file=sys.stderr)

    def make() -> dict[str, np.ndarray]:
        made = replay(dataset, found, seed=seed, workers=workers, auction=auction, said=say)
        return dict(made.scores)

    opened = () if auction is None else (auction.gap.tobytes(), auction.sealed.tobytes())
    scores = work.arrays(name, key_of(dataset, found, seed, *opened), make)
    return Replay(dataset.sessions, dataset.sectors, scores, tuple(found))


def with_pool(
    market: Panels, bare: Sequence[Feature], found: Sequence[Window], mined: Sequence[Any],
    work: Work, seed: int, workers: int,
) -> Replay:  # fmt: skip
    """One replay a year, each with the pool of its January."""
    years = market.known.sessions.astype("datetime64[Y]").astype(int) + 1970
    parts = []
    for pool in mined:
        features, _ = split_usable((*bare, *pool_features(pool)), market.known)
        of_year = [w for w in found if years[w.test.start] == pool["year"]]
        if of_year:
            dataset = build(market, features)
            parts.append(ours(f"pool-{pool['year']}", dataset, of_year, work, seed, workers))
    return joined(parts)


def tra_window(task: tuple[Dataset, Window, int]) -> np.ndarray:
    """TRA's scores of one window."""
    import torch

    torch.set_num_threads(1)
    dataset, window, seed = task
    with tempfile.TemporaryDirectory() as folder:
        return tra.scores(dataset, window, Home(Path(folder)).create(), seed=seed)


def tra_scores(
    dataset: Dataset, found: Sequence[Window], work: Work, seed: int, workers: int
) -> dict[str, np.ndarray]:
    """TRA on every window: metric -> (T,). It gives an order and no probability."""

    def make() -> dict[str, np.ndarray]:
        whole = np.full(dataset.present.shape, np.nan)
        tasks = [(dataset, window, seed) for window in found]
        done = nights.in_processes(tra_window, tasks, workers)
        for window, scores in zip(found, done, strict=True):
            whole[window.test] = scores
            print(f"tra: {dataset.sessions[window.test.start]}", file=sys.stderr)
        return {"order": whole}

    order = work.arrays("tra", key_of(dataset, found, seed, tra.MODEL), make)["order"]
    metrics = [name for name in MORE_METRICS if not name.startswith("brier")]
    return daily(dict.fromkeys(metrics, order), outcome_of(dataset))


# ---------------------------------------------------------------- the table


def within(series: Series, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The series of some sessions."""
    return {name: values[rows] for name, values in series.items()}


def judged(
    methods: Mapping[str, Series], sessions: np.ndarray, period: tuple[str, str], seed: int
) -> dict[str, Any]:
    """One period: means, differences to persistence, what the pool adds; all with intervals."""
    first, last = (np.datetime64(day) for day in period)
    rows = np.flatnonzero((sessions >= first) & (sessions <= last))
    rows = rows[np.isfinite(methods["ours"]["rank_ic"][rows])]
    bootstrap = Bootstrap(len(rows), seed=seed)
    cut = {name: within(series, rows) for name, series in methods.items()}
    return {
        "first": str(sessions[rows[0]]),
        "last": str(sessions[rows[-1]]),
        "sessions": len(rows),
        "methods": table(cut, bootstrap),
        "difference_to_persistence": {
            name: difference(
                series, {metric: cut["persistence"][metric] for metric in series}, bootstrap
            )
            for name, series in cut.items()
            if name != "persistence"
        },
        "auction_adds": difference(cut["at_0926"], cut["ours"], bootstrap)
        if "at_0926" in cut
        else None,
        "at_0926_beats_opened": difference(cut["at_0926"], cut["opened"], bootstrap)
        if "at_0926" in cut
        else None,
        "stocks_add": difference(cut["ours"], cut["no_stocks"], bootstrap)
        if "no_stocks" in cut
        else None,
        "pool_adds": difference(cut["ours_with_pool"], cut["ours"], bootstrap)
        if "ours_with_pool" in cut
        else None,
    }


def calibration(replayed: Replay, dataset: Dataset) -> dict[str, list[list[float]]]:
    """Probability -> mean forecast and share that happened, by tenths of the forecasts."""
    result = {}
    known = dataset.labelled & np.isfinite(replayed.scores["p_surge"])
    for name, happened in (("p_at_least_one", dataset.count >= 1), ("p_surge", dataset.surge == 1)):
        said, came = replayed.scores[name][known], happened[known]
        result[name] = [
            [round(float(said[tenth].mean()), 4), round(float(came[tenth].mean()), 4)]
            for tenth in np.array_split(np.argsort(said, kind="stable"), 10)
        ]
    return result


def ideal(replayed: Replay, dataset: Dataset, period: tuple[str, str], seed: int) -> float:
    """Mean daily rank IC of the expected counts in a world where they are right: a bound on noise.

    Tomorrow's counts are drawn from Poisson distributions with the expected counts as means, each
    day's scaled to the day's true total. A forecast of this spread could not do better; real counts
    vary more than Poisson's, so that it cannot do as well.
    """
    days = dataset.sessions
    rows = (days >= np.datetime64(period[0])) & (days <= np.datetime64(period[1]))
    known = (dataset.labelled & np.isfinite(replayed.scores["expected_count"]))[rows]
    mean = np.where(known, replayed.scores["expected_count"][rows], 0.0)
    total = np.where(known, dataset.count[rows], 0.0).sum(axis=1, keepdims=True)
    mean *= total / np.maximum(mean.sum(axis=1, keepdims=True), 1e-9)
    drawn = np.random.default_rng(seed).poisson(mean).astype(np.float64)
    world = Outcome(np.where(known, drawn, np.nan), np.zeros(known.shape))
    return float(np.nanmean(daily({"rank_ic": mean}, world)["rank_ic"]))


def show(document: Mapping[str, Any]) -> None:
    """The tables, as text."""
    for period in document["periods"]:
        print(f"\n{period['first']} .. {period['last']}, {period['sessions']} sessions")
        names = list(period["methods"])
        print(f"{'':22}" + "".join(f"{name:>27}" for name in names))
        for metric in MORE_METRICS:
            cells = []
            for name in names:
                mean = (period["methods"][name].get(metric) or {}).get("mean")
                gain = (period["difference_to_persistence"].get(name, {}).get(metric)) or {}
                cell = "-" if mean is None else f"{mean:.4f}"
                if gain:
                    cell += f" [{gain['low']:+.4f}, {gain['high']:+.4f}]"
                cells.append(f"{cell:>27}")
            print(f"{metric:22}" + "".join(cells))
        for name in ("auction_adds", "at_0926_beats_opened", "stocks_add", "pool_adds"):
            if period[name]:
                print(f"{name.replace('_', ' ')}:")
            for metric, gain in (period[name] or {}).items():
                if gain:
                    print(f"  {metric:22} {gain['mean']:+.4f} [{gain['low']:+.4f}, "
                          f"{gain['high']:+.4f}]")  # fmt: skip
    print("\n[..] 95% interval of the paired difference to persistence")
    for when in ("calibration", "calibration_at_0926"):
        for name, tenths in (document[when] or {}).items():
            print(f"{when.replace('_', ' ')}, {name}, said/happened by tenths: "
                  + " ".join(f"{said:.3f}/{came:.3f}" for said, came in tenths))  # fmt: skip
    print("rank IC if the expected counts were right and counts Poisson: "
          + ", ".join(f"{value:.4f}" for value in document["ideal_rank_ic"]))  # fmt: skip
    for bar in document["bars"]:
        verdict = "reached" if bar["reached"] else "MISSED"
        print(f"{verdict:8} {bar['method']:8} {bar['metric']:22} {bar['period']}: "
              f"{bar['value']:.4f}, bar {bar['bar']}, plain LightGBM {bar['plain']}")  # fmt: skip


def bars(periods: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each bar, and whether the model without a pool reached it: in the evening, and at 09:26."""
    result = []
    for method in ("ours", "at_0926"):
        for metric, (which, bar, plain) in BARS.items():
            if method not in periods[which]["methods"]:
                continue
            value = periods[which]["methods"][method][metric]["mean"]
            result.append({
                "method": method, "metric": metric, "period": "..".join(PERIODS[which]),
                "value": value, "bar": bar, "plain": plain, "reached": value >= bar,
            })  # fmt: skip
    return result


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for."""
    started, work = time.monotonic(), Work(arguments.work)
    seed, workers = arguments.seed, arguments.workers
    with tempfile.TemporaryDirectory() as folder:
        home = filled(arguments.file, (arguments.work or Path(folder)) / "home")
        clock = time.monotonic()
        market = panels(Store(home.store))
        seconds = {"stocks": round(time.monotonic() - clock, 1)}
    bare, missing = split_usable(BASE_FEATURES, market.known)
    dataset = build(market, bare)
    found = expanding(
        windows(dataset.sessions, train_months=TRAIN_MONTHS, first_test=arguments.first,
                last_test=arguments.last)
    )  # fmt: skip
    outcome = outcome_of(dataset)
    auction = None
    if "auction" not in arguments.without:
        auction = history(home.store, market.outcome)
    clock = time.monotonic()
    replayed = ours("ours", dataset, found, work, seed, workers, auction)
    methods: dict[str, Series] = {"ours": replayed.judged(outcome)}
    if auction is not None:
        methods["at_0926"] = replayed.opened().judged(outcome)
    seconds["ours"] = round(time.monotonic() - clock, 1)
    if MEMBERS in dataset.names and "no_stocks" not in arguments.without:
        without = ours("no-stocks", dataset.drop([MEMBERS]), found, work, seed, workers)
        methods["no_stocks"] = without.judged(outcome)
    mined: list[Any] = []
    if "pool" not in arguments.without:
        years = sorted({int(str(dataset.sessions[w.test.start])[:4]) for w in found})
        tasks = [(arguments.file, year, arguments.evaluations, seed) for year in years]
        mined = work.document(
            f"mined-{arguments.evaluations}-{seed}-{years[0]}-{years[-1]}",
            lambda: list(nights.in_processes(mine_until, tasks, min(workers, len(tasks)))),
        )
        methods["ours_with_pool"] = with_pool(
            market, bare, found, mined, work, seed, workers
        ).judged(outcome)
    if "tra" not in arguments.without:
        methods["tra"] = tra_scores(dataset, found, work, seed, workers)
    methods |= baselines(market.known, dataset, found, auction)
    periods = [judged(methods, dataset.sessions, period, seed) for period in PERIODS]
    return {
        "made_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "kind": "walk-forward replay",
        "windows": len(found),
        "features": len(bare),
        "missing_features": missing,
        "seed": seed,
        "mined": mined,
        "seconds": seconds | {"all": round(time.monotonic() - started, 1)},
        "load": os.getloadavg(),
        "periods": periods,
        "bars": bars(periods),
        "calibration": calibration(replayed, dataset),
        "calibration_at_0926": calibration(replayed.opened(), dataset) if auction else None,
        "ideal_rank_ic": [ideal(replayed, dataset, period, seed) for period in PERIODS],
    }


def main() -> int:
    """Print the tables; 0 whatever they say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=nights.REAL_DATA / PANEL)
    parser.add_argument("--first", default=PERIODS[0][0])
    parser.add_argument("--last", default=PERIODS[0][1])
    parser.add_argument("--without", type=lambda x: set(x.split(",")), default=set())
    parser.add_argument("--evaluations", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    document = run(arguments)
    show(document)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
