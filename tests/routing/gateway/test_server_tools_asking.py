"""Advisor, subagent and the search for models in a real gateway: every model they ask is a generation of its own."""

from __future__ import annotations

import json

import pytest

from tests.routing.gateway.positions import MODEL as MIRROR
from tests.routing.gateway.test_server_tool_loop import DATETIME, ask, call, generations_of, script
from tests.routing.simulator.process import wait_until
from tests.routing.tools.asking_bench import exchange


def advisor(**parameters):
    return {"type": "openrouter:advisor", "parameters": {"model": "test/echo", **parameters}}


def subagent(**parameters):
    return {"type": "openrouter:subagent", "parameters": {"model": "test/script", **parameters}}


def said(answer):
    return json.loads(answer.json()["choices"][0]["message"]["content"])


class TestAnAdvisor:
    def test_is_asked_and_his_advice_is_what_the_model_is_given(self, gateway, key):
        asking = script({"calls": [call("openrouter_advisor", prompt="What now?")]}, {"say": "$results"})

        answer = ask(gateway, key, asking, tools=[advisor()])

        assert said(answer) == {"status": "ok", "model": "test/echo", "advice": "What now?"}
        made = generations_of(gateway, answer.json()["id"])
        assert [begin.context.get("tool") for begin, _ in made] == [None, "advisor", None]
        assert answer.json()["usage"]["cost"] == sum(end.cost_nano for _, end in made) / 10**9

    def test_who_cannot_be_asked_does_not_end_the_request(self, gateway, key):
        asking = script({"calls": [call("openrouter_advisor", prompt="Hm?")]}, {"say": "$results"})

        answer = ask(gateway, key, asking, tools=[advisor(model="test/error-400")])

        assert answer.status == 200
        assert said(answer)["status"] == "error"

    def test_remembers_what_the_conversation_holds_of_him(self, gateway, key, mirror, restored_mirror):
        wait_until(lambda: gateway.ask(key, MIRROR).status == 200, what="the provider in the catalog")
        mirror.asked.clear()
        asking = script({}, {"calls": [call("openrouter_advisor", prompt="And?")]}, {"say": "$results"})
        before = exchange("openrouter_advisor", {"prompt": "First?"}, {"status": "ok", "advice": "Yes."})

        ask(gateway, key, [*asking, *before], tools=[advisor(model=MIRROR)])

        assert [(one["role"], one["content"]) for one in mirror.asked[0]["messages"]] == [
            ("user", "First?"),
            ("assistant", "Yes."),
            ("user", "And?"),
        ]

    @pytest.mark.parametrize(
        ("slug", "names"),
        [
            ("advisor", ["openrouter_advisor", "openrouter_advisor__1"]),
            ("subagent", [None, "openrouter_subagent__1"]),
        ],
    )
    def test_of_several_is_told_apart_as_the_contract_says(self, gateway, key, slug, names):
        given = {"prompt": "?"} if slug == "advisor" else {"task_name": "t", "task_description": "d"}
        calls = [call(f"openrouter_{slug}{which}", **given) for which in ("", "__1")]
        [message] = script({"calls": calls}, {"say": "Done."})
        tools = [
            {"type": f"openrouter:{slug}", "parameters": {"model": "test/echo", **more}}
            for more in ({}, {"name": "second"})
        ]

        answer = gateway.post(
            key, {"model": "test/script", "input": [message], "tools": tools}, "/api/v1/responses"
        )

        items = [one for one in answer.json()["output"] if one["type"] == f"openrouter:{slug}"]
        assert [one.get("instance_name") for one in items] == names
        assert all(one["type"] != f"openrouter:{slug}" for one in answer.json()["tools"])


class TestASubagent:
    def test_works_with_tools_of_its_own(self, gateway, key):
        inner = script({"calls": [call("openrouter_datetime")]}, {"say": "$results"})[0]["content"]
        handing = script(
            {"calls": [call("openrouter_subagent", task_name="clock", task_description=inner)]},
            {"say": "$results"},
        )

        answer = ask(gateway, key, handing, tools=[subagent(tools=[DATETIME])])

        assert said(answer)["task_name"] == "clock"
        assert "+09:00" in said(answer)["outcome"]
        made = generations_of(gateway, answer.json()["id"])
        assert [begin.context.get("tool") for begin, _ in made] == [None, "subagent", "subagent", None]


class TestASearchForModels:
    def test_finds_what_the_key_may_ask(self, gateway, key):
        asking = script({"calls": [call("openrouter_search_models", query="lorem")]}, {"say": "$results"})

        answer = ask(gateway, key, asking, tools=[{"type": "openrouter:experimental__search_models"}])

        assert [one["id"] for one in said(answer)["models"]] == ["test/lorem"]


class TestARequest:
    @pytest.mark.parametrize(
        ("tools", "place"),
        [
            ([advisor(), advisor()], "tools[1]"),
            ([advisor(model="no/such")], "tools[0].parameters.model"),
            ([subagent(inherit_functions=True)], "tools[0].parameters.inherit_functions"),
            ([subagent(tools=[{"type": "function"}])], "tools[0].parameters.tools[0].type"),
            (
                [subagent(tools=[DATETIME, advisor(model="no/such")])],
                "tools[0].parameters.tools[1].parameters.model",
            ),
        ],
    )
    def test_that_makes_no_sense_is_refused_by_its_place(self, gateway, key, tools, place):
        answer = ask(gateway, key, tools=tools)

        assert answer.status == 400
        assert answer.json()["error"]["metadata"]["parameter"] == place
