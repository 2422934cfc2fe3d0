"""One expression, scored, beside the baselines it must beat."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation import labels
from factor_pool.evaluation.windows import Window, place
from factor_pool.evaluation.yardstick import Yardstick
from factor_pool.expression import Expression, evaluate, parse


@dataclass(frozen=True)
class Score:
    """What a factor is worth in a window. Undefined numbers are None.

    Parameters
    ----------
    label, window, start, end
        What was predicted, and over which sessions (dates in Asia/Shanghai, inclusive).
    baseline
        Names of the variables that `marginal_rank_ic` is beyond.
    sessions
        Sessions with a rank IC.
    first_session
        First session at which every field of the expression exists, as yyyymmdd.
    rank_ic, rank_icir
        Mean daily Spearman correlation with the label, and the same over its standard deviation.
    marginal_rank_ic, t_hac
        Mean daily partial rank correlation beyond the baseline, and its Newey-West t (lag 10).
    coverage
        Share of listed cells with a value, from `first_session` on.
    rank_autocorrelation
        Mean rank correlation of the factor with its previous session.
    explained
        Share of the factor's rank variance that the baseline explains.
    sign
        +1, or -1 where lower values mean more limit-ups; the hit rate chooses accordingly.
    hit_rate_at_5, hit_rate_error
        Mean share of hits among the 5 chosen, ties broken at random; its Newey-West error.
    base_rate, persistence_hit_rate_at_5, size_hit_rate_at_5
        Share of hits among all, among the 5 with the highest EWM(10) of past counts, and among
        the 5 with most companies, on the same sessions.
    cpcv
        Stability of the part beyond the baseline over the paths of combinatorial purged
        cross-validation: see `cpcv.Stability`.
    by_year
        Year -> sessions, rank_ic, marginal_rank_ic.
    """

    label: str
    window: str
    start: dt.date
    end: dt.date
    baseline: tuple[str, ...]
    sessions: int
    first_session: int
    rank_ic: float | None
    rank_icir: float | None
    marginal_rank_ic: float | None
    t_hac: float | None
    coverage: float
    rank_autocorrelation: float | None
    explained: float | None
    sign: float
    hit_rate_at_5: float | None
    hit_rate_error: float | None
    base_rate: float | None
    persistence_hit_rate_at_5: float | None
    size_hit_rate_at_5: float | None
    cpcv: Mapping[str, Any]
    by_year: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; dates as ISO text."""
        return {
            **asdict(self),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "baseline": list(self.baseline),
        }


def score(
    expression: Expression | str,
    panel: Panel,
    *,
    window: Window | str = "search",
    label: str = labels.DEFAULT_LABEL,
    baseline: Sequence[str] | None = None,
) -> Score:
    """Score one expression.

    Parameters
    ----------
    expression
        Text or parsed.
    panel
        The whole store, or a part of it.
    window
        "search" (placed by the profile's core fields), "all" (every session: no honest estimate
        of a factor chosen with its help), or a `Window`. The confirm and sealed windows are not
        to be had by name.
    label, baseline
        See `labels.label` and `baselines.design`; by default the label decides on the baseline.

    Raises
    ------
    ExpressionError
        The text is no valid expression.
    EvaluationError
        Unknown window, label, baseline or field; or too few sessions.
    """
    parsed = parse(expression) if isinstance(expression, str) else expression
    chosen = _window(panel, window)
    visible = panel.between(None, chosen.end)
    rows = chosen.mask(visible.sessions)
    missing = sorted(set(parsed.fields) - set(visible.values))
    if missing:
        raise EvaluationError(
            f"the panel has no field {missing[0]!r}; it has {', '.join(visible.values)}"
        )
    yardstick = Yardstick(visible, label, baseline)
    figures = yardstick.figures(parsed, evaluate([parsed], visible)[0], rows)
    own = {name: figures[name] for name in Score.__dataclass_fields__ if name in figures}
    own["by_year"] = {
        year: {name: row[name] for name in ("sessions", "rank_ic", "marginal_rank_ic")}
        for year, row in figures["by_year"].items()
    }
    return Score(
        label=label,
        window=chosen.name,
        start=chosen.start,
        end=chosen.end,
        baseline=yardstick.baseline,
        **own,
    )


def _window(panel: Panel, window: Window | str) -> Window:
    if isinstance(window, Window):
        return window
    if window == "search":
        from data_profile.profile import Profile

        return place(panel, Profile.load().core(panel)).search
    if window == "all":
        first, last = (dt.date.fromisoformat(str(panel.sessions[k])) for k in (0, -1))
        return Window("all", first, last)
    if window in ("confirm", "sealed"):
        raise EvaluationError(
            f"the {window} window is not for scoring: looking at it would spend the evidence that "
            "acceptance rests on; use 'search' or 'all'"
        )
    raise EvaluationError(f"window must be 'search' or 'all', not {window!r}")
