"""The page's numbers as a language model is given them, and as its sentences are checked."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np

from predictor.report.facts import TOP, Facts
from predictor.report.prose import Amount, Tables


def tables_of(facts: Facts) -> Tables:
    """What may be said of a page.

    Parameters
    ----------
    facts
        Of the page.
    """
    ranking = facts.document["ranking"][:TOP]
    flows = {flow.name: flow for flow in facts.flows}
    fates = {} if facts.outcome is None else {one.name: one for one in facts.outcome.fates}
    sectors = {}
    for row in ranking:
        name = str(row["name"])
        numbers = _forecast(row) | _reasons(row)
        if name in flows:
            numbers |= _amounts(
                net_inflow=(flows[name].net_inflow, Amount(0, money=True)),
                net_inflow_to_turnover=(flows[name].ratio, Amount(0, 1, share=True)),
            )
        if name in fates:
            numbers |= _amounts(limit_ups_today=(fates[name].limit_ups, Amount(0)))
        sectors[name] = numbers
    document = facts.document
    days = (document["as_of"], document["for_session"])
    stocks = [
        str(one["name"])
        for offered in (document.get("candidates", {}), document.get("sealed", {}))
        for found in offered.values()
        for one in found
    ]
    factors = [check.member for check, _ in facts.health.checks]
    return Tables(
        market=_market(facts),
        sectors=sectors,
        names=(*stocks, *factors, str(document["model"])),
        dates=tuple(datetime.date.fromisoformat(day) for day in days),
    )


def _market(facts: Facts) -> dict[str, Amount]:
    market, judged = facts.market, facts.phases
    count, share, money = Amount(0), Amount(0, share=True), Amount(0, money=True)
    numbers = _amounts(
        limit_ups=(market.at("limit_ups"), count),
        broken_limits=(market.at("broken"), count),
        sealing_rate=(market.at("sealing"), share),
        promotion_rate=(market.at("promotion"), share),
        highest_board=(market.at("highest"), count),
        limit_downs=(market.at("limit_downs"), count),
        companies_up=(market.at("up"), count),
        companies_down=(market.at("down"), count),
        turnover=(market.at("turnover"), money),
        net_inflow=(market.at("net_inflow"), money),
    )
    if judged.names[-1] is not None:
        numbers |= _amounts(
            heat=(float(judged.heat[-1]), Amount(0, 2)),
            sessions_in_phase=(judged.spell(), count),
        )
    if facts.outcome is not None:
        for tally in facts.outcome.tallies:
            numbers |= {
                f"{tally.method}_first_five_with_limit_up": Amount(tally.hits, share=True),
                f"{tally.method}_first_five_mean_limit_ups": Amount(tally.limit_ups, 1),
            }
    return numbers


def _forecast(row: Mapping[str, Any]) -> dict[str, Amount]:
    return _amounts(
        rank=(row["rank"], Amount(0)),
        expected_limit_ups=(row["expected_count"], Amount(0, 1)),
        p_at_least_one=(row["p_at_least_one"], Amount(0, share=True)),
        p_wave=(row["p_surge"], Amount(0, share=True)),
    )


def _reasons(row: Mapping[str, Any]) -> dict[str, Amount]:
    """How long the sector's streaks have lasted."""
    return {
        f"streak_of_{reason['feature']}": Amount(reason["streak"]["sessions"])
        for reason in row["reasons"]
        if reason.get("streak")
    }


def _amounts(**found: tuple[float | None, Amount]) -> dict[str, Amount]:
    """The numbers that are known, in the shape that each is told in."""
    return {
        name: Amount(float(value), shape.digits, shape.share, shape.money)
        for name, (value, shape) in found.items()
        if value is not None and np.isfinite(value)
    }
