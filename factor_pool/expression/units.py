"""Units of measure: what may be added to what, and what comes out.

A unit is written as the profile writes it (`points`, `yuan`, `count`, `ratio`, `shares`,
`dimensionless`) or as a product of powers of those (`yuan/count`, `points*shares`, `yuan^2`).
`ratio` names a field that is already a share of something: it adds to every other pure number, and
whatever is computed from it is `dimensionless`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

DIMENSIONLESS = "dimensionless"
_PURE = frozenset({"ratio", DIMENSIONLESS})


class UnitError(Exception):
    """Units that do not fit; the message names both. The parser turns it into `ExpressionError`."""


@lru_cache(maxsize=4096)
def powers(unit: str) -> Mapping[str, float]:
    """Exponents of the base units of `unit`; empty for a pure number.

    Examples
    --------
    >>> dict(powers("yuan/count^2"))
    {'yuan': 1.0, 'count': -2.0}
    """
    found: dict[str, float] = {}
    for place, part in enumerate(unit.split("/")):
        for factor in part.split("*"):
            base, _, exponent = factor.partition("^")
            if base in _PURE or base in ("", "1"):
                continue
            try:
                power = float(exponent or 1)
            except ValueError:  # not written by us: a base unit of its own
                base, power = factor, 1.0
            found[base] = found.get(base, 0.0) + (power if place == 0 else -power)
    return {base: power for base, power in found.items() if power}


def text(exponents: Mapping[str, float]) -> str:
    """Write exponents as a unit: `powers` read backwards."""
    over = [_factor(base, power) for base, power in sorted(exponents.items()) if power > 0]
    under = [_factor(base, -power) for base, power in sorted(exponents.items()) if power < 0]
    if not over and not under:
        return DIMENSIONLESS
    return "/".join(["*".join(over) or "1", *under])


def _factor(base: str, power: float) -> str:
    return base if power == 1 else f"{base}^{power:g}"


def product(left: str, right: str, sign: int = 1) -> str:
    """Unit of `left * right`, or of `left / right` for `sign` -1."""
    total = dict(powers(left))
    for base, power in powers(right).items():
        total[base] = total.get(base, 0.0) + sign * power
    return text({base: power for base, power in total.items() if power})


def power(unit: str, exponent: float) -> str:
    """Unit of a series of `unit` raised to a constant."""
    return text({base: value * exponent for base, value in powers(unit).items()})


def common(given: Sequence[str | float]) -> str:
    """Return the unit shared by operands that are added, compared or chosen between.

    A number takes any unit.

    Raises
    ------
    UnitError
        Two different dimensions.
    """
    known = [unit for unit in given if isinstance(unit, str)]
    for other in known[1:]:
        if powers(other) != powers(known[0]):
            raise UnitError(f"{known[0]} and {other}")
    return known[0] if known and len(set(known)) == 1 else DIMENSIONLESS
