"""The charts of a score report: plotly figures, each with the same numbers as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from factor_pool.evaluation.portrait import LAGS, Estimate, Portrait, View

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FACTOR, PERSISTENCE, SIZE, CHANCE = "#1d4f91", "#c77700", "#767c85", "#a9aeb5"
_COLOURS = {"factor": FACTOR, "persistence": PERSISTENCE, "size": SIZE}
_UNSEEN = "#5b9bd5"
_HEIGHT = 290
Words = Mapping[str, str]
Cell = str | float | None


@dataclass(frozen=True)
class Chart:
    """One chart.

    Parameters
    ----------
    name
        Of letters and underscores; unique on the page.
    title
        For people; not escaped yet.
    figure
        What plotly draws.
    head, rows
        The same as a table.
    """

    name: str
    title: str
    figure: "Figure"
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def charts(portrait: Portrait, words: Words) -> dict[str, tuple[Chart, ...]]:
    """Every chart, by section of the page.

    Parameters
    ----------
    portrait
        What is drawn.
    words
        From `words.words`.
    """
    views = portrait.views
    sections = {
        "cumulative": (_cumulative(views, words),),
        "by_year": (_marginal_by_year(views, words), _rank_ic_by_year(views, words)),
        "groups": (_groups_beyond(views, words), _groups_outcome(views, words)),
        "decay": (_decay(views[0], words),),
        "exposures": (_exposures(views, words),),
    }
    if views[0].pool:
        sections["pool"] = (_pool(views, words),)
    return sections


def blank(x: str = "", y: str = "", *, legend: bool = True) -> "Figure":
    """An empty figure in the reports' style, with titles of its axes."""
    from plotly.graph_objects import Figure

    axis: dict[str, Any] = {"automargin": True, "zeroline": False, "gridcolor": "#e6e8eb"}
    figure = Figure()
    figure.update_layout(
        template="none",
        height=_HEIGHT,
        margin={"l": 8, "r": 20, "t": 8, "b": 8},
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#30343a"},
        showlegend=legend,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "xanchor": "left"},
        hovermode="x unified",
        hoverlabel={"align": "left"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis=axis | {"title": {"text": x, "standoff": 6}, "gridcolor": "rgba(0,0,0,0)"},
        yaxis=axis | {"title": {"text": y, "standoff": 6}},
        barmode="group",
        bargap=0.3,
    )
    return figure


def _window(view: View, words: Words) -> str:
    return words[f"window.{view.window.name}"]


def shade(window: str) -> str:
    """The factor's colour in a window, by its name."""
    return FACTOR if window in ("search", "all") else _UNSEEN


def _several(views: Sequence[View]) -> bool:
    return len(views) > 1


def _cumulative(views: Sequence[View], words: Words) -> Chart:
    figure = blank()
    rows: list[tuple[Cell, ...]] = []
    lines: dict[str, tuple[list[str], list[float | None]]] = {}
    for view in views:
        for name in ("marginal", "added") if view.pool else ("marginal",):
            days, heights = lines.setdefault(name, ([], []))
            before = next((h for h in reversed(heights) if h is not None), 0.0)
            if days:  # nothing is known of the sessions between two windows
                days.append(view.days[0])
                heights.append(None)
            days += view.days
            heights += (before + np.nancumsum(getattr(view, name))).round(4).tolist()
        rows.append(
            (_window(view, words), view.days[0], view.days[-1],
             float(np.nansum(view.marginal)), float(np.nansum(view.added)))
        )  # fmt: skip
        if view.window.name not in ("search", "all"):
            figure.add_vrect(
                x0=view.window.start.isoformat(), x1=view.window.end.isoformat(),
                fillcolor=_UNSEEN, opacity=0.12, line_width=0,
                annotation_text=_window(view, words), annotation_position="top left",
            )  # fmt: skip
    styles = {"marginal": (FACTOR, "solid", 2.2), "added": ("#7b3fa0", "dot", 1.6)}
    names = {"marginal": words["beyond_baseline"], "added": words["beyond_pool"]}
    for name, (days, heights) in lines.items():
        colour, dash, width = styles[name]
        figure.add_scatter(
            x=days, y=heights, mode="lines", name=names[name],
            line={"color": colour, "dash": dash, "width": width},
        )  # fmt: skip
    figure.add_hline(y=0, line_color=CHANCE, line_width=1)
    figure.update_xaxes(type="date", hoverformat="%Y-%m-%d", tickformat="%Y-%m", nticks=8)
    figure.update_yaxes(hoverformat="+.2f")
    head = (words["days"], "", "", words["beyond_baseline"], words["beyond_pool"])
    return Chart("cumulative", words["cumulative"], figure, head, tuple(rows))


