"""A ClickHouse engine behind the HTTP interface that our destination uses: queries in the URL or the body.

Run by a Python that has chdb: `clickhouse_http.py PORT FOLDER USER PASSWORD`.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from chdb.session import Session

PORT, FOLDER, USER, PASSWORD = int(sys.argv[1]), *sys.argv[2:5]
session = Session(FOLDER)


class Handler(BaseHTTPRequestHandler):
    """One statement per request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
        if (self.headers["X-ClickHouse-User"], self.headers["X-ClickHouse-Key"]) != (USER, PASSWORD):
            return self.answer(401, "Authentication failed")
        try:
            return self.answer(200, str(session.query(f"{query}\n{body}", "JSONEachRow")))
        except Exception as error:
            return self.answer(404 if "UNKNOWN_TABLE" in str(error) else 400, str(error))

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
