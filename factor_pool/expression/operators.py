"""The operators: one table that the parser, the canonical form, the engine and the proposer read.

Names and meanings are Qlib's (`qlib.data.ops`) except where `custom` is set. What Qlib offers and
this language leaves out, with the reason, is in `LEFT_OUT`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from factor_pool.expression import units
from factor_pool.expression.units import DIMENSIONLESS

Kind = Literal[
    "unary", "binary", "ternary", "comparison", "logic", "rolling", "pair_rolling", "cross_section"
]
Argument = Literal["series", "operand", "condition", "window", "fraction"]
"""What stands at one place of a call.

`series` is an expression with at least one field; `operand` is that or a number; `condition` is a
comparison, `And`, `Or` or `Not`; `window` is an integer literal; `fraction` a number in (0, 1).
"""
UnitRule = Callable[[Sequence[str | float]], str]
"""Units of the expression arguments (a number stands for itself) -> unit of the result.

Raises `units.UnitError` where they do not fit.
"""

MAX_WINDOW = 250


@dataclass(frozen=True)
class Operator:
    """One operator.

    Parameters
    ----------
    name
        Qlib's spelling, and ours.
    kind
        `unary`, `binary`, `ternary`, `comparison` and `logic` work on each cell alone; `rolling`
        looks back over one series, `pair_rolling` over two; `cross_section` looks at all
        instruments of one session.
    arguments
        What each place of a call takes, in order.
    unit
        Rule for the unit of the result.
    symbol
        Infix spelling, None if it is only written as a call.
    commutative
        Whether the two arguments may change places; `Corr` and `Cov` may change the last bit.
    parity
        `odd`: f(-x) = -f(x); `even`: f(-x) = f(x); both exactly. For more than one argument it
        holds for each of them alone. None: neither.
    smallest
        The least window that can give a value.
    aliases
        Lower-case names of other dialects that mean the same.
    custom
        True where stock Qlib has no such operator, or a different one, and `custom_ops` ships it.
    meaning
        One line for people and language models.
    """

    name: str
    kind: Kind
    arguments: tuple[Argument, ...]
    unit: UnitRule
    meaning: str
    symbol: str | None = None
    commutative: bool = False
    parity: Literal["odd", "even"] | None = None
    smallest: int = 1
    aliases: tuple[str, ...] = ()
    custom: bool = False

    @property
    def arity(self) -> int:
        """Number of expression arguments; windows do not count."""
        return sum(argument != "window" for argument in self.arguments)

    @property
    def windowed(self) -> bool:
        """Whether a call carries a window."""
        return "window" in self.arguments

    @property
    def gives_condition(self) -> bool:
        """Whether the result is a condition (0 or 1 in every listed cell)."""
        return self.kind in ("comparison", "logic")

    @property
    def signature(self) -> str:
        """How a call is written, such as `Quantile(x, N, q)`."""
        letters = iter("xyz")
        names = {"window": lambda: "N", "fraction": lambda: "q", "condition": lambda: "condition"}
        places = [names.get(kind, lambda: next(letters))() for kind in self.arguments]
        return f"{self.name}({', '.join(places)})"


def _unit(given: str | float) -> str:
    return given if isinstance(given, str) else DIMENSIONLESS


def _first(given: Sequence[str | float]) -> str:
    return _unit(given[0])


def _pure(given: Sequence[str | float]) -> str:
    return DIMENSIONLESS


def _compared(given: Sequence[str | float]) -> str:
    units.common(given)
    return DIMENSIONLESS


def _chosen(given: Sequence[str | float]) -> str:
    return units.common(given[1:])


def _times(given: Sequence[str | float]) -> str:
    return units.product(_unit(given[0]), _unit(given[1]))


def _over(given: Sequence[str | float]) -> str:
    return units.product(_unit(given[0]), _unit(given[1]), -1)


def _squared(given: Sequence[str | float]) -> str:
    return units.power(_unit(given[0]), 2)


def _raised(given: Sequence[str | float]) -> str:
    base, exponent = given
    if not isinstance(exponent, str):
        return units.power(_unit(base), exponent)
    if units.powers(exponent) or units.powers(_unit(base)):
        raise units.UnitError(f"{_unit(base)} raised to an exponent in {exponent}")
    return DIMENSIONLESS


_SERIES: tuple[Argument, ...] = ("series",)
_PAIR: tuple[Argument, ...] = ("operand", "operand")
_WINDOW: tuple[Argument, ...] = ("series", "window")

_TABLE: tuple[Operator, ...] = (
    Operator("Neg", "unary", _SERIES, _first, "minus x", parity="odd", aliases=("reverse",),
             custom=True),
    Operator("Abs", "unary", _SERIES, _first, "absolute value", parity="even"),
    Operator("Sign", "unary", _SERIES, _pure, "-1, 0 or 1", parity="odd"),
    Operator("Log", "unary", _SERIES, _pure, "natural logarithm; of 0 -inf, below 0 missing",
             aliases=("ln",)),
    Operator("Add", "binary", _PAIR, units.common, "sum", "+", commutative=True),
    Operator("Sub", "binary", _PAIR, units.common, "difference", "-", aliases=("subtract",)),
    Operator("Mul", "binary", _PAIR, _times, "product", "*", commutative=True, parity="odd",
             aliases=("multiply",)),
    Operator("Div", "binary", _PAIR, _over, "quotient; x/0 is infinite, 0/0 missing", "/",
             parity="odd", aliases=("divide",)),
    Operator("Power", "binary", _PAIR, _raised, "x raised to y", "**", aliases=("pow",)),
    Operator("Greater", "binary", _PAIR, units.common, "the larger of two, cell by cell",
             commutative=True),
    Operator("Less", "binary", _PAIR, units.common, "the smaller of two, cell by cell",
             commutative=True),
    Operator("Gt", "comparison", _PAIR, _compared, "1 where x > y, else 0", ">"),
    Operator("Ge", "comparison", _PAIR, _compared, "1 where x >= y, else 0", ">="),
    Operator("Lt", "comparison", _PAIR, _compared, "1 where x < y, else 0", "<"),
    Operator("Le", "comparison", _PAIR, _compared, "1 where x <= y, else 0", "<="),
    Operator("Eq", "comparison", _PAIR, _compared, "1 where x = y, else 0", "==",
             commutative=True),
    Operator("Ne", "comparison", _PAIR, _compared, "1 where x differs from y, else 0", "!=",
             commutative=True),
    Operator("And", "logic", ("condition", "condition"), _pure, "both conditions hold", "&",
             commutative=True),
    Operator("Or", "logic", ("condition", "condition"), _pure, "at least one condition holds",
             "|", commutative=True),
    Operator("Not", "logic", ("condition",), _pure, "the condition does not hold"),
    Operator("If", "ternary", ("series", "operand", "operand"), _chosen,
             "y where x is not 0 (missing counts as not 0), else z",
             aliases=("ifelse", "if_else", "where")),
    Operator("Ref", "rolling", _WINDOW, _first, "value N sessions ago", parity="odd",
             aliases=("delay", "ts_delay", "lag", "shift")),
    Operator("Delta", "rolling", _WINDOW, _first, "x minus its value N sessions ago",
             parity="odd", aliases=("ts_delta", "diff")),
    Operator("Mean", "rolling", _WINDOW, _first, "mean of the last N sessions", parity="odd",
             aliases=("ts_mean", "ma", "sma", "average")),
    Operator("Sum", "rolling", _WINDOW, _first, "sum of the last N sessions", parity="odd",
             aliases=("ts_sum",)),
    Operator("Std", "rolling", _WINDOW, _first, "sample standard deviation", parity="even",
             smallest=2, aliases=("ts_std", "ts_std_dev", "ts_stddev", "stddev")),
    Operator("Var", "rolling", _WINDOW, _squared, "sample variance", parity="even", smallest=2,
             aliases=("ts_var", "variance")),
    Operator("Skew", "rolling", _WINDOW, _pure, "skewness", parity="odd", smallest=3,
             aliases=("ts_skew", "ts_skewness", "skewness")),
    Operator("Kurt", "rolling", _WINDOW, _pure, "excess kurtosis", parity="even", smallest=4,
             aliases=("ts_kurt", "ts_kurtosis", "kurtosis")),
    Operator("Max", "rolling", _WINDOW, _first, "maximum of the last N sessions",
             aliases=("ts_max",)),
    Operator("Min", "rolling", _WINDOW, _first, "minimum of the last N sessions",
             aliases=("ts_min",)),
    Operator("IdxMax", "rolling", _WINDOW, _pure,
             "place of the maximum in the window, 1 for its oldest session",
             aliases=("ts_argmax", "ts_arg_max", "argmax")),
    Operator("IdxMin", "rolling", _WINDOW, _pure,
             "place of the minimum in the window, 1 for its oldest session",
             aliases=("ts_argmin", "ts_arg_min", "argmin")),
    Operator("Med", "rolling", _WINDOW, _first, "median of the last N sessions", parity="odd",
             aliases=("ts_median", "median")),
    Operator("Mad", "rolling", _WINDOW, _first, "mean absolute deviation from the mean",
             parity="even", aliases=("ts_mad",)),
    Operator("Rank", "rolling", _WINDOW, _pure,
             "rank of x among its own last N sessions, as a fraction of them",
             aliases=("ts_rank",)),
    Operator("Quantile", "rolling", ("series", "window", "fraction"), _first,
             "quantile q of the last N sessions", aliases=("ts_quantile", "ts_percentile")),
    Operator("Count", "rolling", _WINDOW, _pure, "number of sessions with a value", parity="even",
             aliases=("ts_count",)),
    Operator("Slope", "rolling", _WINDOW, _first, "slope of a line through the last N sessions",
             parity="odd", smallest=2, aliases=("ts_slope",)),
    Operator("Rsquare", "rolling", _WINDOW, _pure, "R squared of that line", parity="even",
             smallest=2, aliases=("ts_rsquare",)),
    Operator("Resi", "rolling", _WINDOW, _first, "distance of the last value from that line",
             parity="odd", smallest=2, aliases=("ts_resi", "ts_residual")),
    Operator("EMA", "rolling", _WINDOW, _first,
             "exponential mean with span N over the whole history", parity="odd",
             aliases=("ts_ema", "ewm", "ewma"), custom=True),
    Operator("Corr", "pair_rolling", ("series", "series", "window"), _pure,
             "correlation of x and y over the last N sessions", commutative=True, parity="odd",
             smallest=2, aliases=("correlation", "ts_corr", "ts_correlation")),
    Operator("Cov", "pair_rolling", ("series", "series", "window"), _times,
             "covariance of x and y over the last N sessions", commutative=True, parity="odd",
             smallest=2, aliases=("covariance", "ts_cov", "ts_covariance")),
    Operator("CSRank", "cross_section", _SERIES, _pure,
             "rank among all instruments of the session, as a fraction of them",
             aliases=("rank", "cs_rank"), custom=True),
    Operator("CSZScore", "cross_section", _SERIES, _pure,
             "distance from the session's mean in sample standard deviations", parity="odd",
             aliases=("cs_zscore", "zscore", "csz"), custom=True),
    Operator("CSDemean", "cross_section", _SERIES, _first, "x minus the session's mean",
             parity="odd", aliases=("cs_demean", "demean"), custom=True),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _TABLE}
"""Every operator by name."""

SYMBOLS: Mapping[str, Operator] = {
    operator.symbol: operator for operator in _TABLE if operator.symbol
}
"""Infix operators by symbol."""

LEFT_OUT: Mapping[str, str] = {
    "WMA": "Qlib's WMA divides by the window twice (issue 1993); use EMA",
    "Mask": "it reads another instrument's data",
    "ChangeInstrument": "it reads another instrument's data",
    "Feature": "write $name",
    "PFeature": "there is no quarterly data",
    "P": "there is no quarterly data",
    "PRef": "there is no quarterly data",
    "TResample": "it changes the sessions",
}
"""Operators of Qlib that the language refuses, and why."""


_NAMES: Mapping[str, Operator] = {
    **{operator.name.lower(): operator for operator in _TABLE},
    **{alias: operator for operator in _TABLE for alias in operator.aliases},
}


def find(name: str) -> Operator | None:
    """Return the operator of that name or alias; None if there is none.

    Aliases, and names written otherwise than here, are taken in any case. `rank` is WorldQuant's
    rank across instruments, `Rank` is Qlib's rank over time.

    Examples
    --------
    >>> find("Ts_Argmax").name, find("correlation").name, find("Men")
    ('IdxMax', 'Corr', None)
    """
    return OPERATORS.get(name) or _NAMES.get(name.lower())


def known_names() -> list[str]:
    """Every name that `find` knows, own names first: for the nearest-name hint."""
    return [*OPERATORS, *(alias for operator in _TABLE for alias in operator.aliases)]
