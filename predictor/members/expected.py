"""How many limit-ups tomorrow the members' own states let one expect, for every sector-day.

A LightGBM model of single stocks says of each how likely it closes at its upper limit tomorrow; a
sector's figure is the sum over its members. The model is fitted anew at the beginning of each
quarter, on the sessions before, so that no session's figure knows anything later than the session,
and figures of training and of use are of one kind.
"""

import datetime
import hashlib
import importlib.metadata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool.errors import FactorError
from factor_pool.expression import evaluate, parse
from predictor.errors import PredictorError
from predictor.features import BASE_FEATURES, MEMBERS_FIELD
from predictor.members.cache import Part
from predictor.members.events import Stocks, read
from predictor.members.states import NAMES, States

# What of a sector bears on its stocks: features of `predictor.features`.
CONTEXT = (
    "limit_ups_2", "limit_ups_20", "limit_ups_80", "limit_ups_160", "share_10", "share_60",
    "breadth", "breadth_5", "return_1", "return_5", "return_20", "return_60", "relative_1",
    "relative_20", "range", "range_10", "volatility_5", "volatility_20", "below_high_20",
    "below_high_60", "above_low_60", "turnover_1", "turnover_20", "turnover_rank",
    "turnover_company", "flow_5", "flow_20", "from_high", "gap", "sealed_10", "market_return",
    "market_return_5", "market_limit_ups_5", "multi_board_3", "one_word_5",
)  # fmt: skip
ROUNDS = 200
THREADS, WORKERS = 1, 2  # as the heads are fitted, and for the same reasons (predictor.heads)
MEMORY = 750  # sessions that a model is fitted to, at most
FEWEST = 60  # and at least
# Of the stocks that stay below the limit a few speak for all, with weights.
ACTIVE_SHARE, QUIET_SHARE = 1 / 3, 1 / 24
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "extra_trees": True,
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": THREADS,
    "verbose": -1,
}


def with_expected(panel: Panel, store: Path, cutoff: str) -> Panel:
    """A panel with the field `MEMBERS_FIELD`, where the store of stocks can give it.

    Parameters
    ----------
    panel
        As known at the cut-off.
    store
        `Home.store`; what is computed is kept in the home's cache, and can be made again.
    cutoff
        "HH:MM", Asia/Shanghai.

    Raises
    ------
    data_profile.errors.StoreError
        The stock store is damaged.
    PredictorError
        The figures cannot be made.
    """
    stocks = read(store, panel, cutoff)
    if stocks is None:
        return panel
    cache = Home(store.parent).cache / "members"
    values = expected(stocks, context(panel), panel.sessions, cache)
    if not np.isfinite(values).any():
        return panel
    return replace(panel, values={**panel.values, MEMBERS_FIELD: values})


def prepare(panel: Panel, store: Path, cutoff: str, following: datetime.date) -> bool:
    """Fit the model of the quarter that begins tomorrow, which takes longer than a forecast may.

    Parameters
    ----------
    panel, store, cutoff
        As for `with_expected`.
    following
        The session after the panel's last.

    Returns
    -------
    bool
        Whether that session begins a quarter, its stocks are known and there is a model now.

    Raises
    ------
    data_profile.errors.StoreError, PredictorError
        As for `with_expected`.
    """
    sessions = np.append(panel.sessions, np.datetime64(following, "D"))
    last = len(panel.sessions)
    begins = _quarters(sessions)[-1][0] == last
    stocks = read(store, panel, cutoff) if begins else None
    if stocks is None or sum(day is not None for day in stocks.days) <= FEWEST:
        return False
    around = context(panel)
    cache = Home(store.parent).cache / "members"
    part = Part.read(cache, last, last, _keys(stocks, around, panel.sessions))
    if part.model is None:
        none = np.empty((0, panel.shape[1]), dtype=np.float32)
        _Pass(stocks, around, panel.sessions, [part], none).run()
        part.write(none)
    return True


def context(panel: Panel) -> np.ndarray:
    """`CONTEXT` of every sector-day, float32 (T, S, C); NaN where the panel cannot give it."""
    texts = {feature.name: feature.text for feature in BASE_FEATURES}
    parsed = [parse(texts[name]) for name in CONTEXT]
    given = [k for k, one in enumerate(parsed) if set(one.fields) <= set(panel.fields)]
    result = np.full((*panel.shape, len(CONTEXT)), np.nan, dtype=np.float32)
    try:
        columns = evaluate([parsed[k] for k in given], panel)
    except FactorError as error:
        raise PredictorError(f"a feature cannot be evaluated: {error}") from error
    for k, column in zip(given, columns, strict=True):
        result[:, :, k] = np.where(np.isfinite(column), column, np.nan)
    return result


def expected(
    stocks: Stocks, of_sectors: np.ndarray, sessions: np.ndarray, cache: Path | None = None
) -> np.ndarray:
    """Expected limit-ups of the next session, float32 (T, S).

    NaN before the first model, where nobody knew a session's events, and for a sector none of
    whose stocks are known.

    Parameters
    ----------
    stocks
        N of them.
    of_sectors
        float32 (T, S, C): `context`.
    sessions
        datetime64[D] (T,).
    cache
        Folder of what earlier calls have made of the very same sessions; None for none.
    """
    keys = _keys(stocks, of_sectors, sessions)
    parts = [Part.read(cache, start, stop, keys) for start, stop in _quarters(sessions)]
    result = np.full(of_sectors.shape[:2], np.nan, dtype=np.float32)
    known = [day is not None for day in stocks.days]
    for part in parts:
        if part.expected is not None:
            result[part.start : part.start + len(part.expected)] = part.expected
    todo = [part for part in parts if sum(known[: part.start]) > FEWEST and part.missing]
    if todo:
        _Pass(stocks, of_sectors, sessions, todo, result).run()
        for part in todo:
            part.write(result[part.start : part.stop])
    return result


