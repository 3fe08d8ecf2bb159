"""An address for Prometheus alone, served by a thread; processes of a host may share it (SO_REUSEPORT)."""

from __future__ import annotations

import hmac
import ipaddress
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from config.lib.metrics import CONTENT_TYPE

PATH = "/metrics"
CLIENT_SECONDS = 5.0


def address_of(text: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[host]:port`. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("must be an IP address and a port, like 127.0.0.1:9464")
    return str(ipaddress.ip_address(host)), int(port)


def may_read(authorization: str | None, token: str) -> bool:
    """Whether an Authorization header names the token; without a token anybody may."""
    given = (authorization or "").encode("utf-8", "surrogatepass")
    return not token or hmac.compare_digest(given, f"Bearer {token}".encode())


class MetricsServer(ThreadingHTTPServer):
    """Answers `GET /metrics` and nothing else."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], tell: Callable[[], str], token: str) -> None:
        """Listen. Raises OSError."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.tell, self.token = tell, token
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind as one of several; without looking up the host's name, which may take long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is nobody's business."""

    def start(self) -> None:
        """Serve from a thread of its own."""
        threading.Thread(target=self.serve_forever, name="metrics-server", daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """One scrape."""

    server: MetricsServer
    timeout = CLIENT_SECONDS
    server_version, sys_version = "headgate", ""

    def do_GET(self) -> None:
        """Tell everything to whoever may know."""
        if self.path.partition("?")[0] != PATH:
            self._answer(404, "only /metrics is here\n")
        elif not may_read(self.headers.get("Authorization"), self.server.token):
            self._answer(401, "a token is needed\n")
        else:
            self._answer(200, self.server.tell(), CONTENT_TYPE)

    def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Scrapes are not logged."""
