"""The behaviours that go wrong on purpose, in every wire format, and hostile requests."""

import http.client
import json
import uuid

import pytest

from routing.simulator.behaviours import BROKEN_JSON
from tests.routing.simulator.asks import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    chat,
    completion,
    gemini,
    generate,
    message,
    stream_generate,
)
from tests.routing.simulator.process import SimulatorProcess, wait_until


def ask(dialect, model, text="one two three four"):
    """The path and the body that put the same question in a wire format."""
    return {
        "chat": (CHAT, chat(model, text)),
        "chat stream": (CHAT, chat(model, text, stream=True)),
        "completions": (COMPLETIONS, completion(model, text)),
        "completions stream": (COMPLETIONS, completion(model, text, stream=True)),
        "messages": (MESSAGES, message(model, text)),
        "messages stream": (MESSAGES, message(model, text, stream=True)),
        "gemini": (generate(model), gemini(text)),
        "gemini stream": (stream_generate(model), gemini(text)),
        "embeddings": (EMBEDDINGS, {"model": f"simulator/{model}", "input": text}),
    }[dialect]


def duration_of(call):
    """The milliseconds from the call to its end, rounded up by the two that a timer may be early."""
    return (call.ended_at - call.started_at) / 1000 + 2


def is_json(data):
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


STREAMS = ["chat stream", "completions stream", "messages stream", "gemini stream"]
WHOLE = ["chat", "completions", "messages", "gemini", "embeddings"]
DIALECTS = [*STREAMS, *WHOLE]


