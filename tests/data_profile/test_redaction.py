"""Keys stay out of every text."""

import pytest

from data_profile.redaction import redact


def test_values_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PROVIDER_API_KEY", "plain-words-as-a-key")
    monkeypatch.setenv("LONGER_SECRET", "plain-words-as-a-key-and-more")
    monkeypatch.setenv("EMPTY_TOKEN", "")
    monkeypatch.setenv("SHORT_TOKEN", "a")
    text = "a banana: plain-words-as-a-key-and-more, plain-words-as-a-key"
    assert redact(text) == "a banana: [redacted], [redacted]"


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abc123DEF456",
        "key sk-ab***********ef is wrong",
        "Authorization: Bearer abcdefgh12345678==",
        "AIzaSyD4f5g6h7j8k9",
    ],
)
def test_the_shape_of_a_key(text: str) -> None:
    assert "[redacted]" in redact(text)
    assert not any(part in redact(text) for part in ("abc123", "abcdefgh", "SyD4", "***"))


def test_other_text_stays() -> None:
    text = "Mean($close, 5) beats the desk-top basic risk-free rate"
    assert redact(text) == text


def test_what_the_caller_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDE_NOTIFY_WECOM_WEBHOOK", "https://robot.example/send?key=abcdef")
    text = "https://robot.example/send?key=abcdef refused abcdef"
    assert redact(text, also=("abcdef", "a")) == "[redacted] refused [redacted]"
