"""A running gateway for tests: the real process on a free port, and plain HTTP to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.routing.simulator.process import PATIENCE_SECONDS, ROOT, Answer, find_free_port

START_SECONDS = 60.0
CHAT = "/api/v1/chat/completions"


class GatewayProcess:
    """`python -m routing.gateway`, from start to stop."""

    def __init__(self, folder: Path, port: int | None = None, **environment: str) -> None:
        self.folder = folder
        self.port = port or find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = folder / f"gateway-{self.port}.log"
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

    def ask(self, key: str, model: str, text: str = "one two three", **more: Any) -> Answer:
        """Ask a model something."""
        return self.post(key, question(model, text, **more))


def question(model: str, text: str = "one two three", **more: Any) -> dict[str, Any]:
    """A body that asks a model something."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}
