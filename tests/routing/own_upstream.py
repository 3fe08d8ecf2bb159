"""A server that plays an organization's own upstream: OpenAI-compatible, or at fault in the way that a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
SENTINEL = "what-nobody-else-may-read"
"""In every error of the upstream, and in no answer of ours."""


class OwnUpstream(BaseHTTPRequestHandler):
    """One class per server: what it was asked, and how it is to answer."""

    protocol_version = "HTTP/1.1"
    requests: ClassVar[list[tuple[str, dict[str, str], Any]]]
    status: ClassVar[int]
    stream_status: ClassVar[int]
    raw: ClassVar[bytes | None]
    usage: ClassVar[Any]
    model: ClassVar[str | None]
    url: ClassVar[str]

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        body = json.loads(raw)
        self.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        is_streamed = bool(body.get("stream"))
        status = self.stream_status if is_streamed else self.status
        if status != 200:
            self._answer(status, json.dumps({"error": {"message": SENTINEL}}).encode())
        elif self.raw is not None:
            self._answer(200, self.raw)
        elif is_streamed:
            self._answer(200, self._events(body), "text/event-stream")
        else:
            self._answer(200, json.dumps(self._whole(body)).encode())

    def _whole(self, body: dict[str, Any]) -> dict[str, Any]:
        choice = {"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}
        whole = {"id": "own-1", "object": "chat.completion", "created": 1, "choices": [choice]}
        return whole | {"model": self.model or body["model"], "usage": self.usage}

    def _events(self, body: dict[str, Any]) -> bytes:
        head = {"id": "own-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        chunks = [
            head | {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "OK"}}]},
            head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            head | {"choices": [], "usage": self.usage},
        ]
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        return "".join([*lines, "data: [DONE]\n\n"]).encode()

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if 300 <= status < 400:
            self.send_header("Location", f"{self.url}/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Silence."""


@contextmanager
def own_upstream() -> Iterator[type[OwnUpstream]]:
    """A running one; its class says what it was asked and takes what it is to answer."""
    fresh = {"requests": [], "status": 200, "stream_status": 200, "raw": None, "usage": USAGE, "model": None}
    played: type[OwnUpstream] = type("Played", (OwnUpstream,), fresh)
    server = ThreadingHTTPServer(("127.0.0.1", 0), played)
    played.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield played
    server.shutdown()
    thread.join()
    server.server_close()
