"""A score report as one HTML page: no request to anywhere, no script but its own.

plotly.js (4.8 MB) travels inside the page, compressed to about 1.9 MB of text, and is unpacked by
the browser. What a model or a file gave (hypothesis, names) is escaped as text; should a tag ever
get through, the page's Content-Security-Policy allows exactly two scripts, by their hashes, and no
address at all.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from factor_pool.evaluation.portrait import Estimate, Portrait, View
from factor_pool.gates import Settings
from factor_pool.report import style
from factor_pool.report.account import Account, account_charts
from factor_pool.report.account import facts as account_facts
from factor_pool.report.charts import Cell, Chart, charts
from factor_pool.report.pages import LANGUAGE_TAGS, environment
from factor_pool.report.words import words

_FOLDER = Path(__file__).parent
Words = Mapping[str, str]


@dataclass(frozen=True)
class Background:
    """What a report says of a factor beside its figures.

    Parameters
    ----------
    title
        Of the factor: its id, or that it is no pool member; in the report's language.
    hypothesis
        As the proposer wrote it, untrusted; None where there is none to show.
    evidence
        Sentences on what acceptance rests on.
    origin
        Pairs of what, and its value.
    caveats
        Sentences that hold for this factor, before those that hold for all.
    pool
        Id -> expression of the factors it is correlated with.
    account
        The factor as a portfolio; None where the data have no prices.
    """

    title: str
    hypothesis: str | None
    evidence: tuple[str, ...]
    origin: tuple[tuple[str, str], ...]
    caveats: tuple[str, ...]
    pool: Mapping[str, str]
    account: Account | None = None


@dataclass(frozen=True)
class _Cell:
    text: str
    interval: str = ""


@dataclass(frozen=True)
class _Row:
    name: str
    cells: tuple[_Cell, _Cell, _Cell, _Cell]
    note: str = ""


def render(portrait: Portrait, background: Background, language: str) -> str:
    """The page, as text.

    Parameters
    ----------
    portrait
        The figures.
    background
        Where the factor comes from.
    language
        One of `words.LANGUAGES`.
    """
    said = words(language)
    drawn = charts(portrait, said)
    if background.account is not None:
        drawn["account"] = account_charts(background.account, said)
    script = (_FOLDER / "page.js").read_text("utf-8")
    library, packed = _plotly()
    template = environment(_FOLDER, autoescape=True).get_template("page.html")
    return template.render(
        tag=LANGUAGE_TAGS[language],
        policy=_policy(script, library),
        words=said,
        heading=f"{said['title']}: {portrait.expression}",
        subtitle=background.title,
        expression=str(portrait.expression),
        verdicts=[_verdict(view, said) for view in portrait.views],
        foretells=said[f"label.{portrait.label}"],
        orientation=_orientation(portrait, said),
        hypothesis=background.hypothesis,
        tables=[_table(view, portrait.label, said) for view in portrait.views],
        sections=_sections(drawn, portrait, background, said),
        caveats=[*background.caveats, said["caveat.hit"], said["caveat.advice"]],
        evidence=background.evidence,
        origin=background.origin,
        style=_safe(style()),
        figures=_embedded({one.name: _plain(one) for part in drawn.values() for one in part}),
        plotly=_safe(packed),
        script=_safe(script),
    )


def _policy(*scripts: str) -> str:
    """Only these scripts may run, and nothing may be fetched."""
    hashes = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


@cache
def _plotly() -> tuple[str, str]:
    """plotly.js, and the same packed as text."""
    from plotly.offline import get_plotlyjs

    library = get_plotlyjs()
    packed = base64.b64encode(gzip.compress(library.encode(), 9, mtime=0)).decode()
    return library, packed


def _safe(text: str) -> Any:
    """Text of this program, put in as it stands."""
    from markupsafe import Markup

    return Markup(text)


def _embedded(document: Any) -> Any:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return _safe(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _plain(chart: Chart) -> dict[str, Any]:
    figure = json.loads(chart.figure.to_json())
    return {"data": figure["data"], "layout": figure["layout"]}


def _number(value: float | None, digits: int = 3, *, signed: bool = True) -> str:
    if value is None:
        return "–"
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def _percent(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}%"


def _estimate(estimate: Estimate, scale: float = 1.0, digits: int = 3) -> _Cell:
    if estimate.mean is None:
        return _Cell("–")
    text = _number(scale * estimate.mean, digits)
    if estimate.error is None:
        return _Cell(text)
    return _Cell(text, f"±{1.96 * scale * estimate.error:.{digits}f}")


def _verdict(view: View, said: Words) -> str:
    estimate = view.beyond_baseline
    text = said["verdict.text"].format(
        window=said[f"window.{view.window.name}"].capitalize(),
        mean=_number(estimate.mean),
        t=_number(estimate.t, 1),
        sessions=estimate.sessions,
    )
    if not view.pool:
        return text
    added = view.beyond_pool
    return f"{text} " + said["verdict.pool"].format(mean=_number(added.mean), t=_number(added.t, 1))


def _orientation(portrait: Portrait, said: Words) -> str:
    word = "higher" if portrait.sign > 0 else "lower"
    return said.get(f"{word}.{portrait.label}", said[word])


def _table(view: View, label: str, said: Words) -> dict[str, Any]:
    """The figures of one window, each beside those of persistence, size and chance."""
    figures, zero, none = view.figures, _Cell("0"), _Cell("–")
    hit = f"hit.{label}" if f"hit.{label}" in said else "hit.any"
    one_day = {name: lags[1] for name, lags in view.persistence.items()}
    rows = [
        _Row(said["marginal"], (_estimate(view.beyond_baseline), zero, zero, zero),
             f"{said['t']} {_number(view.beyond_baseline.t, 1)}; {said['nothing']}"),
        _Row(said["rank_ic"], (*(_estimate(view.rank_ic[n]) for n in _RANKINGS), zero)),  # type: ignore[arg-type]
        _Row(said["spread"], (_estimate(view.groups.spread, 100, 1), none, none, zero),
             said["spread.unit"]),
        _Row(said["hit_rate"], _hits(figures), said[hit]),
        _Row(said["rank_autocorrelation"],
             (*(_Cell(_number(one_day[n], 2)) for n in _RANKINGS), zero)),  # type: ignore[arg-type]
        _Row(said["stable"], (_Cell(_percent(figures["same_sign_share"])), none, none,
                              _Cell("50%")), _periods(figures)),
        _Row(said["sessions"], (_Cell(str(figures["sessions"])), none, none, none),
             f"{said['coverage']} {_percent(figures['coverage'])}"),
    ]  # fmt: skip
    if view.pool:
        rows.insert(1, _Row(said["added"], (_estimate(view.beyond_pool), zero, zero, zero),
                            f"{said['t']} {_number(view.beyond_pool.t, 1)}"))  # fmt: skip
    return {
        "name": said[f"window.{view.window.name}"].capitalize(),
        "what": said[f"window.{view.window.name}.what"],
        "start": view.days[0],
        "end": view.days[-1],
        "rows": rows,
    }


_RANKINGS = ("factor", "persistence", "size")


def _hits(figures: Mapping[str, Any]) -> tuple[_Cell, _Cell, _Cell, _Cell]:
    mean, error = figures["hit_rate_at_5"], figures["hit_rate_error"]
    interval = "" if error is None else f"±{_percent(1.96 * error, 1)}"
    rivals = ("persistence_hit_rate_at_5", "size_hit_rate_at_5", "base_rate")
    own = _Cell(_percent(mean, 1), interval)
    return (own, *(_Cell(_percent(figures[name], 1)) for name in rivals))  # type: ignore[return-value]


def _periods(figures: Mapping[str, Any]) -> str:
    names = [f"{name[:4]}H{name[4:]}" if len(name) == 5 else name for name in figures["periods"]]
    return ", ".join(names)


def _sections(
    drawn: Mapping[str, Sequence[Chart]], portrait: Portrait, background: Background, said: Words
) -> list[dict[str, Any]]:
    settings, last = Settings(), portrait.views[-1]
    facts: dict[str, dict[str, object]] = {
        "exposures": {
            "share": _percent(last.figures["explained"]),
            "window": said[f"window.{last.window.name}"],
            "most": _percent(settings.max_explained),
        },
        "pool": {"most": settings.max_correlation},
    }
    if background.account is not None:
        facts["account"] = dict(account_facts(background.account, said))
    sections: list[dict[str, Any]] = [
        {
            "title": said[name],
            "note": said[f"{name}.note"].format(**facts.get(name, {})),
            "charts": [_tabled(chart) for chart in part],
            "key": list(background.pool.items()) if name == "pool" else [],
        }
        for name, part in drawn.items()
    ]
    if "pool" not in drawn:
        empty = {"title": said["pool"], "note": said["pool.empty"], "charts": [], "key": []}
        sections.append(empty)
    return sections


def _tabled(chart: Chart) -> dict[str, Any]:
    rows = [[_shown(cell) for cell in row] for row in chart.rows]
    return {"name": chart.name, "title": chart.title, "head": chart.head, "rows": rows}


def _shown(cell: Cell) -> str:
    return _number(cell) if cell is None or isinstance(cell, float) else str(cell)
