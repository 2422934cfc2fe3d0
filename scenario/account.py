"""What the language model has answered and cost, kept for good."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from data_profile.files import write_atomic
from scenario.errors import BackendError, BudgetExceeded
from scenario.redaction import redact


@dataclass(frozen=True)
class Spent:
    """What one reply cost, by the provider's own count.

    Parameters
    ----------
    input_tokens, output_tokens
        From the reply's `usage`; estimated where the provider gives none.
    usd
        At the model's price.
    """

    input_tokens: int
    output_tokens: int
    usd: float


class Account:
    """What a session has been answered and has spent: one file a reply.

    A reply is found again by what was asked, so that an iteration that was killed is replayed
    word for word, and paid once.

    Parameters
    ----------
    folder
        Where the replies are kept; made if missing.
    usd, tokens
        The budget; None is no limit. It is checked before each call, so that the spend passes it
        by one call at most.
    """

    def __init__(self, folder: Path, usd: float | None = None, tokens: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._budget_usd, self._budget_tokens = usd, tokens
        self.usd, self.tokens, self.replies = 0.0, 0, 0
        self.begin()
        for path in sorted(folder.glob("*.json")):
            self._add(Spent(**json.loads(path.read_text("utf-8"))["spent"]))

    def begin(self) -> None:
        """Begin to count what is used from here on, replies found again included."""
        self.used_usd, self.used_replies = 0.0, 0

    def shortage(self) -> str | None:
        """What of the budget is spent, and how to give more; None while there is some left."""
        if self._budget_usd is not None and self.usd >= self._budget_usd:
            return (
                f"the budget of {self._budget_usd:g} USD is spent ({self.usd:.4f} USD in "
                f"{self.replies} replies); give more with --budget-usd"
            )
        if self._budget_tokens is not None and self.tokens >= self._budget_tokens:
            return f"the budget of {self._budget_tokens} tokens is spent; raise TIDE_TOKEN_BUDGET"
        return None

    def check(self) -> None:
        """Raise `BudgetExceeded` if nothing is left."""
        shortage = self.shortage()
        if shortage is not None:
            raise BudgetExceeded(shortage)

    def find(self, question: str) -> str | None:
        """The reply that was paid for this question, if there is one."""
        path = self._path(question)
        if not path.exists():
            return None
        record = json.loads(path.read_text("utf-8"))
        self._use(Spent(**record["spent"]))
        return str(record["reply"])

    def keep(self, question: str, reply: str, spent: Spent) -> None:
        """Write a reply and what it cost, durably."""
        record = {"reply": redact(reply), "spent": asdict(spent)}
        write_atomic(self._path(question), json.dumps(record, ensure_ascii=False))
        self._add(spent)
        self._use(spent)

    def _path(self, question: str) -> Path:
        return self._folder / f"{hashlib.sha256(question.encode()).hexdigest()}.json"

    def _add(self, spent: Spent) -> None:
        self.usd += spent.usd
        self.tokens += spent.input_tokens + spent.output_tokens
        self.replies += 1

    def _use(self, spent: Spent) -> None:
        self.used_usd += spent.usd
        self.used_replies += 1


def token_budget(environment: Mapping[str, str] = os.environ) -> int | None:
    """TIDE_TOKEN_BUDGET: how many tokens a session may use; None is no limit.

    Raises
    ------
    BackendError
        It is no whole number.
    """
    text = environment.get("TIDE_TOKEN_BUDGET", "").strip()
    if not text:
        return None
    if not text.isdigit():
        raise BackendError(f"TIDE_TOKEN_BUDGET must be a whole number, not {text!r}")
    return int(text)
