"""What a person reads in MLflow about a factor, a night and a version of the pool.

Metric names group by window (`search/...`, `confirm/...`), which MLflow shows as sections. What a
language model wrote is quoted with every mark-up character escaped: a description is Markdown,
and Markdown can fetch pictures.
"""

import importlib.metadata
import re
from collections.abc import Mapping, Sequence
from typing import Any

from factor_pool.backtests import disagreement
from factor_pool.evaluation.labels import LABELS
from factor_pool.records import Attempt, Member, Test

EXPERIMENT_NOTE = """\
**Accepted factors of Limit-up Tide (涨停潮).** One run a mining night, and below it one
for each factor that reached the confirm window: those in the pool (`kind = factor`), and those that
did not hold there (`kind = unconfirmed`). A night's run carries its morning report.

- `search/…` figures come from the window that proposers saw: they flatter.
- `confirm/…` figures come from sessions no proposer saw; `confirm/p_value` is what was judged.
- `…marginal_rank_ic`: daily rank correlation with the label (tomorrow's limit-ups; of
  stocks the return from the next open) beyond the baseline (persistence and size).
  `…added_rank_ic`: beyond these and the factors accepted before.
- Read `search/hit_rate_at_5` only beside `…persistence_hit_rate_at_5`, `…size_hit_rate_at_5` and
  `…base_rate`.
- `backtest_search/…`, `backtest_confirm/…`: the factor as a portfolio, traded by Qlib's own engine
  after costs; `annual_excess` is over the equal-weight market.
- Artifacts: `report.html` has the pictures, `backtest.json` the account session by session. The
  model (alias `production`) gives the values of all factors in use.
"""
EXPERIMENT_TAGS = {
    "mlflow.note.content": EXPERIMENT_NOTE,
    "mlflow.experimentKind": "custom_model_development",  # else its pages speak of chat models
}
MODEL_NOTE = (
    "The factors in use, as one model: give it rows of date, instrument and fields, get one column "
    "a factor. The alias `production` is on the newest version; a retired factor is not in it."
)

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>:@/])")
_SEARCH = {
    "rank_ic": "rank_ic",
    "marginal_rank_ic": "marginal_rank_ic",
    "t_hac": "marginal_t",
    "added_rank_ic": "added_rank_ic",
    "added_t_hac": "added_t",
    "hit_rate_at_5": "hit_rate_at_5",
    "base_rate": "base_rate",
    "persistence_hit_rate_at_5": "persistence_hit_rate_at_5",
    "size_hit_rate_at_5": "size_hit_rate_at_5",
    "rank_autocorrelation": "rank_autocorrelation",
    "explained": "explained_by_baseline",
    "max_pool_correlation": "largest_pool_correlation",
    "same_sign_share": "periods_with_same_sign",
    "coverage": "coverage",
    "sessions": "sessions",
}
_BACKTEST = (
    "annual_excess", "annual_excess_before_cost", "annual_return", "annual_benchmark",
    "annual_cost", "information_ratio", "max_drawdown", "excess_drawdown", "daily_turnover",
    "sessions",
)  # fmt: skip


def quoted(text: str) -> str:
    """Untrusted text as a Markdown quotation in which nothing is mark-up."""
    return "\n".join(f"> {line}" for line in escaped(text).splitlines()) or "> –"


def escaped(text: str) -> str:
    """Text in which no character is Markdown or HTML mark-up."""
    return _MARKUP.sub(r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))


def factor_name(member: Member) -> str:
    """Name of a factor's run."""
    return f"{member.id} {member.expression}"[:100]


def factor_note(member: Member, test: Test) -> str:
    """Description of a factor's run, in Markdown."""
    figures = test.figures
    confirmed = figures.get("added_rank_ic")
    sense = "higher" if member.sign > 0 else "lower"
    lines = [
        f"`{member.expression}`: **{sense} values should mean {LABELS[member.label].more}** "
        f"({member.label} of the next session)",
        quoted(member.hypothesis),
    ]
    if confirmed is not None:
        lines.append(
            f"On {figures['sessions']} sessions that no proposer saw ({figures['start']} to "
            f"{figures['end']}) it added a rank IC of {member.sign * confirmed:+.3f} to "
            f"persistence, size and the earlier pool: p {test.p_value:.2g}, level {test.level:.2g}."
        )
    lines.append("The pictures are in `report.html` among the artifacts.")
    return "\n\n".join(lines)


