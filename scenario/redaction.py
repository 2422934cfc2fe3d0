"""Keys never reach a log, a record or the text of an error."""

import os
import re
from collections.abc import Iterator

_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)S?$", re.IGNORECASE)
_SHAPES = re.compile(
    r"\bsk-[A-Za-z0-9_\-*]{4,}"  # OpenAI, DeepSeek, Anthropic and most that follow them
    r"|\bBearer\s+[A-Za-z0-9._~+/\-*]{16,}=*"
    r"|\bAIza[A-Za-z0-9_\-]{10,}",
    re.IGNORECASE,
)
_SHORTEST = 6  # a shorter value would blank ordinary words out of the text


def redact(text: str) -> str:
    """Replace every secret in a text by `[redacted]`.

    A secret is the value of any environment variable whose name ends in KEY, TOKEN, SECRET,
    PASSWORD or CREDENTIAL, and whatever has the shape of a provider's key.

    Examples
    --------
    >>> redact("Incorrect API key provided: sk-abcdef123456")
    'Incorrect API key provided: [redacted]'
    """
    for secret in _secrets():
        text = text.replace(secret, "[redacted]")
    return _SHAPES.sub("[redacted]", text)


def _secrets() -> Iterator[str]:
    values = {value.strip() for name, value in os.environ.items() if _NAMES.search(name)}
    # Longest first, so that a secret that contains another leaves nothing of itself behind.
    yield from sorted((v for v in values if len(v) >= _SHORTEST), key=len, reverse=True)
