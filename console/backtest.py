"""A backtest as a person reads it: account, skill and probabilities, each with its baselines."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from console.display import interval, number, stdout, table

_METHODS = {
    "model": "model",
    "model_unfiltered": "model, nothing removed",
    "model_by_wave": "model, by P(wave)",
    "persistence": "persistence",
    "size": "size",
    "chance": "chance",
}
_ACCOUNT = {
    "annual_excess": "excess a year",
    "information_ratio": "information ratio",
    "annual_excess_before_cost": "before costs",
    "max_drawdown": "drawdown",
    "daily_turnover": "turnover",
}
_TABLES = (
    ("limit-ups, in order of the score", {
        "rank_ic": "rank IC",
        "marginal_rank_ic": "beyond baselines",
        "ndcg_at_5": "NDCG@5",
    }),
    ("limit-ups of the first by the score", {
        "hit_rate_at_3": "hit@3",
        "hit_rate_at_5": "hit@5",
        "limit_ups_at_5": "limit-ups@5",
    }),
    ("waves, in order of their probability", {
        "surge_auc": "AUC",
        "surge_precision_at_1": "waves@1",
        "surge_precision_at_5": "waves@5",
    }),
)  # fmt: skip
_EVENTS = {"p_at_least_one": "P(at least one limit-up)", "p_surge": "P(wave)"}


def show_backtest(document: Mapping[str, Any]) -> None:
    """Print the document of `predictor.backtest.Backtest.to_dict`."""
    days, rules = document["sessions"], document["rules"]
    stdout.print(
        f"[bold]{document['source']}[/]: {escape(document['scores'])}; "
        f"{days['sessions']} sessions traded, {days['start']}..{days['end']}"
    )
    stdout.print(
        f"{rules['strategy']}, at the {rules['deal']}; commission {rules['commission']:.3%} and "
        f"slippage {rules['slippage']:.2%} each way, stamp duty {rules['stamp_duty']:.2%} on sales"
    )
    account = document["account"]
    _show_table("account over the equal-weight market", account["methods"], _ACCOUNT, digits=2)
    _show_market(account)
    forecast = document["forecast"]
    for title, columns in _TABLES:
        _show_table(title, forecast["methods"], columns, forecast["difference_to_persistence"])
    for name, figures in forecast["probabilities"].items():
        _show_probability(_EVENTS[name], figures)
    stdout.print(f"[dim]in brackets {document['interval']}; {rules['chance']}[/]")
    for note in document["notes"]:
        stdout.print(f"note: {note}", markup=False)


def _show_table(
    title: str,
    methods: Mapping[str, Mapping[str, Any]],
    columns: Mapping[str, str],
    difference: Mapping[str, Any] | None = None,
    *,
    digits: int = 3,
) -> None:
    stdout.print(f"[bold]{title}[/]")
    made = table("", *columns.values(), right=columns.values())
    for method, name in _METHODS.items():
        if method in methods:
            made.add_row(name, *(_cell(methods[method].get(column), digits) for column in columns))
    if difference is not None:
        cells = (_cell(difference[column], digits, signed=True) for column in columns)
        made.add_row("[dim]model less persistence[/]", *cells)
    stdout.print(made)


def _show_market(account: Mapping[str, Any]) -> None:
    """What the excess is over, and what another price of the deals would have made of it."""
    other = account["at_other_price"]
    there = ", ".join(
        f"{name} {_cell(figures['annual_excess'])}" for name, figures in other["methods"].items()
    )
    less = _cell(account["difference_to_persistence"]["model"], signed=True)
    stdout.print(
        f"the market itself: {number(account['methods']['model']['annual_benchmark'])} a year; "
        f"model less persistence {less}; traded at the {other['deal']}: {there}"
    )


def _show_probability(title: str, figures: Mapping[str, Any]) -> None:
    """Brier scores and the calibration curve."""
    if not figures:
        return
    stdout.print(
        f"[bold]{title}[/]: Brier {_cell(figures['brier'])}, of the base rate "
        f"{_cell(figures['brier_of_base_rate'])}, of each sector's own frequency "
        f"{_cell(figures['brier_of_own_frequency'])}"
    )
    curve: Sequence[Mapping[str, Any]] = figures["calibration"]
    made = table("  said", "happened", "n", right=("  said", "happened", "n"))
    for one in curve:
        made.add_row(number(one["said"]), _cell(one["happened"]), str(one["n"]))
    stdout.print(made)


def _cell(figure: Any, digits: int = 3, *, signed: bool = False) -> str:
    if isinstance(figure, Mapping):
        return escape(interval(figure, digits, signed=signed))
    return number(figure, digits, signed=signed)
