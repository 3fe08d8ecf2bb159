"""A search engine of the operator's that can be slow: a search for `wait` is held until it is released."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT = "wait"
USD = "0.007"
FOUND = {"url": "https://lights.example/", "title": "Lights", "highlights": ["Forty lights."]}


class SlowSearch:
    """The server, in the words of one of the engines. `served` are the searches that it has answered."""

    def __init__(self) -> None:
        self.waiting = self.served = 0
        self._is_free = threading.Event()
        search = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name is http.server's
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if asked["query"] == WAIT:
                    search.hold()
                    return
                search.served += 1
                data = json.dumps({"results": [FOUND]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.environment = {
            "HEADGATE_EXA_API_KEY": "exa-key",
            "HEADGATE_EXA_URL": f"http://127.0.0.1:{self._server.server_port}",
            "HEADGATE_WEB_SEARCH_USD": USD,
        }

    def hold(self) -> None:
        """Keep somebody waiting."""
        self.waiting += 1
        self._is_free.wait()

    def release(self) -> None:
        """Send away whoever waits, without an answer, and count anew."""
        self._is_free.set()
        self._is_free = threading.Event()
        self.waiting = self.served = 0

    def close(self) -> None:
        """End it."""
        self.release()
        self._server.shutdown()
        self._server.server_close()