class _Pass:
    """One walk through the sessions that makes what is missing.

    Parameters
    ----------
    stocks, of_sectors, sessions
        As for `expected`.
    todo
        Parts with something missing, in time order; those without a model get one.
    result
        float32 (T, S), filled in.
    """

    def __init__(
        self,
        stocks: Stocks,
        of_sectors: np.ndarray,
        sessions: np.ndarray,
        todo: list[Part],
        result: np.ndarray,
    ) -> None:
        self._stocks, self._of_sectors, self._sessions = stocks, of_sectors, sessions
        self._todo, self._result = todo, result
        self._examples: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._loaded: tuple[int, Any] = (-1, None)

    def run(self) -> None:
        """Fit the models that are missing, then walk up to the last session that is."""
        unfitted = [part for part in self._todo if part.model is None]
        if unfitted:
            self._draw_until(unfitted[-1].start)
            with ThreadPoolExecutor(WORKERS) as pool:
                texts = pool.map(self._fit, [part.start for part in unfitted])
                for part, text in zip(unfitted, texts, strict=True):
                    part.model = text
            self._examples.clear()
        part_of = {t: part for part in self._todo for t in range(part.start, part.stop)}
        for t, states in self._walk(self._todo[-1].stop):
            current = part_of.get(t)
            if current is not None and t - current.start >= current.done:
                self._result[t] = self._sum(t, states, current)

    def _walk(self, stop: int) -> Iterator[tuple[int, States]]:
        """The stocks after each session before `stop` of which the events are known."""
        states = States(self._stocks, self._of_sectors.shape[1])
        for t in range(stop):
            day = self._stocks.days[t]
            if day is not None:
                states.step(self._sessions[t], day)
                yield t, states

    def _rows(self, t: int, states: States, chosen: np.ndarray) -> np.ndarray:
        around = self._of_sectors[t, self._stocks.sector[chosen]]
        return np.concatenate([states.rows(chosen), around], axis=1)

    def _draw_until(self, stop: int) -> None:
        """Keep examples of the sessions whose outcome is known when session `stop` begins."""
        for t, states in self._walk(stop - 1):
            after = self._stocks.days[t + 1]
            if after is None:
                continue
            up = np.zeros(len(self._stocks.codes), dtype=bool)
            up[after.stock] = after.column("limit_up") > 0
            share = np.where(up, 1.0, np.where(states.active, ACTIVE_SHARE, QUIET_SHARE))
            day = int(self._sessions[t].astype(np.int64))
            drawn = np.random.default_rng(day).random(len(up)) < share
            chosen = np.flatnonzero(states.listed & drawn)
            self._examples[t] = (self._rows(t, states, chosen), up[chosen], 1 / share[chosen])

    def _fit(self, start: int) -> str:
        import lightgbm as lgb

        used = [self._examples[t] for t in range(max(start - MEMORY, 0), start - 1)
                if t in self._examples]  # fmt: skip
        rows, up, weight = (np.concatenate(part) for part in zip(*used, strict=True))
        try:
            data = lgb.Dataset(rows, up, weight=weight, params=PARAMETERS)
            return str(lgb.train(PARAMETERS, data, ROUNDS).model_to_string())
        except lgb.basic.LightGBMError as error:
            raise PredictorError(f"the model of single stocks cannot be fitted: {error}") from error

    def _sum(self, t: int, states: States, part: Part) -> np.ndarray:
        """What the model says of a session's stocks, by sector; float64 (S,)."""
        import lightgbm as lgb

        if self._loaded[0] != part.start:
            self._loaded = part.start, lgb.Booster(model_str=part.model)
        stocks, many = self._stocks, self._of_sectors.shape[1]
        chosen = np.flatnonzero(states.listed)
        chances = self._loaded[1].predict(self._rows(t, states, chosen), num_threads=THREADS)
        total = np.bincount(stocks.sector[chosen], np.asarray(chances), many)
        return np.where(total > 0, total, np.nan)


def _quarters(sessions: np.ndarray) -> list[tuple[int, int]]:
    """First row and the row after the last of each quarter."""
    quarters = sessions.astype("datetime64[M]").astype(np.int64) // 3
    starts = [0, *(np.flatnonzero(np.diff(quarters)) + 1).tolist()]
    return list(zip(starts, [*starts[1:], len(sessions)], strict=True))


def _keys(stocks: Stocks, of_sectors: np.ndarray, sessions: np.ndarray) -> list[str]:
    """What a figure depends on: one key for what holds of all sessions, then one for each."""
    facts = (PARAMETERS, ROUNDS, MEMORY, FEWEST, ACTIVE_SHARE, QUIET_SHARE, NAMES, CONTEXT,
             importlib.metadata.version("lightgbm"), stocks.codes, of_sectors.shape[1])  # fmt: skip
    digest = hashlib.sha256(repr(facts).encode())
    for column in (stocks.sector, stocks.board, stocks.listed_on):
        digest.update(column.tobytes())
    keys = [digest.hexdigest()]
    for session, day, around in zip(sessions, stocks.days, of_sectors, strict=True):
        digest.update(str(session).encode())
        if day is not None:
            digest.update(day.stock.tobytes() + day.values.tobytes())
        digest.update(np.ascontiguousarray(around).tobytes())
        keys.append(digest.hexdigest())
    return keys
