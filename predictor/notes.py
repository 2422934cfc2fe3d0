"""What a reader of a forecast must know before trusting it, in words."""

import datetime
from collections.abc import Mapping, Sequence

import numpy as np

from data_profile.home import Home
from predictor.dataset import CUTOFF, Panels, align
from predictor.explain import Language
from predictor.features import MEMBERS, MEMBERS_FIELD
from predictor.pool import read_pool
from predictor.storage import Stored

Words = Mapping[Language, str]


def notes(
    home: Home,
    stored: Stored,
    market: Panels,
    as_of: datetime.date,
    unapplied: Mapping[str, Sequence[str]],
) -> tuple[Words, ...]:
    """Everything that qualifies a forecast.

    Parameters
    ----------
    home
        Its ledger is read.
    stored
        The model.
    market
        What the forecast was made of.
    as_of
        Its last session.
    unapplied
        Filter -> fields that it lacked.

    Returns
    -------
    tuple
        Language -> sentence.
    """
    found = [*_of_model(stored, market, as_of)]
    learnt = _learnt(stored)
    current, used = read_pool(home).version, stored.card["pool"]["version"]
    if as_of >= learnt and current != used:
        found.append(
            {
                "en": f"the pool has changed (version {current}) since the model was trained "
                f"(version {used}); run `tide train` to use it",
                "zh": f"模型训练后因子池已更新（版本 {used} → {current}）；"
                "运行 `tide train` 采用新版本",
            }
        )
    if as_of in market.late:
        found.append(
            {
                "en": f"the limit-ups of {as_of} came in after {CUTOFF}: the forecast uses the day "
                "as it was known in the evening",
                "zh": f"{as_of} 的涨停数据在 {CUTOFF} 之后才采集到：预测使用当晚已知的数据",
            }
        )
    if _without_stocks(stored, market):
        found.append(
            {
                "en": f"the limit events of single stocks of {as_of} are not known: what they "
                "would say of their sectors is left to the other figures",
                "zh": f"{as_of} 的个股涨跌停数据未知：成分股状态由其他指标代替",
            }
        )
    for rule, fields in unapplied.items():
        missing = ", ".join(fields)
        found.append(
            {
                "en": f"the filter {rule} could not be applied: the store has no {missing}",
                "zh": f"过滤规则 {rule} 未能执行：库中没有字段 {missing}",
            }
        )
    return tuple(found)


def _without_stocks(stored: Stored, market: Panels) -> bool:
    """Whether the model hears single stocks, and the last session has none."""
    if MEMBERS not in {feature.name for feature in stored.model.features}:
        return False
    said = market.known.values.get(MEMBERS_FIELD)
    return said is None or not np.isfinite(said[-1]).any()


def _learnt(stored: Stored) -> datetime.date:
    return datetime.date.fromisoformat(stored.card["data"]["end"])


def _of_model(stored: Stored, market: Panels, as_of: datetime.date) -> list[Words]:
    learnt = _learnt(stored)
    found: list[Words] = []
    if as_of < learnt:
        found.append(
            {
                "en": f"hindsight: the model was fitted on sessions up to {learnt}, later than "
                f"{as_of}; this is no forecast that could have been made then",
                "zh": f"事后回看：模型用到了 {learnt} 为止的数据，晚于 {as_of}；"
                "当时不可能做出这样的预测",
            }
        )
    elif (
        align(market.known, market.outcome, learnt).known.snapshot_id
        != stored.card["data"]["snapshot_id"]
    ):
        found.append(
            {
                "en": f"stale model: the sessions up to {learnt} that it was trained on have "
                "changed in the store since; run `tide train`",
                "zh": f"模型已过时：训练所用的 {learnt} 为止的数据之后有改动；运行 `tide train`",
            }
        )
    newer = int((market.known.sessions > np.datetime64(learnt)).sum())
    if newer:
        found.append(
            {
                "en": f"the model was trained on data up to {learnt}; sessions in the store "
                f"since: {newer}",
                "zh": f"模型训练数据截至 {learnt}，此后库中又有 {newer} 个交易日",
            }
        )
    return found
