"""One suite over all channels: what each does when its other side does well or badly."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from predictor.notify import Channel, Message, Outcome, Settings, channels, send
from tests.predictor.notify import servers
from tests.predictor.notify.servers import Hook, Post

KEY = "k3y-that-nobody-may-read"
SIGNING = "SECret-that-nobody-may-read"
MESSAGE = Message(
    "明日涨停板块 2026-11-23", "## Ranking\n\n1. **半导体** 0.81\n2. 通信设备 0.55 <b>"
)


class Side(ABC):
    """The other side of a channel, and the settings that lead to it."""

    reads_body = True  # whether the channel looks into the answer's body

    @abstractmethod
    def open(self, stack: ExitStack) -> int:
        """Start the server and return its port."""

    @abstractmethod
    def settings(self, port: int) -> dict[str, str]:
        """What is set, without the prefix."""

    @abstractmethod
    def behave(self, mode: str) -> None:
        """Answer so from now on."""

    @abstractmethod
    def received(self) -> list[str]:
        """What was taken in earnest, title and text."""

    @abstractmethod
    def tries(self) -> int:
        """How often it was asked."""


class WebSide(Side):
    def __init__(self, name: str, answers: dict[str, servers.Body], **settings: str) -> None:
        self.name, self._answers, self._settings = name, answers, settings

    def open(self, stack: ExitStack) -> int:
        self.hook = stack.enter_context(Hook(self._answers))
        return self.hook.port

    def settings(self, port: int) -> dict[str, str]:
        return {
            name: value.replace("BASE", f"http://127.0.0.1:{port}")
            for name, value in self._settings.items()
        }

    def behave(self, mode: str) -> None:
        self.hook.mode = mode

    def received(self) -> list[str]:
        return self.hook.messages()

    def tries(self) -> int:
        return len(self.hook.requests)


class AppriseSide(WebSide):
    reads_body = False

    def settings(self, port: int) -> dict[str, str]:
        return {"apprise_urls": f"json://user:{KEY}@127.0.0.1:{port}/?cto=0.3&rto=0.3"}

    def behave(self, mode: str) -> None:
        self.hook.mode = {"error": "403", "limited": "429"}.get(mode, mode)


class MailSide(Side):
    name = "email"

    def open(self, stack: ExitStack) -> int:
        self.post = stack.enter_context(Post())
        return self.post.port

    def settings(self, port: int) -> dict[str, str]:
        return {
            "email_host": "127.0.0.1", "email_port": str(port), "email_security": "none",
            "email_user": Post.USER, "email_password": Post.PASSWORD,
            "email_to": "one@example.com, two@example.com",
        }  # fmt: skip

    def behave(self, mode: str) -> None:
        self.post.mode = mode

    def received(self) -> list[str]:
        texts = []
        for mail in self.post.mails:
            plain = mail.get_body(("plain",))
            assert plain is not None
            texts.append(f"{mail['Subject']}\n{plain.get_content()}".replace("\r\n", "\n"))
        return texts

    def tries(self) -> int:
        return self.post.tries


def sides() -> list[Side]:
    return [
        WebSide("wecom", servers.WECOM, wecom_webhook=f"BASE/cgi-bin/webhook/send?key={KEY}"),
        WebSide(
            "dingtalk", servers.DINGTALK,
            dingtalk_webhook=f"BASE/robot/send?access_token={KEY}", dingtalk_secret=SIGNING,
        ),
        WebSide(
            "feishu", servers.FEISHU,
            feishu_webhook=f"BASE/open-apis/bot/v2/hook/{KEY}", feishu_secret=SIGNING,
        ),
        WebSide("serverchan", servers.SERVERCHAN, serverchan_key=KEY, serverchan_url="BASE"),
        WebSide("pushplus", servers.PUSHPLUS, pushplus_token=KEY, pushplus_url="BASE/"),
        MailSide(),
        AppriseSide("apprise-json", servers.WECOM),
    ]  # fmt: skip


SIDES = [pytest.param(side, id=side.name) for side in sides()]  # type: ignore[attr-defined]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def only(side: Side, port: int) -> Channel:
    [channel] = channels(Settings(timeout=0.4, **side.settings(port)))  # type: ignore[arg-type]
    return channel


def sent(side: Side, port: int, waits: list[float] | None = None) -> Outcome:
    [outcome] = send(MESSAGE, [only(side, port)], sleep=(waits if waits is not None else []).append)
    for secret in (KEY, SIGNING, Post.PASSWORD):
        assert secret not in repr(outcome)
    return outcome


@pytest.mark.parametrize("side", SIDES)
def test_what_is_taken_is_told_so(side: Side, stack: ExitStack) -> None:
    outcome = sent(side, side.open(stack))
    assert (outcome.sent, outcome.attempts, outcome.reason) == (True, 1, "")
    assert outcome.channel == side.name  # type: ignore[attr-defined]
    [text] = side.received()
    assert "明日涨停板块 2026-11-23" in text
    assert "半导体" in text


@pytest.mark.parametrize("side", SIDES)
def test_a_fault_in_the_answer_is_a_failure_and_not_tried_again(
    side: Side, stack: ExitStack
) -> None:
    port = side.open(stack)
    side.behave("error")
    outcome = sent(side, port)
    assert not outcome.sent
    assert outcome.reason
    if side.reads_body:
        assert (outcome.attempts, outcome.again) == (1, False)


@pytest.mark.parametrize("side", SIDES)
def test_too_many_messages_is_left_for_later(side: Side, stack: ExitStack) -> None:
    port = side.open(stack)
    side.behave("limited")
    outcome = sent(side, port)
    assert not outcome.sent
    if side.reads_body:
        assert outcome.attempts == 1
        assert outcome.again == (outcome.channel != "pushplus"), "whoever goes on is locked out"


@pytest.mark.parametrize("side", SIDES)
def test_trouble_on_their_side_is_tried_again_after_a_pause(side: Side, stack: ExitStack) -> None:
    port = side.open(stack)
    side.behave("trouble")
    waits: list[float] = []
    outcome = sent(side, port, waits)
    assert (outcome.sent, outcome.attempts) == (True, 2)
    assert len(waits) == 1
    assert waits[0] >= 2


@pytest.mark.parametrize("side", SIDES)
def test_silence_is_given_up_and_told(side: Side, stack: ExitStack) -> None:
    port = side.open(stack)
    side.behave("slow")
    waits: list[float] = []
    outcome = sent(side, port, waits)
    assert (outcome.sent, outcome.attempts, outcome.again) == (False, 3, True)
    assert side.tries() == 3
    assert waits == sorted(waits)
    assert len(waits) == 2


@pytest.mark.parametrize("side", SIDES)
def test_nobody_there_is_told(side: Side) -> None:
    outcome = sent(side, servers.closed())
    assert (outcome.sent, outcome.attempts, outcome.again) == (False, 3, True)


@pytest.mark.parametrize("side", [side for side in SIDES if side.values[0].reads_body])
def test_an_answer_of_somebody_else_is_a_failure(side: Side, stack: ExitStack) -> None:
    port = side.open(stack)
    side.behave("malformed")
    outcome = sent(side, port)
    assert not outcome.sent
    assert outcome.reason


@pytest.mark.parametrize("side", SIDES)
def test_a_long_message_keeps_to_the_rule(side: Side, stack: ExitStack) -> None:
    channel = only(side, side.open(stack))
    lines = [f"{n:05d} 半导体行业的一行文字，说明为什么它排在前面" for n in range(40_000)]
    waits: list[float] = []
    [outcome] = send(Message("长" * 400, "\n".join(lines)), [channel], sleep=waits.append)
    assert outcome.sent
    texts = side.received()
    assert len(texts) == outcome.parts == outcome.attempts == channel.rule.parts
    assert waits == [channel.rule.interval] * (outcome.parts - 1)
    for text in texts:
        title, _, body = text.partition("\n")
        assert channel.rule.measure(body.rstrip("\n")) <= channel.rule.size
        assert len(title.strip("#* ")) <= channel.rule.title
    assert lines[0] in texts[0]
    assert "(shortened)" in texts[-1], "what is left out is said"


@pytest.mark.parametrize("side", SIDES)
def test_a_setting_shows_no_secret(side: Side) -> None:
    settings = Settings(**side.settings(1))  # type: ignore[arg-type]
    for secret in (KEY, SIGNING, Post.PASSWORD):
        assert secret not in f"{settings!r} {settings}"
