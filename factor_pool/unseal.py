"""Opening the sealed window: once, on purpose, written down before it is read.

The sealed window judges the whole procedure, not a factor: whoever drops a factor after looking,
or changes a threshold, has turned it into one more window that was searched. The ledger keeps
every opening, and a later one says that the window is no longer fresh.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_profile.home import Home
from data_profile.panel import Panel
from factor_pool import borders, universe
from factor_pool.errors import PoolError
from factor_pool.evaluation import metrics
from factor_pool.evaluation.inference import hac_error
from factor_pool.evaluation.windows import Windows, known
from factor_pool.evaluation.yardstick import Yardstick
from factor_pool.expression import evaluate, parse
from factor_pool.ledger import Ledger
from factor_pool.records import Member, Opening

WIDTH = 1.96
Figure = Mapping[str, Any]


@dataclass(frozen=True)
class Unsealing:
    """What the sealed window says of the pool, beside the windows before it.

    A figure is the mean daily marginal rank IC in the direction in which the factor is used:
    ``mean``, ``low``, ``high`` (95%, Newey-West, lag 10), ``sessions``; numbers are None where
    there are too few sessions.

    Parameters
    ----------
    opening
        As written in the ledger.
    earlier
        Openings before it that read any of the same sessions.
    windows
        In which the figures lie.
    members
        Of each factor ever accepted: ``id``, ``expression``, ``sign``, ``status``, ``label``, and
        a figure each for ``search``, ``confirm``, ``sealed``.
    pool
        The same three figures for the active members together: the mean of their oriented ranks.
    """

    opening: Opening
    earlier: Sequence[Opening]
    windows: Windows
    members: Sequence[Mapping[str, Any]]
    pool: Mapping[str, Figure]

    @property
    def fresh(self) -> bool:
        """Whether none of these sessions was read before."""
        return not self.earlier

    @property
    def positive_share(self) -> float:
        """Share of the members whose sealed figure is above zero."""
        means = [one["sealed"]["mean"] for one in self.members]
        return float(np.mean([mean is not None and mean > 0 for mean in means]))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; dates and instants as ISO text."""
        return {
            "opening": opening_row(self.opening),
            "fresh": self.fresh,
            "earlier": [opening_row(one) for one in self.earlier],
            "windows": self.windows.to_dict(),
            "members": list(self.members),
            "pool": dict(self.pool),
            "positive_share": self.positive_share,
        }


def unseal(home: Home, *, why: str) -> Unsealing:
    """Open the sealed window for every member of the pool.

    Parameters
    ----------
    home
        With a store and a pool.
    why
        In words; goes into the ledger for good.

    Raises
    ------
    PoolError
        No reason, nothing accepted yet, or windows that are not those of the ledger.
    StoreError, EvaluationError, LedgerError
        The data, the windows or the ledger are not in order.
    """
    if not why.strip():
        raise PoolError("say why the sealed window is opened: the reason is kept for good")
    panel = universe.of(home).panel(home)
    settled = borders.current(home.ledger, panel, universe.of(home).profile().core(panel))
    if settled.borders is None:
        raise PoolError("nothing has been mined in this home: there is no pool to judge")
    if settled.moved:
        raise PoolError(
            f"{' and '.join(borders.SETTINGS)} ask for other windows than the ledger holds: take "
            "them away, or mine with them first"
        )
    windows = settled.windows
    with Ledger(home.ledger) as ledger:
        members = ledger.members(status=None)
        if not members:
            raise PoolError("the pool is empty: there is nothing to judge on the sealed window")
        sealed = windows.sealed
        earlier = [
            one
            for one in ledger.openings("sealed")
            if one.first is None
            or one.last is None
            or (one.first <= sealed.end and one.last >= sealed.start)
        ]
        opening = ledger.opened(
            "sealed",
            borders.person(),
            why.strip(),
            content_hash=panel.snapshot_id,
            first=sealed.start,
            last=sealed.end,
        )
    rows, pool = side_by_side(panel, windows, members)
    return Unsealing(opening, earlier, windows, rows, pool)


def is_open(ledger: Ledger, snapshot: str) -> bool:
    """Whether a person opened the sealed window of these data on purpose.

    That the predictor's own figures lie in it does not open it.
    """
    return any(
        one.content_hash == snapshot and one.who != "predictor" for one in ledger.openings("sealed")
    )


def seen(home: Home, member: Member) -> Figure | None:
    """A member's figure in the sealed window; None where that was not opened for these data."""
    panel = universe.of(home).panel(home)
    with Ledger(home.ledger, readonly=True) as ledger:
        if not is_open(ledger, panel.snapshot_id):
            return None
    settled = borders.current(home.ledger, panel, universe.of(home).profile().core(panel))
    (found,), _ = side_by_side(panel, settled.windows, [member])
    sealed: Figure = found["sealed"]
    return sealed


def side_by_side(
    panel: Panel, windows: Windows, members: Sequence[Member]
) -> tuple[list[dict[str, Any]], dict[str, Figure]]:
    """Figures of each member in each window, and of the active members together."""
    visible = known(panel, windows.sealed.end)
    masks = {window.name: window.mask(visible.sessions) for window in windows}
    values = evaluate([parse(member.expression) for member in members], visible)
    yardsticks = {label: Yardstick(visible, label) for label in {m.label for m in members}}
    rows: list[dict[str, Any]] = []
    for member, one in zip(members, values, strict=True):
        daily = member.sign * yardsticks[member.label].daily(one).marginal
        rows.append(
            {
                "id": member.id,
                "expression": member.expression,
                "sign": member.sign,
                "status": member.status,
                "label": member.label,
                **{name: figure(daily[mask]) for name, mask in masks.items()},
            }
        )
    active = [k for k, member in enumerate(members) if member.status == "active"]
    if not active:
        return rows, {}
    ranked = [members[k].sign * metrics.ranks(values[k]) for k in active]
    present = np.isfinite(ranked).sum(axis=0)
    together = np.nansum(ranked, axis=0) / np.where(present > 0, present, np.nan)
    daily = yardsticks[members[active[0]].label].daily(together.astype(np.float32)).marginal
    return rows, {name: figure(daily[mask]) for name, mask in masks.items()}


def figure(daily: np.ndarray) -> dict[str, Any]:
    """A mean with its 95% interval; numbers are None with fewer than 20 values."""
    finite = daily[np.isfinite(daily)]
    error = hac_error(finite)
    if not np.isfinite(error):
        return {"mean": None, "low": None, "high": None, "sessions": len(finite)}
    mean = float(finite.mean())
    return {
        "mean": mean,
        "low": mean - WIDTH * error,
        "high": mean + WIDTH * error,
        "sessions": len(finite),
    }


def opening_row(opening: Opening) -> dict[str, Any]:
    """An opening as plain JSON values."""
    return {
        "at": opening.at.isoformat(timespec="seconds"),
        "window": opening.window,
        "who": opening.who,
        "why": opening.why,
        "pool_version": opening.pool_version,
        "content_hash": opening.content_hash,
        "first": opening.first and opening.first.isoformat(),
        "last": opening.last and opening.last.isoformat(),
    }
