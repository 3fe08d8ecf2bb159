"""Another provider is asked until the first token, and never after it."""

from __future__ import annotations

import json

import pytest


class TestAFailureBeforeTheFirstToken:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("model", ["test/second-answers", "test/third-answers"])
    def test_is_made_good_by_the_next_provider(self, gateway, key, model, stream):
        answer = gateway.ask(key, model, "made good", stream=stream)

        assert answer.status == 200
        assert b"made" in answer.body
        assert (b"Beta" if model == "test/second-answers" else b"Gamma") in answer.body

    @pytest.mark.parametrize("stream", [False, True])
    def test_of_every_provider_is_told_with_what_went_before(self, gateway, key, stream):
        answer = gateway.ask(key, "test/none-answers", stream=stream)

        error = answer.json()["error"]
        assert answer.status == error["code"] == 502
        assert error["metadata"]["provider_name"] == "Beta"
        assert [(one["provider"], one["status"]) for one in error["metadata"]["previous_errors"]] == [
            ("alpha", 503)
        ]

    def test_that_is_the_callers_fault_asks_nobody_else(self, gateway, key, simulator):
        answer = gateway.ask(key, "test/error-400")

        assert answer.status == 400
        assert "previous_errors" not in answer.json()["error"]["metadata"]

    def test_costs_nothing(self, gateway, key):
        answer = gateway.ask(key, "test/none-answers")

        end = gateway.end_of(answer.headers["x-generation-id"])
        assert (end.status, end.cost_nano, end.http_status) == ("error", 0, 502)

    def test_keeps_the_providers_retry_after(self, gateway, key):
        answer = gateway.ask(key, "test/error-429")

        assert answer.status == 429
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["error"]["metadata"]["error_type"] == "rate_limit_exceeded"


class TestASilentProvider:
    @pytest.fixture
    def impatient(self, start_gateway):
        return start_gateway(HEADGATE_FIRST_TOKEN_SECONDS="1", HEADGATE_ANSWER_SECONDS="1")

    @pytest.mark.parametrize("stream", [False, True])
    def test_is_given_up_for_the_next(self, impatient, key, stream):
        answer = impatient.ask(key, "test/second-after-silence", "at last", stream=stream)

        assert answer.status == 200
        assert b"Beta" in answer.body

    def test_is_a_timeout_when_there_is_no_next(self, impatient, key):
        answer = impatient.ask(key, "test/silent")

        assert answer.status == 504
        assert answer.json()["error"]["metadata"]["error_type"] == "timeout"


class TestAFailureAfterTheFirstToken:
    def test_is_an_event_of_the_stream_and_what_was_delivered_is_charged(self, gateway, key):
        stream = gateway.stream(key, "test/cut", "one two three four five six")
        lines = stream.rest()
        stream.close()

        error = json.loads(lines[-2].removeprefix("data: "))
        assert lines[-1] == "data: [DONE]"
        assert error["choices"][0]["finish_reason"] == "error"
        assert error["error"]["code"] == 502
        end = gateway.end_of(stream.id)
        assert (end.status, end.finish_reason, end.is_usage_estimated) == ("error", "error", True)
        assert (end.prompt_tokens, end.completion_tokens) == (6, 3)
        assert end.cost_nano == 6 * 1000 + 3 * 2000
