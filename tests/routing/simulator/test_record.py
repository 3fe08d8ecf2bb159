import json
import uuid

import pytest

from routing.simulator.app import digest_of
from routing.simulator.record import Recorder, read_calls
from tests.routing.simulator.asks import CHAT, chat
from tests.routing.simulator.process import wait_until


def read_lines(simulator, request_id):
    """The record's lines of one call."""
    lines = [json.loads(line) for line in simulator.record.read_text().splitlines()]
    [call] = {line["call"] for line in lines if line.get("request_id") == request_id}
    return [line for line in lines if line["call"] == call]


class TestRecordingAStream:
    def test_has_a_line_for_the_call_each_chunk_and_the_end(self, simulator):
        request_id = uuid.uuid4().hex

        simulator.post(CHAT, chat("echo", stream=True), request_id)

        lines = read_lines(simulator, request_id)
        assert [line["event"] for line in lines] == ["call", "chunk", "chunk", "chunk", "done"]
        assert [line.get("completion_tokens") for line in lines] == [None, 1, 2, 3, 3]
        assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
        first = {key: value for key, value in lines[0].items() if key not in ("at", "call")}
        assert first == {
            "event": "call",
            "request_id": request_id,
            "provider": "simulator-fast",
            "model": "simulator/echo",
            "stream": True,
            "prompt_tokens": 3,
        }

    def test_names_the_answer_by_the_same_id(self, simulator):
        answer, call = simulator.recorded(CHAT, chat("echo"))

        assert answer.json()["id"] == f"chatcmpl-{call.id}"
        assert answer.headers["x-request-id"] == call.id

    def test_knows_the_generation_id_as_well(self, simulator):
        request_id = uuid.uuid4().hex
        connection = simulator.connect()

        connection.request("POST", CHAT, json.dumps(chat("echo")), {"X-Generation-Id": request_id})
        connection.getresponse().read()
        connection.close()

        assert simulator.call(request_id).outcome == "done"

    def test_is_ahead_of_what_the_client_has_read(self, simulator):
        request_id = uuid.uuid4().hex
        body = chat("lorem", max_tokens=5, stream=True, simulator={"chunk_delay_ms": 20})
        connection = simulator.connect()
        connection.request("POST", CHAT, json.dumps(body), {"X-Request-Id": request_id})
        response = connection.getresponse()

        ahead = []
        received = -1  # the opening chunk has no token
        while line := response.readline():
            if line.startswith(b"data: {") and b'"finish_reason":null' in line:
                received += 1
                ahead.append(simulator.call(request_id).completion_tokens - received)
        connection.close()

        assert len(ahead) == 6
        assert min(ahead) >= 0

    def test_tells_when_the_client_hangs_up_and_what_was_produced(self, simulator):
        request_id = uuid.uuid4().hex
        body = chat("lorem", max_tokens=60_000, stream=True, simulator={"chunk_delay_ms": 5})
        connection = simulator.connect()
        connection.request("POST", CHAT, json.dumps(body), {"X-Request-Id": request_id})
        response = connection.getresponse()
        while b"dolor" not in response.readline():
            pass

        response.close()
        connection.close()

        wait_until(lambda: simulator.call(request_id).outcome == "gone", what="the hang-up to be recorded")
        assert 3 <= simulator.call(request_id).completion_tokens < 60_000

    def test_notices_a_hang_up_even_when_it_streams_without_a_pause(self, simulator):
        request_id = uuid.uuid4().hex
        connection = simulator.connect()
        body = chat("lorem", max_tokens=65_536, stream=True)
        connection.request("POST", CHAT, json.dumps(body), {"X-Request-Id": request_id})
        response = connection.getresponse()
        response.readline()

        response.close()
        connection.close()

        wait_until(lambda: simulator.call(request_id).outcome == "gone", what="the hang-up to be recorded")

    def test_notices_a_hang_up_before_an_answer_that_is_not_streamed(self, simulator):
        request_id = uuid.uuid4().hex
        connection = simulator.connect()
        connection.request("POST", CHAT, json.dumps(chat("slow", "60000")), {"X-Request-Id": request_id})
        wait_until(lambda: request_id in simulator.record.read_text(), what="the call to be recorded")

        connection.close()

        wait_until(lambda: simulator.call(request_id).outcome == "gone", what="the hang-up to be recorded")


class TestReadingARecord:
    def test_finds_an_unfinished_call_open(self, tmp_path):
        recorder = Recorder(tmp_path / "calls.jsonl")
        fields = {"request_id": None, "provider": "p", "model": "m", "stream": True, "prompt_tokens": 4}
        recorder.call("a", fields)
        recorder.chunk("a", 2)
        recorder.close()

        call = read_calls(tmp_path / "calls.jsonl")["a"]

        assert (call.outcome, call.prompt_tokens, call.completion_tokens, call.ended_at) == (
            "open",
            4,
            2,
            None,
        )
        assert call.is_billable

    def test_goes_on_in_the_file_of_an_earlier_process(self, tmp_path):
        for name in ("a", "b"):
            recorder = Recorder(tmp_path / "deep" / "calls.jsonl")
            recorder.error(name, {"request_id": None, "provider": "p", "model": "", "status": 400})
            recorder.close()

        assert list(read_calls(tmp_path / "deep" / "calls.jsonl")) == ["a", "b"]

    def test_passes_over_a_torn_last_line(self, tmp_path):
        record = tmp_path / "calls.jsonl"
        record.write_text('{"at":1,"event":"ca')

        assert read_calls(record) == {}

    @pytest.mark.parametrize(
        "line", ["nonsense", '{"at":1,"event":"odd","call":"a","request_id":1,"provider":"","model":""}']
    )
    def test_refuses_a_damaged_line(self, tmp_path, line):
        record = tmp_path / "calls.jsonl"
        record.write_text(f"{line}\n")

        with pytest.raises(ValueError, match=r"line 1|unknown kind"):
            read_calls(record)


class TestRecordingAKey:
    @pytest.mark.parametrize("header", ["Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key"])
    def test_keeps_a_digest_of_it(self, simulator, header):
        request_id = uuid.uuid4().hex
        key = "Bearer sk-1" if header == "Authorization" else "sk-1"

        simulator._request(
            "POST", CHAT, json.dumps(chat("echo")).encode(), {"X-Request-Id": request_id, header: key}
        )

        assert simulator.call(request_id).credential == digest_of("sk-1")
        assert "sk-1" not in simulator.record.read_text()

    def test_answers_a_key_with_the_status_that_it_ends_in(self, simulator):
        request_id = uuid.uuid4().hex
        headers = {"X-Request-Id": request_id, "Authorization": "Bearer sk-1-error-403"}

        answer = simulator._request("POST", CHAT, json.dumps(chat("echo")).encode(), headers)

        assert answer.status == 403
        call = simulator.call(request_id)
        assert (call.status, call.credential) == (403, digest_of("sk-1-error-403"))
