"""What the opening auction says of a forecast: the new order, and why, in words and as data."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from predictor.explain import Language
from predictor.leaders import Leaders

NUMBERS = ("score", "expected_count", "p_at_least_one", "p_surge")
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "rule": "strength = expected limit-ups of the place x (1 + 10 x mean auction gap of the "
        "sector's limit-ups of the session before)",
        "model": "the model's lines in the sectors' gaps and their stocks that open at the limit, "
        "fitted to {sessions} sessions; strength = expected limit-ups",
        "none": "no auction data of {session}: the ranking stays as it was",
        "unplaced": "auction data of {session}, but of no ranked sector: the ranking stays as it "
        "was",
        "same": "the auction of {session} confirms the order",
        "changed": "the auction of {session} moves {moved} of {all} sectors",
        "up": "{name}: {before} → {rank}; {stocks} limit-ups of yesterday open {gap:+.1%} on "
        "average, {higher} of them higher",
        "neutral": "{name}: {before} → {rank}; no limit-up of yesterday in the auction",
        "kept": "place kept",
        "opened": "{name}: {place}; opens {gap:+.1%}, {sealed} of its stocks at the "
        "limit; limit-ups expected {was[1]:.1f} → {now[1]:.1f}, P(wave) {was[3]:.0%} → "
        "{now[3]:.0%}",
        "unopened": "{name}: {place}; nothing of it in the auction",
    },
    "zh": {
        "rule": "强度 = 该名次的预期涨停数 ×（1 + 10 × 板块昨日涨停股平均竞价涨幅）",
        "model": "模型按板块竞价涨幅与竞价涨停家数更新（以 {sessions} 个交易日拟合）；"
        "强度 = 预期涨停数",
        "none": "没有 {session} 的竞价数据，排名不变",
        "unplaced": "有 {session} 的竞价数据，但不涉及上榜板块，排名不变",
        "same": "{session} 竞价确认原排名",
        "changed": "{session} 竞价后 {all} 个板块中有 {moved} 个名次变化",
        "up": "{name}：{before} → {rank}；昨日涨停 {stocks} 只平均竞价 {gap:+.1%}，{higher} 只高开",
        "neutral": "{name}：{before} → {rank}；竞价中没有该板块的昨日涨停股",
        "kept": "名次不变",
        "opened": "{name}：{place}；竞价 {gap:+.1%}，{sealed} 家竞价涨停；预期涨停 "
        "{was[1]:.1f} → {now[1]:.1f} 家，成潮概率 {was[3]:.0%} → {now[3]:.0%}",
        "unopened": "{name}：{place}；竞价中没有该板块的数据",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """How a sector opened, and what that makes of its forecast.

    Parameters
    ----------
    gap
        Auction price over previous close, less 1, mean of its stocks; None unknown.
    sealed
        Its stocks whose auction price is their upper limit; None unknown.
    was, now
        Score, expected count, P(at least one) and P(wave) of the evening, and after the auction.
    """

    gap: float | None
    sealed: int | None
    was: tuple[float, ...]
    now: tuple[float, ...]


@dataclass(frozen=True)
class Confirmed:
    """A sector after the auction.

    Parameters
    ----------
    rank, before
        Its place now, and in the forecast.
    sector_id, name
        Id in the store, and its display name.
    strength
        By which it is ranked: limit-ups expected, or what the rule of `predictor.leaders` says.
    found
        What moved it. None by the rule, where none of its limit-ups of the session before has an
        auction price.
    """

    rank: int
    before: int
    sector_id: str
    name: str
    strength: float
    found: Leaders | Opened | None

    def text(self, language: Language) -> str:
        """What moved it, in words."""
        words = _WORDS[language]
        if self.found is None:
            return words["neutral"].format(**vars(self))
        place = words["kept"] if self.rank == self.before else f"{self.before} → {self.rank}"
        key = "up" if isinstance(self.found, Leaders) else "opened"
        if isinstance(self.found, Opened) and self.found.gap is None:
            key = "unopened"
        return words[key].format(place=place, **vars(self), **vars(self.found))

    def to_dict(self, language: Language) -> dict[str, Any]:
        """Numbers rounded to 6 digits; null where the method does not give them."""
        numbers: dict[str, float | None] = dict.fromkeys(
            ("stocks", "higher", "gap", "sealed", *NUMBERS[1:])
        )
        if isinstance(self.found, Leaders):
            numbers |= vars(self.found)
        if isinstance(self.found, Opened):
            numbers |= {"gap": self.found.gap, "sealed": self.found.sealed}
            numbers |= dict(zip(NUMBERS[1:], self.found.now[1:], strict=True))
        numbers["strength"] = self.strength
        return {
            "rank": self.rank,
            "before": self.before,
            "sector_id": self.sector_id,
            "name": self.name,
            **{k: round(v, 6) if isinstance(v, float) else v for k, v in numbers.items()},
            "text": self.text(language),
        }


@dataclass(frozen=True)
class Confirmation:
    """What the auction says of a forecast.

    Parameters
    ----------
    for_session
        The session, date in Asia/Shanghai.
    state
        "confirmed", "changed", "absent" (no auction data) or "unplaced" (none of the sectors).
    observed_at
        When the auction's table was fetched; None where there is none.
    ranking
        The top sectors, in their new order; by the rule always those of the forecast.
    method
        "model" or "rule".
    sessions
        How many the model's lines were fitted to; 0 by the rule.
    waves
        The first sectors by the new probability of a wave; none by the rule.
    scores
        What is now said of every sector; nothing by the rule.
    """

    for_session: datetime.date
    state: str
    observed_at: datetime.datetime | None
    ranking: tuple[Confirmed, ...]
    method: Literal["model", "rule"] = "rule"
    sessions: int = 0
    waves: tuple[Confirmed, ...] = ()
    scores: tuple[Mapping[str, Any], ...] = ()

    @property
    def moved(self) -> tuple[Confirmed, ...]:
        """The sectors whose place changed."""
        return tuple(one for one in self.ranking if one.rank != one.before)

    def text(self, language: Language) -> str:
        """The outcome in one sentence."""
        key = {"absent": "none", "confirmed": "same"}.get(self.state, self.state)
        return _WORDS[language][key].format(
            session=self.for_session, moved=len(self.moved), all=len(self.ranking)
        )

    def to_dict(self, language: Language = "en") -> dict[str, Any]:
        """Plain data for JSON; `changes` are sentences about the sectors that moved."""
        return {
            "for_session": self.for_session.isoformat(),
            "state": self.state,
            "observed_at": self.observed_at and self.observed_at.isoformat(),
            "method": self.method,
            "rule": _WORDS[language][self.method].format(sessions=self.sessions),
            "summary": self.text(language),
            "changes": [one.text(language) for one in self.moved],
            "ranking": [one.to_dict(language) for one in self.ranking],
            "waves": [one.to_dict(language) for one in self.waves],
            "scores": [dict(row) for row in self.scores],
        }
