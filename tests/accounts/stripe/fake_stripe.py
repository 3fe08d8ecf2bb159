"""Stripe's side of Checkout: a real server that remembers what it was asked, and its signed events."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from django.test import Client

SECRET = "whsec_of_the_tests"
KEY = "sk_test_of_the_tests"
EVENTS = itertools.count(1)


class FakeStripe:
    """What was asked, and how the next question is answered."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.status, self.answer = 200, b""
        self.url = ""

    def reply(self) -> bytes:
        """A session with a number of its own."""
        number = len(self.asked)
        session = {"id": f"cs_test_{number}", "url": f"https://checkout.stripe.test/pay/cs_test_{number}"}
        return self.answer or json.dumps(session).encode()


@contextmanager
def serve() -> Iterator[FakeStripe]:
    """A server on 127.0.0.1 while the block runs."""
    stripe = FakeStripe()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            stripe.asked.append((self.path, dict(self.headers), dict(parse_qsl(body))))
            content = stripe.reply()
            self.send_response(stripe.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    stripe.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stripe
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def event(kind: str, about: dict[str, Any], **changes: Any) -> bytes:
    """An event about an object, as Stripe sends it."""
    whole = {"id": f"evt_{next(EVENTS)}", "object": "event", "type": kind, "data": {"object": about}}
    return json.dumps(whole | changes).encode()


def signature(body: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    """The header that goes with a body."""
    moment = int(time.time() if at is None else at)
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"


def tell(body: bytes, header: str | None = None) -> int:
    """Post an event to the webhook; the answer's status."""
    sent = {"Stripe-Signature": signature(body) if header is None else header}
    answer = Client(enforce_csrf_checks=True).post(
        "/webhooks/stripe", body, content_type="application/json", headers=sent
    )
    return answer.status_code
