"""Streams: comments while waiting, checkpoints, a client that leaves, a provider that goes on saying nothing."""

from __future__ import annotations

import json
import time

import pytest

from observability.journal_records import Checkpoint
from routing.simulator.record import read_calls
from tests.routing.simulator.process import wait_until

SLOW_WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa"


class TestWaitingForTheFirstToken:
    def test_brings_comments_and_then_the_answer(self, gateway, key):
        stream = gateway.stream(key, "test/slow", "4500 said late")
        lines = stream.rest()
        stream.close()

        assert lines[0] == ": OPENROUTER PROCESSING"
        assert lines[-1] == "data: [DONE]"
        assert "late" in lines[-4]

    def test_that_ends_in_an_error_says_so_in_the_stream(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_FIRST_TOKEN_SECONDS="4")

        stream = gateway.stream(key, "test/silent")
        lines = stream.rest()
        stream.close()

        assert stream.status == 200
        assert lines[0].startswith(":")
        assert json.loads(lines[-2].removeprefix("data: "))["error"]["metadata"]["error_type"] == "timeout"


class TestAClientThatLeaves:
    @pytest.mark.parametrize("stream", [False, True])
    def test_before_the_first_token_closes_the_providers_connection_and_pays_nothing(
        self, gateway, key, simulator, stream
    ):
        connection = gateway.connect()
        text = f"30000 {time.time_ns()}"
        body = {"model": "test/slow", "messages": [{"role": "user", "content": text}], "stream": stream}
        known = set(calls_of(simulator))
        connection.request(
            "POST", "/api/v1/chat/completions", json.dumps(body), {"Authorization": f"Bearer {key}"}
        )
        wait_until(lambda: set(calls_of(simulator)) - known, what="the call at the provider")
        [call] = set(calls_of(simulator)) - known

        connection.close()
        left_at = time.monotonic()
        wait_until(lambda: calls_of(simulator)[call].outcome == "gone", what="the provider to notice")

        assert time.monotonic() - left_at < 1
        end = gateway.end_of(calls_of(simulator)[call].request_id)
        assert (end.status, end.cost_nano) == ("cancelled", 0)

    def test_in_the_middle_pays_for_what_was_produced(self, gateway, key, simulator):
        stream = gateway.stream(key, "test/echo", SLOW_WORDS, simulator={"chunk_delay_ms": 300})
        lines = [stream.line() for _ in range(4)]

        stream.close()
        left_at = time.monotonic()
        wait_until(lambda: call_of(simulator, stream.id).outcome == "gone", what="the provider to notice")

        assert time.monotonic() - left_at < 1
        assert "gamma" in lines[-1]
        end, call = gateway.end_of(stream.id), call_of(simulator, stream.id)
        assert (end.status, end.is_usage_estimated) == ("cancelled", True)
        assert end.prompt_tokens == call.prompt_tokens == 10
        assert 3 <= end.completion_tokens <= call.completion_tokens
        assert end.cost_nano == end.prompt_tokens * 1000 + end.completion_tokens * 2000


class TestCheckpoints:
    def test_are_written_at_the_first_token_and_then_each_second(self, gateway, key):
        stream = gateway.stream(key, "test/echo", SLOW_WORDS, simulator={"chunk_delay_ms": 300})
        stream.rest()
        stream.close()

        identifier = gateway.end_of(stream.id).id
        points = [
            point for point in gateway.records() if isinstance(point, Checkpoint) and point.id == identifier
        ]
        assert len(points) == 3
        assert (points[0].prompt_tokens, points[0].provider) == (10, "alpha")
        assert points[0].completion_tokens <= 1
        assert points[0].cost_nano < points[1].cost_nano < points[2].cost_nano <= 10 * 1000 + 10 * 2000


class TestAProviderThatFallsSilent:
    def test_is_cut_off_with_an_error_event(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_STREAM_SILENCE_SECONDS="1")

        stream = gateway.stream(key, "test/echo", "one two three", simulator={"chunk_delay_ms": 20_000})
        lines = stream.rest()
        stream.close()

        assert json.loads(lines[-2].removeprefix("data: "))["error"]["metadata"]["error_type"] == "timeout"
        assert gateway.end_of(stream.id).completion_tokens == 1


def calls_of(simulator):
    return {call.id: call for call in read_calls(simulator.record).values()}


def call_of(simulator, generation_id):
    [call] = [call for call in calls_of(simulator).values() if call.request_id == generation_id]
    return call
