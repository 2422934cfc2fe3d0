"""What a message is, what a channel promises, and how sending can fail."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from predictor.errors import PredictorError
from predictor.notify.fitting import pieces, shorten

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_MARKS = frozenset("*_[]`#>~|")  # what these few channels read as mark-up


def _widened(found: re.Match[str]) -> str:
    return chr(ord(found[1]) + 0xFEE0) if found[1] in _MARKS else found[1]


class NotifyError(PredictorError):
    """A message was not delivered; `again` says when trying once more may help.

    Parameters
    ----------
    message
        What went wrong and what to do; never holds a secret.
    """

    again = "never"


class Unreachable(NotifyError):
    """No answer, or the other side is in trouble: tried again at once, and later."""

    again = "at once"


class Limited(NotifyError):
    """The channel takes no more messages for now: tried again later, not at once."""

    again = "later"


class Refused(NotifyError):
    """The channel does not take it: a setting is wrong, and a person has to look."""


@dataclass(frozen=True)
class Message:
    """What is told.

    Parameters
    ----------
    title
        One line.
    markdown
        The text: headings, lists, bold, tables at most.
    """

    title: str
    markdown: str


@dataclass(frozen=True)
class Rule:
    """What a channel takes.

    Parameters
    ----------
    size
        Of one text, in bytes of UTF-8 or in characters.
    unit
        Which of the two.
    title
        Characters of a title.
    parts
        Into how many messages a long text is split at most; what is left over is cut off, with a
        word that says so.
    interval
        Seconds between two messages.
    """

    size: int
    unit: str = "bytes"
    title: int = 100
    parts: int = 1
    interval: float = 0.0

    @property
    def measure(self) -> Callable[[str], int]:
        """The size of a text in this unit."""
        return len if self.unit == "characters" else lambda text: len(text.encode())


class Channel(ABC):
    """One way to reach people.

    `name` is what people call it, `rule` what it takes, `secrets` what may stand in no text, and
    `obeys_tags` whether "<" begins a tag there: a text of ours holds none, one from elsewhere could
    call a whole group (`<at id=all>`), so it becomes a sign that is only shown. `escapes` says
    whether a backslash hides mark-up, as in Markdown; where it would be shown, the mark is replaced
    by its wide form.
    """

    name: str
    rule: Rule
    secrets: tuple[str, ...] = ()
    obeys_tags = False
    escapes = True

    @abstractmethod
    def deliver(self, message: Message) -> None:
        """Send one message that fits the rule, and return when the other side has taken it.

        Raises
        ------
        Unreachable, Limited, Refused
            It has not.
        """

    def fitted(self, message: Message) -> list[Message]:
        """The message as this channel takes it: split at lines, shortened where that is not enough.

        A part's title says which it is.
        """
        title = " ".join(message.title.split())
        text = message.markdown if self.escapes else _ESCAPED.sub(_widened, message.markdown)
        text = text.replace("<", "＜") if self.obeys_tags else text
        texts = pieces(text, self.rule.size, self.rule.parts, self.rule.measure)
        if len(texts) == 1:
            return [Message(shorten(title, self.rule.title, len), texts[0])]
        return [
            Message(shorten(title, self.rule.title - len(mark), len) + mark, text)
            for part, text in enumerate(texts, start=1)
            for mark in [f" ({part}/{len(texts)})"]
        ]
