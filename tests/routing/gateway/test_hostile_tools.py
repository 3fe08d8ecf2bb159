"""Callers and providers who mean it: what they make a request's tools do is bounded, and what runs comes to its end."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.db import transaction

from config.lib.scoping import tenant, unscoped
from routing import guardrail_settings
from routing.gateway.server_tools.limits import MOST_CALLS, MOST_CALLS_AT_ALL, MOST_GENERATIONS
from routing.models import Endpoint, Guardrail
from routing.simulator.record import read_calls
from tests.cast import STAGE
from tests.routing.gateway.mirror import USAGE
from tests.routing.gateway.positions import MODEL as MIRROR
from tests.routing.gateway.stage import note_change
from tests.routing.gateway.test_guardrail_budgets import Place
from tests.routing.gateway.test_server_tool_loop import DATETIME, WEATHER, ask, call, generations_of, script
from tests.routing.simulator.process import wait_until
from workspaces import api_keys, workspaces

ADVISOR = {"type": "openrouter:advisor", "parameters": {"model": "test/echo"}}
CONDITION = {"type": "step_count_is", "step_count": 100}
SOON = 20.0
"""Seconds within which a request is over whatever it holds."""


def fusion(**parameters: Any) -> dict[str, Any]:
    given = {"analysis_models": ["test/panel-1", "test/panel-2"], "model": "test/echo", **parameters}
    return {"type": "openrouter:fusion", "parameters": given}


def executed(answer) -> int:
    return answer.json()["usage"]["server_tool_use_details"]["tool_calls_executed"]


def text_of(answer) -> str:
    return answer.json()["choices"][0]["message"]["content"]


def piece(place: int | None = None, identifier: str = "", name: str = "", arguments: str = "") -> Any:
    """A piece of a call in a stream."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value}
    told: dict[str, Any] = {"type": "function", "function": function}
    told |= {"id": identifier} if identifier else {}
    return told if place is None else {**told, "index": place}


def stream_of(deltas: list[dict[str, Any]], reason: str) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": reason})
    chunks = [{"id": "c", "object": "chat.completion.chunk", "choices": [choice]} for choice in choices]
    chunks.append({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    return "".join([*[f"data: {json.dumps(one)}\n\n" for one in chunks], "data: [DONE]\n\n"]).encode()


@pytest.fixture
def provider(gateway, key, mirror):
    """A provider that answers a stream with whatever deltas it is given first, and then with `fine`."""
    wait_until(lambda: gateway.ask(key, MIRROR).status == 200, what="the provider in the catalog")
    turns: list[list[dict[str, Any]]] = []
    mirror.asked.clear()
    ordinary = mirror.answer

    def answer(path, body):
        return stream_of(turns.pop(0), "tool_calls") if turns else ordinary(path, body)

    mirror.answer = answer
    yield turns
    del mirror.answer


def streamed(gateway, key, tools=(DATETIME,)) -> list[dict[str, Any]]:
    answer = ask(gateway, key, [{"role": "user", "content": "Hi"}], MIRROR, tools=list(tools), stream=True)
    return [event for event in answer.events() if event != "[DONE]"]


def calls_in(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    choices = [choice for event in events for choice in event.get("choices", ())]
    return [one for choice in choices for one in choice["delta"].get("tool_calls", ())]


class TestAnAnswerWithAThousandCalls:
    @pytest.mark.parametrize("more", [{}, {"stop_server_tools_when": [CONDITION]}])
    def test_has_as_many_of_them_run_as_any(self, gateway, key, more):
        many = script({"calls": [call("openrouter_datetime")] * 1_000}, {"say": "Enough."})
        began = time.monotonic()

        answer = ask(gateway, key, many, **more)

        details = answer.json()["usage"]["server_tool_use_details"]
        assert (details["tool_calls_requested"], details["tool_calls_executed"]) == (1_000, MOST_CALLS)
        assert text_of(answer) == "Enough."
        assert time.monotonic() - began < SOON

    def test_leaves_the_gateway_responsive(self, gateway, key):
        many = script({"calls": [call("openrouter_datetime", timezone="x" * 1_000)] * 1_000}, {"say": "."})
        stream = gateway.stream(key, "test/script", many[0]["content"], tools=[DATETIME])

        slowest = 0.0
        for _ in range(40):
            began = time.monotonic()
            assert gateway.status("/healthz") == 200
            slowest = max(slowest, time.monotonic() - began)
        stream.rest()
        stream.close()

        assert slowest < 1.0


class TestConditionsThatNeverComeAbout:
    def test_end_with_all_the_calls_that_a_request_may_make(self, gateway, key):
        ten = {"calls": [call("openrouter_datetime")] * MOST_CALLS, "else": "I had to stop."}

        answer = ask(gateway, key, script(ten), stop_server_tools_when=[CONDITION])

        assert executed(answer) == MOST_CALLS_AT_ALL
        assert text_of(answer) == "I had to stop."


class TestArguments:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"prompt": "x" * 1_000_000},
            '{"prompt": "' + "x" * 1_000_000,
            "[" * 100_000,
            '{"prompt": "\\ud800"}',
            '{"prompt": "\\u0000"}',
            '{"prompt": 1e999}',
            '{"prompt": {"prompt": {}}}',
            "null",
        ],
        ids=["a megabyte", "half a megabyte", "deep", "half a character", "NUL", "huge", "nested", "null"],
    )
    @pytest.mark.parametrize("name", ["advisor", "subagent", "datetime", "search_models", "fusion"])
    @pytest.mark.parametrize("path", ["/api/v1/chat/completions", "/api/v1/responses", "/api/v1/messages"])
    def test_that_make_no_sense_harm_nobody(self, gateway, key, name, arguments, path):
        talk = script(
            {"calls": [{"name": f"openrouter_{name}", "arguments": arguments}]}, {"say": "So be it."}
        )
        tools = [fusion(tools=[]) if name == "fusion" else {"type": f"openrouter:{name}"}]
        said = {"input" if path.endswith("responses") else "messages": talk}
        body = {"model": "test/script", "tools": tools, "max_tokens": 50, **said}

        answer = gateway.post(key, body, path)

        assert answer.status == 200, answer.body
        assert b"So be it." in answer.body


