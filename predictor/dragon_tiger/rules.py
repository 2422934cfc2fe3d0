"""When the strategy buys, sells, waits and stands aside: every threshold, and every reason.

What the rules leave open, and what was chosen, stands in docs/dragon-tiger.md.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from predictor.errors import PredictorError

Unlisted = Literal["keep", "sell"]
ThinBook = Literal["rest_in_cash", "all_in_cash"]
T = TypeVar("T")

EXITS: tuple[str, ...] = ("stop", "sentiment", "left_the_top", "left_the_list", "held_the_longest")
"""Why a position is sold, by the number that the account knows it by; of several the first."""
EXITS_IN_WORDS: dict[str, str] = {
    "stop": "the close was at or below the stop",
    "sentiment": "news sentiment fell below its threshold",
    "left_the_top": "on the list again, and no longer in its top part",
    "left_the_list": "not on the list that day",
    "held_the_longest": "held for as long as allowed",
}
OBSTACLES: tuple[str, ...] = (
    "",
    "suspended: no trade in the session",
    "limits unknown: no previous close, or a bar outside its limits",
    "one-word board at the upper limit",
    "opened at the upper limit",
    "opened at the lower limit",
    "too little cash for a lot",
)
"""Why an order could not be carried out, by the number that the account knows it by."""
NOTHING, SUSPENDED, UNJUDGED, ONE_WORD, AT_UPPER, AT_LOWER, NO_CASH = range(len(OBSTACLES))


class RulesError(PredictorError):
    """A rule that does not exist, or a value that it cannot have."""


@dataclass(frozen=True)
class Rules:
    """The thresholds. Defaults are the document's; factors are compared by their raw values.

    Parameters
    ----------
    top
        Share of the day's listed stocks, best scores first, among which it buys.
    min_net_buy
        F1 must be above this, yuan.
    min_institutional
        F2 must be above this, share of the purchases on the list.
    min_turnover_change
        F4 must be above this, today's turnover over its mean, less 1.
    keep
        A held stock that is listed again below this share of the day's scores is sold.
    unlisted
        A held stock that is not on the list has no score that day: "keep" it, or "sell" it.
    min_sentiment
        A held stock whose F6 is below this is sold; in [-1, 1].
    hold_min, hold_max
        Sessions from purchase to sale; the stop does not wait for `hold_min`.
    max_weight
        Largest share of the account in one stock, when it is bought.
    min_holdings
        The least number of stocks to divide the account among.
    thin_book
        With fewer: "rest_in_cash" gives each no more than its part of `min_holdings` and leaves
        the rest in cash; "all_in_cash" buys nothing.
    stop
        Loss from the price paid at which a position is given up, judged at the close.
    max_drawdown
        Loss from the account's highest close at which it stops buying.
    revalidation
        Sessions of a pause after which it buys again, if in the last so many of them the same
        rules have earned money on paper.
    cash
        The account at the start, yuan.

    Raises
    ------
    RulesError
        A value out of its range.
    """

    top: float = 0.10
    min_net_buy: float = 0.0
    min_institutional: float = 0.5
    min_turnover_change: float = 1.0
    keep: float = 0.30
    unlisted: Unlisted = "keep"
    min_sentiment: float = -0.5
    hold_min: int = 1
    hold_max: int = 5
    max_weight: float = 0.05
    min_holdings: int = 5
    thin_book: ThinBook = "rest_in_cash"
    stop: float = 0.05
    max_drawdown: float = 0.10
    revalidation: int = 20
    cash: float = 1_000_000.0

    def __post_init__(self) -> None:
        for name in ("top", "keep", "max_weight", "stop", "max_drawdown"):
            if not 0 < getattr(self, name) <= 1:
                raise RulesError(f"{name} must lie in (0, 1], got {getattr(self, name)}")
        if self.keep < self.top:
            raise RulesError(f"keep ({self.keep}) below top ({self.top}) would sell what it buys")
        if not 1 <= self.hold_min <= self.hold_max:
            raise RulesError(
                f"needs 1 <= hold_min <= hold_max, got {self.hold_min} and {self.hold_max}: "
                "what is bought in a session cannot be sold in it (T+1)"
            )
        if self.min_holdings < 1 or self.revalidation < 1 or self.cash <= 0:
            raise RulesError("min_holdings and revalidation must be at least 1, cash positive")
        for name, kind in (("unlisted", Unlisted), ("thin_book", ThinBook)):
            if getattr(self, name) not in get_args(kind):
                raise RulesError(f"{name} must be one of {', '.join(get_args(kind))}")

    def to_dict(self) -> dict[str, Any]:
        """Every threshold by name, for JSON."""
        return dataclasses.asdict(self)


def configured(defaults: T, assignments: Iterable[str]) -> T:
    """A dataclass of thresholds with some of them set from text such as ``stop=0.08``.

    Parameters
    ----------
    defaults
        A frozen dataclass of numbers and words.
    assignments
        ``name=value``; the value is read as the default's type.

    Raises
    ------
    RulesError
        A name that it does not have, or a value that cannot be read.

    Examples
    --------
    >>> configured(Rules(), ["stop=0.08", "hold_max=3"]).stop
    0.08
    """
    known = vars(defaults)
    changed: dict[str, Any] = {}
    for assignment in assignments:
        name, _, text = (part.strip() for part in assignment.partition("="))
        if name not in known or not text:
            raise RulesError(
                f"{assignment!r} sets nothing; write NAME=VALUE with a name of {', '.join(known)}"
            )
        try:
            changed[name] = type(known[name])(text)
        except ValueError as error:
            raise RulesError(
                f"{name} must be a {type(known[name]).__name__}, got {text!r}"
            ) from error
    return dataclasses.replace(defaults, **changed)  # type: ignore[type-var]
