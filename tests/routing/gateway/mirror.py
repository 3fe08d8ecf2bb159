"""A provider that keeps what it was asked, and says what it is told to: an OpenAI-compatible server of a test's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


class Mirror:
    """The server; `asked` and `headers` are what arrived, `says` the pieces of its answers, `tier` what runs them.

    `calls` are functions that its next whole answer calls, by name with their arguments.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.says: Sequence[str] = ("fine",)
        self.tier: str | None = None
        self.calls: dict[str, Any] = {}
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name is http.server's
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                mirror.asked.append(body)
                mirror.headers.append({name.lower(): value for name, value in self.headers.items()})
                data = mirror.answer(self.path, body)
                self.send_response(200)
                kind = "text/event-stream" if body.get("stream") else "application/json"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, body: dict[str, Any]) -> bytes:
        """What it says, in the shape that it is asked for."""
        if path.endswith("/embeddings"):
            rows = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
            return json.dumps({"object": "list", "data": rows, "model": "m", "usage": USAGE}).encode()
        if not body.get("stream"):
            message: dict[str, Any] = {"role": "assistant", "content": "".join(self.says)}
            calls, self.calls = self.calls, {}
            if calls:
                message["tool_calls"] = [_call(name, arguments) for name, arguments in calls.items()]
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
            return json.dumps(self._object("chat.completion", choices=[choice], usage=USAGE)).encode()
        deltas = [{"role": "assistant", "content": text} for text in self.says]
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        chunks = [self._object("chat.completion.chunk", choices=[choice]) for choice in choices]
        chunks.append(_object("chat.completion.chunk", choices=[], usage=USAGE))
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        return "".join([*events, "data: [DONE]\n\n"]).encode()

    def _object(self, kind: str, **more: Any) -> dict[str, Any]:
        return _object(kind, **more) | ({} if self.tier is None else {"service_tier": self.tier})


def _object(kind: str, **more: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "m", **more}


def _call(name: str, arguments: Any) -> dict[str, Any]:
    return {
        "id": f"call_{name}",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments)},
    }
