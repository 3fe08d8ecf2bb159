"""A little of the web on this machine: one page, and a search engine that speaks Exa's interface and knows only it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TITLE, SENTENCE = (
    "Lighthouses of the north",
    "The lamp of the northern lighthouse burns whale oil every night.",
)
PAGE = f"""<!doctype html><html><head><title>{TITLE}</title></head><body><nav>Home</nav>
<article><h1>{TITLE}</h1>{"".join(f"<p>{SENTENCE} So it was in year {year}.</p>" for year in range(1801, 1809))}
</article></body></html>"""


class SmallWeb:
    """The server, from start to stop."""

    def __init__(self) -> None:
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # the name is http.server's
                is_page = self.path == "/article"
                self._answer(200 if is_page else 404, "text/html; charset=utf-8", PAGE if is_page else "")

            def do_POST(self) -> None:  # the name is http.server's
                self.rfile.read(int(self.headers["Content-Length"]))
                found = {"url": web.page, "title": TITLE, "highlights": [SENTENCE]}
                self._answer(200, "application/json", json.dumps({"results": [found]}))

            def _answer(self, status: int, kind: str, text: str) -> None:
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.page = f"{self.url}/article"

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
