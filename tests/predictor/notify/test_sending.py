"""One channel that fails, hangs or is set wrongly keeps no other from its message."""

from predictor.notify import Message, Outcome, Settings, channels, send
from tests.predictor.notify.servers import DINGTALK, FEISHU, SERVERCHAN, WECOM, Hook, closed

MESSAGE = Message("题", "正文")


def test_every_channel_is_served_whatever_becomes_of_the_others() -> None:
    told: list[Outcome] = []
    with (
        Hook(WECOM, "error") as refusing,
        Hook(DINGTALK, "slow") as hanging,
        Hook(FEISHU) as well,
        Hook(SERVERCHAN) as later,
    ):
        settings = Settings(
            timeout=0.3,
            wecom_webhook=f"{refusing.url}/?key=k3y-of-wecom",
            dingtalk_webhook=f"{hanging.url}/?access_token=k3y-of-ding",
            feishu_webhook=f"{well.url}/hook/k3y-of-feishu",
            serverchan_key="SCT1",
            serverchan_url=later.url,
            pushplus_token="t",
            pushplus_url=f"http://127.0.0.1:{closed()}",
        )
        outcomes = send(MESSAGE, channels(settings), sleep=lambda seconds: None, told=told.append)
    assert {outcome.channel: outcome.sent for outcome in outcomes} == {
        "wecom": False,
        "dingtalk": False,
        "feishu": True,
        "serverchan": True,
        "pushplus": False,
    }
    assert told == outcomes
    assert outcomes[0].reason == "it answered errcode 93000: invalid webhook url"
    assert "k3y" not in repr(outcomes)


def test_a_server_that_repeats_a_key_spreads_it_no_further() -> None:
    answers = {"ok": {"errcode": 1, "errmsg": "access_token k3y-of-ding is unknown"}}
    with Hook(answers) as hook:
        settings = Settings(dingtalk_webhook=f"{hook.url}/?access_token=k3y-of-ding")
        [outcome] = send(MESSAGE, channels(settings))
    assert outcome.reason == "it answered errcode 1: access_token [redacted] is unknown"


def test_a_part_that_fails_is_told_with_its_place() -> None:
    with Hook(WECOM) as hook:
        settings = Settings(wecom_webhook=f"{hook.url}/?key=k")

        def spoil(seconds: float) -> None:
            hook.mode = "error"

        [outcome] = send(Message("t", "x" * 8000), channels(settings), sleep=spoil)
    assert outcome.reason.startswith("after 1 of 3 parts: ")


def test_no_channel_is_no_failure() -> None:
    assert send(MESSAGE, []) == []
