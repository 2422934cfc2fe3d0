"""The page's drawing: SVG of numbers, without a script, in the colours of the style sheet."""

import html
from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT, _LEFT, _TOP = 720.0, 220.0, 46.0, 8.0
_BAND = 34.0
LINES = ("strategy", "all_listed", "market", "market_same_exposure")


def curves(curve: Mapping[str, Sequence[float]], words: Mapping[str, str]) -> str:
    """The account and its rivals, each as a multiple of its start, and below it what is invested.

    Parameters
    ----------
    curve
        `curve` of the backtest's document.
    words
        Names of the lines.
    """
    count = len(curve["sessions"])
    if count < 2:
        return ""
    every = [value for name in LINES for value in curve[name]]
    low, high = min(*every, 1.0), max(*every, 1.0)
    span = (high - low) or 1.0

    def x(k: int) -> float:
        return _LEFT + (_WIDTH - _LEFT) * k / (count - 1)

    def y(value: float) -> float:
        return _TOP + _HEIGHT * (1 - (value - low) / span)

    ticks = "".join(
        f'<path class="grid" d="M{_LEFT:.0f} {y(v):.1f}H{_WIDTH:.0f}"/>'
        f'<text class="tick" x="{_LEFT - 6:.0f}" y="{y(v) + 4:.1f}" text-anchor="end">'
        f"{100 * (v - 1):+.0f}%</text>"
        for v in (low, 1.0, high)
    )
    lines = "".join(
        f'<polyline class="curve {name}" points="'
        + " ".join(f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(curve[name]))
        + f'"><title>{html.escape(words[name])}</title></polyline>'
        for name in reversed(LINES)
    )
    return _svg(ticks + lines + _invested(curve) + _dates(curve["sessions"]))


def _invested(curve: Mapping[str, Sequence[float]]) -> str:
    base = _TOP + _HEIGHT + 8 + _BAND
    width = (_WIDTH - _LEFT) / len(curve["sessions"])
    return "".join(
        f'<rect class="{"paused" if paused else "invested"}" x="{_LEFT + width * k:.1f}" '
        f'y="{base - _BAND * share:.1f}" width="{0.8 * width:.1f}" height="{_BAND * share:.1f}"/>'
        for k, (share, paused) in enumerate(zip(curve["invested"], curve["paused"], strict=True))
    ) + (
        f'<text class="tick" x="{_LEFT - 6:.0f}" y="{base - _BAND + 8:.0f}" text-anchor="end">'
        "100%</text>"
    )


def _dates(days: Sequence[object]) -> str:
    at = _TOP + _HEIGHT + _BAND + 24
    ends = ((_LEFT, "start", days[0]), (_WIDTH, "end", days[-1]))
    return "".join(
        f'<text class="tick" x="{x:.0f}" y="{at:.0f}" text-anchor="{anchor}">'
        f"{html.escape(str(day))}</text>"
        for x, anchor, day in ends
    )


def _svg(inside: str) -> str:
    height = _TOP + _HEIGHT + _BAND + 30
    return (
        f'<svg class="curves" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img" '
        f'aria-hidden="true">{inside}</svg>'
    )
