"""Local servers that take messages as the channels' own do, well or badly.

Modes: ok, error (the body tells of a fault), limited (too many messages), trouble (on their side,
once; then ok), slow, malformed. A closed port is a mode of its own: `closed()`.
"""

import base64
import contextlib
import json
import socket
import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Body = dict[str, Any]
WECOM: dict[str, Body] = {
    "ok": {"errcode": 0, "errmsg": "ok"},
    "error": {"errcode": 93000, "errmsg": "invalid webhook url"},
    "limited": {"errcode": 45009, "errmsg": "api freq out of limit"},
}
DINGTALK: dict[str, Body] = {
    "ok": {"errcode": 0, "errmsg": "ok"},
    "error": {"errcode": 310000, "errmsg": "sign not match"},
    "limited": {"errcode": 130101, "errmsg": "send too fast"},
}
FEISHU: dict[str, Body] = {
    "ok": {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"},
    "error": {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"},
    "limited": {"code": 11232, "msg": "frequency limited psm"},
}
SERVERCHAN: dict[str, Body] = {
    "ok": {"code": 0, "message": "", "data": {"pushid": "1", "error": "SUCCESS", "errno": 0}},
    "error": {"code": 40003, "message": "bad sendkey", "data": {}},
    "limited": {"code": 40001, "message": "too many messages today", "data": {}},
}
PUSHPLUS: dict[str, Body] = {
    "ok": {"code": 200, "msg": "ok", "data": "0c8b"},
    "error": {"code": 903, "msg": "no such token", "data": None},
    "limited": {"code": 900, "msg": "locked out", "data": None},
}


class Hook:
    """An HTTP server that takes JSON by POST.

    Parameters
    ----------
    answers
        Mode -> body.
    mode
        How it answers; may be changed.
    """

    def __init__(self, answers: dict[str, Body], mode: str = "ok") -> None:
        self.answers, self.mode = answers, mode
        self.requests: list[tuple[str, Any]] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def messages(self) -> list[str]:
        """The texts that were taken, however the channel wraps them."""
        return [_text(body) for _, body in self.requests]


def _text(body: Any) -> str:
    if not isinstance(body, dict):
        return str(body)
    if body.get("msgtype") == "markdown":
        markdown = body["markdown"]
        return str(markdown.get("content") or markdown.get("text"))
    if body.get("msg_type") == "interactive":
        card = body["card"]
        return f"{card['header']['title']['content']}\n{card['elements'][0]['content']}"
    title, text = body.get("title"), body.get("desp") or body.get("content") or body.get("message")
    return f"{title}\n{text}"


def _handler(hook: Hook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            with contextlib.suppress(ConnectionError):
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hook.requests.append((self.path, json.loads(content)))
                self._answer()

        def _answer(self) -> None:
            if hook.mode == "slow":
                hook.closing.wait(30)
            elif hook.mode == "trickle":
                self._send(200, b"", 100_000)
                while not hook.closing.wait(0.02):
                    self.wfile.write(b" ")
            elif hook.mode == "trouble":
                hook.mode = "ok"
                self._send(500, b"{}")
            elif hook.mode == "malformed":
                self._send(200, b"<html>please log in</html>")
            elif hook.mode == "redirect":
                self.send_response(302)
                self.send_header("Location", "http://192.0.2.1/")
                self.end_headers()
            elif hook.mode.isdigit():
                self._send(int(hook.mode), b"{}")
            else:
                self._send(200, json.dumps(hook.answers[hook.mode]).encode())

        def _send(self, status: int, body: bytes, length: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

    return Handler


class Post:
    """A mail server on 127.0.0.1 that wants a login."""

    USER, PASSWORD = "tide@example.com", "letter-box-key"

    def __init__(self, mode: str = "ok") -> None:
        self.mode = mode
        self.mails: list[EmailMessage] = []
        self.tries = 0
        self.closing = threading.Event()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _smtp(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def _smtp(post: Post) -> type[socketserver.StreamRequestHandler]:
    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                post.tries += 1
                if post.mode == "slow":
                    post.closing.wait(30)
                    return
                self._say("hello?" if post.mode == "malformed" else "220 ready")
                while (line := self.rfile.readline()) and self._command(line.decode().strip()):
                    pass

        def _say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

        def _command(self, line: str) -> bool:
            word = line.split(" ")[0].upper()
            if word == "EHLO":
                self._say("250-local")
                self._say("250 AUTH PLAIN")
            elif word == "AUTH":
                told = base64.b64decode(line.split(" ")[2]).decode().split("\0")[1:]
                right = told == [post.USER, post.PASSWORD] and post.mode != "error"
                self._say("235 in" if right else "535 no")
            elif word == "DATA":
                self._say("354 go on")
                self._take()
            elif word == "RCPT" and "gone@" in line:
                self._say("550 no such box")
            else:
                self._say("250 well")
            return word != "QUIT"

        def _take(self) -> None:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if post.mode == "trouble":
                post.mode = "ok"
                self._say("451 try again")
            elif post.mode == "limited":
                self._say("450 too many")
            else:
                mail = message_from_bytes(b"".join(lines), policy=policy.default)
                assert isinstance(mail, EmailMessage)
                post.mails.append(mail)
                self._say("250 taken")

    return Session


def closed() -> int:
    """A port where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
