"""A paragraph about tables, written by a language model; whoever shows it checks it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from scenario.backend import Backend

_LONGEST = 4000


class Paragraph(BaseModel):
    """The shape of a reply."""

    model_config = ConfigDict(extra="forbid")
    paragraph: Annotated[str, Field(strict=True, max_length=_LONGEST)]


class ParagraphWriter:
    """Asks a language model for a paragraph, within the account's budget.

    Parameters
    ----------
    backend
        Whom to ask, and who pays.

    Raises
    ------
    BackendError
        The backend has no model.
    """

    def __init__(self, backend: "Backend") -> None:
        self._backend = backend
        self.model = backend.needed_model().name

    def __call__(self, system: str, question: str) -> str:
        """The paragraph; the same question is answered from the account.

        Raises
        ------
        ScenarioError
            The budget is spent, the provider refuses or does not answer, or no answer fits.
        """
        return self._backend.ask(system, question, Paragraph, "paragraph").paragraph


def from_environment(folder: Path, usd: float | None = None) -> ParagraphWriter:
    """A writer for the model that CHAT_MODEL names.

    Parameters
    ----------
    folder
        Where replies are kept and what they cost is counted.
    usd
        Budget; None is no limit. TIDE_TOKEN_BUDGET holds too.

    Raises
    ------
    BackendError
        No model is set, or a setting is no number.
    """
    from scenario.backend import Backend

    return ParagraphWriter(Backend.from_environment(folder, usd))
