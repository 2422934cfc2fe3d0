"""Numbers as a reader of the page sees them; the check of prose compares with the same."""

from collections.abc import Callable, Mapping

NONE = "–"
_SCALES = {"zh": ((1e8, "亿"), (1e4, "万")), "en": ((1e9, "bn"), (1e6, "m"))}


def number(value: float | None, digits: int = 0, *, signed: bool = False) -> str:
    """A number with thousands separators and a true minus sign; an en dash where unknown."""
    if value is None:
        return NONE
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if not float(text.replace(",", "")):
        return text.lstrip("+-")
    return text.replace("-", "−")


def percent(value: float | None, digits: int = 0, *, signed: bool = False) -> str:
    """A share (0..1) as a percentage."""
    return NONE if value is None else number(100 * value, digits, signed=signed) + "%"


def money(value: float | None, language: str, *, signed: bool = False) -> str:
    """Yuan in 亿 or 万, in English billions or millions."""
    if value is None:
        return NONE
    scale, unit = next((s for s in _SCALES[language] if abs(value) >= s[0]), (1.0, ""))
    return number(value / scale, 1 if scale > 1 else 0, signed=signed) + unit


def filters(language: str) -> Mapping[str, Callable[..., str]]:
    """The same as filters of a template."""
    return {
        "number": number,
        "percent": percent,
        "money": lambda value, **how: money(value, language, **how),
    }
