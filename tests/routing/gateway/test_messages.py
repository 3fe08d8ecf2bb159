"""Anthropic Messages through a workspace key: the official client, a real provider process, real money."""

from __future__ import annotations

import json
from collections.abc import Iterator

import anthropic
import pytest

from observability.journal_records import Begin
from tests.routing.gateway.process import GatewayProcess

PATH = "/api/v1/messages"
WEATHER = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=f"{gateway.url}/api", api_key=key, max_retries=0) as client:
        yield client


def asked(model: str = "test/echo", text: str = "one two three", **more: object):
    return {
        "model": model,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
        **more,
    }


class TestAMessage:
    def test_is_answered_by_any_provider(self, client):
        message = client.messages.create(**asked(text="hello there world"))

        assert [(block.type, block.text) for block in message.content] == [("text", "hello there world")]
        assert (message.id[:4], message.model, message.role) == ("gen-", "test/echo", "assistant")
        assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)

    def test_says_what_it_cost_and_is_charged_just_that(self, client, gateway):
        message = client.messages.create(**asked(text="hello there world"))

        end = gateway.end_of(message.id)
        assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 3)
        assert message.usage.cost == pytest.approx(3 * 0.000001 + 3 * 0.000002)
        assert (end.status, end.cost_nano, end.is_usage_estimated) == ("completed", 9000, False)

    def test_is_written_down_as_one(self, client, gateway):
        message = client.messages.create(**asked(metadata={"user_id": "user-7"}))

        identifier = gateway.end_of(message.id).id
        [begin] = [one for one in gateway.records() if isinstance(one, Begin) and one.id == identifier]
        assert (begin.context["dialect"], begin.context["user"]) == ("messages", "user-7")

    def test_that_is_cut_off_says_so(self, client):
        message = client.messages.create(**asked(text="one two three four", max_tokens=2))

        assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 2)

    def test_falls_back_on_another_model(self, client):
        message = client.messages.create(
            **asked("test/error-500"), extra_body={"fallbacks": [{"model": "test/lorem"}]}
        )

        assert message.model == "test/lorem"


class TestAStream:
    def test_brings_the_words_and_what_they_cost(self, client, gateway):
        with client.messages.stream(**asked(text="one two three four")) as stream:
            words = "".join(stream.text_stream)
            message = stream.get_final_message()

        assert words == message.content[0].text == "one two three four"
        assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == (
            "end_turn",
            4,
            4,
        )
        assert gateway.end_of(message.id).cost_nano == 12_000

    def test_has_anthropics_events_in_their_order(self, gateway, key):
        answer = gateway.post(key, asked(text="one", stream=True), PATH)

        names = [line[7:] for line in answer.body.decode().splitlines() if line.startswith("event: ")]
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert list(dict.fromkeys(names)) == [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
        assert b"[DONE]" not in answer.body

    def test_tells_the_cost_with_its_last_usage(self, gateway, key):
        events = events_of(gateway.post(key, asked(text="one two", stream=True), PATH).body)

        [delta] = [event for event in events if event["type"] == "message_delta"]
        assert delta["usage"]["cost"] == pytest.approx(2 * 0.000001 + 2 * 0.000002)

    def test_that_the_provider_cuts_ends_in_an_error_event_and_is_charged(self, gateway, key):
        answer = gateway.post(key, asked("test/cut", "one two three four", stream=True), PATH)

        events = events_of(answer.body)
        assert answer.status == 200
        assert events[-1]["type"] == "error"
        assert events[-1]["error"]["type"] == "api_error"
        assert events[-1]["error"]["error_type"] == "provider_unavailable"
        assert gateway.end_of(answer.headers["x-generation-id"]).cost_nano > 0

    def test_is_kept_alive_by_pings(self, client, gateway, key):
        answer = gateway.post(key, asked("test/slow", "4500 said late", stream=True), PATH)

        events = events_of(answer.body)
        assert events[0] == {"type": "ping"}
        assert events[1]["type"] == "message_start"

    def test_that_fails_while_it_is_kept_alive_ends_in_an_error_event(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_FIRST_TOKEN_SECONDS="4")

        events = events_of(gateway.post(key, asked("test/silent", stream=True), PATH).body)

        assert [event["type"] for event in events] == ["ping", "error"]
        assert events[-1]["error"]["type"] == "timeout_error"


class TestATool:
    def test_is_called_and_its_result_is_understood(self, client):
        question = asked("test/tools", '{"city": "Rome"}', tools=[WEATHER])
        first = client.messages.create(**question)
        call = first.content[-1]
        result = {
            "type": "tool_result",
            "tool_use_id": call.id,
            "content": [{"type": "text", "text": "sunny"}],
        }
        question["messages"] += [
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": [result]},
        ]
        second = client.messages.create(**question)

        assert (first.stop_reason, call.type, call.name) == ("tool_use", "tool_use", "weather")
        assert call.input == {"city": "Rome"}
        assert second.content[0].text == "The tool said: sunny"

    def test_is_called_in_a_stream(self, client):
        with client.messages.stream(**asked("test/tools", '{"city": "Rome"}', tools=[WEATHER])) as stream:
            message = stream.get_final_message()

        assert (message.stop_reason, message.content[-1].input) == ("tool_use", {"city": "Rome"})


class TestARefusal:
    def test_of_a_key_is_anthropics(self, gateway):
        stranger = anthropic.Anthropic(base_url=f"{gateway.url}/api", api_key="sk-nobody", max_retries=0)

        with stranger, pytest.raises(anthropic.AuthenticationError) as caught:
            stranger.messages.create(**asked())

        assert caught.value.body["error"]["type"] == "authentication_error"
        assert caught.value.body["request_id"] is None

    def test_takes_a_bearer_token_too(self, gateway, key):
        with anthropic.Anthropic(
            base_url=f"{gateway.url}/api", auth_token=key, api_key=None, max_retries=0
        ) as client:
            assert client.messages.create(**asked()).stop_reason == "end_turn"

    @pytest.mark.parametrize(
        ("more", "status", "kind"),
        [
            ({"model": "nobody/knows"}, 400, "invalid_request_error"),
            ({"model": "test/embed"}, 400, "invalid_request_error"),
            ({"model": "test/error-429"}, 429, "rate_limit_error"),
            ({"model": "test/error-500"}, 502, "api_error"),
            ({"messages": []}, 400, "invalid_request_error"),
        ],
        ids=["unknown model", "no text model", "a busy provider", "a broken provider", "no messages"],
    )
    def test_has_anthropics_type_and_ours(self, client, more, status, kind):
        with pytest.raises(anthropic.APIStatusError) as caught:
            client.messages.create(**asked() | more)

        error = caught.value.body["error"]
        assert (caught.value.status_code, error["type"]) == (status, kind)
        assert error["error_type"]

    def test_of_a_providers_names_the_generation(self, gateway, key):
        answer = gateway.post(key, asked("test/error-500"), PATH)

        assert answer.json()["request_id"] == answer.headers["x-generation-id"]

    def test_of_another_method_is_anthropics_too(self, gateway):
        assert gateway.get(PATH).json()["type"] == "error"


def events_of(body: bytes):
    return [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: {")]
