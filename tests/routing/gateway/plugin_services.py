"""The services that plugins ask, as one local server: a search engine, a moderator, an OCR and a web site."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.routing.plugins.pdfs import pdf

RESULTS = [
    {"url": "https://a.example/one", "title": "One", "highlights": ["first", "second"]},
    {"url": "https://news.b.example/two", "title": "Two", "highlights": ["third"]},
]


class Asked(NamedTuple):
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: Any


class Services:
    """The server. What it says can be changed between requests."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.results: list[dict[str, Any]] = RESULTS
        self.status = 200
        self.flagged: dict[str, bool] = {}
        services = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name is http.server's
                data = self.rfile.read(int(self.headers["Content-Length"]))
                is_json = self.headers["Content-Type"] == "application/json"
                headers = {name.lower(): value for name, value in self.headers.items()}
                services.asked.append(Asked(self.path, headers, json.loads(data) if is_json else data))
                self._answer(services.status, json.dumps(services.answer(self.path)).encode())

            def do_GET(self) -> None:  # the name is http.server's
                services.asked.append(Asked(self.path, {}, None))
                found = {"/file.pdf": pdf("From the web"), "/page.html": b"<html>"}.get(self.path)
                self._answer(200 if found else 404, found or b"")

            def _answer(self, status: int, data: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def reset(self) -> None:
        """Say what it says at first."""
        self.asked.clear()
        self.results, self.status, self.flagged = RESULTS, 200, {}

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> dict[str, Any]:
        """What it says under a path."""
        if path.endswith("/moderations"):
            return {"results": [{"flagged": any(self.flagged.values()), "categories": self.flagged}]}
        if path.endswith("/ocr"):
            return {"pages": [{"index": 0, "markdown": "Seen by the OCR"}]}
        return {"results": self.results}
