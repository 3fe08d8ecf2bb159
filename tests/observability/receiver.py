"""A local server that plays a vendor: what it is asked decides how it behaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from observability.door import MOST_ANSWER_BYTES


@dataclass
class Receiver:
    """What arrived: method, path, headers and body of each request, and over which connections."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    callers: set[tuple[str, int]] = field(default_factory=set)
    silence: threading.Event = field(default_factory=threading.Event)
    together: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=10))


STATUSES = {"/moved": 302, "/refused": 401}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A running one."""
    known = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            known.requests.append((self.command, self.path, dict(self.headers), body))
            known.callers.add(self.client_address)
            if self.path == "/silent":
                known.silence.wait(10)
            if self.path.startswith("/together"):
                known.together.wait()
            answer = b"x" * (MOST_ANSWER_BYTES * 4) if self.path == "/flood" else b"taken"
            self.send_response(STATUSES.get(self.path, 202))
            self.send_header("Location", f"{known.url}/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_PUT = do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    known.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield known
    finally:
        known.silence.set()
        server.shutdown()
        server.server_close()
