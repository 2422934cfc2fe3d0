"""A real HTTP server on 127.0.0.1 that speaks the chat-completion protocol from a script."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Said:
    """One scripted answer."""

    text: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    usage: Mapping[str, int] | None = field(
        default_factory=lambda: {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
        }
    )
    raw: bytes | None = None
    reset: bool = False
    cut: bool = False  # the connection is reset in the middle of the answer
    seconds: float = 0.0


def json_said(**document: Any) -> Said:
    return Said(json.dumps(document, ensure_ascii=False))


class ChatServer:
    """Answers from `script` in order; the last answer is repeated. A callable is asked each time.

    `requests` holds the JSON of every request, `keys` every Authorization header.
    """

    def __init__(self, script: Sequence[Said] | Callable[[dict[str, Any]], Said]) -> None:
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer._answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "ChatServer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def prompts(self) -> list[str]:
        """All that was ever said to the model, one text a request."""
        return [
            "\n".join(str(message["content"]) for message in request["messages"])
            for request in self.requests
        ]

    def _next(self, request: dict[str, Any]) -> Said:
        if callable(self.script):
            return self.script(request)
        return self.script[min(len(self.requests), len(self.script)) - 1]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        request = json.loads(body)
        self.requests.append(request)
        self.keys.append(handler.headers.get("Authorization", ""))
        said = self._next(request)
        if said.seconds:
            threading.Event().wait(said.seconds)
        if said.reset:
            _reset(handler)
            return
        content = said.raw if said.raw is not None else self._document(said, request)
        try:
            handler.send_response(said.status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(content)))
            for name, value in said.headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            if said.cut:
                handler.wfile.write(content[: len(content) // 2])
                handler.wfile.flush()
                _reset(handler)
                return
            handler.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client had enough of waiting

    def _document(self, said: Said, request: dict[str, Any]) -> bytes:
        if said.status != 200:
            return json.dumps({"error": {"message": said.text, "type": "error"}}).encode()
        message = {"role": "assistant", "content": said.text}
        document: dict[str, Any] = {
            "id": "chat-1",
            "object": "chat.completion",
            "created": 1,
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
        if said.usage is not None:
            document["usage"] = said.usage
        return json.dumps(document).encode()


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """Close a connection so that the other side sees a reset."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()
