"""The 09:26 step: the opening auction brings the evening's forecast up to date.

Where the whole market's opening prices were collected and the model has learnt what they say
(`predictor.update`), every sector gets new probabilities and a new place. Where only yesterday's
limit-ups are known, a rule puts the top sectors into a new order (`predictor.leaders`). Where
neither is, the forecast stands as it was. Each says which it is.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_profile.home import Home
from data_profile.raw import Raw
from data_profile.schedule import SHANGHAI, china_now, step
from data_profile.stocks import StockStore
from data_profile.store import Store
from predictor import storage
from predictor.auction import observed
from predictor.errors import PredictorError
from predictor.explain import Language
from predictor.leaders import Leaders, leaders, limit_ups, strengths
from predictor.model import Prediction
from predictor.update import Update

if TYPE_CHECKING:
    import pandas as pd

WAVES = 5
_NUMBERS = ("score", "expected_count", "p_at_least_one", "p_surge")
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "rule": "strength = expected limit-ups of the place x (1 + 10 x mean auction gap of the "
        "sector's limit-ups of the session before)",
        "model": "the model's lines in the sectors' gaps and their stocks that open at the limit, "
        "fitted to {sessions} sessions; strength = expected limit-ups",
        "none": "no auction data of {session}: the ranking stays as it was",
        "unplaced": "auction data of {session}, but of no ranked sector: the ranking stays as it "
        "was",
        "same": "the auction of {session} confirms the order",
        "changed": "the auction of {session} moves {moved} of {all} sectors",
        "up": "{name}: {before} → {rank}; {stocks} limit-ups of yesterday open {gap:+.1%} on "
        "average, {higher} of them higher",
        "neutral": "{name}: {before} → {rank}; no limit-up of yesterday in the auction",
        "kept": "place kept",
        "opened": "{name}: {place}; opens {gap:+.1%}, {sealed} of its stocks at the "
        "limit; limit-ups expected {was[1]:.1f} → {now[1]:.1f}, P(wave) {was[3]:.0%} → "
        "{now[3]:.0%}",
        "unopened": "{name}: {place}; nothing of it in the auction",
    },
    "zh": {
        "rule": "强度 = 该名次的预期涨停数 ×（1 + 10 × 板块昨日涨停股平均竞价涨幅）",
        "model": "模型按板块竞价涨幅与竞价涨停家数更新（以 {sessions} 个交易日拟合）；"
        "强度 = 预期涨停数",
        "none": "没有 {session} 的竞价数据，排名不变",
        "unplaced": "有 {session} 的竞价数据，但不涉及上榜板块，排名不变",
        "same": "{session} 竞价确认原排名",
        "changed": "{session} 竞价后 {all} 个板块中有 {moved} 个名次变化",
        "up": "{name}：{before} → {rank}；昨日涨停 {stocks} 只平均竞价 {gap:+.1%}，{higher} 只高开",
        "neutral": "{name}：{before} → {rank}；竞价中没有该板块的昨日涨停股",
        "kept": "名次不变",
        "opened": "{name}：{place}；竞价 {gap:+.1%}，{sealed} 家竞价涨停；预期涨停 "
        "{was[1]:.1f} → {now[1]:.1f} 家，成潮概率 {was[3]:.0%} → {now[3]:.0%}",
        "unopened": "{name}：{place}；竞价中没有该板块的数据",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """How a sector opened, and what that makes of its forecast.

    Parameters
    ----------
    gap
        Auction price over previous close, less 1, mean of its stocks; None unknown.
    sealed
        Its stocks whose auction price is their upper limit; None unknown.
    was, now
        Score, expected count, P(at least one) and P(wave) of the evening, and after the auction.
    """

    gap: float | None
    sealed: int | None
    was: tuple[float, ...]
    now: tuple[float, ...]


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
        By which it is ranked: limit-ups expected, or what the rule of `predictor.leaders` says.
    found
        What moved it. None by the rule, where none of its limit-ups of the session before has an
        auction price.
    """

    rank: int
    before: int
    sector_id: str
    name: str
    strength: float
    found: Leaders | Opened | None

    def text(self, language: Language) -> str:
        """What moved it, in words."""
        words = _WORDS[language]
        if self.found is None:
            return words["neutral"].format(**vars(self))
        place = words["kept"] if self.rank == self.before else f"{self.before} → {self.rank}"
        key = "up" if isinstance(self.found, Leaders) else "opened"
        if isinstance(self.found, Opened) and self.found.gap is None:
            key = "unopened"
        return words[key].format(place=place, **vars(self), **vars(self.found))

    def to_dict(self, language: Language) -> dict[str, Any]:
        """Numbers rounded to 6 digits; null where the method does not give them."""
        numbers: dict[str, float | None] = dict.fromkeys(
            ("stocks", "higher", "gap", "sealed", *_NUMBERS[1:])
        )
        if isinstance(self.found, Leaders):
            numbers |= vars(self.found)
        if isinstance(self.found, Opened):
            numbers |= {"gap": self.found.gap, "sealed": self.found.sealed}
            numbers |= dict(zip(_NUMBERS[1:], self.found.now[1:], strict=True))
        numbers["strength"] = self.strength
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
        The top sectors, in their new order; by the rule always those of the forecast.
    method
        "model" or "rule".
    sessions
        How many the model's lines were fitted to; 0 by the rule.
    waves
        The first sectors by the new probability of a wave; none by the rule.
    scores
        What is now said of every sector; nothing by the rule.
    """

    for_session: datetime.date
    state: str
    observed_at: datetime.datetime | None
    ranking: tuple[Confirmed, ...]
    method: Literal["model", "rule"] = "rule"
    sessions: int = 0
    waves: tuple[Confirmed, ...] = ()
    scores: tuple[Mapping[str, Any], ...] = ()

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
            "method": self.method,
            "rule": _WORDS[language][self.method].format(sessions=self.sessions),
            "summary": self.text(language),
            "changes": [one.text(language) for one in self.moved],
            "ranking": [one.to_dict(language) for one in self.ranking],
            "waves": [one.to_dict(language) for one in self.waves],
            "scores": [dict(row) for row in self.scores],
        }


def confirm(
    home: Home, document: Mapping[str, Any], *, now: datetime.datetime | None = None
) -> Confirmation:
    """Bring a forecast up to date by the opening auction of its session.

    Parameters
    ----------
    home
        Its raw zone is read: the morning's tables, and the pool of limit-ups and the members of
        the session before; its map of stocks, and the card of the model that made the forecast.
        Nothing is written.
    document
        `Forecast.to_dict()`.
    now
        Tables that were observed later do not count; default: now.

    Raises
    ------
    PredictorError
        The document is no forecast, or the morning's quotes contradict each other.
    data_profile.errors.StoreError
        The raw zone or the stock store is damaged.
    """
    now = now or china_now()
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
    stocks = StockStore(home.store / "stocks")
    update = _update(home, document)
    opening = _table(raw, "opening_quotes", session, now)
    if opening is not None and update is not None and stocks.has("map"):
        made = _by_model(home, document, session, opening, stocks.map(), update)
        if made is not None:
            return made
    found = _table(raw, "auction", session, now) or _of_limit_ups(raw, opening, as_of)
    if found is None:
        return Confirmation(session, "absent", None, rerank(rows, {}))
    auction, observed_at = found
    ranking = rerank(rows, leaders(home, raw, auction, as_of))
    if all(one.found is None for one in ranking):
        return Confirmation(session, "unplaced", observed_at, ranking)
    return Confirmation(session, _state(ranking), observed_at, ranking)


def _state(ranking: Sequence[Confirmed]) -> str:
    return "changed" if any(one.rank != one.before for one in ranking) else "confirmed"


def _table(
    raw: Raw, table: str, session: datetime.date, now: datetime.datetime
) -> "tuple[pd.DataFrame, datetime.datetime] | None":
    """The last good table of the morning that was observed after its prices were final."""
    final = step("confirm").opens(session) - datetime.timedelta(minutes=1)
    good = [
        entry
        for entry in raw.observations(session=session, as_of=now)
        if entry.source.split(".")[1] == table
        and not entry.quarantined
        and entry.observed_at >= final
    ]
    if not good:
        return None
    told = raw.get(good[-1].id)
    return told.frame, told.observed_at.astimezone(SHANGHAI)


def _of_limit_ups(
    raw: Raw, opening: "tuple[pd.DataFrame, datetime.datetime] | None", as_of: datetime.date
) -> "tuple[pd.DataFrame, datetime.datetime] | None":
    """The auction's table of the limit-ups of session `as_of`, out of the whole market's."""
    pool = limit_ups(raw, as_of)
    if opening is None or pool is None:
        return None
    quotes, observed_at = opening
    quotes = quotes[quotes["code"].isin(pool["code"]) & (quotes["volume"] > 0)]
    return quotes.assign(gap=quotes["open"] / quotes["previous_close"] - 1), observed_at


def _update(home: Home, document: Mapping[str, Any]) -> Update | None:
    """What the forecast's own model has learnt of auctions; None where it is gone, or nothing."""
    model = document.get("model")
    if model not in storage.ids(home.models) or not document.get("scores"):
        return None
    learnt = storage.load(home.models / model).card.get("auction")
    return None if learnt is None else Update.from_dict(learnt)


