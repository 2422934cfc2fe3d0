"""What is each channel's own: signatures, addresses, limits, logins."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

import pytest

from predictor.notify.base import Message, NotifyError, Refused, Unreachable
from predictor.notify.mail import Email
from predictor.notify.other import Apprise
from predictor.notify.push import PushPlus, ServerChan
from predictor.notify.robots import DingTalk, Feishu, WeCom
from tests.predictor.notify.servers import DINGTALK, FEISHU, PUSHPLUS, WECOM, Hook, Post

MESSAGE = Message("title", "text")
NOW = 1_795_240_000.25


def test_dingtalk_signs_its_address_and_encodes_it_once() -> None:
    with Hook(DINGTALK) as hook:
        DingTalk(
            f"{hook.url}/robot/send?access_token=abc", "SEC1", timeout=2, clock=lambda: NOW
        ).deliver(MESSAGE)
        [(path, _)] = hook.requests
    query = parse_qs(urlsplit(path).query)
    key = hmac.new(b"SEC1", b"1795240000250\nSEC1", hashlib.sha256).digest()
    assert query == {
        "access_token": ["abc"],
        "timestamp": ["1795240000250"],
        "sign": [base64.b64encode(key).decode()],
    }


def test_feishu_signs_the_empty_message_with_time_and_secret() -> None:
    with Hook(FEISHU) as hook:
        Feishu(f"{hook.url}/hook/abc", "s3cret", timeout=2, clock=lambda: NOW).deliver(MESSAGE)
        Feishu(f"{hook.url}/hook/abc", timeout=2).deliver(MESSAGE)
        [(_, signed), (_, bare)] = hook.requests
    key = hmac.new(b"1795240000\ns3cret", b"", hashlib.sha256).digest()
    assert signed["timestamp"] == "1795240000"
    assert signed["sign"] == base64.b64encode(key).decode()
    assert "sign" not in bare


def test_no_one_can_call_a_whole_group_through_us() -> None:
    with Hook(FEISHU) as hook:
        channel = Feishu(f"{hook.url}/hook/abc", timeout=2)
        [part] = channel.fitted(Message("t", "<at id=all></at> up"))
        channel.deliver(part)
        assert "<at" not in hook.messages()[0]


def test_a_robot_shows_no_backslash_and_obeys_no_hidden_mark() -> None:
    channel = WeCom("https://127.0.0.1/send?key=k", timeout=1)
    [part] = channel.fitted(Message("t", r"limit\-ups 1\.5 \[a\](b) \*c\* **d**"))
    assert part.markdown == "limit-ups 1.5 ［a］(b) ＊c＊ **d**"


def test_wecom_stays_within_its_4096_bytes() -> None:
    channel = WeCom("https://127.0.0.1/send?key=k", timeout=1)
    for part in channel.fitted(Message("标题" * 90, "涨停<板块\n" * 5000)):
        content = channel.payload(part)["markdown"]["content"]
        assert len(content.encode()) <= 4096


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("SCT1abc", "https://sctapi.ftqq.com/SCT1abc.send"),
        ("sctp42tabc", "https://42.push.ft07.com/send/sctp42tabc.send"),
    ],
)
def test_serverchan_knows_its_two_kinds_of_keys(key: str, address: str) -> None:
    assert ServerChan(key, timeout=1).address() == address


def test_a_key_makes_no_other_address() -> None:
    with pytest.raises(Refused, match="SendKey"):
        ServerChan("../../elsewhere?", timeout=1).address()


def test_pushplus_names_its_group() -> None:
    with Hook(PUSHPLUS) as hook:
        PushPlus("t0ken", "group", hook.url, timeout=2).deliver(MESSAGE)
        [(path, body)] = hook.requests
    assert path == "/send"
    assert (body["token"], body["topic"], body["template"]) == ("t0ken", "group", "markdown")


@pytest.mark.parametrize(
    "url",
    ["", "robot", "ftp://127.0.0.1/x", "http://example.com/?key=k", "http://[", "https://a b/"],
)
def test_what_is_no_safe_address_is_not_asked(url: str) -> None:
    with pytest.raises(NotifyError) as caught:
        WeCom(url, timeout=0.2).deliver(MESSAGE)
    assert "key=k" not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "kind", "says"),
    [
        ("redirect", Refused, "status 302"),
        ("404", Refused, "status 404"),
        ("503", Unreachable, "status 503"),
        ("trickle", Unreachable, "no answer within"),
        ("malformed", Refused, "not the channel's"),
    ],
)
def test_an_answer_that_is_none(mode: str, kind: type[NotifyError], says: str) -> None:
    with Hook(WECOM, mode) as hook, pytest.raises(kind, match=says):
        WeCom(f"{hook.url}/send?key=k", timeout=0.4).deliver(MESSAGE)


def mail(port: int, **changed: object) -> Email:
    settings: dict[str, object] = {
        "host": "127.0.0.1", "port": port, "security": "none", "user": Post.USER,
        "password": Post.PASSWORD, "sender": "", "to": ("one@example.com",), "timeout": 2.0,
    }  # fmt: skip
    return Email(**{**settings, **changed})  # type: ignore[arg-type]


def test_a_mail_has_both_forms_and_obeys_no_tag() -> None:
    with Post() as post:
        mail(post.port).deliver(Message("题", "| a | b |\n|---|---|\n| **1** | <script> |"))
        [taken] = post.mails
    page = taken.get_body(("html",))
    assert page is not None
    assert "<strong>1</strong>" in page.get_content()
    assert "<table>" in page.get_content()
    assert "<script>" not in page.get_content()
    assert (taken["Subject"], taken["From"]) == ("题", Post.USER)


def test_a_box_that_is_gone_is_named_and_the_others_have_it() -> None:
    with Post() as post:
        with pytest.raises(Refused, match="gone@example"):
            mail(post.port, to=("one@example.com", "gone@example.com")).deliver(MESSAGE)
        assert len(post.mails) == 1
        with pytest.raises(Refused, match="SMTP 550"):
            mail(post.port, to=("gone@example.com",)).deliver(MESSAGE)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"to": ()}, "EMAIL_TO is not set"),
        ({"user": "", "sender": ""}, "EMAIL_FROM"),
        ({"host": "mail.example.com"}, "not sent unencrypted"),
        ({"password": "wrong"}, "did not take the login"),
        ({"security": "starttls"}, "cannot do that"),
        ({"security": "ssl"}, "no encrypted connection"),
        ({"to": ("a\nb@example.com",)}, "cannot be used"),
    ],
)
def test_a_mail_setting_that_cannot_work_is_named(changed: dict[str, object], says: str) -> None:
    with Post() as post, pytest.raises(Refused, match=says):
        mail(post.port, **changed).deliver(MESSAGE)
    assert not post.mails


def test_an_address_that_apprise_does_not_know() -> None:
    channel = Apprise("carrier-pigeon://k3y-of-the-loft")
    with pytest.raises(Refused, match="does not understand"):
        channel.deliver(MESSAGE)
    assert "k3y" not in channel.name
