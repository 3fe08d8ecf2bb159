"""What goes wrong at a provider, at every entrance: the right error in the dialect's words, and the right charge."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.routing.gateway.process import GatewayProcess
from tests.routing.gateway.stage import PROVIDER_ERRORS

CHAT, COMPLETIONS = "/api/v1/chat/completions", "/api/v1/completions"
MESSAGES, RESPONSES = "/api/v1/messages", "/api/v1/responses"
PATHS = (CHAT, COMPLETIONS, MESSAGES, RESPONSES)
IDS = [path.removeprefix("/api/v1/") for path in PATHS]

TOLD = {
    400: (400, "invalid_request"),
    401: (502, "provider_unavailable"),
    402: (502, "provider_unavailable"),
    403: (403, "permission_denied"),
    404: (404, "not_found"),
    408: (504, "timeout"),
    409: (502, "provider_unavailable"),
    413: (413, "payload_too_large"),
    422: (422, "unprocessable"),
    425: (502, "provider_unavailable"),
    429: (429, "rate_limit_exceeded"),
    500: (502, "provider_unavailable"),
    502: (502, "provider_unavailable"),
    503: (503, "provider_overloaded"),
    504: (504, "timeout"),
    524: (504, "timeout"),
    529: (503, "provider_overloaded"),
}
"""What the caller is told for what a provider says. Our account there is none of his business: 401 and 402 are ours."""
CALLERS_FAULT = {400, 413, 422}
"""Another provider would say the same."""
ANTHROPIC = {
    "invalid_request": "invalid_request_error",
    "provider_unavailable": "api_error",
    "permission_denied": "permission_error",
    "not_found": "not_found_error",
    "timeout": "timeout_error",
    "payload_too_large": "invalid_request_error",
    "unprocessable": "invalid_request_error",
    "rate_limit_exceeded": "rate_limit_error",
    "provider_overloaded": "overloaded_error",
}


def ask(gateway, key, path: str, model: str, *, stream: bool, text: str = "one two three four"):
    body: dict[str, Any] = {"model": model, "stream": stream}
    if path == RESPONSES:
        body["input"] = text
    elif path == COMPLETIONS:
        body["prompt"] = text
    else:
        body |= {"messages": [{"role": "user", "content": text}], "max_tokens": 50}
    return gateway.post(key, body, path)


def told(path: str, answer) -> tuple[int, str]:
    """The status and the type of an error response, in the dialect's own envelope."""
    shown = answer.json()
    error = shown["error"]
    if path == MESSAGES:
        assert shown["type"] == "error"
        assert error["type"] == ANTHROPIC[error["error_type"]]
        return answer.status, error["error_type"]
    assert error["code"] == answer.status
    return answer.status, error["metadata"]["error_type"]


def last_error(path: str, answer) -> tuple[str, str]:
    """The error that ends a stream: its type, and what it is called in the dialect."""
    events = [
        json.loads(line.removeprefix("data: "))
        for line in answer.body.decode().splitlines()
        if line.startswith("data: {")
    ]
    if path == MESSAGES:
        assert events[-1]["type"] == "error"
        return events[-1]["error"]["error_type"], events[-1]["error"]["type"]
    if path == RESPONSES:
        assert events[-1]["type"] == "response.failed"
        return events[-1]["response"]["error_type"], events[-1]["response"]["error"]["code"]
    assert events[-1]["choices"][0]["finish_reason"] == "error"
    return events[-1]["error"]["metadata"]["error_type"], str(events[-1]["error"]["code"])


