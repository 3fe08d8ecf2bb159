"""Requests to Google's services arrive there in Gemini's words, and their answers here in those of Chat Completions."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.db import connections, transaction

from config.lib.scoping import unscoped
from routing.models import LanguageModel, Provider
from tests.routing.gateway.process import GatewayProcess
from tests.routing.gateway.stage import add_model, note_change

GOOGLE = {"gemini": "v1beta", "vertex": "v1"}
"""The simulator as Google's two services, by wire format, with the last part of their base URLs."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "const": "Oslo"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def gateway(stage, simulator, django_db_blocker, tmp_path_factory) -> Iterator[GatewayProcess]:
    """A gateway whose catalog has Google's services, too, until these tests are over."""
    with django_db_blocker.unblock():
        furnish(simulator.url)
        connections.close_all()
    process = GatewayProcess(tmp_path_factory.mktemp("google")).wait_until_ready()
    yield process
    process.stop()
    with django_db_blocker.unblock():
        clear()
        connections.close_all()


def furnish(simulator_url: str) -> None:
    with unscoped(reason="the catalog is the platform's"), transaction.atomic():
        for wire, version in GOOGLE.items():
            base_url = f"{simulator_url}/simulator-fast/{version}"
            provider = Provider.objects.create(
                slug=wire, name=wire.title(), wire_format=wire, base_url=base_url
            )
            for name in ("echo", "tools", "cut", "garbage", "error-429"):
                add_model(f"{wire}/{name}", [f"simulator/{name}"], [provider])
            note_change(provider)


def clear() -> None:
    with unscoped(reason="the catalog is the platform's"), transaction.atomic():
        note_change(Provider.objects.get(slug="gemini"))
        LanguageModel.objects.filter(endpoints__provider__slug__in=GOOGLE).delete()
        Provider.objects.filter(slug__in=GOOGLE).delete()


@pytest.fixture(params=GOOGLE)
def wire(request):
    return request.param


class TestAnAnswer:
    @pytest.mark.parametrize("stream", [False, True])
    def test_comes_back_with_usage_and_is_charged(self, gateway, key, wire, stream):
        answer = gateway.ask(key, f"{wire}/echo", "one two three", stream=stream)

        assert answer.status == 200
        end = gateway.end_of(answer.headers["x-generation-id"])
        assert (end.prompt_tokens, end.completion_tokens, end.is_usage_estimated) == (3, 3, False)
        assert (end.status, end.finish_reason) == ("completed", "stop")

    def test_is_the_text(self, gateway, key, wire):
        answer = gateway.ask(key, f"{wire}/echo", "one two three").json()

        assert answer["choices"][0]["message"]["content"] == "one two three"
        assert (answer["model"], answer["provider"]) == (f"{wire}/echo", wire.title())

    def test_may_be_a_call_of_a_tool(self, gateway, key, wire):
        answer = gateway.ask(key, f"{wire}/tools", "Weather?", tools=[WEATHER]).json()

        (choice,) = answer["choices"]
        (call,) = choice["message"]["tool_calls"]
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "STOP")
        assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}


class TestAFailure:
    def test_is_understood(self, gateway, key, wire):
        answer = gateway.ask(key, f"{wire}/error-429")

        error = answer.json()["error"]
        assert (answer.status, error["metadata"]["provider_code"]) == (429, "RESOURCE_EXHAUSTED")

    @pytest.mark.parametrize("stream", [False, True])
    def test_may_be_garbage(self, gateway, key, wire, stream):
        assert gateway.ask(key, f"{wire}/garbage", stream=stream).status == 502

    def test_in_the_middle_is_an_event(self, gateway, key, wire):
        stream = gateway.stream(key, f"{wire}/cut", "one two three four five six")
        lines = stream.rest()
        stream.close()

        error = json.loads(lines[-2].removeprefix("data: "))
        assert (error["error"]["code"], error["choices"][0]["finish_reason"]) == (502, "error")

    def test_of_a_request_that_cannot_be_said_is_the_callers(self, gateway, key, wire):
        answer = gateway.ask(key, f"{wire}/echo", modalities=["audio"])

        error = answer.json()["error"]
        assert (answer.status, error["metadata"]["error_type"]) == (400, "invalid_request")
        assert "'modalities'" in error["message"]
