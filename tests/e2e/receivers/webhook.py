"""A webhook endpoint of our own: takes only what is signed as Standard Webhooks says, and keeps each span once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.receivers.asking import Received
from tests.observability.destinations.traces import PARENT_SPAN_ID

KEY = b"twenty-four bytes at least"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
TOLERANCE_SECONDS = 300


class Webhook:
    """What has come; spans by their ids."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: dict[str, dict[str, Any]] = {}
        self.unsigned = 0

    def take(self, headers: Any, body: bytes) -> int:
        """Look at a message; the status of the answer."""
        if not is_signed(headers, body):
            self.unsigned += 1
            return 401
        for resource in json.loads(body)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                self.spans |= {span["spanId"]: span for span in scope["spans"]}
        return 200

    def text(self) -> str:
        """Everything that it has."""
        return json.dumps(self.spans)

    def received(self) -> Received:
        told = [(span, attributes_of(span)) for span in list(self.spans.values())]
        made = [(span, each) for span, each in told if "gen_ai.response.model" in each]
        below = {span["spanId"] for span, _ in told if span.get("parentSpanId") == PARENT_SPAN_ID}
        return Received(
            count=len(made),
            tokens=sum(int(each["gen_ai.usage.total_tokens"]) for _, each in made),
            cost_usd=sum(float(each["gen_ai.usage.total_cost"]) for _, each in made),
            sessions=frozenset(each["session.id"] for _, each in made if "session.id" in each),
            parents=sum(span.get("parentSpanId") in below for span, _ in made),
        )


def is_signed(headers: Any, body: bytes) -> bool:
    """Whether the signature is right and new; by the formula of the specification, not by our own code."""
    identifier, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
    signed = hmac.digest(KEY, f"{identifier}.{at}.".encode() + body, hashlib.sha256)
    wanted = f"v1,{base64.b64encode(signed).decode()}"
    is_new = abs(time.time() - int(at)) < TOLERANCE_SECONDS
    return is_new and hmac.compare_digest(wanted, headers.get("webhook-signature", ""))


def attributes_of(span: dict[str, Any]) -> dict[str, Any]:
    """A span's attributes as plain values."""
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


@contextmanager
def webhook(port: int = 0, known: Webhook | None = None) -> Iterator[Webhook]:
    """A running one; with a port and what it `known`, one that has come back."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status = taken.take(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    taken = known or Webhook(f"http://127.0.0.1:{server.server_port}/traces")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()
