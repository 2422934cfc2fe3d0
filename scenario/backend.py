"""The language model: any that litellm reaches, with manners; embeddings without an endpoint."""

import datetime
import email.utils
import hashlib
import json
import logging
import math
import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

import scenario.compat  # noqa: F401

# isort: split
import litellm
import openai
from rdagent.oai.backend.base import APIBackend

import prompts
from data_profile.redaction import redact
from scenario.account import Account, Budget, Spent
from scenario.errors import BackendError, ProposalError

logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)  # it logs requests, and what they carry

_Reply = TypeVar("_Reply", bound=BaseModel)

FIRST_WAIT = 2.0
"""Seconds before the first repetition of a failed call; doubled each time."""
_TRIES = 6
_LONGEST_WAIT = 60.0
_LONGEST_REPLY = 100_000  # characters; a reply of more is not what was asked for
_REPAIRS = 2
_RETRY = frozenset({408, 409, 425, 429})
_DIMENSIONS = 256

# What an unknown model is taken to cost, in USD per million tokens: as much as dear ones do, so
# that a budget holds.
_UNKNOWN_PRICE = (10.0, 30.0)


@dataclass(frozen=True)
class Model:
    """Which model to ask, and how.

    Parameters
    ----------
    name
        As litellm spells it, provider first: `deepseek/deepseek-chat`, `openai/my-model`.
    temperature
        Low is more efficient for factor mining (reference: AlphaBench).
    max_tokens
        Longest reply, in tokens.
    timeout
        Seconds to wait for a reply.
    price_input, price_output
        USD per million tokens; None takes litellm's price list, and a high price where the model
        is not in it.
    """

    name: str
    temperature: float = 0.4
    max_tokens: int = 4096
    timeout: float = 120.0
    price_input: float | None = None
    price_output: float | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Model | None":
        """Read CHAT_MODEL and its companions; None where no model is set.

        Also read: CHAT_TEMPERATURE, CHAT_MAX_TOKENS, TIDE_CHAT_TIMEOUT (seconds),
        TIDE_PRICE_INPUT and TIDE_PRICE_OUTPUT (USD per million tokens). Keys and addresses are
        litellm's own: OPENAI_API_KEY, OPENAI_API_BASE, DEEPSEEK_API_KEY, ...

        Raises
        ------
        BackendError
            One of them is no number.
        """
        name = environment.get("CHAT_MODEL", "").strip()
        if not name:
            return None

        def number(variable: str, default: float | None) -> Any:
            text = environment.get(variable, "").strip()
            try:
                return float(text) if text else default
            except ValueError:
                raise BackendError(f"{variable} must be a number, not {text!r}") from None

        return cls(
            name,
            temperature=number("CHAT_TEMPERATURE", cls.temperature),
            max_tokens=int(number("CHAT_MAX_TOKENS", cls.max_tokens)),
            timeout=number("TIDE_CHAT_TIMEOUT", cls.timeout),
            price_input=number("TIDE_PRICE_INPUT", None),
            price_output=number("TIDE_PRICE_OUTPUT", None),
        )

    def prices(self) -> tuple[float, float, bool]:
        """USD per million tokens of input and of output, and whether they are known."""
        if self.price_input is not None and self.price_output is not None:
            return self.price_input, self.price_output, True
        try:
            given, made = litellm.cost_per_token(
                model=self.name, prompt_tokens=1_000_000, completion_tokens=1_000_000
            )
        except Exception as error:  # noqa: BLE001 - of whatever kind: not in the list
            logging.getLogger(__name__).debug("no price for %s: %s", self.name, error)
            return *_UNKNOWN_PRICE, False
        return given, made, True


