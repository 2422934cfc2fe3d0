"""What of a chosen sector can still be bought: its members that are not sealed, in order.

The leaders of a wave close sealed at the limit, and the next morning they open there or cannot be
had. What is left are the second and third leaders. The rule, which fits on a line, so that anyone
can check it: of the members that traded, are not at the limit and carry no ST or delisting mark,
those first that had

1. more limit-ups in the last 10 sessions; if equal,
2. the larger rise over 5 sessions, in multiples of the stock's daily limit; if equal,
3. the larger change today, in the same unit; if equal,
4. the larger volume today over its mean of 20 sessions; if equal, the lower code.

docs/backtest.md has what such candidates did, beside the other members of their sectors.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.home import Home
from predictor.constituents import Absent, Constituents, constituents
from predictor.etfs import Fund, funds
from predictor.explain import Language

MEMBERS = 5
LIMIT_UPS = 10
RISE = 5
VOLUME = 20
RULE: Mapping[Language, str] = {
    "en": f"members not at the limit: most limit-ups in {LIMIT_UPS} sessions, then the largest "
    f"{RISE}-session rise in multiples of the daily limit, then today's change, then volume",
    "zh": f"未涨停成分股：先比近 {LIMIT_UPS} 日涨停次数，再比 {RISE} 日涨幅（以涨跌停幅度为单位）、"
    "当日涨幅、量比",
}


@dataclass(frozen=True)
class Candidate:
    """A member that could be bought.

    Parameters
    ----------
    code, name
        Of the stock; the name is its latest.
    limit_ups
        Sessions of the last 10 that it closed at the limit.
    rise
        Change over 5 sessions, ratio; None where its prices begin later.
    change
        Today's change, ratio.
    limit
        Its daily limit, ratio.
    activity
        Today's volume over its mean of 20 sessions; None where it has no volume.
    """

    code: str
    name: str
    limit_ups: int
    rise: float | None
    change: float
    limit: float
    activity: float | None

    def to_dict(self) -> dict[str, Any]:
        """Numbers rounded to 6 digits."""
        return {k: round(v, 6) if isinstance(v, float) else v for k, v in vars(self).items()}


@dataclass(frozen=True)
class Choice:
    """What a sector offers.

    Parameters
    ----------
    candidates
        Best first.
    sealed
        (code, name) of the members that closed at the limit, the most limit-ups first.
    """

    candidates: tuple[Candidate, ...]
    sealed: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Offer:
    """What the chosen sectors offer.

    Parameters
    ----------
    choices
        Sector id -> its stocks; empty where there is no stock data.
    funds
        Sector id -> the ETFs that a table maps to it.
    notes
        Language -> what a reader must know: where the stocks are from, or why there are none.
    """

    choices: Mapping[str, Choice]
    funds: Mapping[str, tuple[Fund, ...]]
    notes: Mapping[Language, str]

    def to_dict(self, language: Language) -> dict[str, Any]:
        """`candidates`, `sealed`, `etfs` by sector id, `candidates_rule` and `candidates_note`."""
        return {
            "candidates": {
                sector: [one.to_dict() for one in choice.candidates]
                for sector, choice in self.choices.items()
            },
            "sealed": {
                sector: [{"code": code, "name": name} for code, name in choice.sealed]
                for sector, choice in self.choices.items()
            },
            "etfs": {sector: [vars(fund) for fund in kept] for sector, kept in self.funds.items()},
            "candidates_rule": RULE[language],
            "candidates_note": self.notes[language],
        }


def offer(home: Home, sectors: Mapping[str, str], as_of: datetime.date, cutoff: str) -> Offer:
    """Candidates and ETFs of sectors, as known after a session.

    Parameters
    ----------
    home
        Its stock store, raw zone and table of ETFs are read.
    sectors
        Id -> name of the chosen ones.
    as_of
        The session; no price, pool or list of a later one is read.
    cutoff
        "HH:MM", Asia/Shanghai: of collected tables, what had been observed by then that day.

    Raises
    ------
    PredictorError
        The home's table of ETFs is not readable.
    data_profile.errors.StoreError
        Stock data is there, and damaged.
    """
    table = funds(home)
    mapped = {sector: table.of(name) for sector, name in sectors.items()}
    mapped = {sector: found for sector, found in mapped.items() if found}
    known = constituents(home, tuple(sectors), as_of, cutoff)
    if isinstance(known, Absent):
        return Offer({}, mapped, known.words)
    return Offer(
        {sector: choose(known, known.sectors.get(sector, ())) for sector in sectors},
        mapped,
        known.words,
    )


def choose(known: Constituents, codes: Sequence[str]) -> Choice:
    """The members of one sector by the rule of this module, and those that are sealed."""
    place = {code: column for column, code in enumerate(known.codes)}
    columns = np.array(sorted(place[code] for code in codes if code in place), dtype=int)
    limit_ups = known.sealed[-LIMIT_UPS:].sum(axis=0)
    rise = _rise(known.change[-RISE:])
    activity = _activity(known.volume)
    sealed = [i for i in columns if known.sealed[-1, i]]
    free = [
        i
        for i in columns
        if not known.sealed[-1, i] and np.isfinite(known.change[-1, i]) and known.plain[i]
    ]

    def order(i: int) -> tuple[float, ...]:
        measured = (rise[i] / known.limit[i], known.change[-1, i] / known.limit[i], activity[i])
        return (-limit_ups[i], *(np.inf if np.isnan(x) else -x for x in measured))

    return Choice(
        tuple(
            Candidate(
                code=known.codes[i],
                name=known.names[i],
                limit_ups=int(limit_ups[i]),
                rise=_number(rise[i]),
                change=float(known.change[-1, i]),
                limit=float(known.limit[i]),
                activity=_number(activity[i]),
            )
            for i in sorted(free, key=order)[:MEMBERS]
        ),
        tuple((known.codes[i], known.names[i]) for i in sorted(sealed, key=order)),
    )


def _rise(change: np.ndarray) -> np.ndarray:
    """Compounded change of each stock; NaN where one of the sessions has none."""
    if len(change) < RISE:
        return np.full(change.shape[1], np.nan)
    return np.prod(1 + change, axis=0) - 1


def _activity(volume: np.ndarray) -> np.ndarray:
    """Today's volume over the mean of the last 20 sessions with one, today included."""
    recent = volume[-VOLUME:]
    traded = np.isfinite(recent)
    mean = np.where(traded, recent, 0.0).sum(axis=0) / np.maximum(traded.sum(axis=0), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean > 0, recent[-1] / mean, np.nan)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
