"""The dragon-tiger strategy on the console: the backtest, the weights on folds, the signals."""

from collections.abc import Mapping
from typing import Any

from console.display import number, stdout, table

_RIVALS = {
    "all_listed": "whole list",
    "market": "market",
    "market_same_exposure": "same exposure",
}


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a signed percentage, a dash where there is none."""
    return "-" if value is None else f"{100 * value:+.{digits}f}%"


def show_backtest(document: Mapping[str, Any]) -> None:
    """The strategy beside its rivals, its other readings, and what was claimed."""
    stdout.print(
        f"{document['first']}..{document['as_of']}, {document['sessions']} sessions, "
        f"weights {document['weights']}, {document['candidates']} candidates",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    right = ("return", "a year", "95%", "Sharpe", "95% ", "trades", "a trade")
    made = table("", *right, right=right)
    made.add_row("strategy", *_figures(document["strategy"]))
    for name, words in _RIVALS.items():
        made.add_row(words, *_figures(document["rivals"][name]))
    claimed = document["claimed"]
    made.add_row(
        "claimed", "-", percent(claimed["annual_return"]), "",
        number(claimed["sharpe"], 2), "", "-", "-",
    )  # fmt: skip
    stdout.print(made)
    lots = document["rivals"]["by_lot"]
    gain = lots["mean_gain"]
    stdout.print(
        f"{lots['draws']} accounts that drew as many stocks by lot: a trade "
        f"{percent(gain['median'], 2)} [{percent(gain['low'], 2)}, {percent(gain['high'], 2)}]; "
        f"share that did as well: return {number(lots['total_return']['p'])}, "
        f"a trade {number(gain['p'])}",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    _show_readings(document["readings"])
    exits = {k: n for k, n in document["strategy"]["exits"].items() if n}
    stdout.print("exits: " + ", ".join(f"{k} {n}" for k, n in exits.items()), soft_wrap=True)
    for why, count in document["strategy"]["failed_orders"].items():
        stdout.print(f"not carried out, {why}: {count}", markup=False)
    for line in document["caveats"]:
        stdout.print(line, markup=False, soft_wrap=True)


def show_tuning(tuned: Mapping[str, Any]) -> None:
    """Weights by folds: the return of each test, and all tests together."""
    folds = [f"from {fold['test'][0][5:]}" for fold in tuned["folds"]]
    right = (*folds, "all", "Sharpe", "trades", "deflated")
    made = table("weights", *right, right=right)
    for name, one in tuned["weightings"].items():
        overall = one["overall"]
        made.add_row(
            name,
            *(percent(fold["total_return"]) for fold in one["folds"]),
            percent(overall["total_return"]),
            number(overall["sharpe"], 2),
            str(overall["trades"]),
            number(overall["deflated_sharpe"], 3),
        )
    stdout.print(made)
    stdout.print(
        "Returns of the tests, each on weights found before it. "
        f"{tuned['tries'] + tuned['earlier_tries']} weights were tried on past "
        "sessions; a Sharpe ratio is deflated by all of them. "
        f"Chance that the grid's best is overfitted (PBO): {number(tuned['grid_pbo'], 2)}",
        soft_wrap=True,
    )
    names = tuned["factors"]
    made = table("weights of the last fold", *names, right=names)
    for name, one in tuned["weightings"].items():
        made.add_row(name, *(number(x, 2) for x in one["folds"][-1]["weights"].values()))
    stdout.print(made)
    for name, why in tuned["absent"].items():
        stdout.print(f"{name} is absent: {why}", markup=False, soft_wrap=True)


def show_signals(document: Mapping[str, Any]) -> None:
    """What to buy, sell and keep at the next open."""
    stdout.print(
        f"list of {document['as_of']} (known {document['known_at']}), for the open of "
        f"{document['for_session']}; {document['listed']} stocks listed, weights "
        f"{document['weights']}" + "; PAUSED: drawdown" * document["paused"],
        markup=False, soft_wrap=True,
    )  # fmt: skip
    for side in ("buy", "sell", "hold"):
        for one in document[side]:
            told = "; ".join(one["reasons"]) if "reasons" in one else _held(one)
            stdout.print(f"{side:5}{one['code']} {one['name']}: {told}", markup=False)
    if not any(document[side] for side in ("buy", "sell", "hold")):
        stdout.print("nothing to buy, nothing held")
    stdout.print(
        "[dim]sell, hold: positions of the played account, which has followed the rules since "
        f"{document['account']['started']}; nothing is known of your own[/]"
    )


def _held(one: Mapping[str, Any]) -> str:
    return f"bought on {one['bought_on']} at {one['buy_price']:.2f}, {percent(one['gain'])} so far"


def _show_readings(readings: Mapping[str, Mapping[str, Any]]) -> None:
    right = ("return", "Sharpe", "drawdown", "trades", "a trade", "invested")
    made = table("other readings of the rules", *right, right=right)
    for name, one in readings.items():
        made.add_row(
            name, percent(one["total_return"]), number(one["sharpe"], 2),
            percent(one["max_drawdown"]), str(one["trades"]), percent(one["mean_gain"], 2),
            f"{100 * one['mean_invested']:.0f}%",
        )  # fmt: skip
    stdout.print(made)


def _figures(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        percent(one["total_return"]),
        percent(one["annual_return"]),
        _ends(one["annual_return_interval"], 0, share=True),
        number(one["sharpe"], 2),
        _ends(one["sharpe_interval"], 1),
        str(one.get("trades", "-")),
        percent(one.get("mean_gain"), 2),
    )


def _ends(interval: list[float] | None, digits: int, *, share: bool = False) -> str:
    if interval is None:
        return "-"
    low, high = (percent(x, digits) if share else number(x, digits) for x in interval)
    return f"{low}..{high}".replace("%", "")
