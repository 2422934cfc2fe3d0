"""Telling people: WeCom, DingTalk, Feishu, ServerChan, PushPlus, email, and what apprise knows.

A message goes to every channel that is set (`TIDE_NOTIFY_*`), to all at once; one that fails, hangs
or is set wrongly keeps no other from its message and is told as an `Outcome`. HTTP 200 is not
enough: a channel counts as served only when the body of the answer says so.
"""

from predictor.notify.base import Channel, Message, NotifyError
from predictor.notify.sending import Outcome, send
from predictor.notify.settings import Settings, channels

__all__ = ["Channel", "Message", "NotifyError", "Outcome", "Settings", "channels", "send"]