class TestCallsInAStream:
    def test_that_all_have_one_place_are_several(self, gateway, key, provider):
        zones = ["Asia/Tokyo", "Europe/Oslo"]
        provider.append(
            [
                {
                    "tool_calls": [
                        piece(0, f"call_{zone}", "openrouter_datetime", json.dumps({"timezone": zone}))
                    ]
                }
                for zone in zones
            ]
        )

        events = streamed(gateway, key)

        assert events[-1]["usage"]["server_tool_use_details"]["tool_calls_executed"] == 2
        assert calls_in(events) == []

    def test_that_all_have_one_id_are_told_apart(self, gateway, key, provider, mirror):
        provider.append([{"tool_calls": [piece(at, "same", "openrouter_datetime", "{}") for at in (0, 1)]}])

        streamed(gateway, key)

        [turn] = [one for one in mirror.asked[-1]["messages"] if one.get("tool_calls")]
        results = [one for one in mirror.asked[-1]["messages"] if one["role"] == "tool"]
        identifiers = [one["id"] for one in turn["tool_calls"]]
        assert len(set(identifiers)) == 2
        assert [one["tool_call_id"] for one in results] == identifiers

    def test_without_places_are_read_all_the_same(self, gateway, key, provider):
        provider.append([{"tool_calls": [piece(None, "one", "openrouter_datetime", "{}")]}])

        events = streamed(gateway, key)

        assert events[-1]["usage"]["server_tool_use_details"]["tool_calls_executed"] == 1

    def test_whose_names_come_late_are_shown_to_nobody_before(self, gateway, key, provider):
        provider.append(
            [
                {"tool_calls": [piece(0, "ours"), piece(1, "his")]},
                {"tool_calls": [piece(0, name="openrouter_datetime"), piece(1, name="weather")]},
                {"tool_calls": [piece(0, arguments="{}"), piece(1, arguments="{}")]},
            ]
        )

        calls = calls_in(streamed(gateway, key, (DATETIME, WEATHER)))

        assert {one["index"] for one in calls} == {0}
        assert [one["id"] for one in calls if "id" in one] == ["his"]

    def test_of_a_name_that_one_of_ours_begins_with_is_the_callers(self, gateway, key, provider):
        provider.append([{"tool_calls": [piece(0, "call_1", "openrouter_date", "{}")]}])

        events = streamed(gateway, key)

        assert [one["function"]["name"] for one in calls_in(events)] == ["openrouter_date"]

    def test_in_very_many_pieces_take_no_longer_than_their_length(self, gateway, key, provider):
        pieces = [{"tool_calls": [piece(0, "call_1", "openrouter_datetime", '{"timezone": "')]}]
        pieces += [{"tool_calls": [piece(0, arguments="abcdefgh")]}] * 60_000
        provider.append(pieces)
        began = time.monotonic()

        events = streamed(gateway, key)

        assert events[-1]["usage"]["server_tool_use_details"]["tool_calls_requested"] == 1
        assert time.monotonic() - began < SOON


