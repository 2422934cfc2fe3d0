"""The one error that a text can raise."""

from factor_pool.errors import FactorError

_SHOWN = 100


class ExpressionError(FactorError):
    """A text that is no expression of the language.

    Parameters
    ----------
    message
        What is wrong, in one sentence.
    text
        What was parsed.
    column
        Where, counted from 1 in characters.
    hint
        What to do about it; empty if there is nothing to add.

    Examples
    --------
    >>> print(ExpressionError("unknown operator Men", "Men($close, 5)", 1, "did you mean Mean?"))
    unknown operator Men (column 1)
      Men($close, 5)
      ^
    did you mean Mean?
    """

    def __init__(self, message: str, text: str = "", column: int = 1, hint: str = "") -> None:
        super().__init__(message, text, column, hint)
        self.message = message
        self.text = text
        self.column = column
        self.hint = hint

    def __str__(self) -> str:
        start = max(0, self.column - 1 - _SHOWN // 2)
        shown = "".join(
            sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}"
            for sign in self.text[start : start + _SHOWN]
        )
        lines = [f"{self.message} (column {self.column})"]
        if shown:
            lines += [f"  {shown}", "  " + " " * (self.column - 1 - start) + "^"]
        if self.hint:
            lines.append(self.hint)
        return "\n".join(lines)
