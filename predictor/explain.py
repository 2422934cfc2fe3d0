"""Why a sector stands where it stands, in words: the model's own contributions and their values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from predictor.dataset import COLD_START, Dataset
from predictor.features import Feature, Reference
from predictor.model import Model
from predictor.streaks import Streak, streak

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
REASONS = 3

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "own_above": "more than on {:d}% of its own sessions",
        "own_below": "less than on {:d}% of its own sessions",
        "own_same": "the same as on all its sessions",
        "others_above": "more than {:d}% of the other sectors",
        "others_below": "less than {:d}% of the other sectors",
        "others_same": "the same as all other sectors",
        "missing": "no value today for {}",
        "pool": "factor {member} ({hypothesis}): {text} = {value:.4g}",
        "factor": "factor {}: {}",
        "against": "against it: {}",
        "comma": ", ",
    },
    "zh": {
        "own_above": "高于自身 {:d}% 的交易日",
        "own_below": "低于自身 {:d}% 的交易日",
        "own_same": "与自身所有交易日相同",
        "others_above": "高于其他 {:d}% 的板块",
        "others_below": "低于其他 {:d}% 的板块",
        "others_same": "与其他板块相同",
        "missing": "今日缺少数值：{}",
        "pool": "因子 {member}（{hypothesis}）：{text} = {value:.4g}",
        "factor": "因子 {}：{}",
        "against": "拖累：{}",
        "comma": "，",
    },
}


_THEMES: Mapping[str, str] = {
    "members": "成分股状态",
    "limit-ups": "涨停",
    "density": "涨停密度",
    "size": "规模",
    "streaks": "连板",
    "one-word boards": "一字板",
    "broken limits": "炸板",
    "20% boards": "20cm 涨停",
    "limit-downs": "跌停",
    "breadth": "涨跌家数",
    "return": "涨跌幅",
    "volatility": "波动率",
    "turnover": "成交额",
    "money flow": "资金流",
    "market": "大盘",
    "usual level": "平常水平",
    "surprise": "意外程度",
    "first boards": "首板",
    "share of the market": "市场占比",
    "promotion": "晋级",
    "sealing": "封板",
    "ST boards": "ST 涨停",
    "the day's path": "日内走势",
    "height": "价格位置",
}


@dataclass(frozen=True)
class Comparison:
    """How unusual a value is.

    Parameters
    ----------
    kind
        Against the sector's `own` earlier sessions, or the `others` that session.
    above, below
        Shares (0..1) of them that the value lies strictly above and strictly below.
    """

    kind: Reference
    above: float
    below: float

    def text(self, language: Language) -> str:
        """As words; a share is rounded down, so "100%" is said only of all."""
        side, share = max(("above", self.above), ("below", self.below), key=lambda x: x[1])
        if share == 0:
            return _WORDS[language][f"{self.kind}_same"]
        return _WORDS[language][f"{self.kind}_{side}"].format(math.floor(share * 100 + 1e-9))


@dataclass(frozen=True)
class Reason:
    """One theme that moved a sector's score away from the average sector's.

    Parameters
    ----------
    feature
        The feature of the theme that moved it most, in the theme's direction.
    value
        Its value that session; None is missing.
    unusual
        The value beside the sector's past and beside the other sectors; left out where there is
        too little to compare with.
    contribution
        What the whole theme adds to the raw score, less the mean over all sectors that session.
    streak
        For how many sessions on end the theme has been on one side; None where not for long.
    """

    feature: Feature
    value: float | None
    unusual: tuple[Comparison, ...]
    contribution: float
    streak: Streak | None = None

    def text(self, language: Language = "en") -> str:
        """The reason as a sentence."""
        words = _WORDS[language]
        parts = [self._fact(language), *(comparison.text(language) for comparison in self.unusual)]
        if self.streak is not None:
            parts.append(self.streak.text(language))
        sentence = words["comma"].join(parts)
        return words["against"].format(sentence) if self.contribution < 0 else sentence

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """For `tide predict --json`."""
        return {
            "text": self.text(language),
            "texts": {one: self.text(one) for one in LANGUAGES},
            "feature": self.feature.name,
            "expression": self.feature.text,
            "value": self.value,
            "unusual": {
                x.kind: {"above": round(x.above, 6), "below": round(x.below, 6)}
                for x in self.unusual
            },
            "contribution": round(self.contribution, 6),
            "streak": None if self.streak is None else self.streak.to_dict(),
        }

    def _fact(self, language: Language) -> str:
        words, feature = _WORDS[language], self.feature
        if self.value is None:
            return words["missing"].format(feature.text)
        if feature.member is not None:
            return words["pool"].format(
                member=feature.member, hypothesis=feature.en, text=feature.text, value=self.value
            )
        return (feature.en if language == "en" else feature.zh).format(self.value)


@dataclass(frozen=True)
class ThemeImportance:
    """How much one theme moves the ranking.

    Parameters
    ----------
    theme
        Of `predictor.features`.
    share
        Of the sizes of all contributions, 0..1.
    factor
        The feature, where the theme is one factor of the pool.
    """

    theme: str
    share: float
    factor: Feature | None = None

    def label(self, language: Language = "en") -> str:
        """The theme's name; of a pool factor its id and expression."""
        if self.factor is not None:
            return _WORDS[language]["factor"].format(self.factor.member, self.factor.text)
        return _THEMES.get(self.theme, self.theme) if language == "zh" else self.theme


