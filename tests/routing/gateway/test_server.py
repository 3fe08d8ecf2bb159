"""The process: slow clients are turned away, a signal drains it, and nothing of it is left."""

from __future__ import annotations

import json
import resource
import signal
import socket
import time
from pathlib import Path

from observability.journal_records import Begin, Closed, End
from tests.routing.gateway.process import GatewayProcess, question
from tests.routing.simulator.process import wait_until

SEGMENT = 1 << 20


class TestASlowClient:
    def test_is_turned_away_before_its_head_or_body_is_complete(self, gateway, key):
        head = f"POST /api/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        began = time.monotonic()
        slow = {
            "silent": b"",
            "line ends": b"\r\n",
            "half a head": head.encode(),
            "half a body": head.encode() + b"Content-Length: 100\r\n\r\n{",
        }
        connections = {
            name: socket.create_connection(("127.0.0.1", gateway.port), timeout=20) for name in slow
        }
        for name, sent in slow.items():
            connections[name].sendall(sent)

        answers = {name: read_all(connection) for name, connection in connections.items()}

        assert 9 < time.monotonic() - began < 15
        assert {name: b" 408 " in answer for name, answer in answers.items()} == dict.fromkeys(slow, True)

    def test_does_not_keep_others_waiting(self, gateway, key):
        idle = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(200)]
        for connection in idle:
            connection.sendall(b"POST /api/v1/chat/completions HTTP/1.1\r\nHost: x\r\n")

        answer = gateway.ask(key, "test/echo")
        for connection in idle:
            connection.close()

        assert answer.status == 200


class TestRequestsOnOneConnection:
    def test_are_served_one_after_the_other(self, gateway, key):
        connection = gateway.connect()
        for _ in range(3):
            connection.request(
                "POST",
                "/api/v1/chat/completions",
                json.dumps(question("test/echo")),
                {"Authorization": f"Bearer {key}"},
            )
            assert connection.getresponse().read()
        connection.close()

    def test_may_be_sent_ahead(self, gateway, key):
        body = json.dumps(question("test/echo")).encode()
        head = f"POST /api/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        request = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
        last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
            connection.sendall(request * 2 + last)
            answer = read_all(connection)

        assert answer.count(b"HTTP/1.1 200 OK") == 3
        assert answer.endswith(b"ok\n")

    def test_end_when_a_body_was_not_read(self, gateway):
        answer = gateway.post(None, b"x" * 100_000)

        assert answer.status == 401
        assert answer.headers["connection"] == "close"


class TestASignal:
    def test_is_announced_before_the_listener_closes(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_DRAIN_NOTICE_SECONDS="3")
        began = time.monotonic()

        gateway.signal()
        wait_until(lambda: gateway.status("/readyz") == 503, what="readiness to go red")
        answer = gateway.ask(key, "test/echo")

        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert gateway.process.wait(20) == 0
        assert time.monotonic() - began >= 3

    def test_lets_streams_finish(self, start_gateway, key):
        gateway = start_gateway()
        stream = gateway.stream(key, "test/echo", "one two three four", simulator={"chunk_delay_ms": 500})
        stream.line()

        gateway.signal()
        lines = stream.rest()
        stream.close()

        assert lines[-1] == "data: [DONE]"
        assert gateway.process.wait(20) == 0
        assert isinstance(gateway.records()[-1], Closed)

    def test_ends_streams_after_the_drain_with_an_error_and_a_charge(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_DRAIN_SECONDS="1")
        stream = gateway.stream(key, "test/echo", "one two three four", simulator={"chunk_delay_ms": 15_000})
        waiting = gateway.stream(key, "test/slow", "30000")
        stream.line()

        gateway.signal()
        last, other = stream.rest()[-2:], waiting.rest()[-2:]
        stream.close()
        waiting.close()

        assert gateway.process.wait(20) == 0
        assert last[1] == other[1] == "data: [DONE]"
        assert json.loads(last[0].removeprefix("data: "))["error"]["code"] == 503
        end = gateway.end_of(stream.id)
        assert (end.status, end.prompt_tokens, end.completion_tokens) == ("error", 4, 1)
        assert gateway.end_of(waiting.id).cost_nano == 0
        assert isinstance(gateway.records()[-1], Closed)

    def test_that_comes_twice_ends_it_at_once(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_DRAIN_SECONDS="60")
        stream = gateway.stream(key, "test/echo", "one two", simulator={"chunk_delay_ms": 30_000})
        stream.line()

        gateway.signal()
        wait_until(lambda: gateway.status("/healthz") == 0, what="the listener to close")
        gateway.signal(signal.SIGINT)

        gateway.process.wait(3)
        stream.close()


class TestADeadProcess:
    def test_leaves_what_it_began_in_the_journal_and_no_process_behind(self, start_gateway, key):
        gateway = start_gateway()
        assert gateway.ask(key, "test/echo", "word " * 80_000, max_tokens=1).status == 200
        children = children_of(gateway.process.pid)
        stream = gateway.stream(key, "test/echo", "one two", simulator={"chunk_delay_ms": 30_000})
        stream.line()

        gateway.kill()
        stream.close()

        assert len(children) >= 2
        wait_until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), what="the children to end"
        )
        begun = {record.id for record in gateway.records() if isinstance(record, Begin)}
        ended = {record.id for record in gateway.records() if isinstance(record, End)}
        assert len(begun - ended) == 1


class TestAJournalThatCannotBeWritten:
    def test_turns_requests_away_until_there_is_room_and_loses_no_end(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_JOURNAL_SEGMENT_BYTES=str(SEGMENT))
        titles = dict.fromkeys(("X_Title", "X_Session_Id", "HTTP_Referer"), "x" * 500)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (SEGMENT - 1, resource.RLIM_INFINITY))
        fill = question("test/echo", user="u" * 500)
        answers = [gateway.post(key, fill, **titles)]
        while answers[-1].status == 200 and len(answers) < 2000:
            answers.append(gateway.post(key, fill, **titles))

        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        wait_until(lambda: gateway.post(key, fill, **titles).status == 200, what="room")
        gateway.stop()

        assert answers[-1].status == 503
        assert int(answers[-1].headers["retry-after"]) >= 1
        begun = {record.id for record in gateway.records() if isinstance(record, Begin)}
        assert {record.id for record in gateway.records() if isinstance(record, End)} == begun

    def test_is_said_and_ends_the_process(self, stage, tmp_path):
        (tmp_path / "journal").write_text("no folder")
        gateway = GatewayProcess(tmp_path)

        assert gateway.process.wait(60) != 0
        assert "the gateway cannot start" in gateway.log


def read_all(connection):
    """Everything until the other side closes."""
    received = b""
    while data := connection.recv(65536):
        received += data
    connection.close()
    return received


def children_of(pid):
    """The processes below a process."""
    return [
        int(child)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
