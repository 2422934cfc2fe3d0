"""Everything one panel is measured against: label, baseline, pool; and a factor's figures."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation import baselines, cpcv, labels, metrics
from factor_pool.evaluation.inference import hac_error, hac_t
from factor_pool.evaluation.series import column_means, group_means, moments
from factor_pool.evaluation.windows import LOOKBACK

if TYPE_CHECKING:
    from factor_pool.expression import Expression

MIN_PERIOD_SESSIONS = 20
MIN_YEARS = 4


def pool_fingerprint(pool: Sequence[str]) -> int:
    """A number below 2**48 that names the pool's texts in their order."""
    return int(hashlib.sha256("\n".join(pool).encode()).hexdigest()[:12], 16)


class Yardstick:
    """Measures factors on one panel; made once, used for many.

    Parameters
    ----------
    panel
        Its rows are all that is read: cut it first.
    label
        Name in `labels.LABELS`.
    baseline
        Names in `baselines.BASELINES`; by default the label's own.
    pool
        Canonical texts of the accepted factors.
    pool_values
        Their values, float32 (T, S) each.
    """

    def __init__(
        self,
        panel: Panel,
        label: str = labels.DEFAULT_LABEL,
        baseline: Sequence[str] | None = None,
        pool: Sequence[str] = (),
        pool_values: Sequence[np.ndarray] = (),
    ) -> None:
        self._label = labels.label(panel, label)
        self.panel = panel
        self.foretold = labels.LABELS[label]
        self.baseline = self.foretold.baseline.names if baseline is None else tuple(baseline)
        self.pool = tuple(pool)
        self._events = labels.events(panel, label)
        self._design = baselines.design(panel, self.baseline)
        self._pool_values = list(pool_values)
        self._projection = self._project(self._pool_values)
        # Beyond a third of the universe the controls would leave too little to measure.
        self._most = max(1, panel.shape[1] // 3)
        self._years = panel.sessions.astype("datetime64[Y]").astype(int) + 1970
        half = (panel.sessions.astype("datetime64[M]").astype(int) % 12) // 6 + 1
        self._periods = [
            np.unique(one, return_inverse=True) for one in (self._years, self._years * 10 + half)
        ]
        self._fingerprint = pool_fingerprint(self.pool)
        self._first_rows = {
            name: int(has.argmax()) if has.any() else None
            for name, has in ((n, np.isfinite(x).any(axis=1)) for n, x in panel.values.items())
        }
        self._listed = panel.listed.sum(axis=1)
        self._rivals = {
            name: metrics.hit_rate(baselines.design(panel, [which])[0], self._label, self._events)
            for name, which in self.foretold.baseline.rivals.items()
        }

    def _project(self, pool_values: Sequence[np.ndarray]) -> metrics.Projection:
        return metrics.Projection(self._label, list(self._design), pool_values, self._events)

    def daily(self, values: np.ndarray, *, in_full: bool = True) -> metrics.Daily:
        """Daily figures of a factor's values (T, S), beyond baseline and pool.

        Without `in_full` there are no halves and no hits. With a pool larger than a third of the
        universe, `added` is beyond the members that correlate most with the factor.
        """
        daily = self._projection.daily(values, in_full=in_full)
        if len(self.pool) <= self._most:
            return daily
        every = np.ones(len(self.panel.sessions), dtype=bool)
        means = column_means(daily.correlations, every, MIN_PERIOD_SESSIONS)
        strength = np.abs(means[len(self.baseline) :])
        nearest = np.sort(np.argsort(-np.nan_to_num(strength), kind="stable")[: self._most])
        few = self._project([self._pool_values[k] for k in nearest])
        narrow = few.daily(values, in_full=in_full)
        return metrics.Daily(**{**vars(daily), "added": narrow.added, "halves": narrow.halves})

    def figures(
        self,
        expression: "Expression",
        values: np.ndarray,
        rows: np.ndarray | None = None,
        sign: int | None = None,
        *,
        least: tuple[float, float] | None = None,
    ) -> dict[str, Any]:
        """Every figure of a factor: finite numbers, None where undefined, and dicts of these.

        Parameters
        ----------
        expression
            Its fields decide from which session on coverage counts.
        values
            (T, S).
        rows
            Bool (T,): the sessions that count; all by default.
        sign
            The orientation in which the factor is used, +1 or -1, where that is known already.
        least
            Sizes of `added_rank_ic` and `added_t_hac` below which a factor is not worth the rest:
            ``by_year``, ``cpcv`` and the hits are then left out, and ``halves`` are None. That
            takes half the time.

        Returns
        -------
        dict
            ``first_session`` (as the number yyyymmdd), ``sessions`` (with a rank IC),
            ``coverage``; ``rank_ic``, ``rank_icir``; ``marginal_rank_ic``, ``marginal_icir``,
            ``t_hac``: beyond the baseline; ``added_rank_ic``, ``added_icir``, ``added_t_hac``:
            beyond baseline and pool; ``sign``: of ``added_rank_ic``, the orientation in which
            the factor would be used; ``explained``, ``correlations`` (name -> number),
            ``persistence_exposure``, ``size_exposure``; ``max_pool_correlation``,
            ``closest_member`` (index), ``pool_size``, ``pool_fingerprint``;
            ``rank_autocorrelation``; ``by_year``; ``periods`` (years, or half-years where there
            are fewer than four years: mean of added), ``same_sign_share`` of them; ``cpcv``
            (`cpcv.Stability` of added); ``halves`` of the universe; and with the factor oriented by
            its sign ``hit_rate_at_5``, ``hit_rate_error`` (Newey-West) beside ``base_rate``,
            ``persistence_hit_rate_at_5``, ``size_hit_rate_at_5`` on the same sessions.

        Raises
        ------
        EvaluationError
            A field of the expression has no value in the panel.
        """
        first = self._first_row(expression)
        counted = np.ones(len(self.panel.sessions), dtype=bool) if rows is None else rows.copy()
        counted[:first] = False
        values = np.asarray(values, dtype=np.float32)
        daily = self.daily(values, in_full=least is None)
        used = counted & np.isfinite(daily.rank_ic)
        strong = self._strength(daily, used)
        oriented = float(sign or (-1 if strong["added_rank_ic"] < 0 else 1))
        figures = {
            **self._coverage(values, counted, first),
            "sessions": int(used.sum()),
            **strong,
            "sign": oriented,
            **self._exposures(daily.correlations, used),
            **self._stability(daily.added, used, oriented),
        }
        if least is not None:
            strength = (figures["added_rank_ic"], figures["added_t_hac"])
            if not all(abs(x) >= enough for x, enough in zip(strength, least, strict=True)):
                return _finite(figures | {"halves": dict.fromkeys("ab")})
            daily = self.daily(values)
        halves = column_means(daily.halves, used, MIN_PERIOD_SESSIONS).tolist()
        added = np.where(used, daily.added, np.nan)
        figures |= {
            "by_year": self._by_year(daily, used),
            "cpcv": self._cross_validation(added, expression),
            "halves": dict(zip("ab", halves, strict=True)),
            **self._hits(daily, used, oriented),
        }
        return _finite(figures)

    def _strength(self, daily: metrics.Daily, used: np.ndarray) -> dict[str, float]:
        rank_ic, marginal, added = (
            moments(series, used) for series in (daily.rank_ic, daily.marginal, daily.added)
        )
        t = hac_t(daily.added[used])
        return {
            "rank_ic": rank_ic[0],
            "rank_icir": _ratio(*rank_ic),
            "marginal_rank_ic": marginal[0],
            "marginal_icir": _ratio(*marginal),
            "t_hac": hac_t(daily.marginal[used]) if self.pool else t,  # without a pool the same
            "added_rank_ic": added[0],
            "added_icir": _ratio(*added),
            "added_t_hac": t,
            "explained": moments(daily.explained, used)[0],
            "rank_autocorrelation": moments(daily.autocorrelation, used)[0],
        }

    def _first_row(self, expression: "Expression") -> int:
        """First row at which every field of the expression has had a value."""
        first = 0
        for name in sorted(expression.fields):
            if name not in self.panel.values:
                raise EvaluationError(
                    f"the panel has no field {name!r}; it has {', '.join(self.panel.values)}"
                )
            row = self._first_rows[name]
            if row is None:
                raise EvaluationError(f"the field {name!r} has no value in this window")
            first = max(first, row)
        return first

    def _coverage(self, values: np.ndarray, counted: np.ndarray, first: int) -> dict[str, Any]:
        listed = int(self._listed[counted].sum())
        day = str(self.panel.sessions[first]).replace("-", "")
        present = np.isfinite(values)
        present &= self.panel.listed
        present &= counted[:, None]
        return {
            "first_session": int(day),
            "coverage": float(np.count_nonzero(present) / listed) if listed else 0.0,
        }

    def _exposures(self, correlations: np.ndarray, used: np.ndarray) -> dict[str, Any]:
        means = column_means(correlations, used, MIN_PERIOD_SESSIONS)
        base = len(self.baseline)
        named = dict(zip(self.baseline, means[:base].tolist(), strict=True))
        pool = np.nan_to_num(np.abs(means[base:]))
        return {
            "correlations": named,
            "persistence_exposure": named.get(self.foretold.baseline.persistence),
            "size_exposure": named.get(self.foretold.baseline.size),
            "max_pool_correlation": float(pool.max()) if len(pool) else 0.0,
            "closest_member": int(pool.argmax()) if len(pool) else None,
            "pool_size": len(self.pool),
            "pool_fingerprint": self._fingerprint,
        }

    def _by_year(self, daily: metrics.Daily, used: np.ndarray) -> dict[str, Any]:
        table = {}
        for year in np.unique(self._years[used]):
            rows = used & (self._years == year)
            table[str(year)] = {
                "sessions": int(rows.sum()),
                "rank_ic": moments(daily.rank_ic, rows)[0],
                "marginal_rank_ic": moments(daily.marginal, rows)[0],
                "added_rank_ic": moments(daily.added, rows)[0],
            }
        return table

    def _stability(self, added: np.ndarray, used: np.ndarray, sign: float) -> dict[str, Any]:
        """Means by year; by half-year where there are too few years."""
        periods: dict[str, float] = {}
        for names, groups in self._periods:
            means = group_means(added, used, groups, len(names), MIN_PERIOD_SESSIONS)
            periods = {
                str(name): mean
                for name, mean in zip(names, means.tolist(), strict=True)
                if np.isfinite(mean)
            }
            if len(periods) >= MIN_YEARS:
                break
        same = [mean * sign > 0 for mean in periods.values()]
        return {
            "periods": periods,
            "same_sign_share": float(np.mean(same)) if same else 0.0,
        }

    def _cross_validation(self, added: np.ndarray, expression: "Expression") -> dict[str, Any]:
        purge = self.foretold.horizon + min(expression.lookback, LOOKBACK)
        return asdict(cpcv.stability(added, purge=purge))

    def _hits(self, daily: metrics.Daily, used: np.ndarray, sign: float) -> dict[str, Any]:
        chosen = daily.hits[:, 0 if sign > 0 else 1]
        return {
            "hit_rate_at_5": moments(chosen, used)[0],
            "hit_rate_error": hac_error(chosen[used]),
            "base_rate": moments(daily.base_rate, used)[0],
            "persistence_hit_rate_at_5": moments(self._rivals["persistence"], used)[0],
            "size_hit_rate_at_5": moments(self._rivals["size"], used)[0],
        }


def _ratio(mean: float, deviation: float) -> float:
    return mean / deviation if deviation > 0 else float("nan")


def _finite(value: Any) -> Any:
    """The same with None in place of NaN and infinities, as JSON needs."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