class TestACallerWhoWantsNoTools:
    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_has_none_run_though_the_model_calls_them(self, gateway, key, provider, mirror, is_streamed):
        mirror.calls = {"openrouter_datetime": {}}
        if is_streamed:
            provider.append([{"tool_calls": [piece(0, "call_1", "openrouter_datetime", "{}")]}])

        talk = [{"role": "user", "content": "Hi"}]
        answer = ask(gateway, key, talk, MIRROR, tool_choice="none", stream=is_streamed)

        assert answer.status == 200
        assert len(mirror.asked) == 1
        assert b'tool_calls":' not in answer.body.replace(b" ", b"").replace(b'"tool_calls_', b"")

    def test_is_not_asked_for_ever_by_a_model_that_does_not_listen(self, gateway, key, provider, mirror):
        provider += [[{"tool_calls": [piece(0, f"c{at}", "openrouter_datetime", "{}")]}] for at in range(9)]

        answer = ask(gateway, key, [{"role": "user", "content": "Hi"}], MIRROR, max_tool_calls=3, stream=True)

        assert answer.events()[-1] == "[DONE]"
        assert len(mirror.asked) == 4


class TestToolsWithinTools:
    def test_ask_so_often_and_no_more(self, gateway, key, simulator):
        advised = {"calls": [call("openrouter_advisor", prompt="?")]}
        forever = {"calls": [call("openrouter_datetime")], "else": "Done."}
        work = script(*[advised] * 8, forever)[0]["content"]
        task = call("openrouter_subagent", task_name="t", task_description=work)
        outer = script({"calls": [task] * MOST_CALLS, "else": "Enough."})
        worker = {"model": "test/script", "tools": [ADVISOR, DATETIME], "max_tool_calls": 25}
        known = len(read_calls(simulator.record))

        answer = ask(
            gateway,
            key,
            outer,
            tools=[{"type": "openrouter:subagent", "parameters": worker}],
            stop_server_tools_when=[CONDITION],
        )

        assert answer.status == 200
        asked = len(read_calls(simulator.record)) - known
        assert asked <= MOST_GENERATIONS + 20

    @pytest.mark.usefixtures("shell")
    def test_do_not_wait_for_each_other_where_one_request_at_a_time_is_allowed(self, gateway, stage):
        acme = stage.acme
        with tenant(acme.organization.pk):
            issued = api_keys.issue(workspace=acme.default, name="one at a time", by=STAGE)
            api_keys.change(key=issued.key, by=STAGE, concurrent_requests=1)
        talk = script(
            {"calls": [call("openrouter_advisor", prompt="Hm?"), call("openrouter_fusion")]},
            {"say": "$results"},
        )
        began = time.monotonic()

        answer = ask(gateway, issued.secret, talk, tools=[ADVISOR, fusion(tools=[])])

        assert answer.status == 200
        assert time.monotonic() - began < SOON

    @pytest.mark.parametrize("depth", ["1", "7", "-1", "00", "x", "1e9", "\xa0"])
    @pytest.mark.parametrize("slug", ["advisor", "fusion", "datetime"])
    def test_are_fewer_and_never_more_by_a_callers_header(self, gateway, key, slug, depth):
        tool = {"advisor": ADVISOR, "fusion": fusion(tools=[]), "datetime": DATETIME}[slug]
        talk = script({"calls": [call(f"openrouter_{slug}", prompt="?")], "else": "None."})
        body = {"model": "test/script", "messages": talk, "tools": [tool]}

        answer = gateway.post(key, body, **{f"X_OpenRouter_{slug}_Depth": depth})

        assert text_of(answer) == "None."

    def test_are_not_offered_within_themselves_whatever_the_header_says(self, gateway, key):
        talk = script({"calls": [call("openrouter_fusion")], "else": "None within."}, {"say": "$results"})
        body = {
            "model": "test/script",
            "messages": talk,
            "tools": [fusion(analysis_models=["test/script"], tools=[])],
        }

        answer = gateway.post(key, body, X_OpenRouter_Fusion_Depth="0")

        assert "None within." in text_of(answer)
        made = generations_of(gateway, answer.json()["id"])
        assert [begin.model for begin, _ in made].count("test/script") == 3


