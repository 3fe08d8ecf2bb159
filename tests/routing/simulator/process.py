"""A running simulator for tests: the real process on a free port, its record, and plain HTTP."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from routing.simulator.record import Call, read_calls

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)

    def events(self):
        """The JSON of each server-sent event, in order; a closing [DONE] stays text."""
        lines = [
            line.removeprefix("data: ")
            for line in self.body.decode().splitlines()
            if line.startswith("data: ")
        ]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]


class SimulatorProcess:
    """`python -m routing.simulator`, from start to stop."""

    def __init__(self, record: Path) -> None:
        self.record = record
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [
            sys.executable,
            "-m",
            "routing.simulator",
            "--port",
            str(self.port),
            "--record",
            str(record),
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
        wait_until(self._listens, what="the simulator to listen")

    def stop(self) -> tuple[int, str]:
        """End it by SIGTERM and return its exit code and what it logged."""
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, log.decode()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def get(self, path: str) -> Answer:
        return self._request("GET", path, None, {})

    def post(self, path: str, body: object, request_id: str | None = None) -> Answer:
        """Send a body (bytes as they are, else as JSON) and read the whole answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._request("POST", path, data, {"X-Request-Id": request_id} if request_id else {})

    def recorded(self, path: str, body: object) -> tuple[Answer, Call]:
        """Send a body and return the answer with what the record says of this very call."""
        request_id = uuid.uuid4().hex
        answer = self.post(path, body, request_id)
        return answer, self.call(request_id)

    def call(self, request_id: str) -> Call:
        [call] = [call for call in read_calls(self.record).values() if call.request_id == request_id]
        return call

    def _request(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = self.connect()
        try:
            connection.request(method, path, data, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"The simulator ended: {self.process.communicate()[1].decode()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_so: Callable[[], bool], *, what: str) -> None:
    """Return as soon as it is so. Raises AssertionError when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"Waited too long for {what}."
        time.sleep(0.01)
