"""Which channels are set: `TIDE_NOTIFY_*`, each explained in `.env.example`."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from predictor.notify.base import Channel, NotifyError
from predictor.notify.mail import Email
from predictor.notify.other import Apprise
from predictor.notify.push import PushPlus, ServerChan
from predictor.notify.robots import DingTalk, Feishu, WeCom

_NONE = SecretStr("")


class Settings(BaseSettings):
    """The environment's `TIDE_NOTIFY_*`; an empty variable is as good as none.

    Parameters
    ----------
    wecom_webhook
        The address that WeCom shows for a group robot.
    dingtalk_webhook, dingtalk_secret
        The same of DingTalk, and the secret if the robot wants its messages signed.
    feishu_webhook, feishu_secret
        The same of Feishu.
    serverchan_key, serverchan_url
        SendKey of ServerChan; base address, "" for its own.
    pushplus_token, pushplus_topic, pushplus_url
        Token of PushPlus; a group's code, "" for oneself; base address.
    email_host, email_port, email_security, email_user, email_password, email_from, email_to
        Mail server, how to encrypt ("ssl", "starttls", "none"), login, sender, and the addresses,
        separated by commas.
    apprise_urls
        Addresses in apprise's notation, separated by spaces or commas that precede a scheme.
    timeout
        Seconds to wait for an answer.

    Examples
    --------
    >>> Settings(wecom_webhook="https://127.0.0.1/send?key=k").wecom_webhook
    SecretStr('**********')
    """

    model_config = SettingsConfigDict(
        env_prefix="TIDE_NOTIFY_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    wecom_webhook: SecretStr = _NONE
    dingtalk_webhook: SecretStr = _NONE
    dingtalk_secret: SecretStr = _NONE
    feishu_webhook: SecretStr = _NONE
    feishu_secret: SecretStr = _NONE
    serverchan_key: SecretStr = _NONE
    serverchan_url: str = ""
    pushplus_token: SecretStr = _NONE
    pushplus_topic: str = ""
    pushplus_url: str = "https://www.pushplus.plus"
    email_host: str = ""
    email_port: int = Field(default=465, ge=1, le=65535)
    email_security: Literal["ssl", "starttls", "none"] = "ssl"
    email_user: str = ""
    email_password: SecretStr = _NONE
    email_from: str = ""
    email_to: str = ""
    apprise_urls: SecretStr = _NONE
    timeout: float = Field(default=15.0, gt=0, le=300)

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the environment.

        Raises
        ------
        NotifyError
            A variable holds what it may not; the message names it and never its content.
        """
        try:
            return cls()
        except ValidationError as error:
            faults = "; ".join(
                f"TIDE_NOTIFY_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            )
            raise NotifyError(f"a setting cannot be used: {faults}") from None


def channels(settings: Settings) -> list[Channel]:
    """The channels that are set, in a fixed order; none is asked anything."""
    wait = settings.timeout
    said = {
        name: value.get_secret_value() for name, value in settings if isinstance(value, SecretStr)
    }
    made: list[tuple[object, Callable[[], Channel]]] = [
        (said["wecom_webhook"], lambda: WeCom(said["wecom_webhook"], timeout=wait)),
        (
            said["dingtalk_webhook"],
            lambda: DingTalk(said["dingtalk_webhook"], said["dingtalk_secret"], timeout=wait),
        ),
        (
            said["feishu_webhook"],
            lambda: Feishu(said["feishu_webhook"], said["feishu_secret"], timeout=wait),
        ),
        (
            said["serverchan_key"],
            lambda: ServerChan(said["serverchan_key"], settings.serverchan_url, timeout=wait),
        ),
        (
            said["pushplus_token"],
            lambda: PushPlus(
                said["pushplus_token"], settings.pushplus_topic, settings.pushplus_url, timeout=wait
            ),
        ),
        (settings.email_host, lambda: _email(settings)),
    ]
    found = [make() for wanted, make in made if wanted]
    return found + _named_apart([Apprise(url) for url in _addresses(said["apprise_urls"])])


def _email(settings: Settings) -> Email:
    return Email(
        settings.email_host,
        settings.email_port,
        settings.email_security,
        settings.email_user,
        settings.email_password.get_secret_value(),
        settings.email_from,
        tuple(part.strip() for part in settings.email_to.split(",") if part.strip()),
        timeout=settings.timeout,
    )


def _addresses(text: str) -> list[str]:
    """Addresses apart: a comma within one stays, one before the next scheme parts them."""
    found: list[str] = []
    for word in text.replace(",", " ,").split():
        bare = word.lstrip(",")
        if "://" in bare or not found:
            found += [bare] if bare else []
        else:
            found[-1] += word
    return found


def _named_apart(made: list[Apprise]) -> list[Channel]:
    """Two of the same kind get a number, so that each has its own record."""
    seen: dict[str, int] = {}
    for channel in made:
        seen[channel.name] = seen.get(channel.name, 0) + 1
        if seen[channel.name] > 1:
            channel.name += f"-{seen[channel.name]}"
    return list(made)