def importance_by_theme(
    features: Sequence[Feature], shares: Mapping[str, float]
) -> tuple[ThemeImportance, ...]:
    """What a model goes by: the sum of its features' shares in each theme, the largest first.

    Parameters
    ----------
    features
        Of the model.
    shares
        Feature -> its share of what moves an order: the `effect` of
        `predictor.importance.importance`, as a model's card keeps it.
    """
    totals: dict[str, float] = {}
    for feature in features:
        totals[feature.theme] = totals.get(feature.theme, 0.0) + shares.get(feature.name, 0.0)
    mined = {feature.theme: feature for feature in features if feature.member is not None}
    found = [ThemeImportance(theme, total, mined.get(theme)) for theme, total in totals.items()]
    return tuple(sorted(found, key=lambda one: (-one.share, one.theme)))


def explain(
    model: Model, dataset: Dataset, row: int, head: str = "rank"
) -> dict[str, tuple[Reason, ...]]:
    """Sector id -> its strongest reasons, strongest first, for every sector with a row.

    Parameters
    ----------
    model
        Whose contributions are told.
    dataset
        Only sessions up to `row` are read.
    row
        The session.
    head
        "rank", "count" or "surge".

    Notes
    -----
    A session's mean contribution is taken off, since what is the same for all sectors does not
    explain why one stands above another. Features of one theme overlap, and a tree splits their
    credit at will; the theme's sum is what can be trusted, so it orders the reasons.
    """
    columns = np.flatnonzero(dataset.present[row])
    contributions = model.contributions(head, dataset.values[row, columns])
    contributions = contributions - contributions.mean(axis=0)
    return {
        dataset.sectors[column]: _reasons(dataset, row, int(column), own)
        for column, own in zip(columns, contributions, strict=True)
    }


def _reasons(dataset: Dataset, row: int, column: int, own: np.ndarray) -> tuple[Reason, ...]:
    themes: dict[str, list[int]] = {}
    for k, feature in enumerate(dataset.features):
        themes.setdefault(feature.theme, []).append(k)
    totals = {theme: float(own[members].sum()) for theme, members in themes.items()}
    strongest = sorted(totals, key=lambda theme: (-abs(totals[theme]), theme))[:REASONS]
    return tuple(
        _reason(dataset, row, column, themes[theme], own, totals[theme])
        for theme in strongest
        if totals[theme] != 0
    )


def _reason(
    dataset: Dataset, row: int, column: int, members: list[int], own: np.ndarray, total: float
) -> Reason:
    k = max(members, key=lambda member: own[member] * np.sign(total))
    feature, value = dataset.features[k], float(dataset.values[row, column, k])
    if not math.isfinite(value):
        return Reason(feature, None, (), total)
    lasting = streak(feature.theme, dataset, row, column)
    found = (_compare(kind, dataset, row, column, k) for kind in feature.against)
    return Reason(feature, value, tuple(x for x in found if x is not None), total, lasting)


def _compare(kind: Reference, dataset: Dataset, row: int, column: int, k: int) -> Comparison | None:
    """None where fewer than `COLD_START` sessions, or no other sector, have a value."""
    if kind == "own":
        others = dataset.values[:row, column, k]
        enough = COLD_START
    else:
        others = np.delete(dataset.values[row, :, k], column)
        enough = 1
    others = others[np.isfinite(others)]
    if len(others) < enough:
        return None
    value = dataset.values[row, column, k]
    return Comparison(kind, float((others < value).mean()), float((others > value).mean()))
