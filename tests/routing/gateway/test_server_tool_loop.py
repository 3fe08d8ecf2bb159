"""A model that calls server tools is asked again until it has answered; each answer is a generation of its own."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from accounts.organizations import found
from observability.journal_records import Begin, End
from routing import guardrail_settings
from routing.models import Guardrail
from routing.simulator.record import read_calls
from tests.routing.gateway.positions import MODEL as MIRROR
from tests.routing.gateway.stage import STAGE, grant
from tests.routing.gateway.test_guardrail_budgets import Place
from tests.routing.simulator.process import wait_until
from workspaces import workspaces
from workspaces.budgets import set_budget

DATETIME = {"type": "openrouter:datetime", "parameters": {"timezone": "Asia/Tokyo"}}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


def script(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    """The conversation that makes `test/script` answer so."""
    return [{"role": "user", "content": json.dumps({"steps": list(steps)})}]


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


ONCE = script({"say": "Let me look.", "calls": [call("openrouter_datetime")]}, {"say": "It is: $results"})
FOREVER = script({"calls": [call("openrouter_datetime")], "else": "I had to stop."})


FUNCTION_TOO = script(
    {"say": "Both.", "calls": [call("openrouter_datetime"), call("weather")]}, {"say": "never asked"}
)


def ask(gateway, key, messages=ONCE, model="test/script", **more):
    return gateway.post(key, {"model": model, "messages": messages, "tools": [DATETIME], **more})


def streamed(gateway, key, messages=ONCE, **more) -> list[dict[str, Any]]:
    answer = ask(gateway, key, messages, stream=True, **more)
    return [event for event in answer.events() if event != "[DONE]"]


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(
        choice["delta"].get("content") or "" for event in events for choice in event.get("choices", ())
    )


def generations_of(gateway, public_id: str) -> list[tuple[Begin, End]]:
    """Those of a request, in order, once all of them are over."""
    first = gateway.end_of(public_id)
    begins = [one for one in gateway.records() if isinstance(one, Begin)]
    own = [one for one in begins if first.id in (one.id, one.context.get("request"))]
    ends = {one.id: one for one in gateway.records() if isinstance(one, End)}
    return [(begin, ends[begin.id]) for begin in own]


class TestAServerTool:
    @pytest.mark.parametrize("model", ["test/script", "test/messages-script"])
    def test_is_run_and_its_result_is_in_the_answer(self, gateway, key, model):
        answer = ask(gateway, key, model=model)

        choice = answer.json()["choices"][0]
        assert answer.status == 200
        assert choice["message"]["content"].startswith("Let me look.")
        assert "+09:00" in choice["message"]["content"]
        assert (choice["finish_reason"], "tool_calls" in choice["message"]) == ("stop", False)

    def test_is_run_while_the_answer_is_streamed(self, gateway, key):
        events = streamed(gateway, key)

        assert text_of(events).startswith("Let me look.")
        assert "+09:00" in text_of(events)
        assert len({event["id"] for event in events}) == 1
        reasons = [choice["finish_reason"] for event in events for choice in event["choices"]]
        assert [reason for reason in reasons if reason] == ["stop"]
        assert not any("tool_calls" in choice["delta"] for event in events for choice in event["choices"])
        assert events[-1]["usage"]["server_tool_use_details"]["tool_calls_executed"] == 1

    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_makes_a_generation_of_every_answer(self, gateway, key, is_streamed):
        if is_streamed:
            events = streamed(gateway, key)
            told, usage = events[0]["id"], events[-1]["usage"]
        else:
            answer = ask(gateway, key).json()
            told, usage = answer["id"], answer["usage"]

        made = generations_of(gateway, told)

        assert [begin.context.get("step") for begin, _ in made] == [None, 2]
        assert [end.status for _, end in made] == ["completed", "completed"]
        assert usage["cost"] == sum(end.cost_nano for _, end in made) / 10**9
        assert usage["prompt_tokens"] == sum(end.prompt_tokens for _, end in made)
        assert usage["completion_tokens"] == sum(end.completion_tokens for _, end in made)
        stages = made[1][0].context["pipeline"]
        assert [(stage["type"], stage["name"]) for stage in stages] == [("server_tool", "datetime")]

    def test_is_offered_as_a_function_and_never_sent_on(self, gateway, key, mirror, restored_mirror):
        wait_until(lambda: gateway.ask(key, MIRROR).status == 200, what="the provider in the catalog")
        mirror.asked.clear()
        mirror.calls = {"openrouter_datetime": {}}

        ask(gateway, key, model=MIRROR, max_tool_calls=3, tool_choice={"type": "openrouter:datetime"})

        first, second = mirror.asked
        assert first["tools"][0]["function"]["name"] == "openrouter_datetime"
        assert first["tool_choice"] == {"type": "function", "function": {"name": "openrouter_datetime"}}
        assert "tool_choice" not in second
        assert "max_tool_calls" not in first
        assert [one["role"] for one in second["messages"]] == ["user", "assistant", "tool"]

    def test_that_cannot_be_run_so_is_told_to_the_model(self, gateway, key):
        wrong = script({"calls": [call("openrouter_datetime", timezone="Mars/Base")]}, {"say": "$results"})

        answer = ask(gateway, key, wrong).json()

        assert "is no IANA time zone" in answer["choices"][0]["message"]["content"]
        details = answer["usage"]["server_tool_use_details"]
        assert (details["tool_calls_requested"], details["tool_calls_executed"]) == (1, 0)

    def test_shares_the_turn_with_functions_of_the_callers(self, gateway, key):
        answer = ask(gateway, key, FUNCTION_TOO, tools=[DATETIME, WEATHER]).json()

        choice = answer["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        assert [one["function"]["name"] for one in choice["message"]["tool_calls"]] == ["weather"]
        assert answer["usage"]["server_tool_use_details"]["tool_calls_executed"] == 1

    def test_shares_a_streamed_turn_with_functions_of_the_callers(self, gateway, key):
        events = streamed(gateway, key, FUNCTION_TOO, tools=[WEATHER, DATETIME])

        calls = [
            one
            for event in events
            for choice in event["choices"]
            for one in choice["delta"].get("tool_calls", ())
        ]
        assert {one["index"] for one in calls} == {0}
        assert [one["function"]["name"] for one in calls if one["function"].get("name")] == ["weather"]
        assert events[-2]["choices"][0]["finish_reason"] == "tool_calls"

    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_is_run_in_a_conversation_that_another_process_read(self, gateway, key, is_streamed):
        long = [
            *ONCE,
            {"role": "assistant", "content": "word " * 60_000},
            {"role": "user", "content": "Go on."},
        ]

        answer = ask(gateway, key, long, stream=is_streamed)

        text = (
            text_of(answer.events()[:-1])
            if is_streamed
            else answer.json()["choices"][0]["message"]["content"]
        )
        assert text.startswith("Let me look.")
        assert "+09:00" in text


class TestALoop:
    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_ends_with_an_answer_when_its_calls_are_used_up(self, gateway, key, is_streamed):
        if is_streamed:
            text = text_of(streamed(gateway, key, FOREVER, max_tool_calls=2))
        else:
            text = ask(gateway, key, FOREVER, max_tool_calls=2).json()["choices"][0]["message"]["content"]

        assert text == "I had to stop."

    def test_may_have_thirty_calls_unless_told(self, gateway, key):
        answer = ask(gateway, key, FOREVER).json()

        assert answer["usage"]["server_tool_use_details"]["tool_calls_executed"] == 30
        assert answer["choices"][0]["message"]["content"] == "I had to stop."

    @pytest.mark.parametrize(
        ("condition", "calls"),
        [
            ({"type": "step_count_is", "step_count": 2}, 2),
            ({"type": "has_tool_call", "tool_name": "openrouter:datetime"}, 1),
            ({"type": "has_tool_call", "tool_name": "openrouter_datetime"}, 1),
            ({"type": "max_cost", "max_cost_in_dollars": 0.0000001}, 1),
            ({"type": "max_tokens_used", "max_tokens": 1}, 1),
            ({"type": "finish_reason_is", "reason": "tool_calls"}, 1),
        ],
    )
    def test_ends_where_its_conditions_say(self, gateway, key, condition, calls):
        answer = ask(gateway, key, FOREVER, stop_server_tools_when=[condition]).json()

        assert answer["choices"][0]["message"]["content"] == "I had to stop."
        assert answer["usage"]["server_tool_use_details"]["tool_calls_executed"] == calls

    def test_takes_its_conditions_before_the_number_of_calls(self, gateway, key):
        condition = {"type": "step_count_is", "step_count": 3}

        answer = ask(gateway, key, FOREVER, max_tool_calls=1, stop_server_tools_when=[condition]).json()

        assert answer["usage"]["server_tool_use_details"]["tool_calls_executed"] == 3


class TestARequest:
    @pytest.mark.parametrize(
        ("more", "named"),
        [
            ({"max_tool_calls": 0}, "max_tool_calls"),
            ({"max_tool_calls": 31}, "max_tool_calls"),
            ({"stop_server_tools_when": []}, "stop_server_tools_when"),
            ({"stop_server_tools_when": [{"type": "never"}]}, "stop_server_tools_when[0].type"),
            (
                {"stop_server_tools_when": [{"type": "step_count_is", "step_count": 0}]},
                "stop_server_tools_when[0].step_count",
            ),
            ({"tools": [{"type": "openrouter:datetime", "parameters": 7}]}, "tools[0].parameters"),
            (
                {"tools": [{"type": "openrouter:datetime", "parameters": {"timezone": "Mars"}}]},
                "tools[0].parameters.timezone",
            ),
            (
                {"tools": [{"type": "openrouter:datetime", "parameters": {"zone": "UTC"}}]},
                "tools[0].parameters.zone",
            ),
            ({"tools": [DATETIME, DATETIME]}, "tools[1]"),
            ({"tool_choice": {"type": "openrouter:web_search"}}, "tool_choice"),
            ({"n": 2}, "n"),
            (
                {"tools": [DATETIME, {"type": "function", "function": {"name": "openrouter_datetime"}}]},
                "tools[1].function.name",
            ),
            ({"tools": [{"type": "openrouter:teleport"}]}, "openrouter:teleport"),
        ],
    )
    def test_that_cannot_be_is_refused_by_the_field(self, gateway, key, simulator, more, named):
        known = len(read_calls(simulator.record))

        answer = ask(gateway, key, **more)

        assert answer.status == 400
        assert named in answer.json()["error"]["message"]
        assert len(read_calls(simulator.record)) == known

    @pytest.mark.parametrize("status", [429, 500])
    def test_whose_provider_fails_at_once_is_told_as_any_other(self, gateway, key, status):
        answer = ask(gateway, key, model=f"test/error-{status}")

        assert answer.status == {429: 429, 500: 502}[status]

    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_whose_provider_fails_later_says_what_was_used(self, gateway, key, is_streamed):
        later = script({"say": "First.", "calls": [call("openrouter_datetime")]}, {"status": 500})

        answer = ask(gateway, key, later, stream=is_streamed)

        error = answer.events()[-2]["error"] if is_streamed else answer.json()["error"]
        assert (answer.status == 200) is is_streamed
        assert error["code"] == 502
        assert error["metadata"]["usage"]["cost"] > 0


@pytest.mark.usefixtures("shell")
class TestALimit:
    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_ends_a_loop(self, gateway, stage, is_streamed):
        limit_nano = 500_000
        issued = Place(stage.acme).issue(limit_nano=limit_nano)

        error, costs = self.run_out(gateway, issued.secret, is_streamed)

        assert 1 < len(costs) < 30
        assert sum(costs[:-1]) < limit_nano
        assert error["metadata"]["usage"]["cost"] == sum(costs) / 10**9

    @pytest.mark.parametrize("is_strict", [False, True])
    @pytest.mark.parametrize("kind", ["guardrail", "workspace"])
    def test_of_another_kind_ends_one_too(self, gateway, stage, kind, is_strict):
        limit_nano, place = 1_500_000 if is_strict else 500_000, Place(stage.acme)
        if is_strict:
            place.make_strict()
        with place.scope():
            if kind == "workspace":
                set_budget(workspace=place.workspace, interval="d", limit_nano=limit_nano, by=STAGE)
            else:
                default = Guardrail.default_of(place.workspace)
                limit = {"limit_nano": limit_nano, "limit_interval": "d"}
                guardrail_settings.change(guardrail=default, by=STAGE, **limit)

        error, costs = self.run_out(gateway, place.issue().secret, False, 403)

        assert 1 < len(costs) < 30
        assert error["metadata"]["usage"]["cost"] == sum(costs) / 10**9
        assert sum(costs if is_strict else costs[:-1]) <= limit_nano

    def test_of_credits_ends_one_as_well(self, gateway, stage):
        limit_nano = 500_000
        poor = found(name="Poor", slug="poor", kind="team", administrator=stage.acme.alice.user, by=STAGE)
        grant(poor, str(Decimal(limit_nano) / 10**9))
        place = Place(dataclasses.replace(stage.acme, organization=poor))

        _, costs = self.run_out(gateway, place.issue().secret, False)

        assert 1 < len(costs) < 30
        assert sum(costs[:-1]) <= limit_nano

    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_is_never_overrun_where_it_is_strict(self, gateway, stage, is_streamed):
        limit_nano, place = 1_500_000, Place(stage.acme)
        place.make_strict()
        issued = place.issue(limit_nano=limit_nano)

        _, costs = self.run_out(gateway, issued.secret, is_streamed)

        assert 1 < len(costs) < 30
        assert sum(costs) <= limit_nano

    @staticmethod
    def run_out(gateway, secret, is_streamed, code=402) -> tuple[dict[str, Any], list[int]]:
        answer = ask(gateway, secret, FOREVER, max_tokens=20, stream=is_streamed)
        error = answer.events()[-2]["error"] if is_streamed else answer.json()["error"]
        assert error["code"] == code
        made = generations_of(gateway, error["metadata"]["generation_id"])
        return error, [end.cost_nano for _, end in made]


@pytest.mark.usefixtures("shell")
class TestAKey:
    def test_that_is_disabled_in_the_middle_asks_no_more(self, gateway, stage):
        place = Place(stage.acme)
        issued = place.issue()
        slow = script({"calls": [call("openrouter_datetime")], "milliseconds": 1500}, {"say": "done"})
        body = {"model": "test/script", "messages": slow, "tools": [DATETIME]}
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(gateway.post, issued.secret, body)
            wait_until(lambda: _begun_by(gateway, issued.key.pk), what="the first step")
            place.change_key(issued, is_disabled=True)

            assert answer.result().status == 401


@pytest.mark.usefixtures("shell")
class TestADisabledTool:
    @pytest.mark.parametrize("spelling", ["datetime", "openrouter:datetime"])
    def test_is_refused_by_name(self, gateway, stage, spelling):
        place = Place(stage.acme)
        with place.scope():
            workspaces.change(workspace=place.workspace, disabled_server_tools=[spelling], by=STAGE)

        answer = ask(gateway, place.issue().secret)

        error = answer.json()["error"]
        assert answer.status == 403
        assert "openrouter:datetime" in error["message"]
        assert error["metadata"]["code"] == "server_tool_disabled"


class TestAClient:
    def test_that_leaves_is_charged_for_what_ran(self, gateway, key):
        slow = script(
            {"say": "First.", "calls": [call("openrouter_datetime")]}, {"say": "late", "milliseconds": 20_000}
        )
        stream = gateway.stream(key, "test/script", slow[0]["content"], tools=[DATETIME])
        stream.line()
        wait_until(lambda: len(_begun_for(gateway, stream.id)) == 2, what="the second step")
        stream.close()

        wait_until(lambda: _are_over(gateway, stream.id), what="the end of both")
        first, second = generations_of(gateway, stream.id)
        assert (first[1].status, first[1].cost_nano > 0) == ("completed", True)
        assert (second[1].status, second[1].cost_nano) == ("cancelled", 0)


def _begun_by(gateway, key_id: int) -> bool:
    return any(isinstance(one, Begin) and one.api_key_id == key_id for one in gateway.records())


def _begun_for(gateway, public_id: str) -> list[Begin]:
    first = gateway.end_of(public_id)
    return [
        one
        for one in gateway.records()
        if isinstance(one, Begin) and first.id in (one.id, one.context.get("request"))
    ]


def _are_over(gateway, public_id: str) -> bool:
    begun = {one.id for one in _begun_for(gateway, public_id)}
    return begun <= {one.id for one in gateway.records() if isinstance(one, End)}