@pytest.mark.parametrize("path", PATHS, ids=IDS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
class TestAnErrorBeforeTheFirstToken:
    def test_is_told_as_documented_and_costs_nothing(self, gateway, key, path, stream):
        assert TOLD.keys() == set(PROVIDER_ERRORS)
        for status in PROVIDER_ERRORS:
            answer = ask(gateway, key, path, f"test/fails-{status}", stream=stream)

            assert told(path, answer) == TOLD[status], status
            end = gateway.end_of(answer.headers["x-generation-id"])
            assert (end.status, end.cost_nano) == ("error", 0), status

    def test_is_made_good_by_the_next_provider_unless_it_is_the_callers_fault(
        self, gateway, key, path, stream
    ):
        for status in PROVIDER_ERRORS:
            answer = ask(gateway, key, path, f"test/survives-{status}", stream=stream)

            expected = TOLD[status][0] if status in CALLERS_FAULT else 200
            assert answer.status == expected, status
            end = gateway.end_of(answer.headers["x-generation-id"])
            assert (end.cost_nano > 0) == (expected == 200), status

    def test_may_be_garbage(self, gateway, key, path, stream):
        answer = ask(gateway, key, path, "test/garbage", stream=stream)

        assert told(path, answer) == (502, "provider_unavailable")
        assert gateway.end_of(answer.headers["x-generation-id"]).cost_nano == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
class TestTheCallersOwnFallbacks:
    @pytest.mark.parametrize(
        ("path", "named"),
        [
            (CHAT, {"models": ["test/fails-503", "test/echo"]}),
            (RESPONSES, {"models": ["test/fails-503", "test/echo"]}),
            (MESSAGES, {"model": "test/fails-503", "fallbacks": [{"model": "test/echo"}]}),
        ],
        ids=["chat", "responses", "messages"],
    )
    def test_make_good_what_no_provider_of_the_first_model_can(self, gateway, key, path, named, stream):
        body = named | {"stream": stream, "max_tokens": 50}
        body |= {"input": "Hi"} if path == RESPONSES else {"messages": [{"role": "user", "content": "Hi"}]}

        answer = gateway.post(key, body, path)

        assert answer.status == 200
        assert b"test/echo" in answer.body


@pytest.mark.parametrize("path", PATHS, ids=IDS)
class TestACutAnswer:
    def test_that_is_not_streamed_is_502_and_costs_nothing(self, gateway, key, path):
        answer = ask(gateway, key, path, "test/cut", stream=False)

        assert told(path, answer) == (502, "provider_unavailable")
        assert gateway.end_of(answer.headers["x-generation-id"]).cost_nano == 0

    def test_that_is_streamed_ends_in_an_error_event_and_charges_what_came(self, gateway, key, path):
        answer = ask(gateway, key, path, "test/cut", stream=True, text="one two three four five six")

        assert answer.status == 200
        kind, name = last_error(path, answer)
        assert kind == "provider_unavailable"
        assert name == {MESSAGES: "api_error", RESPONSES: "server_error"}.get(path, "502")
        end = gateway.end_of(answer.headers["x-generation-id"])
        assert (end.status, end.is_usage_estimated) == ("error", True)
        assert end.cost_nano > 0


@pytest.fixture(scope="module")
def impatient(stage, tmp_path_factory):
    """A gateway that waits a second for a provider."""
    process = GatewayProcess(
        tmp_path_factory.mktemp("impatient"), HEADGATE_FIRST_TOKEN_SECONDS="1", HEADGATE_ANSWER_SECONDS="1"
    ).wait_until_ready()
    yield process
    process.stop()


@pytest.mark.parametrize("path", PATHS, ids=IDS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
class TestSilence:
    def test_is_a_timeout_that_costs_nothing(self, impatient, key, path, stream):
        answer = ask(impatient, key, path, "test/silent", stream=stream)

        assert told(path, answer) == (504, "timeout")
        assert impatient.end_of(answer.headers["x-generation-id"]).cost_nano == 0

    def test_is_given_up_for_the_next_provider(self, impatient, key, path, stream):
        answer = ask(impatient, key, path, "test/second-after-silence", stream=stream)

        assert answer.status == 200
        assert impatient.end_of(answer.headers["x-generation-id"]).cost_nano > 0
