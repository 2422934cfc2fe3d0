"""Making score reports from a home folder: of any expression, and of a pool member."""

import datetime as dt
import importlib.metadata
from collections.abc import Mapping, Sequence

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.profile import Profile
from factor_pool import backtests, borders, universe
from factor_pool.decay import windows_of
from factor_pool.evaluation import labels
from factor_pool.evaluation.portrait import portray
from factor_pool.evaluation.windows import Window
from factor_pool.expression import Expression, parse
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt, Member, Test
from factor_pool.report.account import Account, from_document, simulated
from factor_pool.report.page import Background, render
from factor_pool.report.words import language, words
from factor_pool.unseal import is_open


def report_on_expression(
    home: Home, text: str, *, window: str = "search", label: str = labels.DEFAULT_LABEL
) -> str:
    """The score report of an expression, beside the pool's factors in use.

    Parameters
    ----------
    home
        With a store.
    text
        The expression; checked against the store's fields and units.
    window
        "search" or "all".
    label
        Name in `labels.LABELS`.

    Returns
    -------
    str
        A whole HTML page.

    Raises
    ------
    StoreError
        There is no market data.
    ExpressionError
        The text is no valid expression over the store's fields.
    EvaluationError
        Unknown label, too few sessions, or no figure in the window.
    """
    chosen, tongue = universe.of(home), language()
    panel, profile, said = chosen.panel(home), chosen.profile(), words(tongue)
    expression = parse(text, profile.units(panel))
    if window == "search":
        shown = borders.current(home.ledger, panel, profile.core(panel)).windows.search
    else:
        shown = Window("all", panel.sessions[0].item(), panel.sessions[-1].item())
    beside = {one.id: one.expression for one in _in_use(home) if one.expression != str(expression)}
    portrait = portray(expression, panel, [shown], label=label, pool=beside)
    background = Background(
        title=said["one_expression"],
        hypothesis=None,
        evidence=(),
        origin=_origin(expression, panel, chosen.source(home), said),
        caveats=(said["caveat.search"], *_field_caveats(expression, profile, said))
        if window == "search"
        else (said["window.all.what"], *_field_caveats(expression, profile, said)),
        pool=beside,
        account=simulated(expression, portrait.sign, panel, [shown]),
    )
    return render(portrait, background, tongue)


def report_on_member(home: Home, member: Member) -> str:
    """The score report of a pool member in the search and confirm windows of its acceptance.

    That its confirm window is read is written to the ledger's openings; no proposer reads a report.
    The sealed window is read, and shown, only where it has been opened for these data on purpose
    (`tide pool unseal`); that the predictor's own figures lie in it does not open it.

    Parameters
    ----------
    home
        With a store and the ledger that holds the member.
    member
        Of any status.

    Returns
    -------
    str
        A whole HTML page.

    Raises
    ------
    StoreError
        There is no market data.
    EvaluationError
        The data at hand no longer reach over the windows, or lack a field.
    """
    chosen, tongue = universe.of(home), language()
    panel, profile, said = chosen.panel(home), chosen.profile(), words(tongue)
    with Ledger(home.ledger) as ledger:
        ledger.opened(
            "confirm", "score report", f"report of {member.id}", content_hash=panel.snapshot_id
        )
        attempt, test = ledger.attempt(member.attempt_id), _test_of(ledger, member)
        tried = ledger.count(snapshot=member.snapshot, label=member.label)
        unsealed = is_open(ledger, panel.snapshot_id)
    placed = borders.current(home.ledger, panel, profile.core(panel)).windows
    windows = windows_of(panel, placed.purge, test) + ((placed.sealed,) if unsealed else ())
    beside = {one.id: one.expression for one in _in_use(home) if one.id != member.id}
    expression = parse(member.expression)
    portrait = portray(
        expression, panel, windows, label=member.label, sign=member.sign, pool=beside
    )
    moved = panel.snapshot_id != member.snapshot
    background = Background(
        title=said["pool_factor"].format(id=member.id),
        hypothesis=member.hypothesis,
        evidence=_evidence(attempt, test, tried, said),
        origin=_provenance(member, attempt, said)
        + _origin(expression, panel, chosen.source(home), said),
        caveats=(
            *([said["caveat.moved"]] if moved else []),
            said["caveat.search"],
            said["caveat.confirm"],
            *_field_caveats(expression, profile, said),
        ),
        pool=beside,
        account=_account(home, member, panel, windows[:2]),
    )
    return render(portrait, background, tongue)


def _account(home: Home, member: Member, panel: Panel, windows: Sequence[Window]) -> Account | None:
    """Qlib's account of a member; the simulator's until there is one."""
    document = backtests.load(home, member)
    if document is not None:
        return from_document(document)
    return simulated(parse(member.expression), member.sign, panel, windows)


def _test_of(ledger: Ledger, member: Member) -> Test:
    return next(test for test in ledger.tests() if test.attempt_id == member.attempt_id)


def _in_use(home: Home) -> Sequence[Member]:
    if not home.ledger.exists():
        return []
    with Ledger(home.ledger, readonly=True) as ledger:
        return ledger.members()


def _evidence(attempt: Attempt, test: Test, tried: int, said: Mapping[str, str]) -> tuple[str, ...]:
    return (
        said["evidence.test"].format(
            position=test.position, p=f"{test.p_value:.2g}", level=f"{test.level:.2g}",
            rule=test.rule,
        ),
        said["evidence.attempts"].format(attempt=attempt.id, count=f"{tried:,}"),
    )  # fmt: skip


def _provenance(
    member: Member, attempt: Attempt, said: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    return (
        (said["origin.accepted"], member.accepted_at.isoformat(sep=" ", timespec="seconds")),
        (said["origin.status"], member.status),
        (said["origin.proposer"], member.proposer),
        (said["origin.session"], f"{member.session} (seed {attempt.seed})"),
        (said["origin.isolation"], str(member.figures.get("isolation", "–"))),
        (said["origin.judged_on"], member.snapshot),
    )


def _origin(
    expression: Expression, panel: Panel, source: str, said: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    sessions, instruments = panel.shape
    span = f"{panel.sessions[0]}..{panel.sessions[-1]}"
    return (
        (said["origin.qlib"], expression.qlib()),
        (said["origin.source"],
         f"{source}, {instruments} × {sessions}, {span}"),
        (said["origin.snapshot"], panel.snapshot_id),
        (said["origin.version"], importlib.metadata.version("limit-up-tide")),
        (said["origin.made"], dt.datetime.now(dt.UTC).isoformat(sep=" ", timespec="seconds")),
    )  # fmt: skip


def _field_caveats(
    expression: Expression, profile: Profile, said: Mapping[str, str]
) -> tuple[str, ...]:
    """What would mislead about the fields it reads, and about sectors as a whole."""
    known = [profile.fields[name] for name in sorted(expression.fields) if name in profile.fields]
    own = (said["caveat.field"].format(name=f.name, text=f.caveat) for f in known if f.caveat)
    return (*own, said["caveat.membership"])
