"""Why a sector stands where it stands, in words: the model's own contributions and their values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from predictor.dataset import COLD_START, Dataset
from predictor.features import Feature, Reference
from predictor.model import Model

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
        "against": "拖累：{}",
        "comma": "，",
    },
}


_THEMES: Mapping[str, str] = {
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
    """

    feature: Feature
    value: float | None
    unusual: tuple[Comparison, ...]
    contribution: float

    def text(self, language: Language = "en") -> str:
        """The reason as a sentence."""
        words = _WORDS[language]
        parts = [self._fact(language), *(comparison.text(language) for comparison in self.unusual)]
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
class Importance:
    """How much one theme moves the ranking.

    Parameters
    ----------
    theme
        Of `predictor.features`.
    share
        Of the sizes of all themes' contributions, 0..1.
    """

    theme: str
    share: float

    def label(self, language: Language = "en") -> str:
        """The theme's name."""
        return _THEMES.get(self.theme, self.theme) if language == "zh" else self.theme


def importance(
    model: Model, dataset: Dataset, rows: slice, head: str = "rank"
) -> tuple[Importance, ...]:
    """What the model goes by: each theme's share of all contributions, the largest first.

    Parameters
    ----------
    model, dataset, head
        As in `explain`.
    rows
        Sessions over which it is averaged.

    Notes
    -----
    The mean over sessions and sectors of the absolute contribution of a theme (the sum of its
    features'), less the session's mean: what is the same for all sectors ranks nothing.
    """
    themes = list(dict.fromkeys(feature.theme for feature in dataset.features))
    member = np.array(
        [[feature.theme == theme for theme in themes] for feature in dataset.features], dtype=float
    )
    sizes = np.zeros(len(themes))
    present, values = dataset.present[rows], dataset.values[rows]
    contributions = model.contributions(head, values[present]) @ member
    ends = np.cumsum(present.sum(axis=1))
    for session in np.split(contributions, ends[:-1]):
        if len(session):
            sizes += np.abs(session - session.mean(axis=0)).sum(axis=0)
    total = sizes.sum() or 1.0
    found = [
        Importance(theme, float(size / total)) for theme, size in zip(themes, sizes, strict=True)
    ]
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
    found = (_compare(kind, dataset, row, column, k) for kind in feature.against)
    return Reason(feature, value, tuple(x for x in found if x is not None), total)


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
