"""Every word said to a language model, as versioned YAML templates."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

_FOLDER = Path(__file__).parent
_ENVIRONMENT = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@dataclass(frozen=True)
class Prompt:
    """One template.

    Parameters
    ----------
    name
        File name without `.yaml`.
    version
        Raised with every change of the words; recorded with every attempt they led to.
    text
        Jinja template. A name that is not given when rendering is an error, never a blank.
    """

    name: str
    version: int
    text: str

    def render(self, **facts: Any) -> str:
        """Fill in the facts.

        Raises
        ------
        jinja2.UndefinedError
            The template needs a fact that was not given.

        Examples
        --------
        >>> "no JSON" in load("repair").render(trouble="the reply holds no JSON", shape="{}")
        True
        """
        return _ENVIRONMENT.from_string(self.text).render(**facts).strip()


@cache
def load(name: str) -> Prompt:
    """Read a template of this folder by its name."""
    document = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text("utf-8"))
    return Prompt(name, int(document["version"]), str(document["text"]))


def names() -> tuple[str, ...]:
    """The names of all templates."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def version() -> str:
    """The versions of all templates in one line, as it is recorded: `expressions-1 repair-1`."""
    return " ".join(f"{name}-{load(name).version}" for name in names())
