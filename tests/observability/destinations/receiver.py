"""A strict HTTP server on this machine that plays every vendor, and the door that leads to it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from urllib.parse import urlsplit

from config.lib.outbound import CallFailed, OutboundRules, Reply
from observability.destinations.exchange import VendorRequest
from observability.door import OutboundDoor

HERE = OutboundRules((ip_network("127.0.0.0/8"),))


@dataclass(frozen=True)
class Got:
    """A request as it arrived; header names in lower case, the body without its compression."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Vendor:
    """What the server answers with, and what it was sent."""

    answer: Callable[[Got], tuple[int, bytes, dict[str, str]]]
    got: list[Got] = field(default_factory=list)
    origin: str = ""

    @property
    def everything(self) -> bytes:
        """All that arrived."""
        return b"\n".join(
            b"\n".join([each.path.encode(), repr(dict(each.headers)).encode(), each.body])
            for each in self.got
        )


@contextmanager
def listening(vendor: Vendor) -> Iterator[Vendor]:
    """The vendor, reachable at `origin`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            got = Got(self.command, headers.get("x-meant-host", headers["host"]), self.path, headers, body)
            vendor.got.append(got)
            status, text, extra = vendor.answer(got)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **extra}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = handle_any

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    vendor.origin = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class ReroutedDoor:
    """The real door, with every address led to the vendor that plays it."""

    def __init__(self, origin: str) -> None:
        self._origin, self._door = origin, OutboundDoor(HERE)

    def send(self, request: VendorRequest) -> Reply:
        """Send one request."""
        return self._door.send(self._rerouted(request))

    def send_all(self, requests: Sequence[VendorRequest]) -> list[Reply | CallFailed]:
        """Send requests at the same time."""
        return self._door.send_all([self._rerouted(each) for each in requests])

    def close(self) -> None:
        """Let the connections go."""
        self._door.close()

    def _rerouted(self, request: VendorRequest) -> VendorRequest:
        parts = urlsplit(request.url)
        there = request.url.removeprefix(f"{parts.scheme}://{parts.netloc}")
        headers = {**request.headers, "X-Meant-Host": parts.netloc}
        return replace(request, url=f"{self._origin}{there}", headers=headers)