def _by_model(
    home: Home,
    document: Mapping[str, Any],
    session: datetime.date,
    opening: "tuple[pd.DataFrame, datetime.datetime]",
    stocks: "pd.DataFrame",
    update: Update,
) -> Confirmation | None:
    """Every sector of the forecast anew; None where the quotes are of none of them."""
    said = document["scores"]
    sectors = [str(row["sector_id"]) for row in said]
    quotes, observed_at = opening
    auction = observed(quotes, stocks, sectors, session)
    known = auction.known[0]
    if not known.any():
        return None
    was = np.array([[float(row[name]) for name in _NUMBERS] for row in said])
    made = update(Prediction(*was.T), auction.terms(np.ones((1, len(sectors)), dtype=bool))[0])
    after = np.stack([getattr(made, name) for name in _NUMBERS], axis=1)
    kept = np.array([not row.get("removed", False) for row in said])
    names = Store(home.store).names()
    before = _places(was[:, 0], kept)

    def rows(by: np.ndarray, most: int) -> tuple[Confirmed, ...]:
        order = [i for i in np.argsort(-by, kind="stable") if kept[i]][:most]
        return tuple(
            Confirmed(
                place, before[i], sectors[i], names.get(sectors[i], sectors[i]),
                float(after[i, 1]),
                Opened(
                    float(auction.gap[0, i]) if known[i] else None,
                    int(auction.sealed[0, i]) if known[i] else None,
                    tuple(was[i].tolist()),
                    tuple(after[i].tolist()),
                ),
            )
            for place, i in enumerate(order, start=1)
        )  # fmt: skip

    ranking = rows(after[:, 0], len(document["ranking"]))
    return Confirmation(
        session,
        _state(ranking),
        observed_at,
        ranking,
        "model",
        update.sessions,
        rows(after[:, 3], WAVES),
        tuple(
            {
                "sector_id": sector,
                **{n: round(float(x), 6) for n, x in zip(_NUMBERS, numbers, strict=True)},
                "removed": not keep,
            }
            for sector, numbers, keep in zip(sectors, after, kept, strict=True)
        ),
    )


def _places(score: np.ndarray, kept: np.ndarray) -> dict[int, int]:
    """Row -> its place among those that are kept, by score."""
    order = [int(i) for i in np.argsort(-score, kind="stable") if kept[i]]
    return {i: place for place, i in enumerate(order, start=1)}


def rerank(
    rows: Sequence[tuple[str, str, float]], found: Mapping[str, Leaders]
) -> tuple[Confirmed, ...]:
    """The order by the rule of `predictor.leaders`.

    Parameters
    ----------
    rows
        (sector id, name, expected count) of the top sectors, by place.
    found
        Sector id -> how its limit-ups of the session before came out of the auction.
    """
    strength = strengths([(sector, expected) for sector, _, expected in rows], found)
    order = sorted(range(len(rows)), key=lambda i: (-strength[i], i))
    return tuple(
        Confirmed(place, i + 1, rows[i][0], rows[i][1], strength[i], found.get(rows[i][0]))
        for place, i in enumerate(order, start=1)
    )
