import json
import socket
import subprocess
import sys
import time

import pytest

from tests.routing.simulator.asks import CHAT, chat
from tests.routing.simulator.process import ROOT, SimulatorProcess


@pytest.fixture
def own(tmp_path):
    """A simulator that the test may end."""
    running = SimulatorProcess(tmp_path / "calls.jsonl")
    yield running
    if running.process.poll() is None:
        running.stop()


class TestTheProcess:
    def test_ends_at_once_on_sigterm_even_with_a_stream_open(self, own):
        connection = own.connect()
        body = chat("lorem", stream=True, simulator={"first_delay_ms": 60_000})
        connection.request("POST", CHAT, json.dumps(body))
        connection.getresponse()

        started = time.monotonic()
        code, _ = own.stop()
        connection.close()

        assert code == 0
        assert time.monotonic() - started < 2

    def test_logs_nothing_but_problems(self, own):
        own.post(CHAT, chat("echo"))
        own.post(CHAT, chat("error-500"))
        with socket.create_connection(("127.0.0.1", own.port)) as connection:
            connection.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{" % CHAT.encode())

        assert own.stop() == (0, "")

    def test_says_why_it_cannot_start(self, own, tmp_path):
        command = [
            sys.executable,
            "-m",
            "routing.simulator",
            "--port",
            str(own.port),
            "--record",
            str(tmp_path / "x"),
        ]

        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)

        assert second.returncode != 0
        assert "address already in use" in second.stderr

    def test_imports_nothing_of_ours_and_no_django(self):
        code = (
            "import sys, routing.simulator.__main__\n"
            "ours = ('config', 'accounts', 'workspaces', 'observability', 'django')\n"
            "print([name for name in sys.modules if name.split('.')[0] in ours\n"
            "       or name.startswith('routing.') and not name.startswith('routing.simulator')])"
        )

        loaded = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20
        )

        assert loaded.stdout.strip() == "[]"

    def test_serves_many_at_once_and_records_each_once(self, own):
        connections = [own.connect() for _ in range(50)]
        for number, connection in enumerate(connections):
            body = chat("lorem", max_tokens=number + 1, stream=True, simulator={"chunk_delay_ms": 1})
            connection.request("POST", CHAT, json.dumps(body), {"X-Request-Id": f"call-{number}"})
        for connection in connections:
            assert connection.getresponse().read().endswith(b"data: [DONE]\n\n")
            connection.close()

        counts = [own.call(f"call-{number}").completion_tokens for number in range(50)]
        assert counts == list(range(1, 51))
