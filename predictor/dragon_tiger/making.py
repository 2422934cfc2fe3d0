"""What the commands do: compute, and keep in the home folder what a person comes back to."""

import csv
import datetime
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from data_profile.files import write_atomic
from data_profile.home import Home
from data_profile.schedule import SHANGHAI
from factor_pool.report.words import language
from predictor.dragon_tiger.report.page import html
from predictor.dragon_tiger.scene import load
from predictor.dragon_tiger.signals import Signals, signals
from predictor.dragon_tiger.strategy import Options
from predictor.dragon_tiger.study import backtest
from predictor.dragon_tiger.tuning import tune
from predictor.forecast_log import ForecastLog, Record

STEP = "dragon"
TUNED = "dragon-tuned.json"
TRIES = "dragon-tries.json"
Say = Callable[[str], None]


def tune_and_keep(
    home: Home, *, date: datetime.date | None, options: Options, say: Say
) -> dict[str, Any]:
    """`tuning.tune`, kept as `reports/dragon-tuned.json` for the page of the backtest.

    What earlier tunings of this home tried, under other rules, costs or seeds, counts as tries of
    this one: `dragon-tries.json` in the home folder has their number by fingerprint.
    """
    path = home.root / TRIES
    tried: dict[str, int] = json.loads(path.read_bytes()) if path.is_file() else {}
    own = options.fingerprint
    earlier = sum(count for one, count in tried.items() if one != own)
    tuned = tune(
        load(home, end=date), options.rules, options.costs,
        seed=options.seed, earlier=earlier, say=say,
    )  # fmt: skip
    tried[own] = max(tried.get(own, 0), tuned["tries"])
    write_atomic(path, json.dumps(tried, indent=1))
    write_atomic(home.reports / TUNED, json.dumps(tuned, ensure_ascii=False, indent=1))
    return tuned


def backtest_and_report(
    home: Home, *, date: datetime.date | None, options: Options, say: Say
) -> dict[str, Any]:
    """`study.backtest`, with its page and its ledger of trades written to `reports/`.

    Adds `page` and `ledger`, the paths. The page shows the weights on folds if the last tuning
    was of the same data, rules and costs.
    """
    document = backtest(home, date=date, options=options, say=say)
    name = f"dragon-{document['as_of']}-{options.weights}"
    page, ledger = home.reports / f"{name}.html", home.reports / f"{name}.csv"
    write_atomic(page, html(document, _tuned(home, document), language()))
    write_atomic(ledger, _csv(document["trades"], document["names"]))
    return {**document, "page": str(page), "ledger": str(ledger)}


def signals_and_log(
    home: Home, *, date: datetime.date | None, options: Options
) -> tuple[Signals, Record]:
    """`signals.signals`, and its record in the forecast log, step "dragon".

    The log keeps what was said when; only what was said in time is live. Asking again for the
    same list, data, weights and rules adds nothing.
    """
    made = signals(home, date=date, options=options)
    ranking = [
        {"rank": k + 1, "code": code, "score": score}
        for k, (code, score) in enumerate(made.document["scores"].items())
    ]
    kept = {
        **made.to_dict(), "model": f"dragon:{options.fingerprint}", "pool_version": 0,
        "ranking": ranking,
    }  # fmt: skip
    with ForecastLog(home.forecasts) as log:
        number = log.append(kept, made_at=datetime.datetime.now(SHANGHAI), step=STEP)
        return made, log.record(number)


def _tuned(home: Home, document: dict[str, Any]) -> dict[str, Any] | None:
    """The last tuning, if it is of the same data, rules and costs."""
    path = home.reports / TUNED
    if not path.is_file():
        return None
    tuned: dict[str, Any] = json.loads(path.read_bytes())
    same = all(tuned[k] == document[k] for k in ("snapshot_id", "as_of", "rules", "costs"))
    return tuned if same else None


def _csv(trades: Sequence[dict[str, Any]], names: dict[str, str]) -> str:
    made = io.StringIO()
    columns = ["name", *(trades[0] if trades else [])]
    writer = csv.DictWriter(made, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({"name": names[trade["code"]], **trade} for trade in trades)
    return made.getvalue()
