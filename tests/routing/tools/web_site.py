"""A web site of tests' own, with some pages that mean no good, and a search engine that speaks SearXNG's JSON."""

from __future__ import annotations

import gzip
import json
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.routing.plugins.pdfs import pdf

ARTICLE = (
    "<!doctype html><html><head><title>The Lighthouse</title></head><body>"
    "<nav><a href='/'>Home</a> <a href='/shop'>Shop</a></nav><main><article><h1>The Lighthouse</h1>"
    "<p>The lighthouse was built in 1874 by <a href='/people/ada'>Ada Berg</a>, who lived in it until she died.</p>"
    "<p>Its lamp is seen for twenty miles, and its keeper has counted every ship since the first night.</p>"
    "<ul><li>Height: 41 metres</li><li>Steps: 217</li></ul></article></main>"
    "<footer>We use cookies. Imprint.</footer></body></html>"
)
TARGETS = {
    "loopback": "http://127.0.0.1:1/secret",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "ipv6": "http://[::1]/",
    "mapped": "http://[::ffff:127.0.0.1]/",
    "name": "http://localhost:1/",
    "decimal": "http://2130706433/",
    "octal": "http://0177.0.0.1/",
    "file": "file:///etc/passwd",
    "credentials": "http://user:secret@127.0.0.1/",
}
HTML = "text/html; charset=utf-8"


class Site:
    """The server; `asked` are the paths that arrived."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.found: list[dict[str, Any]] = []
        self.status = 200
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # the name is http.server's
                parts = urlsplit(self.path)
                site.asked.append(self.path)
                if parts.path == "/search":
                    self._answer(site.status, "application/json", json.dumps(site.answer(parts.query)))
                elif parts.path == "/drip":
                    self._drip()
                elif parts.path.startswith("/to/"):
                    self._redirect(parts.path.removeprefix("/to/"))
                else:
                    self._page(parts.path)

            def do_POST(self) -> None:  # the name is http.server's
                data = self.rfile.read(int(self.headers["Content-Length"]))
                site.asked.append(self.path)
                self._answer(
                    site.status, "application/json", json.dumps(site.read(self.path, json.loads(data)))
                )

            def _page(self, path: str) -> None:
                status, kind, body, *encoding = PAGES.get(path, (404, HTML, "No such page"))
                self._answer(status, kind, body, *encoding)

            def _redirect(self, where: str) -> None:
                hops = where.isdigit()
                target = TARGETS.get(where, f"/{where}")
                if hops:
                    target = f"/to/{int(where) - 1}" if int(where) > 1 else "/article"
                if where == "loop":
                    target = "/to/loop"
                self._answer(302, "text/plain", "", location=target)

            def _answer(
                self, status: int, kind: str, body: str | bytes, encoding: str = "", *, location: str = ""
            ) -> None:
                data = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                headers = {"Content-Type": kind, "Content-Encoding": encoding, "Location": location}
                for name, value in headers.items():
                    if value:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _drip(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                for _ in range(200):
                    try:
                        self.wfile.write(b"x")
                        self.wfile.flush()
                    except OSError:
                        return
                    time.sleep(0.05)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def reset(self) -> None:
        """Say what it says at first."""
        self.asked.clear()
        self.found, self.status = [], 200

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, query: str) -> dict[str, Any]:
        """The search engine's answer."""
        return {"query": parse_qs(query)["q"][0], "results": self.found}

    def read(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What a service makes of a page."""
        if path == "/v2/scrape":
            about = {"title": "Scraped", "statusCode": 200}
            return {"success": True, "data": {"markdown": f"# {body['url']}", "metadata": about}}
        text = f"read {body['urls'][0]}"
        return {"results": [{"url": body["urls"][0], "title": "Read", "text": text, "full_content": text}]}


PAGES: dict[str, tuple[Any, ...]] = {
    "/article": (200, HTML, ARTICLE),
    "/latin": (
        200,
        "text/html; charset=iso-8859-1",
        "<html><body><p>Café für alle</p></body></html>".encode("cp1252"),
    ),
    "/lies": (
        200,
        "text/html; charset=utf-8",
        "<html><body><p>Žluťoučký kůň</p></body></html>".encode("utf-16"),
    ),
    "/no-such-charset": (200, "text/html; charset=klingon", "<html><body><p>Grüße</p></body></html>"),
    "/data.json": (200, "application/json", '{"height": 41}'),
    "/notes.txt": (200, "text/plain", "Two lines\nof text"),
    "/picture": (200, "image/png", b"\x89PNG\r\n\0\0"),
    "/paper.pdf": (200, "application/pdf", pdf("Of towers", "And of lamps")),
    "/nothing": (200, HTML, ""),
    "/deep": (200, HTML, "<div>" * 100_000 + "down here"),
    "/big": (200, "text/plain", b"x" * ((5 << 20) + 1)),
    "/long": (200, "text/plain", "word " * 50_000),
    "/packed": (200, HTML, gzip.compress(ARTICLE.encode()), "gzip"),
    "/bomb": (200, HTML, gzip.compress(b"\0" * (50 << 20)), "gzip"),
    "/broken": (200, HTML, b"not packed at all", "gzip"),
    "/deflated": (200, HTML, zlib.compress(ARTICLE.encode()), "br"),
    "/away": (404, HTML, "gone"),
}