def factor_tags(member: Member, attempt: Attempt, test: Test) -> dict[str, str]:
    """Tags of a factor's run; all can be searched by."""
    return {
        "kind": "factor",
        "factor": member.id,
        "proposer": member.proposer,
        "session": member.session,
        "snapshot": member.snapshot,
        "seed": str(attempt.seed),
        "isolation": str(member.figures.get("isolation")),
        "code_version": importlib.metadata.version("limit-up-tide"),
        "mlflow.note.content": factor_note(member, test),
    }


def factor_params(member: Member, attempt: Attempt, test: Test) -> dict[str, str]:
    """Parameters of a factor's run: what it is and how it was judged."""
    span = (test.figures.get("start"), test.figures.get("end"))
    foretold = LABELS[member.label]
    return {
        "expression": member.expression[:500],
        "label": member.label,
        "higher_means": foretold.more if member.sign > 0 else foretold.less,
        "attempt": str(attempt.id),
        "false_discovery_rule": test.rule,
    } | ({"confirm_window": f"{span[0]}..{span[1]}"} if all(span) else {})


def factor_metrics(member: Member, test: Test) -> dict[str, float]:
    """Metrics of a factor's run, by window."""
    return _metrics(member.figures, test)


def backtest_metrics(document: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of a factor's backtest, by window; of `factor_pool.backtests`' document."""
    metrics = {
        f"backtest_{window}/{name}": float(part["figures"][name])
        for window, part in document["windows"].items()
        for name in _BACKTEST
        if part["figures"].get(name) is not None
    }
    return metrics | {"backtest/qlib_minus_simulator": disagreement(document)}


def unconfirmed_name(attempt: Attempt) -> str:
    """Name of the run of a factor that its confirm test rejected."""
    return f"not confirmed: {attempt.canonical}"[:100]


def unconfirmed_tags(attempt: Attempt, test: Test) -> dict[str, str]:
    """Tags of the run of a factor that its confirm test rejected."""
    note = (
        f"`{attempt.canonical}`: held in the search window, did not on unseen sessions: p "
        f"{test.p_value:.2g}, at most {test.level:.2g} was needed. It is not in the pool."
    )
    return {
        "kind": "unconfirmed",
        "attempt": str(attempt.id),
        "proposer": attempt.proposer,
        "session": attempt.session,
        "snapshot": attempt.snapshot,
        "mlflow.note.content": f"{note}\n\n{quoted(attempt.hypothesis)}",
    }


def unconfirmed_metrics(attempt: Attempt, test: Test) -> dict[str, float]:
    """Metrics of the run of a factor that its confirm test rejected, by window."""
    return _metrics(attempt.figures, test)


def _metrics(figures: Mapping[str, Any], test: Test) -> dict[str, float]:
    search = {
        f"search/{name}": float(figures[key])
        for key, name in _SEARCH.items()
        if isinstance(figures.get(key), int | float)
    }
    account = figures.get("account") or {}
    if account.get("annual_excess") is not None:
        search["search/simulated_annual_excess"] = float(account["annual_excess"])
    confirm = {"confirm/p_value": test.p_value, "confirm/level": test.level}
    if "added_rank_ic" in test.figures:
        confirm["confirm/added_rank_ic"] = float(test.figures["added_rank_ic"])
        confirm["confirm/sessions"] = float(test.figures["sessions"])
    return search | confirm


def night_note(session: str, attempts: int, accepted: Sequence[str]) -> str:
    """Description of a night's run, in Markdown."""
    return (
        f"Mining session `{session}`: {attempts:,} attempts, {len(accepted)} accepted "
        f"({', '.join(accepted) or 'none'}). Metrics `ended_at/…` count where the others ended, "
        "over the attempts; every attempt with its reason is in `ledger.db`. The morning report is "
        "among the artifacts."
    )


def version_note(members: Sequence[Member], pool_version: int) -> str:
    """Description of a version of the pool's model, in Markdown."""
    lines = [f"{len(members)} factors in use; pool version {pool_version}."]
    lines += [f"- {one.id} ({one.status}) `{one.expression}`" for one in members]
    return "\n".join(lines)
