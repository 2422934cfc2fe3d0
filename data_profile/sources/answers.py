"""One answer of an upstream, read before any parser: is it data, and of which session?

Parsers drop what matters most here: the date an answer carries, and the names its numbers had.
Nothing in an answer is trusted or evaluated; it is bounded text that may be JSON.
"""

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
_LISTS = ("pool", "diff", "data", "info", "klines", "trends", "cmsArticleWebOld")
_PAGES = ("/funds/hyzjl/", "/funds/gnzjl/")  # asked for as web pages; everything else is JSON


@dataclass(frozen=True)
class Answer:
    """What came back for one request.

    Parameters
    ----------
    url
        What was asked, as the parser asked it.
    status
        HTTP status.
    body
        The decoded body, whole and within the transport's limit.
    """

    url: str
    status: int
    body: bytes

    @property
    def page(self) -> bool:
        """Whether a web page is what was asked for."""
        return any(part in self.url for part in _PAGES)

    @cached_property
    def payload(self) -> object:
        """The JSON of the body, with the call of a JSONP answer taken off.

        Raises
        ------
        ValueError
            It is no JSON.
        """
        text = self.body.decode("utf-8-sig").strip()
        if not text.startswith(("{", "[")) and text.endswith((")", ");")):
            text = text[text.find("(") + 1 : text.rfind(")")]
        try:
            return json.loads(text)
        except RecursionError as error:
            raise ValueError("nested without end") from error

    @cached_property
    def _list(self) -> list[object] | None:
        """The list that the answer is about, wherever it stands."""
        try:
            found = self.payload
        except ValueError:
            return None
        for step in (("data", "result"), _LISTS):
            if not isinstance(found, dict):
                return None
            found = next((found[name] for name in step if found.get(name) is not None), None)
        return found if isinstance(found, list) else None

    @property
    def rows(self) -> list[dict[str, object]]:
        """The rows under their own names; none for a page, or where rows are text."""
        return [row for row in self._list or [] if isinstance(row, dict)]

    @property
    def empty(self) -> bool:
        """Whether it is a good answer without any row."""
        return b"<td" not in self.body.lower() if self.page else self._list == []

    @property
    def nothing(self) -> bool:
        """Whether the upstream says that it has nothing: `data: null`, `result: null`."""
        payload = self.payload
        if not isinstance(payload, dict):
            return payload is None
        known = [payload[name] for name in ("data", "result") if name in payload]
        return bool(known) and all(part is None for part in known)

    def says(self) -> datetime.date | None:
        """The session that the answer itself speaks of; None if it does not say.

        The pools carry `qdate`, the second source of pools `date`, lists a time stamp a row
        (`f124`), the dragon-tiger list a TRADE_DATE a row, minutes their own times.
        """
        payload = self.payload
        data = payload.get("data") if isinstance(payload, dict) else None
        if isinstance(data, dict):
            for name in ("qdate", "date"):
                if name in data:
                    return _day(data[name])
            trends = data.get("trends")
            if isinstance(trends, list) and trends:
                return _day(str(trends[-1])[:10])
        stamps = [row["f124"] for row in self.rows if isinstance(row.get("f124"), int | float)]
        if stamps:
            return _stamped(max(float(str(stamp)) for stamp in stamps))
        days = {_day(str(row["TRADE_DATE"])[:10]) for row in self.rows if "TRADE_DATE" in row}
        return days.pop() if len(days) == 1 else None


def day_said(answers: Sequence[Answer]) -> datetime.date | None:
    """The session that several answers agree on; None where none of them says one."""
    days = {answer.says() for answer in answers if not answer.page} - {None}
    return days.pop() if len(days) == 1 else None


def _day(value: object) -> datetime.date | None:
    text = str(value).replace("-", "")
    try:
        return datetime.datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None


def _stamped(seconds: float) -> datetime.date | None:
    try:
        return datetime.datetime.fromtimestamp(seconds, SHANGHAI).date()
    except (ValueError, OverflowError, OSError):
        return None
