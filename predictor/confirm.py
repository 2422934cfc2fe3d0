"""The 09:26 step: how yesterday's limit-ups came out of the opening auction re-ranks the sectors.

The rule. A sector's gap is the mean, over its limit-ups of the session before, of auction price
over previous close, less 1; a sector without one takes the median of the others. Its strength is
the expected count that belongs to its place in the forecast, times 1 + 10 x gap (0 at least): that
yesterday's limit-ups open 3% higher counts for 30% more limit-ups. The top sectors are put in the
order of strength, so where all gaps are equal nothing moves, and no sector enters that the forecast
left out.

docs/backtest.md has what this rule did on half a year of real opening prices.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_profile.day import resolver
from data_profile.day_tables import DayTables
from data_profile.home import Home
from data_profile.members import Members
from data_profile.raw import Raw
from data_profile.schedule import SHANGHAI, china_now, step
from data_profile.sectors import Sectors
from data_profile.stocks import StockStore
from predictor.errors import PredictorError
from predictor.explain import Language

if TYPE_CHECKING:
    import pandas as pd

WEIGHT = 10.0
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "rule": "strength = expected limit-ups of the place x (1 + 10 x mean auction gap of the "
        "sector's limit-ups of the session before)",
        "none": "no auction data of {session}: the ranking stays as it was",
        "unplaced": "auction data of {session}, but of no ranked sector: the ranking stays as it "
        "was",
        "same": "the auction of {session} confirms the order",
        "changed": "the auction of {session} moves {moved} of {all} sectors",
        "up": "{name}: {before} -> {rank}; {stocks} limit-ups of yesterday open {gap:+.1%} on "
        "average, {higher} of them higher",
        "neutral": "{name}: {before} -> {rank}; no limit-up of yesterday in the auction",
    },
    "zh": {
        "rule": "强度 = 该名次的预期涨停数 ×（1 + 10 × 板块昨日涨停股平均竞价涨幅）",
        "none": "没有 {session} 的竞价数据，排名不变",
        "unplaced": "有 {session} 的竞价数据，但不涉及上榜板块，排名不变",
        "same": "{session} 竞价确认原排名",
        "changed": "{session} 竞价后 {all} 个板块中有 {moved} 个名次变化",
        "up": "{name}：{before} → {rank}；昨日涨停 {stocks} 只平均竞价 {gap:+.1%}，{higher} 只高开",
        "neutral": "{name}：{before} → {rank}；竞价中没有该板块的昨日涨停股",
    },
}


@dataclass(frozen=True)
class Opening:
    """How the limit-ups of the session before came out of a sector's auction.

    Parameters
    ----------
    stocks
        How many of them have an auction price.
    higher
        How many lie above their previous close.
    gap
        Mean of price over previous close, less 1.
    """

    stocks: int
    higher: int
    gap: float


@dataclass(frozen=True)
class Confirmed:
    """A sector after the auction.

    Parameters
    ----------
    rank, before
        Its place now, and in the forecast.
    sector_id, name
        Id in the store, and its display name.
    strength
        By which it is ranked.
    opening
        None where none of its limit-ups of the session before has an auction price.
    """

    rank: int
    before: int
    sector_id: str
    name: str
    strength: float
    opening: Opening | None

    def text(self, language: Language) -> str:
        """What moved it, in words."""
        words = _WORDS[language]
        if self.opening is None:
            return words["neutral"].format(**vars(self))
        return words["up"].format(**vars(self), **vars(self.opening))

    def to_dict(self, language: Language) -> dict[str, Any]:
        """Numbers rounded to 6 digits; the opening's are null where it has none."""
        opening = vars(self.opening) if self.opening else dict.fromkeys(("stocks", "higher", "gap"))
        numbers = {**opening, "strength": self.strength}
        return {
            "rank": self.rank,
            "before": self.before,
            "sector_id": self.sector_id,
            "name": self.name,
            **{k: round(v, 6) if isinstance(v, float) else v for k, v in numbers.items()},
            "text": self.text(language),
        }


@dataclass(frozen=True)
class Confirmation:
    """What the auction says of a forecast.

    Parameters
    ----------
    for_session
        The session, date in Asia/Shanghai.
    state
        "confirmed", "changed", "absent" (no auction data) or "unplaced" (none of the sectors).
    observed_at
        When the auction's table was fetched; None where there is none.
    ranking
        The forecast's top sectors, in their new order.
    """

    for_session: datetime.date
    state: str
    observed_at: datetime.datetime | None
    ranking: tuple[Confirmed, ...]

    @property
    def moved(self) -> tuple[Confirmed, ...]:
        """The sectors whose place changed."""
        return tuple(one for one in self.ranking if one.rank != one.before)

    def text(self, language: Language) -> str:
        """The outcome in one sentence."""
        key = {"absent": "none", "confirmed": "same"}.get(self.state, self.state)
        return _WORDS[language][key].format(
            session=self.for_session, moved=len(self.moved), all=len(self.ranking)
        )

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """Plain data for JSON; `changes` are sentences about the sectors that moved."""
        return {
            "for_session": self.for_session.isoformat(),
            "state": self.state,
            "observed_at": self.observed_at and self.observed_at.isoformat(),
            "rule": _WORDS[language]["rule"],
            "summary": self.text(language),
            "changes": [one.text(language) for one in self.moved],
            "ranking": [one.to_dict(language) for one in self.ranking],
        }


