"""Keys never reach a log, a record or the text of an error."""

import functools
import os
import re
from collections.abc import Iterable, Iterator

_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|WEBHOOK)S?$", re.IGNORECASE)
_SHAPES = re.compile(
    r"\bsk-[A-Za-z0-9_\-*]{4,}"  # OpenAI, DeepSeek, Anthropic and most that follow them
    r"|\bBearer\s+[A-Za-z0-9._~+/\-*]{16,}=*"
    r"|\bAIza[A-Za-z0-9_\-]{10,}",
    re.IGNORECASE,
)
_SHORTEST = 6  # a shorter value would blank ordinary words out of the text


def redact(text: str, also: Iterable[str] = ()) -> str:
    """Replace every secret in a text by `[redacted]`.

    A secret is the value of any environment variable whose name ends in KEY, TOKEN, SECRET,
    PASSWORD, CREDENTIAL or WEBHOOK, whatever has the shape of a provider's key, and what the
    caller knows to be one.

    Examples
    --------
    >>> redact("Incorrect API key provided: sk-abcdef123456")
    'Incorrect API key provided: [redacted]'
    """
    for secret in _longest_first({*_environment(), *also}):
        text = text.replace(secret, "[redacted]")
    return _SHAPES.sub("[redacted]", text)


def _environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if _names_secret(name):
            yield value.strip()


@functools.lru_cache(maxsize=1_024)
def _names_secret(name: str) -> bool:
    return _NAMES.search(name) is not None


def _longest_first(secrets: set[str]) -> list[str]:
    """So that a secret that contains another leaves nothing of itself behind."""
    return sorted((s for s in secrets if len(s) >= _SHORTEST), key=len, reverse=True)
