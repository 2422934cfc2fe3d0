"""Sectors that are taken out of the ranking however high they score, and why.

- `no_row`: no row today, but one within the last 60 sessions: suspended, or not fetched.
- `no_trade`: no turnover today.
- `dead`: its close has not changed for `still` sessions.
- `thin`: fewer than `companies` companies, where a wave of 3 cannot be told from chance.
- `high_position`: it rose by more than `rise` in 20 sessions, and today fell by more than `fall`
  from its open to its close: a large falling candle in a high position.

Each setting is a variable of the environment too: `rise` is TIDE_FILTER_RISE. What the rules would
have done in the past is measured in docs/backtest.md.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from data_profile.panel import Panel
from predictor.errors import PredictorError
from predictor.explain import Language

RISE_SESSIONS = 20
RECENT = 60


@dataclass(frozen=True)
class Thresholds:
    """From where on a sector is removed.

    Parameters
    ----------
    rise
        Change of the close over 20 sessions; 0.3 is 30%.
    fall
        Loss from today's open to today's close; 0.03 is 3%.
    companies
        Sectors of fewer are thin.
    still
        Sessions of unchanged prices after which a board counts as dead.
    """

    rise: float = 0.30
    fall: float = 0.03
    companies: int = 8
    still: int = 5

    def __post_init__(self) -> None:
        for field in fields(self):
            least = 1 if field.type is int else 0
            if not least <= getattr(self, field.name) < float("inf"):
                raise PredictorError(
                    f"filter setting {field.name} is {getattr(self, field.name)}; "
                    f"it must be at least {least}"
                )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Thresholds":
        """The thresholds with what TIDE_FILTER_* sets.

        Raises
        ------
        PredictorError
            A variable holds no number, or one out of range.
        """
        chosen = {}
        for field in fields(cls):
            variable = f"TIDE_FILTER_{field.name.upper()}"
            if text := environment.get(variable, "").strip():
                try:
                    chosen[field.name] = (int if field.type is int else float)(text)
                except ValueError as error:
                    raise PredictorError(f"{variable} is {text!r}, no number") from error
        return cls(**chosen)  # type: ignore[arg-type]


class Filter(ABC):
    """One rule.

    Attributes
    ----------
    name
        As it stands in the output.
    needs
        Fields without which the rule cannot be applied.
    words
        Language -> sentence, a `str.format` template of the figures and thresholds.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    words: ClassVar[Mapping[Language, str]]

    def __init__(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds

    @abstractmethod
    def fires(self, panel: Panel) -> np.ndarray:
        """Bool (T, S): removed that session, by what was known then."""

    @abstractmethod
    def figures(self, panel: Panel, column: int) -> dict[str, float | str]:
        """What the rule looked at on the panel's last session."""

    def why(self, figures: Mapping[str, float | str], language: Language) -> str:
        """The reason in words, with its figures and thresholds."""
        return self.words[language].format(**vars(self.thresholds), **figures)


class NoRow(Filter):
    """No row today, but one within `RECENT` sessions; a board gone for longer is no news."""

    name, needs = "no_row", ("limit_up_count",)
    words: ClassVar = {
        "en": "no data that session; the last is of {last}",
        "zh": "当日无数据（停牌或数据源缺失），最近一条为 {last}",
    }

    def fires(self, panel: Panel) -> np.ndarray:
        """See `Filter.fires`."""
        here = np.isfinite(panel.values["limit_up_count"])
        seen = np.cumsum(here, axis=0)
        before = np.zeros_like(seen)
        before[RECENT:] = seen[:-RECENT]
        return ~here & (seen > before)

    def figures(self, panel: Panel, column: int) -> dict[str, float | str]:
        """See `Filter.figures`."""
        rows = np.flatnonzero(np.isfinite(panel.values["limit_up_count"][:, column]))
        return {"last": str(panel.sessions[rows[-1]])}


class NoTrade(Filter):
    """Nothing changed hands."""

    name, needs = "no_trade", ("turnover",)
    words: ClassVar = {"en": "no turnover that session", "zh": "当日成交额为零"}

    def fires(self, panel: Panel) -> np.ndarray:
        """See `Filter.fires`."""
        return panel.values["turnover"] == 0

    def figures(self, panel: Panel, column: int) -> dict[str, float | str]:
        """See `Filter.figures`."""
        return {"turnover": 0.0}


class Dead(Filter):
    """A board whose price stands still: its members are suspended, or nobody computes it."""

    name, needs = "dead", ("close",)
    words: ClassVar = {
        "en": "close unchanged for {unchanged} sessions (rule: {still})",
        "zh": "收盘点位连续 {unchanged} 日不变（规则：{still} 日）",
    }

    def fires(self, panel: Panel) -> np.ndarray:
        """See `Filter.fires`."""
        return self._unchanged(panel) >= self.thresholds.still

    def figures(self, panel: Panel, column: int) -> dict[str, float | str]:
        """See `Filter.figures`."""
        return {"unchanged": int(self._unchanged(panel)[-1, column])}

    @staticmethod
    def _unchanged(panel: Panel) -> np.ndarray:
        """For how many sessions, today included, the close has been that of the session before."""
        close = panel.values["close"]
        run = np.zeros(panel.shape, dtype=int)
        for t in range(1, len(run)):
            run[t] = np.where(close[t] == close[t - 1], run[t - 1] + 1, 0)
        return run


class Thin(Filter):
    """Too few companies."""

    name, needs = "thin", ("company_count",)
    words: ClassVar = {
        "en": "{count:.0f} companies, fewer than {companies}",
        "zh": "成分股仅 {count:.0f} 家，少于 {companies} 家",
    }

    def fires(self, panel: Panel) -> np.ndarray:
        """See `Filter.fires`."""
        return panel.values["company_count"] < self.thresholds.companies

    def figures(self, panel: Panel, column: int) -> dict[str, float | str]:
        """See `Filter.figures`."""
        return {"count": float(panel.values["company_count"][-1, column])}


class HighPosition(Filter):
    """Far up over 20 sessions, and a large falling candle today."""

    name, needs = "high_position", ("open", "close")
    words: ClassVar = {
        "en": "20-session rise {risen:.1%} (more than {rise:.0%}) and a falling candle of "
        "{candle:.1%} today (more than {fall:.1%})",
        "zh": "20 日涨幅 {risen:.1%}（超过 {rise:.0%}），且当日大阴线 {candle:.1%}"
        "（跌幅超过 {fall:.1%}）",
    }

    def fires(self, panel: Panel) -> np.ndarray:
        """See `Filter.fires`."""
        risen, candle = self._measured(panel)
        return (risen > self.thresholds.rise) & (candle < -self.thresholds.fall)

    def figures(self, panel: Panel, column: int) -> dict[str, float | str]:
        """See `Filter.figures`."""
        risen, candle = self._measured(panel)
        return {"risen": float(risen[-1, column]), "candle": float(candle[-1, column])}

    @staticmethod
    def _measured(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
        """(20-session change, change from open to close), NaN where unknown."""
        close = panel.values["close"].astype(np.float64)
        risen = np.full(panel.shape, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            risen[RISE_SESSIONS:] = close[RISE_SESSIONS:] / close[:-RISE_SESSIONS] - 1
            return risen, close / panel.values["open"] - 1


FILTERS: tuple[type[Filter], ...] = (NoRow, NoTrade, Dead, Thin, HighPosition)
"""Every rule; where several fire, the first gives its name and all give their reasons."""


@dataclass(frozen=True)
class Removed:
    """A sector that was taken out of the ranking.

    Parameters
    ----------
    sector_id
        Id in the store.
    rule
        Name of the first rule that fired.
    reasons
        (rule, its figures) of every rule that fired.
    """

    sector_id: str
    rule: str
    reasons: tuple[tuple[Filter, Mapping[str, float | str]], ...]

    def to_dict(self, language: Language, name: str) -> dict[str, Any]:
        """`sector_id, name, rule, why`, and the figures of each rule."""
        return {
            "sector_id": self.sector_id,
            "name": name,
            "rule": self.rule,
            "why": ("；" if language == "zh" else "; ").join(
                rule.why(figures, language) for rule, figures in self.reasons
            ),
            "figures": {
                rule.name: {
                    key: round(value, 6) if isinstance(value, float) else value
                    for key, value in figures.items()
                }
                for rule, figures in self.reasons
            },
        }


def usable(
    panel: Panel, thresholds: Thresholds
) -> tuple[tuple[Filter, ...], dict[str, tuple[str, ...]]]:
    """The rules that the panel's fields allow, and rule -> fields it lacks for the others."""
    rules, lacking = [], {}
    for kind in FILTERS:
        if missing := tuple(name for name in kind.needs if name not in panel.values):
            lacking[kind.name] = missing
        else:
            rules.append(kind(thresholds))
    return tuple(rules), lacking


def removed_each_session(panel: Panel, rules: Sequence[Filter]) -> np.ndarray:
    """Bool (T, S): taken out of that session's ranking by any of the rules."""
    return np.logical_or.reduce([np.zeros(panel.shape, bool), *(r.fires(panel) for r in rules)])


def screen(panel: Panel, rules: Sequence[Filter]) -> dict[str, Removed]:
    """Sector id -> why it is removed from the ranking after the panel's last session.

    Parameters
    ----------
    panel
        As known then; nothing after its last session.
    rules
        Of `usable`.
    """
    fired = {rule.name: rule.fires(panel)[-1] for rule in rules}
    removed = {}
    for column, sector in enumerate(panel.instruments):
        hit = [rule for rule in rules if fired[rule.name][column]]
        if hit:
            reasons = tuple((rule, rule.figures(panel, column)) for rule in hit)
            removed[sector] = Removed(sector, hit[0].name, reasons)
    return removed
