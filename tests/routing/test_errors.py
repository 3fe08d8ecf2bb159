"""The documented error envelope, in every dialect, checked against the contract's own schemas."""

from __future__ import annotations

import json

import pytest

from routing.errors import (
    STATUS_OF_TYPE,
    Availability,
    Refusal,
    chat_error_chunk,
    encode_envelope,
    envelope,
    error_headers,
    internal_error,
    invalid_request,
    model_not_found,
    unauthorized,
    unavailable,
)
from routing.provider_failures import ProviderFailure, previous_error, provider_error

TOO_MANY = Refusal(429, "rate_limit_exceeded", "Slow down.", "rate", retry_after=7)
FAILURE = ProviderFailure("rate_limit_exceeded", "Too fast", True, 429, 9, "rate_limited", raw='{"error":…}')


class TestTheEnvelope:
    def test_repeats_the_status_as_a_number_and_types_the_error(self):
        assert envelope(TOO_MANY) == {
            "error": {"code": 429, "message": "Slow down.", "metadata": {"error_type": "rate_limit_exceeded"}}
        }

    def test_names_the_parameter_that_is_wrong(self):
        error = envelope(invalid_request("'n' must be a positive integer.", parameter="n"))["error"]

        assert (error["code"], error["metadata"]["parameter"]) == (400, "n")

    def test_masks_everything_of_a_500(self):
        refusal = Refusal(
            500, "server", "psycopg: password authentication failed", "bug", metadata={"where": "db"}
        )

        error = envelope(refusal)["error"]

        assert error == {
            "code": 500,
            "message": "Internal Server Error",
            "metadata": {"error_type": "server"},
        }
        assert envelope(internal_error())["error"] == error

    def test_says_the_same_of_every_key_that_opens_nothing(self):
        assert envelope(unauthorized(rule="deleted")) == envelope(unauthorized(rule="unknown"))

    def test_carries_availability_beside_the_type_and_the_status(self):
        error = envelope(model_not_found(("acme/fake-1.0", "acme/fake-2.0")))["error"]

        assert (error["code"], error["http_status"], error["error_type"]) == (400, 400, "invalid_request")
        assert error["message"] == "acme/fake-1.0 is not a valid model ID"
        assert error["availability"] == {
            "code": "model_not_found",
            "retryable": False,
            "requested_models": ["acme/fake-1.0", "acme/fake-2.0"],
            "docs_url": "https://openrouter.ai/docs/errors#model_not_found",
        }

    def test_is_anthropics_on_messages(self):
        body = envelope(TOO_MANY, dialect="messages", generation_id="gen-1")

        assert body == {
            "type": "error",
            "error": {
                "type": "rate_limit_error",
                "message": "Slow down.",
                "error_type": "rate_limit_exceeded",
            },
            "request_id": "gen-1",
        }

    @pytest.mark.parametrize("dialect", ["chat", "completions", "embeddings", "responses", "messages"])
    @pytest.mark.parametrize("kind", STATUS_OF_TYPE)
    def test_can_be_sent_for_every_type_in_every_dialect(self, kind, dialect):
        sent = json.loads(encode_envelope(Refusal(STATUS_OF_TYPE[kind], kind, "No.", "r"), dialect=dialect))

        assert kind in (sent["error"].get("error_type"), sent["error"].get("metadata", {}).get("error_type"))


class TestTheHeaders:
    def test_say_when_to_come_back(self):
        assert (b"retry-after", b"7") in error_headers(TOO_MANY)
        assert (b"retry-after", b"1") in error_headers(unavailable())

    def test_are_the_rate_limits_where_there_are_some(self):
        refusal = Refusal(429, "rate_limit_exceeded", "…", "rate", headers=(("X-RateLimit-Limit", "5"),))

        assert error_headers(refusal) == [(b"x-ratelimit-limit", b"5")]


class TestAProvidersError:
    def test_names_the_provider_and_what_went_before(self):
        before = previous_error(FAILURE, provider="simulator")

        refusal = provider_error(
            FAILURE, provider_name="Simulator", requested_models=("a/b",), previous_errors=(before,)
        )

        assert (refusal.status, refusal.retry_after) == (429, 9)
        assert refusal.metadata["provider_name"] == "Simulator"
        assert refusal.metadata["provider_code"] == "rate_limited"
        assert refusal.metadata["previous_errors"] == [
            {"provider": "simulator", "code": "capacity_exhausted", "status": 429}
        ]

    def test_says_that_capacity_is_exhausted_and_when_to_retry(self):
        refusal = provider_error(FAILURE, provider_name="Simulator", requested_models=("a/b",))

        assert refusal.availability == Availability(
            "capacity_exhausted", ("a/b",), is_retryable=True, retry_after=9
        )

    def test_says_that_the_provider_removed_the_model(self):
        failure = ProviderFailure("not_found", "No such model", True, 404)

        availability = provider_error(failure, provider_name="S", requested_models=("a/b",)).availability

        assert availability == Availability("model_unavailable_upstream", ("a/b",))

    def test_has_no_retry_after_where_a_retry_makes_no_sense(self):
        failure = ProviderFailure("invalid_request", "Bad", False, 400, 9)

        assert provider_error(failure, provider_name="S", requested_models=("a/b",)).retry_after is None


class TestAnErrorInTheMiddleOfAStream:
    def test_is_a_chunk_that_ends_the_choice(self):
        event = chat_error_chunk(
            TOO_MANY, generation_id="gen-1", model="a/b", provider="Simulator", created=5
        )

        assert event.startswith(b"data: ")
        assert event.endswith(b"\n\n")
        assert json.loads(event[6:]) == {
            "id": "gen-1",
            "object": "chat.completion.chunk",
            "created": 5,
            "model": "a/b",
            "provider": "Simulator",
            "error": {
                "code": 429,
                "message": "Slow down.",
                "metadata": {"error_type": "rate_limit_exceeded"},
            },
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
        }