class Backend(APIBackend):
    """rdagent's backend, over litellm.

    rdagent makes one without arguments wherever it wants an embedding; chatting takes a model and
    an account.

    Parameters
    ----------
    model
        Whom to ask.
    account
        Who pays, and keeps the replies.
    """

    def __init__(self, model: Model | None = None, account: Account | None = None) -> None:
        super().__init__(False, False, False, False)
        self.model = model
        self.account = account

    @classmethod
    def from_environment(cls, folder: Path, usd: float | None = None) -> Self:
        """The model that CHAT_MODEL names, if any, with an account of its own.

        Parameters
        ----------
        folder
            Where replies are kept and what they cost is counted.
        usd
            Budget; None is no limit. TIDE_TOKEN_BUDGET holds too.

        Raises
        ------
        BackendError
            A setting is no number.
        """
        return cls(Model.from_environment(), Account(folder, Budget.from_environment(usd)))

    def needed_model(self) -> Model:
        """The model.

        Raises
        ------
        BackendError
            There is none.
        """
        if self.model is None:
            raise BackendError("no language model is set: set CHAT_MODEL and its key in .env")
        return self.model

    def ask(self, system: str, question: str, shape: type[_Reply], occasion: str) -> _Reply:
        """Put a question and take the answer as a validated object.

        Parameters
        ----------
        system, question
            What is said.
        shape
            What the JSON in the reply must look like.
        occasion
            What this is asked for, for example session and iteration: the same words on the same
            occasion are answered from the account.

        Raises
        ------
        ProposalError
            No usable answer after two repairs, or a provider that does not answer for now.
        BackendError
            The provider refused: the key, the model's name, the request.
        BudgetExceeded
            Nothing is left to pay with.
        """
        former: list[dict[str, str]] = []
        says = question
        for _ in range(1 + _REPAIRS):
            reply = self.build_messages_and_create_chat_completion(
                says, system, former, chat_cache_prefix=occasion
            )
            try:
                return parse(reply, shape)
            except ValueError as error:
                trouble = str(error)
            former += [
                {"role": "user", "content": says},
                {"role": "assistant", "content": reply[:4000]},
            ]
            says = prompts.load("repair").render(
                trouble=trouble, shape=json.dumps(shape.model_json_schema(), ensure_ascii=False)
            )
        raise ProposalError(f"no usable reply after {_REPAIRS} repairs: {redact(trouble)}")

    # What rdagent asks of a backend.

    def supports_response_schema(self) -> bool:
        """No: local servers refuse the parameter, and every reply is validated here anyway."""
        return False

    def _calculate_token_from_messages(self, messages: list[dict[str, Any]]) -> int:
        return _estimate(json.dumps(messages, ensure_ascii=False))

    def _try_create_chat_completion_or_embedding(
        self,
        max_retry: int = _TRIES,
        chat_completion: bool = False,
        embedding: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """The call itself; rdagent's own would retry every error after one second."""
        if embedding:
            return self._create_embedding_inner_function(kwargs["input_content_list"])
        return self._create_chat_completion_inner_function(**kwargs)[0]

    def _create_embedding_inner_function(self, input_content_list: list[str]) -> list[list[float]]:
        return [embed(text) for text in input_content_list]

    def _create_chat_completion_inner_function(
        self,
        messages: list[dict[str, Any]],
        response_format: object = None,
        *args: Any,
        chat_cache_prefix: str = "",
        **kwargs: Any,
    ) -> tuple[str, str | None]:
        model = self.needed_model()
        if self.account is None:
            raise BackendError(f"no account pays {model.name}")
        question = json.dumps([chat_cache_prefix, asdict(model), messages])
        kept = self.account.find(question)
        if kept is not None:
            return kept, "stop"
        self.account.check()
        answer = self._complete(model, messages)
        said = str(answer.choices[0].message.content or "")
        reply = said.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be sent on
        spent = self._spent(model, messages, reply, answer)
        reply = reply[: _LONGEST_REPLY + 1]
        self.account.keep(question, reply, spent)
        return reply, answer.choices[0].finish_reason

    def _complete(self, model: Model, messages: list[dict[str, Any]]) -> Any:
        """One completion, repeated while the trouble is likely to pass."""
        for attempt in range(_TRIES):
            try:
                return litellm.completion(
                    model=model.name,
                    messages=messages,
                    temperature=model.temperature,
                    max_tokens=model.max_tokens,
                    timeout=model.timeout,
                    drop_params=True,
                    max_retries=0,
                    num_retries=0,
                )
            except Exception as error:  # noqa: BLE001 - litellm raises anything; it becomes ours
                failure = error
            said = redact(str(failure))[:500]
            if not _passes(failure):
                # `from None`: the provider's error holds the request, and with it the key.
                raise BackendError(f"{model.name} refused: {said}") from None
            if attempt + 1 < _TRIES:
                time.sleep(self._wait(attempt, failure))
        raise ProposalError(f"{model.name} did not answer in {_TRIES} tries: {said}")

    def _wait(self, attempt: int, failure: Exception) -> float:
        """Seconds until the next try: what the provider asks for, else exponential with jitter."""
        asked = _retry_after(failure)
        if asked is not None:
            return min(asked, _LONGEST_WAIT)
        longest = min(FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
        return longest * random.uniform(0.5, 1.0)

    def _spent(
        self, model: Model, messages: list[dict[str, Any]], reply: str, answer: Any
    ) -> Spent:
        usage = getattr(answer, "usage", None)
        given = getattr(usage, "prompt_tokens", 0) or self._calculate_token_from_messages(messages)
        made = getattr(usage, "completion_tokens", 0) or _estimate(reply)
        price_input, price_output, _ = model.prices()
        return Spent(given, made, (given * price_input + made * price_output) / 1e6)


def parse(reply: str, shape: type[_Reply]) -> _Reply:
    r"""Find the JSON object in a reply, whatever stands around it, and validate it strictly.

    Taken as they come: fenced blocks, prose before and after, thoughts in <think> tags.

    Raises
    ------
    ValueError
        No JSON object, one that does not fit, or a reply that is far too long.

    Examples
    --------
    >>> class Answer(BaseModel):
    ...     idea: str
    >>> parse('Sure! ```json\n{"idea": "a"}\n``` Anything else?', Answer).idea
    'a'
    """
    if len(reply) > _LONGEST_REPLY:
        raise ValueError(f"the reply has {len(reply)} characters; at most {_LONGEST_REPLY}")
    trouble = "the reply holds no JSON object"
    for candidate in _objects(re.sub(r"<think>.*?</think>", "", reply, flags=re.DOTALL)):
        try:
            return shape.model_validate(candidate)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the object"
            trouble = f"{where}: {first['msg']}"
    raise ValueError(trouble)


def _objects(text: str) -> Iterator[Any]:
    """The JSON objects that stand in a text, outermost first; a few, since text may be hostile."""
    decoder = json.JSONDecoder()
    position = 0
    for _ in range(50):
        position = text.find("{", position)
        if position < 0:
            return
        try:
            found, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            position += 1
        else:
            yield found


def embed(text: str) -> list[float]:
    """A vector of unit length from the hashed words and letter pairs of a text.

    Enough to tell whether two ideas are worded alike, without an endpoint and without a download.
    """
    folded = text.lower()
    pieces = re.findall(r"\w+", folded) + [folded[i : i + 2] for i in range(len(folded) - 1)]
    vector = [0.0] * _DIMENSIONS
    for piece in pieces or [""]:
        digest = hashlib.blake2b(piece.encode(), digest_size=8).digest()
        vector[int.from_bytes(digest[:4], "big") % _DIMENSIONS] += 1.0 if digest[4] & 1 else -1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def _estimate(text: str) -> int:
    """Tokens of a text, rather too many: a provider that says nothing must not seem free."""
    return len(text.encode()) // 3 + 1


def _passes(error: Exception) -> bool:
    """Whether the trouble is likely to pass: the line, the load, a time-out."""
    status = getattr(error, "status_code", None)
    if isinstance(error, openai.APIConnectionError):  # time-outs are among these
        return True
    if status == 429 and "insufficient_quota" in str(error):
        return False
    return isinstance(status, int) and (status in _RETRY or status >= 500)


def _retry_after(error: Exception) -> float | None:
    """Seconds of the Retry-After header: a number, or a date."""
    headers = getattr(error, "litellm_response_headers", None) or {}
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.datetime.now(datetime.UTC)).total_seconds())
