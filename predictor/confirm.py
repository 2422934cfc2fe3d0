"""The 09:26 step: the opening auction brings the evening's forecast up to date.

Where the whole market's opening prices were collected and the model has learnt what they say
(`predictor.update`), every sector gets new probabilities and a new place. Where only yesterday's
limit-ups are known, a rule puts the top sectors into a new order (`predictor.leaders`). Where
neither is, the forecast stands as it was. Each says which it is.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data_profile.home import Home
from data_profile.raw import Raw
from data_profile.schedule import SHANGHAI, china_now, step
from data_profile.stocks import StockStore
from data_profile.store import Store
from predictor import storage
from predictor.auction import observed
from predictor.confirmation import NUMBERS, Confirmation, Confirmed, Opened
from predictor.errors import PredictorError
from predictor.leaders import Leaders, leaders, limit_ups, strengths
from predictor.model import Prediction
from predictor.update import Update

if TYPE_CHECKING:
    import pandas as pd

WAVES = 5


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
    was = np.array([[float(row[name]) for name in NUMBERS] for row in said])
    made = update(Prediction(*was.T), auction.terms(np.ones((1, len(sectors)), dtype=bool))[0])
    after = np.stack([getattr(made, name) for name in NUMBERS], axis=1)
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
                **{n: round(float(x), 6) for n, x in zip(NUMBERS, numbers, strict=True)},
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
