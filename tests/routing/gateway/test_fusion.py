"""Fusion through a gateway: every model that it asks is a generation of its own, and what all cost is in the answer."""

from __future__ import annotations

import json

import pytest

from tests.routing.gateway.test_server_tool_loop import call, generations_of, script, text_of

PANEL = ["test/echo", "test/lorem", "test/error-500"]
ASKING = script({"calls": [call("openrouter_fusion")], "else": "No panel."}, {"say": "$results"})
TWICE = script(
    {"calls": [call("openrouter_fusion")]}, {"calls": [call("openrouter_fusion")]}, {"say": "$last"}
)
PARAMETERS = {"analysis_models": PANEL, "model": "test/echo", "tools": []}


def fuse(gateway, key, messages=ASKING, parameters=PARAMETERS, **more):
    tools = [{"type": "openrouter:fusion", "parameters": parameters}]
    return gateway.post(key, {"model": "test/script", "messages": messages, "tools": tools, **more})


def result_of(answer):
    """What the model was given, which it says."""
    return json.loads(answer.json()["choices"][0]["message"]["content"])


class TestFusion:
    def test_gives_the_model_an_analysis_and_what_the_panel_said(self, gateway, key):
        result = result_of(fuse(gateway, key))

        assert result["status"] == "ok"
        assert [one["model"] for one in result["responses"]] == PANEL[:2]
        assert [one["model"] for one in result["failed_models"]] == PANEL[2:]
        assert set(result["analysis"]) >= {"consensus", "contradictions", "blind_spots"}

    def test_makes_a_generation_of_every_model_that_is_asked(self, gateway, key):
        answer = fuse(gateway, key).json()

        made = generations_of(gateway, answer["id"])

        assert sorted(begin.context.get("tool", "") for begin, _ in made) == ["", "", *["fusion"] * 4]
        assert sum(end.status == "completed" for _, end in made) == 5
        assert answer["usage"]["cost"] == pytest.approx(sum(end.cost_nano for _, end in made) / 10**9)

    def test_runs_while_the_answer_is_streamed(self, gateway, key):
        answer = fuse(gateway, key, stream=True)

        events = [event for event in answer.events() if event != "[DONE]"]

        assert json.loads(text_of(events))["status"] == "ok"

    def test_runs_once(self, gateway, key):
        result = result_of(fuse(gateway, key, TWICE))

        assert result["failure_reason"] == "fusion_invocation_capped"

    def test_has_the_webs_tools_unless_told(self, gateway, key):
        parameters = {name: value for name, value in PARAMETERS.items() if name != "tools"}

        assert len(result_of(fuse(gateway, key, parameters=parameters))["responses"]) == 2

    def test_says_so_where_the_whole_panel_fails(self, gateway, key):
        result = result_of(
            fuse(gateway, key, parameters={**PARAMETERS, "analysis_models": ["test/error-429"]})
        )

        assert (result["status"], result["failure_reason"]) == ("error", "rate_limited")

    @pytest.mark.parametrize(
        ("parameters", "place"),
        [
            ({"analysis_models": ["test/echo", "no/such"]}, "tools[0].parameters.analysis_models[1]"),
            ({"model": "no/such", "analysis_models": ["test/echo"]}, "tools[0].parameters.model"),
        ],
    )
    def test_asks_nobody_where_one_cannot_be_asked(self, gateway, key, parameters, place):
        answer = fuse(gateway, key, parameters=parameters)

        assert answer.status == 400
        assert place in answer.json()["error"]["message"]


class TestTheAlias:
    PLUGIN = {"id": "fusion", "model": "test/script", "analysis_models": PANEL[:2], "tools": []}

    @pytest.mark.parametrize("model", ["openrouter/fusion", "headgate/fusion", "openrouter/fusion-flash"])
    def test_answers_as_the_model_behind_it(self, gateway, key, model):
        body = {"model": model, "messages": ASKING, "plugins": [self.PLUGIN]}

        answer = gateway.post(key, body)

        assert answer.json()["model"] == "test/script"
        assert result_of(answer)["status"] == "ok"

    def test_goes_without_a_panel_if_the_request_says_so(self, gateway, key):
        plugin = {**self.PLUGIN, "enabled": False}
        body = {"model": "openrouter/fusion", "messages": ASKING, "plugins": [plugin]}

        assert gateway.post(key, body).status == 200

    def test_is_refused_within_fusion(self, gateway, key):
        body = {"model": "openrouter/fusion", "messages": ASKING, "plugins": [self.PLUGIN]}

        answer = gateway.post(key, body, X_OpenRouter_Fusion_Depth="1")

        assert answer.status == 400


class TestTheToolWithinFusion:
    def test_is_not_offered(self, gateway, key):
        tools = [{"type": "openrouter:fusion", "parameters": PARAMETERS}]
        body = {"model": "test/script", "messages": ASKING, "tools": tools}

        answer = gateway.post(key, body, X_OpenRouter_Fusion_Depth="1")

        assert answer.json()["choices"][0]["message"]["content"] == "No panel."
