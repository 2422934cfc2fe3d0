"""A local server that answers akshare's real requests, well or badly.

    with Upstream(session) as upstream:
        transport = Transport(limits, base_url=upstream.url)      # in this process
        environment = {"TIDE_SOURCE_URL": upstream.url}           # or in a child process
        upstream.mode = "captcha"                                 # from now on, for every path
        upstream.modes["/getTopicZTPool"] = "403"                 # or for one path
        upstream.requests                                         # [(host meant, path, query)]

Modes: ok, null, empty, 403, captcha, reset, extra, reordered, stale, slow, truncated (the
connection ends early), cut (half a body, as if it were whole), error (status 500), huge,
packed (small, huge when unpacked), unpackable, trickle (byte by byte, without end), redirect (to a
foreign host). `flaky` = n answers "reset" n times before `mode`.
"""

import contextlib
import copy
import datetime
import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.replay.bodies import CONCEPTS, INDUSTRIES, ROUTES, flow_table

CAPTCHA = "<!DOCTYPE html><html><head><title>验证</title></head><body>请完成验证</body></html>"
PAGES = {"hyzjl": INDUSTRIES, "gnzjl": CONCEPTS}


class Upstream:
    """All upstreams in one server on 127.0.0.1.

    Parameters
    ----------
    session
        The session that its answers are of; may be changed while it runs.
    mode
        How it answers, see above.
    """

    def __init__(self, session: datetime.date, mode: str = "ok") -> None:
        self.session = session
        self.mode = mode
        self.modes: dict[str, str] = {}
        self.flaky = 0
        self.swap: tuple[int, int] | None = None  # columns that "reordered" swaps; default: all
        self.edit: Callable[[str, Any], Any] | None = None  # changes a JSON body before it is sent
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Upstream":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def wait(self) -> None:
        """Longer than any test's time-out; ends when the server does."""
        self.closing.wait(30)

    def mode_of(self, path: str) -> str:
        """How the next request for `path` is answered."""
        if self.flaky > 0:
            self.flaky -= 1
            return "reset"
        return self.modes.get(path, self.mode)

    def body(self, path: str, query: dict[str, str], mode: str) -> bytes:
        """The body for a request."""
        session = self.session - datetime.timedelta(7) if mode == "stale" else self.session
        if "date" in query:  # a session that has not been is answered with the latest
            session = min(session, datetime.datetime.strptime(query["date"], "%Y%m%d").date())
        part = next((name for name in PAGES if f"/funds/{name}/" in path), None)
        if part:
            return self._page(flow_table(session, PAGES[part]), mode).encode("gbk")
        made = copy.deepcopy(ROUTES[path](session, query))
        assert isinstance(made, dict)
        changed = _change(made, mode, self.swap)
        if self.edit:
            changed = self.edit(path, changed)
        text = json.dumps(changed, ensure_ascii=False)
        return (f"{query['cb']}({text})" if "cb" in query else text).encode()

    def _page(self, table: list[list[str]], mode: str) -> str:
        if mode == "null":
            return ""
        if mode == "empty":
            table = table[:1]
        if mode == "extra":
            table = [["新列" if row is table[0] else "1", *row] for row in table]
        if mode == "reordered":
            table = [_swapped(row, self.swap or (4, 6)) for row in table]
        cells = ["th", *["td"] * (len(table) - 1)]
        rows = [
            "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in row) + "</tr>"
            for tag, row in zip(cells, table, strict=True)
        ]
        content = f"<thead>{rows[0]}</thead><tbody>{''.join(rows[1:])}</tbody>"
        return f'<table class="m-table">{content}</table><span class="page_info">1/1</span>'


def _swapped(row: list[str], pair: tuple[int, int]) -> list[str]:
    row = list(row)
    if max(pair) >= len(row):
        return row
    row[pair[0]], row[pair[1]] = row[pair[1]], row[pair[0]]
    return row


def _reordered(row: Any, swap: tuple[int, int] | None) -> Any:
    if isinstance(row, str):
        cells = row.split(",")
        return ",".join(_swapped(cells, swap or (2, 4)))
    names = list(row)
    names = _swapped(names, swap) if swap else [*names[1:], names[0]]
    return {name: row[name] for name in names}


def _change(body: dict[str, Any], mode: str, swap: tuple[int, int] | None) -> Any:
    """A body as `mode` has it."""
    part = "data" if "data" in body else "result"
    if mode == "null":
        return {**body, part: None}
    inner = body[part]
    name = next(
        n for n in ("pool", "diff", "klines", "trends", "info", "cmsArticleWebOld", "data")
        if n in inner
    )  # fmt: skip
    rows = inner[name]
    if mode == "empty":
        rows, more = [], {"total": 0, "pages": 0, "count": 0, "tc": 0}
        inner.update({key: value for key, value in more.items() if key in inner})
        if isinstance(inner.get("page"), dict):
            inner["page"]["total"] = 0
    elif mode == "extra":
        rows = [f"{row},7" if isinstance(row, str) else {"zz": 7, **row} for row in rows]
    elif mode == "reordered":
        rows = [_reordered(row, swap) for row in rows]
    return {**body, part: {**inner, name: rows}}


def _handler(upstream: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):  # the other side had enough
                self._answer()

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            host = self.headers.get("X-Original-Host", "")
            upstream.requests.append((host, parts.path, query))
            mode = upstream.mode_of(parts.path)
            if mode == "slow":
                upstream.wait()
            elif mode == "trickle":
                self._send(200, b"", 10_000)
                while not upstream.closing.wait(0.01):
                    self.wfile.write(b" ")
            elif mode == "packed":  # far more when unpacked
                self._send(200, gzip.compress(b" " * 50_000_000), None, "gzip")
            elif mode == "unpackable":
                self._send(200, b"no gzip at all", None, "gzip")
            elif mode == "reset":
                # Zero linger: the connection ends with a reset instead of an orderly close.
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            elif mode == "redirect":
                self.send_response(302)
                self.send_header("Location", "http://192.0.2.1/verify")
                self.end_headers()
            elif mode in ("403", "error"):
                self._send(403 if mode == "403" else 500, b"no")
            elif mode == "captcha":
                self._send(200, CAPTCHA.encode())
            elif mode == "huge":
                self._send(200, b"[" * 300_000)
            else:
                body = upstream.body(parts.path, query, mode)
                sent = body[: len(body) // 2] if mode in ("truncated", "cut") else body
                self._send(200, sent, len(body) if mode == "truncated" else len(sent))

        def _send(
            self, status: int, body: bytes, length: int | None = None, packing: str = ""
        ) -> None:
            page = "/funds/" in self.path
            self.send_response(status)
            kind = "text/html; charset=gbk" if page else "application/json; charset=utf-8"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            if packing:
                self.send_header("Content-Encoding", packing)
            self.end_headers()
            self.wfile.write(body)

        def finish(self) -> None:
            with contextlib.suppress(OSError):  # the other side, or mode "reset", ended it
                super().finish()

    return Handler
