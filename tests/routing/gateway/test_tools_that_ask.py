"""Tools that ask models do so under the caller's policy and at his expense: each model's answer is a generation."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from routing import guardrail_settings
from routing.models import Guardrail
from routing.simulator.record import read_calls
from tests.routing.gateway.stage import STAGE
from tests.routing.gateway.test_guardrail_budgets import Place
from tests.routing.gateway.test_server_tool_loop import DATETIME, call, generations_of, script

PANEL = [f"test/panel-{number}" for number in range(1, 6)]
FAILING, SLOW = ["test/error-500", "test/error-429"], "test/slow"
SLOW_SECONDS = 3


def fusion(**parameters: Any) -> dict[str, Any]:
    return {"type": "openrouter:fusion", "parameters": parameters}


def deliberation(prompt: str = "") -> list[dict[str, Any]]:
    """The conversation in which `test/script` asks the panel once."""
    return script({"calls": [call("openrouter_fusion", prompt=prompt)]}, {"say": "$results"})


def ask(gateway, key, messages, tools, **more):
    return gateway.post(key, {"model": "test/script", "messages": messages, "tools": tools, **more})


def assert_paid_exactly(gateway, answer: dict[str, Any]) -> list[tuple[Any, Any]]:
    made = generations_of(gateway, answer["id"])
    assert answer["usage"]["cost"] == sum(end.cost_nano for _, end in made) / 10**9
    return made


class TestAnAdvisor:
    def test_answers_to_the_model_that_asks(self, gateway, key):
        talk = script(
            {"calls": [call("openrouter_advisor", prompt="Which way?")]}, {"say": "Advised: $results"}
        )
        tool = {"type": "openrouter:advisor", "parameters": {"model": "test/echo"}}

        answer = ask(gateway, key, talk, [tool]).json()

        assert "Which way?" in answer["choices"][0]["message"]["content"]
        made = assert_paid_exactly(gateway, answer)
        assert [(begin.model, begin.context.get("tool")) for begin, _ in made] == [
            ("test/script", None),
            ("test/echo", "advisor"),
            ("test/script", None),
        ]
        assert answer["usage"]["server_tool_use_details"]["tools"][0]["tool"] == "advisor"

    def test_that_fails_is_an_error_for_the_model_alone(self, gateway, key):
        talk = script({"calls": [call("openrouter_advisor", prompt="Well?")]}, {"say": "$results"})
        tool = {"type": "openrouter:advisor", "parameters": {"model": "test/error-500"}}

        answer = ask(gateway, key, talk, [tool])

        assert answer.status == 200
        assert '"status":"error"' in answer.json()["choices"][0]["message"]["content"].replace(" ", "")
        assert_paid_exactly(gateway, answer.json())


class TestASubagent:
    def test_uses_tools_of_its_own(self, gateway, key):
        work = script({"calls": [call("openrouter_datetime")]}, {"say": "Worked: $results"})[0]["content"]
        talk = script(
            {"calls": [call("openrouter_subagent", task_name="t", task_description=work)]},
            {"say": "$results"},
        )
        tool = {"type": "openrouter:subagent", "parameters": {"model": "test/script", "tools": [DATETIME]}}

        answer = ask(gateway, key, talk, [tool]).json()

        assert "+09:00" in answer["choices"][0]["message"]["content"]
        made = assert_paid_exactly(gateway, answer)
        assert [begin.context.get("tool") for begin, _ in made] == [None, "subagent", "subagent", None]


class TestFusion:
    def test_compares_a_panel_of_which_some_fail_and_one_is_slow(self, gateway, key):
        panel = [*PANEL, *FAILING, SLOW]
        tool = fusion(analysis_models=panel, model="test/echo", timeout_seconds=SLOW_SECONDS, tools=[])
        began = time.monotonic()

        answer = ask(gateway, key, deliberation("60000 milliseconds"), [tool]).json()

        result = json.loads(answer["choices"][0]["message"]["content"])
        assert time.monotonic() - began < 4 * SLOW_SECONDS
        assert {one["model"] for one in result["responses"]} == set(PANEL)
        assert {one["model"] for one in result["failed_models"]} == {*FAILING, SLOW}
        assert "consensus" in result["analysis"]
        assert_paid_exactly(gateway, answer)

    def test_answers_by_the_name_of_a_model(self, gateway, key):
        body = {
            "model": "openrouter/fusion",
            "messages": deliberation(),
            "plugins": [{"id": "fusion", "analysis_models": PANEL[:2], "model": "test/script"}],
        }

        answer = gateway.post(key, body)

        assert answer.status == 200, answer.body
        assert answer.json()["model"] == "test/script"
        assert "I am" in answer.json()["choices"][0]["message"]["content"] or answer.json()["usage"]["cost"]
        assert_paid_exactly(gateway, answer.json())

    @pytest.mark.usefixtures("shell")
    def test_with_a_forbidden_model_is_refused_before_anything_runs(self, gateway, stage, simulator):
        place = Place(stage.acme)
        with place.scope():
            default = Guardrail.default_of(place.workspace)
            guardrail_settings.change(guardrail=default, by=STAGE, ignored_models=["test/panel-2"])
        known = len(read_calls(simulator.record))

        answer = ask(
            gateway, place.issue().secret, deliberation(), [fusion(analysis_models=PANEL, model="test/echo")]
        )

        assert answer.status in (403, 404)
        assert "tools[0].parameters.analysis_models[1]" in answer.json()["error"]["message"]
        assert len(read_calls(simulator.record)) == known

    def test_within_fusion_is_refused(self, gateway, key):
        body = {"model": "openrouter/fusion", "messages": deliberation()}

        answer = gateway.post(key, body, x_openrouter_fusion_depth="1")

        assert answer.status == 400