def _years(views: Sequence[View], words: Words) -> list[tuple[str, View, Mapping[str, Estimate]]]:
    """(label on the axis, view, estimates) of every year of every window."""
    rows = []
    for view in views:
        for year, estimates in view.years.items():
            mark = (
                f"<br>{_window(view, words)}" if view.window.name not in ("search", "all") else ""
            )
            rows.append((year + mark, view, estimates))
    return rows


def _marginal_by_year(views: Sequence[View], words: Words) -> Chart:
    figure = blank(legend=False)
    years = _years(views, words)
    figure.add_bar(
        x=[label for label, _, _ in years],
        y=[estimates["marginal"].mean for _, _, estimates in years],
        error_y={
            "array": [1.96 * (e["marginal"].error or 0.0) for _, _, e in years],
            "color": "#30343a", "thickness": 1.2, "width": 3,
        },
        marker_color=[shade(view.window.name) for _, view, _ in years],
        customdata=[e["marginal"].sessions for _, _, e in years],
        hovertemplate="%{y:+.3f}, " + words["days"] + ": %{customdata}<extra></extra>",
    )  # fmt: skip
    figure.add_hline(y=0, line_color=CHANCE, line_width=1)
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat="+.3~f")
    rows = tuple(
        (label.replace("<br>", " "), e["marginal"].sessions, e["marginal"].mean, e["marginal"].t)
        for label, _, e in years
    )
    head = (words["year"], words["days"], words["marginal"], "t")
    return Chart("marginal_by_year", words["marginal"], figure, head, rows)


def _rank_ic_by_year(views: Sequence[View], words: Words) -> Chart:
    figure = blank()
    years = _years(views, words)
    for name, colour in _COLOURS.items():
        figure.add_scatter(
            x=[label for label, _, _ in years],
            y=[estimates[name].mean for _, _, estimates in years],
            mode="lines+markers",
            name=words[name],
            line={"color": colour, "width": 2 if name == "factor" else 1.4},
            hovertemplate="%{y:+.3f}",
        )
    figure.add_hline(y=0, line_color=CHANCE, line_width=1)
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat="+.2~f")
    rows = tuple(
        (label.replace("<br>", " "), *(estimates[name].mean for name in _COLOURS))
        for label, _, estimates in years
    )
    head = (words["year"], *(words[name] for name in _COLOURS))
    return Chart("rank_ic_by_year", words["rank_ic"], figure, head, rows)


def _fifths(view: View) -> list[str]:
    return [f"{k + 1}" for k in range(len(view.groups.beyond))]


def _groups_beyond(views: Sequence[View], words: Words) -> Chart:
    figure = blank(words["groups.axis"], legend=_several(views))
    for view in views:
        figure.add_bar(
            x=_fifths(view),
            y=[None if x is None else 100 * x for x in view.groups.beyond],
            name=_window(view, words),
            marker_color=shade(view.window.name),
            hovertemplate="%{y:+.1f}",
        )
    figure.add_hline(y=0, line_color=CHANCE, line_width=1)
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat="+.2~f")
    rows = tuple(
        (fifth, *(None if v.groups.beyond[k] is None else 100 * v.groups.beyond[k] for v in views))  # type: ignore[operator]
        for k, fifth in enumerate(_fifths(views[0]))
    )
    head = (words["group"], *(_window(view, words) for view in views))
    return Chart("groups_beyond", words["groups.beyond"], figure, head, rows)