class TestErrors:
    @pytest.mark.parametrize("dialect", DIALECTS)
    def test_have_the_status_asked_for_and_charge_nothing(self, simulator, dialect):
        answer, call = simulator.recorded(*ask(dialect, "error-502"))

        assert answer.status == 502
        assert answer.json()["error"]["message"]
        assert (call.outcome, call.status, call.model) == ("error", 502, "simulator/error-502")
        assert not call.is_billable

    @pytest.mark.parametrize(
        ("status", "seconds"), [(429, "1"), (503, "1"), (500, None), (400, None), (529, None)]
    )
    def test_say_when_to_retry_where_that_helps(self, simulator, status, seconds):
        answer = simulator.post(*ask("chat", f"error-{status}"))

        assert (answer.status, answer.headers.get("retry-after")) == (status, seconds)

    @pytest.mark.parametrize(
        ("dialect", "status", "error"),
        [
            ("chat", 401, {"type": "invalid_request_error", "param": None, "code": "invalid_api_key"}),
            ("chat", 429, {"type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}),
            ("chat", 500, {"type": "server_error", "param": None, "code": None}),
            ("messages", 429, {"type": "rate_limit_error"}),
            ("messages", 529, {"type": "overloaded_error"}),
            ("messages", 500, {"type": "api_error"}),
            ("gemini", 429, {"code": 429, "status": "RESOURCE_EXHAUSTED"}),
            ("gemini", 503, {"code": 503, "status": "UNAVAILABLE"}),
            ("gemini", 400, {"code": 400, "status": "INVALID_ARGUMENT"}),
        ],
    )
    def test_are_shaped_as_the_provider_shapes_them(self, simulator, dialect, status, error):
        body = simulator.post(*ask(dialect, f"error-{status}")).json()

        assert {key: value for key, value in body["error"].items() if key != "message"} == error
        assert body.get("type") == ("error" if dialect == "messages" else None)

    @pytest.mark.parametrize(
        "model", ["error-200", "error-399", "error-600", "error-5", "error-5000", "unknown", "é"]
    )
    def test_are_a_404_for_a_model_that_does_not_exist(self, simulator, model):
        answer = simulator.post(*ask("chat", model))

        assert answer.status == 404
        assert answer.json()["error"]["code"] == "model_not_found"


class TestFlaky:
    def test_fails_every_other_call_at_each_provider_on_its_own(self, tmp_path):
        simulator = SimulatorProcess(tmp_path / "calls.jsonl")
        try:
            statuses = {
                slug: [simulator.post(f"/{slug}/v1/chat/completions", chat("flaky")).status for _ in range(4)]
                for slug in ("simulator", "simulator-fast")
            }
        finally:
            simulator.stop()

        assert statuses == {"simulator": [503, 200, 503, 200], "simulator-fast": [503, 200, 503, 200]}


class TestSlow:
    @pytest.mark.parametrize("dialect", DIALECTS)
    def test_waits_as_long_as_the_prompt_says(self, simulator, dialect):
        answer, call = simulator.recorded(*ask(dialect, "slow", "wait 120 ms"))

        assert answer.status == 200
        assert duration_of(call) >= 120

    def test_echoes_after_the_wait(self, simulator):
        answer = simulator.post(*ask("chat", "slow", "after 5 ms"))

        assert answer.json()["choices"][0]["message"]["content"] == "after 5 ms"


class TestPace:
    def test_is_as_the_caller_wishes(self, simulator):
        path, body = ask("chat stream", "lorem")
        pace = {"simulator": {"first_delay_ms": 60, "chunk_delay_ms": 30}, "max_tokens": 3}

        _, call = simulator.recorded(path, body | pace)

        assert duration_of(call) >= 120

    @pytest.mark.parametrize(
        "wish", [{"first_delay_ms": -1}, {"chunk_delay_ms": "9"}, {"chunk_delay_ms": 1e9}, 7]
    )
    def test_is_refused_when_it_makes_no_sense(self, simulator, wish):
        path, body = ask("chat", "echo")

        assert simulator.post(path, body | {"simulator": wish}).status == 400

    def test_differs_between_the_providers(self, simulator):
        durations = {}
        for slug in ("simulator-fast", "simulator", "simulator-zdr"):
            _, call = simulator.recorded(f"/{slug}/v1/chat/completions", chat("echo"))
            assert call.provider == slug
            durations[slug] = duration_of(call)

        assert durations["simulator"] >= 4
        assert durations["simulator-zdr"] >= 15

    def test_is_the_plain_providers_without_a_slug(self, simulator):
        _, call = simulator.recorded("/v1/chat/completions", chat("echo"))

        assert call.provider == "simulator"


class TestCut:
    @pytest.mark.parametrize("dialect", DIALECTS)
    def test_drops_the_connection_in_the_middle(self, simulator, dialect):
        request_id = uuid.uuid4().hex

        with pytest.raises(http.client.IncompleteRead):
            simulator.post(*ask(dialect, "cut"), request_id)

        assert simulator.call(request_id).outcome == "cut"

    @pytest.mark.parametrize("dialect", STREAMS)
    def test_has_streamed_half_of_the_words_before(self, simulator, dialect):
        request_id = uuid.uuid4().hex

        with pytest.raises(http.client.IncompleteRead) as caught:
            simulator.post(*ask(dialect, "cut"), request_id)

        assert b"one " in caught.value.partial
        assert b"two " in caught.value.partial
        assert b"three" not in caught.value.partial
        assert simulator.call(request_id).completion_tokens == 2


class TestGarbage:
    @pytest.mark.parametrize("dialect", DIALECTS)
    def test_is_a_200_that_nobody_can_read(self, simulator, dialect):
        answer, call = simulator.recorded(*ask(dialect, "garbage"))

        assert answer.status == 200
        assert not is_json(answer.body)
        assert (call.outcome, call.status, call.completion_tokens) == ("error", 200, 0)

    def test_comes_under_the_content_type_that_was_asked_for(self, simulator):
        types = [
            simulator.post(*ask(dialect, "garbage")).headers["content-type"]
            for dialect in ("chat", "chat stream")
        ]

        assert types == ["application/json", "text/event-stream; charset=utf-8"]


class TestBrokenJson:
    def test_is_a_well_formed_answer_whose_text_is_no_json(self, simulator):
        text = simulator.post(*ask("chat", "broken-json")).json()["choices"][0]["message"]["content"]

        assert text == BROKEN_JSON
        assert not is_json(text)

    @pytest.mark.parametrize("dialect", ["chat stream", "messages", "gemini stream", "completions"])
    def test_is_written_in_every_dialect(self, simulator, dialect):
        answer, call = simulator.recorded(*ask(dialect, "broken-json"))

        assert answer.status == 200
        assert call.completion_tokens == len(BROKEN_JSON.split())


class TestSilent:
    @pytest.mark.parametrize("dialect", DIALECTS)
    def test_sends_not_a_byte_until_the_client_goes(self, simulator, dialect):
        request_id = uuid.uuid4().hex
        path, body = ask(dialect, "silent")
        connection = simulator.connect()
        connection.request("POST", path, json.dumps(body), {"X-Request-Id": request_id})
        connection.sock.settimeout(0.05)

        with pytest.raises(TimeoutError):
            connection.sock.recv(1)
        connection.close()

        wait_until(lambda: simulator.call(request_id).outcome == "gone", what="the hang-up to be recorded")
        assert simulator.call(request_id).completion_tokens == 0


class TestHostileRequests:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b'{"a":' * 20_000,
            b'{"model": NaN}',
            b'{"model": ' + b"9" * 5000 + b"}",
        ],
    )
    @pytest.mark.parametrize("path", [CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, generate("echo")])
    def test_get_a_400_in_the_dialects_own_shape(self, simulator, path, body):
        answer, call = simulator.recorded(path, body)

        assert answer.status == 400
        assert answer.json()["error"]["message"]
        assert (call.outcome, call.status, call.prompt_tokens) == ("error", 400, 0)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"messages": None},
            {"messages": []},
            {"messages": "hi"},
            {"messages": [1]},
            {"messages": [{"role": "boss", "content": "hi"}]},
            {"messages": [{"role": [], "content": "hi"}]},
            {"messages": [{"role": "user", "content": 7}]},
            {"model": None},
            {"model": 7},
            {"stream": "yes"},
            {"tools": "all"},
            {"tools": [{"type": "function", "function": {}}]},
            {"stream_options": []},
        ],
    )
    def test_of_wrong_types_get_a_400(self, simulator, wrong):
        assert simulator.post(CHAT, chat("echo") | wrong).status == 400

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/"),
            ("POST", "/v1/other"),
            ("GET", CHAT),
            ("POST", "/v1/models"),
            ("POST", "/nobody/v1/messages"),
        ],
    )
    def test_to_an_unknown_path_get_a_404(self, simulator, method, path):
        answer = simulator.get(path) if method == "GET" else simulator.post(path, {})

        assert answer.status == 404
        assert answer.json()["error"]["code"] == "unknown_url"

    def test_of_megabytes_are_served(self, simulator):
        text = "word " * 1_000_000

        answer, call = simulator.recorded(CHAT, chat("echo", text, max_tokens=2))

        assert answer.status == 200
        assert call.prompt_tokens == 1_000_000
