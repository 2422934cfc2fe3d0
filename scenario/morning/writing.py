"""Writing a night's report into the home folder."""

from pathlib import Path

from data_profile.files import write_atomic
from data_profile.home import Home
from data_profile.redaction import redact
from factor_pool.gates import Settings
from factor_pool.ledger import Ledger
from factor_pool.report.words import language
from scenario.account import Account
from scenario.morning.content import content
from scenario.morning.facts import Spend, gather
from scenario.morning.page import html, markdown
from scenario.morning.words import words
from scenario.session import Session


def write_report(
    home: Home,
    session: Session,
    ledger: Ledger,
    account: Account,
    *,
    end: str,
    trouble: str,
    settings: Settings,
    confirm_sessions: int,
) -> list[Path]:
    """Write `reports/<session>.html` and `.md`, replacing those of an earlier stop.

    Parameters
    ----------
    home
        Where they are written.
    session, ledger, account
        What was mined, what came of it, what it cost.
    end
        Why the night stopped: an `End`, or "failed".
    trouble
        The last error that a proposer or a service gave; "" for none.
    settings
        Thresholds of the gates.
    confirm_sessions
        Length of the confirm window.

    Returns
    -------
    list of Path
        The page, and the Markdown.
    """
    tongue = language()
    said = words(tongue)
    facts = gather(
        ledger,
        session.id,
        session.record,
        end=end,
        trouble=redact(trouble),
        spend=Spend(account.usd, account.tokens, account.replies),
        settings=settings,
        confirm_sessions=confirm_sessions,
    )
    night = content(facts, settings, confirm_sessions, account.limits(), said)
    attempts = facts.total.attempts
    texts = {
        "html": html(night, session.id, attempts, tongue, said),
        "md": markdown(night, session.id, attempts, said),
    }
    home.reports.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, text in texts.items():
        path = home.reports / f"{session.id}.{kind}"
        write_atomic(path, redact(text))
        written.append(path)
    return written
