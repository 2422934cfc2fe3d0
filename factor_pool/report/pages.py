"""What every page of the project is made with: templates in which foreign text stays text."""

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from factor_pool.run_card import escaped, quoted

if TYPE_CHECKING:
    from jinja2 import Environment

_SHARED = Path(__file__).parent
LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}
NO_SCRIPT = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
"""Content-Security-Policy of a page without a script: it can run and fetch nothing."""


def environment(folder: Path, *, autoescape: bool) -> "Environment":
    """Templates of a folder, and "frame.html" for all; a name that is not given is an error.

    Parameters
    ----------
    folder
        Where they lie.
    autoescape
        True for HTML. Markdown escapes by the filters `md` (one line) and `quoted` (a quotation).
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader([folder, _SHARED]), autoescape=autoescape,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.filters |= {"md": one_line, "quoted": lambda text: quoted(visible(text))}
    return made


def one_line(text: str) -> str:
    """Text for one line of Markdown, in which nothing is mark-up."""
    return escaped(" ".join(visible(text).split()))


def visible(text: str) -> str:
    """Without characters that only steer: they could turn the direction of what follows."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")