@pytest.mark.usefixtures("shell")
class TestAModelThatTheKeyMayNotAsk:
    def test_is_not_asked_because_a_model_names_it(self, gateway, stage, simulator):
        place = Place(stage.acme)
        with place.scope():
            default = Guardrail.default_of(place.workspace)
            guardrail_settings.change(guardrail=default, by=STAGE, ignored_models=["test/panel-2"])
        talk = script(
            {"calls": [call("openrouter_advisor", prompt="?", model="test/panel-2")]}, {"say": "$results"}
        )

        answer = ask(gateway, place.issue().secret, talk, tools=[{"type": "openrouter:advisor"}])

        assert '"status":"error"' in text_of(answer)
        made = generations_of(gateway, answer.json()["id"])
        assert "test/panel-2" not in [begin.model for begin, _ in made]


@pytest.mark.usefixtures("shell")
class TestADisabledSearch:
    def test_leaves_a_panel_without_it(self, equipped, stage):
        place = Place(stage.acme)
        with place.scope():
            workspaces.change(workspace=place.workspace, disabled_server_tools=["web_search"], by=STAGE)
        talk = script({"calls": [call("openrouter_fusion")]}, {"say": "$results"})

        answer = ask(equipped, place.issue().secret, talk, tools=[fusion()])

        assert len(json.loads(text_of(answer))["responses"]) == 2

    def test_is_refused_where_a_panel_is_given_it(self, equipped, stage):
        place = Place(stage.acme)
        with place.scope():
            workspaces.change(workspace=place.workspace, disabled_server_tools=["web_search"], by=STAGE)

        answer = ask(
            equipped, place.issue().secret, tools=[fusion(tools=[{"type": "openrouter:web_search"}])]
        )

        assert answer.status == 403


@pytest.fixture
def private_model(gateway, key, shell):
    """`test/messages-script` keeps nothing of what it is sent, as nobody else here promises; then as before."""

    def promise(is_zdr: bool) -> None:
        with unscoped(reason="the catalog is the platform's"), transaction.atomic():
            endpoint = Endpoint.objects.select_related("provider").get(model__slug="test/messages-script")
            Endpoint.objects.filter(pk=endpoint.pk).update(is_zdr=is_zdr, retains_prompts=not is_zdr)
            note_change(endpoint.provider)

    def is_served() -> bool:
        body = {"model": "test/messages-script", "messages": script({"say": "."}), "provider": {"zdr": True}}
        return gateway.post(key, body).status == 200

    promise(True)
    wait_until(is_served, what="the promise in the catalog")
    yield "test/messages-script"
    promise(False)
    wait_until(lambda: not is_served(), what="the catalog as it was")


class TestWhatMayBeKept:
    @pytest.mark.parametrize("tool", ["advisor", "subagent", "fusion"])
    def test_is_asked_of_the_models_of_tools_too(self, gateway, key, private_model, tool):
        given = {"prompt": "?", "task_name": "t", "task_description": "d"}
        tools = {"fusion": fusion(analysis_models=["test/echo"], tools=[])}
        asked = tools.get(tool, {"type": f"openrouter:{tool}", "parameters": {"model": "test/echo"}})
        talk = script({"calls": [call(f"openrouter_{tool}", **given)]}, {"say": "$results"})

        answer = ask(gateway, key, talk, private_model, tools=[asked], provider={"zdr": True})

        assert answer.status == 200, answer.body
        assert '"status":"error"' in text_of(answer)
        made = generations_of(gateway, answer.json()["id"])
        assert {begin.model for begin, _ in made} == {private_model}
