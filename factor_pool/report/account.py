"""The factor as a portfolio: its account beside the equal-weight market, window by window."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.backtests import disagreement
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.backtest import Market, rules_of
from factor_pool.evaluation.windows import Window
from factor_pool.expression import Expression, evaluate
from factor_pool.report.charts import CHANCE, FACTOR, Cell, Chart, Words, blank, shade

FIGURES = (
    "annual_excess", "annual_excess_before_cost", "information_ratio", "excess_drawdown",
    "annual_return", "annual_benchmark", "max_drawdown", "annual_cost", "daily_turnover",
    "sessions",
)  # fmt: skip
_UNSIGNED = ("annual_cost", "daily_turnover")


@dataclass(frozen=True)
class Account:
    """A portfolio's account in some windows.

    Parameters
    ----------
    engine
        What traded: "Qlib 0.9.7"; None for the simulator alone.
    windows
        Name of a window -> its `figures` and `curve`, see `evaluation.backtest.Curve`.
    rules
        How it traded, see `evaluation.backtest.Rules`.
    difference
        Largest between Qlib's account and the simulator's; None where only one traded.
    """

    engine: str | None
    windows: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, Any] = field(default_factory=dict)
    difference: float | None = None


def from_document(document: Mapping[str, Any]) -> Account:
    """The account that `factor_pool.backtests` keeps of a member."""
    return Account(
        str(document["engine"]), document["windows"], document["rules"], disagreement(document)
    )


def simulated(
    expression: Expression, sign: int, panel: Panel, windows: Sequence[Window]
) -> Account | None:
    """The simulator's account of any factor; None where the panel has no prices.

    Parameters
    ----------
    expression, sign
        The factor, and +1 or -1: higher `sign * value` means more limit-ups.
    panel
        Nothing of it beyond the last window is read.
    windows
        Traded one by one, each with an account of its own.
    """
    shown = panel.between(None, max(window.end for window in windows))
    rules = rules_of(shown)
    try:
        market = Market(shown, rules)
    except EvaluationError:
        return None
    (values,) = evaluate([expression], shown)
    scores = values.astype(np.float64) * sign
    has_value = np.flatnonzero(np.isfinite(scores).any(axis=1))
    first = shown.sessions[has_value[0]].item() if len(has_value) else None
    parts = {}
    for window in windows:
        start = window.start if first is None else min(max(window.start, first), window.end)
        curve = market.simulate(scores, start, window.end)
        parts[window.name] = {"figures": curve.figures(), "curve": curve.to_dict()}
    return Account(None, parts, asdict(rules))


def account_charts(account: Account, words: Words) -> tuple[Chart, Chart]:
    """Net value beside the market with all figures as its table, and the excess over time."""
    return _net_value(account, words), _excess(account, words)


def facts(account: Account, words: Words) -> dict[str, str]:
    """What the section's note says of it."""
    rules = account.rules
    if account.engine is None:
        engine = words["account.simulator"]
    else:
        engine = words["account.engine"].format(
            engine=account.engine, difference=f"{account.difference or 0.0:.0e}"
        )
    return {
        "engine": engine,
        "top": str(rules["top"]),
        "drop": str(rules["drop"]),
        "deal": words[f"account.deal.{rules['deal']}"]
        if rules["deal"] in ("open", "close")
        else str(rules["deal"]),
        "open_cost": f"{100 * rules['open_cost']:.2f}%",
        "close_cost": f"{100 * rules['close_cost']:.2f}%",
    }


def _net_value(account: Account, words: Words) -> Chart:
    figure = blank(words["account.axis"])
    for name, part in account.windows.items():
        curve, window = part["curve"], words[f"window.{name}"]
        figure.add_scatter(
            x=curve["sessions"], y=_rounded(curve["net_value"]), mode="lines",
            name=f"{words['factor']} ({window})", line={"color": shade(name), "width": 2},
        )  # fmt: skip
        figure.add_scatter(
            x=curve["sessions"], y=_rounded(curve["benchmark_value"]), mode="lines",
            name=f"{words['account.market']} ({window})",
            line={"color": CHANCE, "width": 1.4, "dash": "solid" if name == "search" else "dot"},
        )  # fmt: skip
    figure.add_hline(y=1, line_color=CHANCE, line_width=1)
    _dated(figure)
    rows = tuple(
        (words[f"account.{key}"], *(_shown(part, key) for part in account.windows.values()))
        for key in FIGURES
    )
    head = ("", *(words[f"window.{name}"] for name in account.windows))
    return Chart("account", words["account.net_value"], figure, head, rows)


def _excess(account: Account, words: Words) -> Chart:
    figure = blank(words["account.axis"])
    rows: list[tuple[Cell, ...]] = []
    for name, part in account.windows.items():
        curve = part["curve"]
        excess = np.subtract(curve["returns"], curve["benchmark"])
        after = np.cumsum(excess - np.asarray(curve["cost"]))
        lines = (
            (after, "account.after_cost", "solid", 2.0),
            (np.cumsum(excess), "account.before_cost", "dot", 1.4),
        )
        for heights, key, dash, width in lines:
            figure.add_scatter(
                x=curve["sessions"], y=_rounded(100 * heights), mode="lines",
                name=f"{words[key]} ({words[f'window.{name}']})",
                line={"color": shade(name), "width": width, "dash": dash},
            )  # fmt: skip
        rows.append((words[f"window.{name}"], float(100 * after[-1]), float(100 * excess.sum())))
    figure.add_hline(y=0, line_color=FACTOR, line_width=0.6)
    _dated(figure)
    head = ("", words["account.after_cost"], words["account.before_cost"])
    return Chart("account_excess", words["account.excess"], figure, head, tuple(rows))


def _dated(figure: Any) -> None:
    figure.update_xaxes(type="date", hoverformat="%Y-%m-%d", tickformat="%Y-%m", nticks=8)
    figure.update_yaxes(hoverformat=".3f")


def _rounded(values: Any) -> list[float]:
    return np.round(np.asarray(values, dtype=float), 4).tolist()


def _shown(part: Mapping[str, Any], key: str) -> Cell:
    value = part["figures"].get(key)
    if value is None:
        return None
    if key == "sessions":
        return str(int(value))
    if key == "information_ratio":
        return float(value)
    sign = "" if key in _UNSIGNED else "+"
    return f"{100 * value:{sign}.1f}%".replace("-", "−")
