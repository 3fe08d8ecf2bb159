"""A running gateway for tests: the real process on a free port, and plain HTTP to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from observability.journal_records import End, Record, decode_line
from observability.journal_segment import HEADER_BYTES
from tests.routing.simulator.process import PATIENCE_SECONDS, ROOT, Answer, find_free_port, wait_until

START_SECONDS = 60.0
CHAT = "/api/v1/chat/completions"


class GatewayProcess:
    """`python -m routing.gateway`, from start to stop."""

    def __init__(self, folder: Path, port: int | None = None, **environment: str) -> None:
        self.folder = folder
        self.port = port or find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = folder / f"gateway-{self.port}.log"
        self._records: list[Record] = []
        self._offsets: dict[Path, int] = {}
        command = [sys.executable, "-m", "routing.gateway", "--port", str(self.port)]
        defaults = {
            "HEADGATE_DATA_DIR": str(folder),
            "HEADGATE_PLANE": "gateway",
            "HEADGATE_DRAIN_NOTICE_SECONDS": "0",
            "HEADGATE_DRAIN_SECONDS": "5",
        }
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **defaults, **environment}, stdout=log, stderr=log
            )

    def wait_until_ready(self) -> GatewayProcess:
        """Return once it would serve a request; ends it when that takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while self.status("/readyz") != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"The gateway is not ready: {self.log}")
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        """All that it logged."""
        return self.log_path.read_text()

    def records(self) -> list[Record]:
        """All that it has written into its journal."""
        for segment in sorted((self.folder / "journal").glob("*.journal")):
            offset = self._offsets.get(segment, HEADER_BYTES)
            with segment.open("rb") as file:
                file.seek(offset)
                written = file.read().split(b"\0", 1)[0]
            whole = written[: written.rfind(b"\n") + 1]
            self._offsets[segment] = offset + len(whole)
            self._records += [decode_line(line) for line in whole.splitlines()]
        return list(self._records)

    def end_of(self, generation_id: str) -> End:
        """The end of a generation, once it is written."""
        name = str(uuid.UUID(generation_id.removeprefix("gen-")))
        found: list[End] = []

        def is_written() -> bool:
            lately = reversed(self.records())
            found[:] = [one for one in lately if isinstance(one, End) and one.id == name][:1]
            return bool(found)

        wait_until(is_written, what=f"the end of {generation_id}")
        return found[0]

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """End it as a supervisor would and return its exit status."""
        if self.process.poll() is None:
            self.signal()
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def connect(self, timeout: float = PATIENCE_SECONDS) -> http.client.HTTPConnection:
        """A connection of one's own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def status(self, path: str) -> int:
        """The status of a GET; 0 where nobody listens."""
        try:
            return self.get(path).status
        except OSError:
            return 0

    def get(self, path: str, **headers: str) -> Answer:
        """GET a path."""
        return self.request(
            "GET", path, None, {name.replace("_", "-"): text for name, text in headers.items()}
        )

    def request(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, data, dict(headers))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def post(self, key: str | None, body: Any, path: str = CHAT, **headers: str) -> Answer:
        """POST a body (bytes as they are, else as JSON) and read all of the answer."""
        given = {"Content-Type": "application/json"}
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        given |= {name.replace("_", "-"): text for name, text in headers.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, data, given)

    def stream(self, key: str, model: str, text: str = "one two three", **more: Any) -> Stream:
        """Open a stream; whoever calls closes it."""
        connection = self.connect()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", CHAT, json.dumps(question(model, text, stream=True, **more)), headers)
        return Stream(connection)

    def ask(self, key: str, model: str, text: str = "one two three", **more: Any) -> Answer:
        """Ask a model something."""
        return self.post(key, question(model, text, **more))


class Stream:
    """A stream that is read line by line."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._response = connection.getresponse()
        self.status = self._response.status
        self.id = self._response.headers["x-generation-id"]

    def line(self) -> str:
        """The next line with something on it; empty at the end."""
        while line := self._response.readline():
            if line.strip():
                return line.decode().strip()
        return ""

    def rest(self) -> list[str]:
        """All lines that are left."""
        return list(iter(self.line, ""))

    def close(self) -> None:
        """Hang up."""
        self._response.close()
        self._connection.close()


def question(model: str, text: str = "one two three", **more: Any) -> dict[str, Any]:
    """A body that asks a model something."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}
