"""What is set, and what is said of a setting that cannot be used."""

import pytest

from predictor.notify import NotifyError, Settings, channels

ALL = {
    "WECOM_WEBHOOK": "https://127.0.0.1/send?key=k",
    "DINGTALK_WEBHOOK": "https://127.0.0.1/robot?access_token=k",
    "FEISHU_WEBHOOK": "https://127.0.0.1/hook/k",
    "SERVERCHAN_KEY": "SCT1",
    "PUSHPLUS_TOKEN": "t",
    "EMAIL_HOST": "127.0.0.1",
    "APPRISE_URLS": "json://127.0.0.1:1/,json://127.0.0.1:2/?a=1,2 xml://127.0.0.1:3/",
}


def test_nothing_set_is_no_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL:
        monkeypatch.setenv(f"TIDE_NOTIFY_{name}", "")  # as an unset secret arrives in a workflow
    assert channels(Settings.from_environment()) == []


def test_all_are_found_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ALL.items():
        monkeypatch.setenv(f"TIDE_NOTIFY_{name}", value)
    assert [channel.name for channel in channels(Settings.from_environment())] == [
        "wecom", "dingtalk", "feishu", "serverchan", "pushplus", "email",
        "apprise-json", "apprise-json-2", "apprise-xml",
    ]  # fmt: skip


def test_a_wrong_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDE_NOTIFY_EMAIL_PORT", "pa55word")
    monkeypatch.setenv("TIDE_NOTIFY_TIMEOUT", "0")
    with pytest.raises(NotifyError, match=r"EMAIL_PORT: .*TIDE_NOTIFY_TIMEOUT: ") as caught:
        Settings.from_environment()
    assert "pa55word" not in str(caught.value)


def test_every_setting_is_explained() -> None:
    from pathlib import Path

    text = (Path(__file__).resolve().parents[3] / ".env.example").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"#TIDE_NOTIFY_{name.upper()}=" in text, name
