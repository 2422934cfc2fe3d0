"""A language model that answers from a list, and what it says."""

from typing import Any

from tests.scenario.chat_server import Said, json_said

KEY = "sk-canary-77aa01bb93"
GOOD = [
    "$one_word_count / $company_count",
    "Mean($net_inflow / $turnover, 5)",
    "$limit_up_multi_board / $company_count",
    "Std($turnover, 20) / Mean($turnover, 20)",
    "$close / Ref($close, 20)",
    "Corr($close, $turnover, 20)",
    "Mean($broken_limit_count, 5)",
    "$turnover / Mean($turnover, 60)",
]


def idea(text: str = "What was left over is wanted again next morning.") -> Said:
    return json_said(hypothesis=text, reason="What was not had comes back.")


def written(*texts: str) -> Said:
    return json_said(expressions=[{"expression": text, "reason": "so"} for text in texts])


class Author:
    """Answers by what is asked: an idea, or the next expressions of a list."""

    def __init__(self, texts: list[str] | None = None, a_time: int = 2) -> None:
        self.texts = list(texts if texts is not None else GOOD)
        self.a_time = a_time
        self.ideas = 0

    def __call__(self, request: dict[str, Any]) -> Said:
        asked = request["messages"][-1]["content"]
        if '"hypothesis": "..."' in asked:
            self.ideas += 1
            return idea(f"Idea number {self.ideas}: what was left over is wanted again.")
        taken, self.texts = self.texts[: self.a_time], self.texts[self.a_time :]
        return written(*(taken or ["$close"]))