def _groups_outcome(views: Sequence[View], words: Words) -> Chart:
    """Of the last window: the one that selection flattered least."""
    view = views[-1]
    figure = blank(words["groups.axis"])
    for name, colour in _COLOURS.items():
        figure.add_scatter(
            x=_fifths(view), y=view.groups.label[name], mode="lines+markers", name=words[name],
            line={"color": colour, "width": 2 if name == "factor" else 1.4},
            hovertemplate="%{y:.2f}",
        )  # fmt: skip
    if view.groups.overall is not None:
        figure.add_hline(
            y=view.groups.overall, line_color=CHANCE, line_dash="dash", line_width=1.2,
            annotation_text=words["all_sectors"], annotation_position="top left",
        )  # fmt: skip
    figure.update_xaxes(type="category")
    figure.update_yaxes(rangemode="tozero")
    rows = tuple(
        (fifth, *(view.groups.label[name][k] for name in _COLOURS), view.groups.overall)
        for k, fifth in enumerate(_fifths(view))
    )
    head = (words["group"], *(words[name] for name in _COLOURS), words["all_sectors"])
    title = f"{words['outcome']} ({_window(view, words)})"
    return Chart("groups_outcome", title, figure, head, rows)


def _decay(view: View, words: Words) -> Chart:
    figure = blank(words["decay.axis"])
    for name, colour in _COLOURS.items():
        figure.add_scatter(
            x=list(map(str, LAGS)), y=[view.persistence[name][lag] for lag in LAGS],
            mode="lines+markers", name=words[name],
            line={"color": colour, "width": 2 if name == "factor" else 1.4},
            hovertemplate="%{y:.2f}",
        )  # fmt: skip
    figure.update_xaxes(type="category")
    figure.update_yaxes(rangemode="tozero", tickformat=".2~f")
    rows = tuple((lag, *(view.persistence[name][lag] for name in _COLOURS)) for lag in LAGS)
    head = (words["lag"], *(words[name] for name in _COLOURS))
    return Chart("decay", f"{words['decay']} ({_window(view, words)})", figure, head, rows)


def _exposures(views: Sequence[View], words: Words) -> Chart:
    labels = {name: words[f"base.{name}"] for name in views[0].exposures}
    tables = [view.exposures for view in views]
    return _correlations("exposures", words["exposures"], views, labels, tables, words)


def _pool(views: Sequence[View], words: Words) -> Chart:
    labels = {name: name for name in views[0].pool}
    tables = [view.pool for view in views]
    return _correlations("pool", words["pool"], views, labels, tables, words)


def _correlations(
    name: str,
    title: str,
    views: Sequence[View],
    labels: Mapping[str, str],
    tables: Sequence[Mapping[str, float | None]],
    words: Words,
) -> Chart:
    """Horizontal bars of correlations, in [-1, 1] so that a small one looks small."""
    figure = blank(legend=_several(views))
    for view, table in zip(views, tables, strict=True):
        figure.add_bar(
            x=[table[key] for key in labels], y=list(labels.values()), orientation="h",
            name=_window(view, words), marker_color=shade(view.window.name),
            hovertemplate="%{x:+.2f}",
        )  # fmt: skip
    figure.update_layout(
        height=max(_HEIGHT, 90 + 17 * len(views) * len(labels)), hovermode="y unified"
    )
    figure.update_xaxes(
        range=[-1, 1], tickformat="+.1f", gridcolor="#e6e8eb", zeroline=True, zerolinecolor=CHANCE
    )
    figure.update_yaxes(type="category", autorange="reversed")
    rows = tuple((label, *(table[key] for table in tables)) for key, label in labels.items())
    head = (words["variable"], *(_window(view, words) for view in views))
    return Chart(name, title, figure, head, rows)
