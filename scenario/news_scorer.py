"""Headlines rated by a language model, for `data_profile.news.Sentiment`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, create_model

import prompts
from data_profile.news import ScorerUnavailable, Sentiment
from data_profile.sessions import today
from scenario.errors import ScenarioError

if TYPE_CHECKING:
    from scenario.backend import Backend

_Score = Annotated[float, Field(strict=True, ge=-1, le=1, allow_inf_nan=False)]
_EXACT = ConfigDict(extra="forbid")


class NewsScorer:
    """Asks a language model what headlines mean, a batch a question, within the account's budget.

    What comes back is taken only as exactly one number in [-1, 1] for each headline. A headline
    may try to talk the model into something; it can bend the scores of its own batch within that
    range, and do nothing else.

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
        self._model = backend.needed_model().name

    @property
    def method(self) -> str:
        """Model and versions of the words, for `Sentiment`."""
        said = (prompts.load(name) for name in ("news_system", "news"))
        return " ".join([self._model, *(f"{one.name}-{one.version}" for one in said)])

    def __call__(self, headlines: Sequence[str]) -> list[float]:
        """Scores in order.

        Raises
        ------
        ScorerUnavailable
            The budget is spent, the provider refuses or does not answer, or no answer fits.
        """
        shape = _scores(len(headlines))
        question = prompts.load("news").render(
            headlines=[json.dumps(text, ensure_ascii=False) for text in headlines]
        )
        system = prompts.load("news_system").render()
        try:
            reply = self._backend.ask(system, question, shape, "news")
        except ScenarioError as error:
            raise ScorerUnavailable(f"{self._model} gives no scores: {error}") from error
        return list(reply.model_dump()["scores"])


def from_environment(folder: Path, usd: float | None = None) -> NewsScorer | None:
    """A scorer for the model that CHAT_MODEL names; None where no model is set.

    Parameters
    ----------
    folder
        Where replies are kept and what they cost is counted: give one a session, and the budget
        is the session's.
    usd
        Budget; None is no limit. TIDE_TOKEN_BUDGET holds too.

    Raises
    ------
    BackendError
        A setting is no number.
    """
    from scenario.backend import Backend, Model

    if Model.from_environment() is None:
        return None
    return NewsScorer(Backend.from_environment(folder, usd))


def sentiment(folder: Path) -> Sentiment:
    """The scorer of headlines for a cache folder: a language model where one is set.

    The budget of the environment (`Budget`) counts for each day anew.
    """
    model = from_environment(folder / "news" / str(today()))
    return Sentiment(folder) if model is None else Sentiment(folder, model, model.method)


def _scores(count: int) -> type[BaseModel]:
    """The shape of a reply about `count` headlines."""
    numbers = Annotated[list[_Score], Field(min_length=count, max_length=count)]
    return create_model("Scores", __config__=_EXACT, scores=(numbers, ...))
