"""The report's two drawings: SVG without a script, of numbers alone."""

from collections.abc import Iterator, Sequence

from scenario.morning.facts import Point, Skill

_WIDTH, _HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 12, 26
_INK, _SOFT, _LINE = "#1d4f91", "#646b75", "#e2e5e9"
_UNSEEN = "#c77700"


def course(points: Sequence[Point]) -> str:
    """The largest added rank IC so far over the attempts, with a dot where factors entered."""
    known = [(one.attempts, one.best) for one in points if one.best is not None]
    if len(known) < 2:
        return ""
    plot = _Plot(points[-1].attempts, max(height for _, height in known))
    dots, before = [], 0
    for one in points:
        if one.accepted > before and one.best is not None:
            dots.append(plot.dot(one.attempts, one.best))
        before = one.accepted
    return plot.drawn(plot.steps(known, _INK), *dots)


def growth(skills: Sequence[Skill]) -> str:
    """The pool's skill after each acceptance, in search and in confirm."""
    if len(skills) < 2:
        return ""
    high = max(max(one.search + (one.error or 0), one.confirm or 0) for one in skills)
    plot = _Plot(skills[-1].attempts, high)
    search = [(one.attempts, one.search) for one in skills]
    seen = [(one.attempts, one.confirm) for one in skills if one.confirm is not None]
    spread = [plot.whisker(s.attempts, s.search - s.error, s.search + s.error)
              for s in skills if s.error is not None]  # fmt: skip
    return plot.drawn(*spread, plot.steps(search, _INK), plot.steps(seen, _UNSEEN))


class _Plot:
    """A frame with both axes from 0."""

    def __init__(self, right: float, top: float) -> None:
        self._right, self._top = max(right, 1.0), max(top, 1e-9) * 1.08

    def _x(self, value: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * value / self._right, 1)

    def _y(self, value: float) -> float:
        share = min(max(value / self._top, 0.0), 1.0)
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share, 1)

    def steps(self, points: Sequence[tuple[float, float]], colour: str) -> str:
        """A line that stays level until the next point."""
        if not points:
            return ""
        path = f"M{self._x(points[0][0])} {self._y(points[0][1])}"
        path += "".join(f"H{self._x(x)}V{self._y(y)}" for x, y in points[1:])
        return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.2"/>'

    def dot(self, x: float, y: float) -> str:
        """A mark on the line."""
        return f'<circle cx="{self._x(x)}" cy="{self._y(y)}" r="4" fill="{_UNSEEN}"/>'

    def whisker(self, x: float, low: float, high: float) -> str:
        """An interval."""
        return (
            f'<path d="M{self._x(x)} {self._y(low)}V{self._y(high)}" stroke="{_INK}" '
            'stroke-width="1.2" opacity=".5"/>'
        )

    def drawn(self, *parts: str) -> str:
        """The whole drawing."""
        return (
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-hidden="true">'
            + "".join((*self._axes(), *parts))
            + "</svg>"
        )

    def _axes(self) -> Iterator[str]:
        for share in (0.0, 0.5, 1.0):
            height = self._top / 1.08 * share
            y = self._y(height)
            yield f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="{_LINE}"/>'
            yield self._text(_LEFT - 6, y + 4, f"{height:.3f}", "end")
            x = self._x(self._right * share)
            anchor = {0.0: "start", 0.5: "middle", 1.0: "end"}[share]
            yield self._text(x, _HEIGHT - 6, f"{self._right * share:,.0f}", anchor)

    @staticmethod
    def _text(x: float, y: float, text: str, anchor: str) -> str:
        return (
            f'<text x="{x}" y="{y}" font-size="12" fill="{_SOFT}" text-anchor="{anchor}">'
            f"{text}</text>"
        )