def confirm(
    home: Home, document: Mapping[str, Any], *, now: datetime.datetime | None = None
) -> Confirmation:
    """Re-rank a forecast's top sectors by the opening auction of its session.

    Parameters
    ----------
    home
        Its raw zone is read: the auction's table of the session, and the pool of limit-ups and the
        members of the session before. Nothing is written.
    document
        `Forecast.to_dict()`.
    now
        Tables that were observed later do not count; default: now.

    Raises
    ------
    PredictorError
        The document is no forecast.
    data_profile.errors.StoreError
        The raw zone is damaged.
    """
    try:
        as_of = datetime.date.fromisoformat(document["as_of"])
        session = datetime.date.fromisoformat(document["for_session"])
        rows = [
            (str(r["sector_id"]), str(r["name"]), float(r["expected_count"]))
            for r in document["ranking"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise PredictorError(f"the document is no forecast: {error!r}") from error
    raw = Raw(home.store / "raw")
    found = _auction(raw, session, now or china_now())
    if found is None:
        return Confirmation(session, "absent", None, rerank(rows, {}))
    auction, observed_at = found
    openings = _openings(auction, _sectors_of(home, raw, as_of))
    ranking = rerank(rows, openings)
    if all(one.opening is None for one in ranking):
        return Confirmation(session, "unplaced", observed_at, ranking)
    moved = any(one.rank != one.before for one in ranking)
    return Confirmation(session, "changed" if moved else "confirmed", observed_at, ranking)


def _auction(
    raw: Raw, session: datetime.date, now: datetime.datetime
) -> "tuple[pd.DataFrame, datetime.datetime] | None":
    """The last good table of the auction that was observed after its prices were final."""
    final = step("confirm").opens(session) - datetime.timedelta(minutes=1)
    good = [
        entry
        for entry in raw.observations(session=session, as_of=now)
        if entry.source.split(".")[1] == "auction"
        and not entry.quarantined
        and entry.observed_at >= final
    ]
    if not good:
        return None
    told = raw.get(good[-1].id)
    return told.frame, told.observed_at.astimezone(SHANGHAI)


def _sectors_of(home: Home, raw: Raw, as_of: datetime.date) -> "pd.DataFrame":
    """(code, sector) of the limit-ups of a session: by the boards' members, by the industry that
    the pool itself names, else by the map of the stock store.
    """  # noqa: D205
    import pandas as pd

    pools = [
        raw.get(entry.id).frame
        for entry in raw.observations(session=as_of)
        if entry.source.split(".")[1] == "limit_up_pool" and not entry.quarantined
    ]
    stocks = StockStore(home.store / "stocks")
    parts = []
    if pools:
        pool = pools[-1]
        resolve = resolver(Sectors(home.store / "sectors"), [], as_of)
        day = DayTables.of({"limit_up_pool": pool}, Members(raw).of(as_of).table, resolve)
        parts.append(day.place(pool)[["code", "sector"]])
    if stocks.has("map"):
        known = stocks.map().dropna(subset="sector_id")[["code", "sector_id"]]
        placed = set(parts[0]["code"]) if parts else set()
        rest = known[~known["code"].isin(placed)]
        parts.append(rest.rename(columns={"sector_id": "sector"}))
    return pd.concat(parts) if parts else pd.DataFrame({"code": [], "sector": []}, dtype=object)


def _openings(auction: "pd.DataFrame", links: "pd.DataFrame") -> dict[str, Opening]:
    """Sector id -> how its stocks of the table opened."""
    rows = auction.dropna(subset="gap").merge(links, on="code")
    return {
        str(sector): Opening(len(gaps), int((gaps > 0).sum()), float(gaps.mean()))
        for sector, gaps in rows.groupby("sector")["gap"]
    }


def rerank(
    rows: Sequence[tuple[str, str, float]], openings: Mapping[str, Opening]
) -> tuple[Confirmed, ...]:
    """The module's rule.

    Parameters
    ----------
    rows
        (sector id, name, expected count) of the top sectors, by place.
    openings
        Sector id -> how its limit-ups of the session before came out of the auction.
    """
    known = [openings[sector].gap for sector, _, _ in rows if sector in openings]
    usual = float(np.median(known)) if known else 0.0
    dealt = sorted((expected for _, _, expected in rows), reverse=True)
    strength = [
        value * max(0.0, 1 + WEIGHT * (openings[sector].gap if sector in openings else usual))
        for (sector, _, _), value in zip(rows, dealt, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda i: (-strength[i], i))
    return tuple(
        Confirmed(place, i + 1, rows[i][0], rows[i][1], strength[i], openings.get(rows[i][0]))
        for place, i in enumerate(order, start=1)
    )
