"""The page's drawings: SVG without a script, in the colours of the style sheet, so dark works too.

Text in them is escaped; everything else is numbers.
"""

import html
from collections.abc import Sequence

import numpy as np

from predictor.report.facts import Flow
from predictor.report.formats import money, percent
from predictor.report.phase import Phases
from predictor.report.treemap import Box, squarify

FULL = 0.10
"""Share of turnover at which the map's colour is at its strongest."""
_FAINTEST, _STRONGEST = 0.06, 0.85


def spark(values: np.ndarray) -> str:
    """A small line of the last values, the last one marked; "" where fewer than two are known."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:
        return ""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    x = 100 * known / (len(values) - 1)
    y = 24 - 20 * (values[known] - low) / ((high - low) or 1.0)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        '<svg class="spark" viewBox="-2 0 104 28" preserveAspectRatio="none" aria-hidden="true">'
        f'<polyline points="{points}" vector-effect="non-scaling-stroke"/></svg>'
    )


def heat(judged: Phases, sessions: int) -> str:
    """The heat of the last sessions, its 20 and 80% borders, and the phases as a strip below."""
    first = max(0, len(judged.heat) - sessions)
    shown = slice(first, None)
    level, borders, names = judged.heat[shown], judged.borders[shown], judged.names[shown]
    if np.isfinite(level).sum() < 2:
        return ""
    width, high, strip = 720.0, 150.0, 14.0
    step = (width - 56) / len(level)
    everything = np.concatenate([level, borders[:, 0], borders[:, 2]])
    bottom = np.floor(10 * np.nanmin(everything)) / 10
    top = max(np.ceil(10 * np.nanmax(everything)) / 10, bottom + 0.2)

    def height(value: float) -> float:
        return float(high * (top - value) / (top - bottom) + 6)

    def path(values: np.ndarray) -> str:
        parts, pen = [], "M"
        for k, value in enumerate(values):
            if np.isfinite(value):
                parts.append(f"{pen}{56 + step * (k + 0.5):.1f} {height(value):.1f}")
                pen = "L"
            else:
                pen = "M"
        return "".join(parts)

    ticks = "".join(
        f'<path class="grid" d="M56 {height(share):.1f}H{width:.0f}"/>'
        f'<text class="tick" x="50" y="{height(share) + 4:.1f}" text-anchor="end">'
        f"{share:.2f}</text>"
        for share in (bottom, (bottom + top) / 2, top)
    )
    cells = "".join(
        f'<rect class="phase-{name or "none"}" x="{56 + step * k:.2f}" y="{high + 14:.0f}" '
        f'width="{step + 0.2:.2f}" height="{strip:.0f}"/>'
        for k, name in enumerate(names)
    )
    days = judged.sessions[shown]
    dates = "".join(
        f'<text class="tick" x="{x:.0f}" y="{high + 44:.0f}" text-anchor="{anchor}">{day}</text>'
        for x, anchor, day in ((56, "start", days[0]), (width, "end", days[-1]))
    )
    return (
        f'<svg class="heat" viewBox="0 0 {width:.0f} {high + 50:.0f}" role="img" '
        f'aria-hidden="true">{ticks}<path class="border" d="{path(borders[:, 0])}"/>'
        f'<path class="border" d="{path(borders[:, 2])}"/><path class="line" d="{path(level)}"/>'
        f"{cells}{dates}</svg>"
    )


def flow_map(flows: Sequence[Flow], width: int, height: int, language: str, unknown: str) -> str:
    """The market as a treemap; each box has its figures as a tooltip.

    Parameters
    ----------
    flows
        The largest first.
    width, height
        In pixels at full size; the drawing scales.
    language
        Of the amounts.
    unknown
        What a box says whose flow is unknown.
    """
    boxes = squarify([one.size for one in flows], width, height)
    drawn = "".join(
        _box(box, flow, language, unknown) for box, flow in zip(boxes, flows, strict=True)
    )
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-hidden="true">{drawn}</svg>'


def _box(box: Box, flow: Flow, language: str, unknown: str) -> str:
    ratio = flow.ratio
    told = unknown if ratio is None else percent(ratio, 1, signed=True)
    net = "" if flow.net_inflow is None else f", {money(flow.net_inflow, language, signed=True)}"
    title = html.escape(f"{flow.name}: {told}{net}")
    if ratio is None:
        shade = 'class="tile unknown"'
    else:
        strength = _FAINTEST + (_STRONGEST - _FAINTEST) * min(abs(ratio) / FULL, 1.0)
        shade = f'class="tile {"in" if ratio >= 0 else "out"}" fill-opacity="{strength:.2f}"'
    parts = [
        f"<g><title>{title}</title>",
        f'<rect {shade} x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}"/>',
        *_label(box, flow.name, told if ratio is not None else ""),
        "</g>",
    ]
    return "".join(parts)


def _label(box: Box, name: str, told: str) -> list[str]:
    """The name, and below it the figure, as far as they fit; a name is never cut."""
    room, middle = box.width - 8, box.x + box.width / 2
    size = min(15.0, room / max(_width(name), 0.1))
    if size < 8 or box.height < size + 6:
        return []
    both = bool(told) and box.height >= 2 * size + 10 and _width(told) * size * 0.85 <= room
    y = box.y + box.height / 2 + (0 if both else size * 0.36)
    lines = [_text(middle, y, size, name, "name")]
    if both:
        lines.append(_text(middle, y + size * 1.15, size * 0.85, told, "figure"))
    return lines


def _text(x: float, y: float, size: float, text: str, kind: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" '
        f'text-anchor="middle">{html.escape(text)}</text>'
    )


def _width(text: str) -> float:
    """Of a text, in times its font size: wide characters 1, others 0.58."""
    return sum(1.0 if ord(c) > 0x2E80 else 0.58 for c in text)
