"""Guardrails hold for what tools bring and for what the models say that tools ask: on every way to model and caller."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connections

from config.lib.scoping import tenant
from tests.routing.gateway.stage import held_to
from tests.routing.gateway.test_server_tool_loop import ask, call, generations_of, script
from tests.routing.simulator.process import wait_until

SECRET = "ann@example.com"
MARK = "[EMAIL]"
PATHS = ["/api/v1/chat/completions", "/api/v1/responses", "/api/v1/messages"]
SEARCH = {"type": "openrouter:web_search"}
SEARCHING = script({"calls": [call("openrouter_web_search", query="Who?")]}, {"say": "Found: $results"})
PAGE = {
    "url": f"https://a.example/?{SECRET}",
    "title": f"By {SECRET}",
    "highlights": [f"Write to {SECRET} today"],
}


@pytest.fixture(scope="module")
def keys(stage, django_db_blocker):
    """Keys whose guardrails redact and block e-mail addresses, in requests alone and in answers as well."""
    held = {}
    with django_db_blocker.unblock():
        with tenant(stage.acme.organization.pk):
            for action in ("redact", "block"):
                for where in ("requests", "answers"):
                    settings = {
                        "content_filter_builtins": [{"slug": "email", "action": action}],
                        "is_filtering_outputs": where == "answers",
                    }
                    held[action, where] = held_to(stage.acme.default, f"tools {action} {where}", settings)
        connections.close_all()
    return held


@pytest.fixture(autouse=True)
def page(plugins_world, services):
    """The search engine finds a page that holds an e-mail address wherever it can."""
    services.results = [PAGE]


def post(gateway, key, path, talk, tools, **more: Any):
    said = {"input" if path.endswith("responses") else "messages": talk}
    return gateway.post(
        key, {"model": "test/script", "tools": tools, "max_tokens": 200, **said, **more}, path
    )


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("path", PATHS)
class TestWhatATool:
    def test_brings_is_redacted_wherever_it_is_told(self, equipped, keys, path, is_streamed):
        answer = post(equipped, keys["redact", "requests"], path, SEARCHING, [SEARCH], stream=is_streamed)

        assert answer.status == 200, answer.body
        assert SECRET.encode() not in answer.body
        assert MARK.encode() in answer.body

    def test_brings_is_withheld_where_a_guardrail_blocks(self, equipped, keys, path, is_streamed):
        answer = post(equipped, keys["block", "requests"], path, SEARCHING, [SEARCH], stream=is_streamed)

        assert answer.status == 200, answer.body
        assert SECRET.encode() not in answer.body
        assert b"withholds" in answer.body


class TestAWithheldResult:
    def test_is_told_to_the_model_and_paid_for(self, equipped, keys):
        answer = ask(equipped, keys["block", "requests"], SEARCHING, tools=[SEARCH]).json()

        choice = answer["choices"][0]["message"]
        assert "withholds" in choice["content"]
        assert "annotations" not in choice
        made = generations_of(equipped, answer["id"])
        assert sum(end.cost_nano for begin, end in made if begin.context.get("tool")) == 7_000_000

    def test_is_told_in_the_pipeline_of_an_answer_that_asks_for_it(self, equipped, keys):
        body = {"model": "test/script", "messages": SEARCHING, "tools": [SEARCH]}

        answer = equipped.post(keys["block", "requests"], body, X_OpenRouter_Metadata="enabled").json()

        stages = answer["openrouter_metadata"]["pipeline"]
        assert ("server_tool", "web_search") in [(one["type"], one["name"]) for one in stages]
        assert any(one["type"] == "guardrail" for one in stages)
        assert SECRET not in json.dumps(stages)


class TestWhatAnInnerModelSays:
    ADVISING = script({"calls": [call("openrouter_advisor", prompt="Who?")]}, {"say": "Advised: $results"})
    FUSING = script({"calls": [call("openrouter_fusion")]}, {"say": "Fused: $results"})
    SAYS = ("Write to ", "ann@exa", "mple.com", " today", ", she said")

    @pytest.fixture(autouse=True)
    def answers(self, equipped, key, mirror):
        wait_until(lambda: equipped.ask(key, "test/mirror").status == 200, what="the provider")
        mirror.says = self.SAYS

    @pytest.mark.parametrize("is_streamed", [False, True])
    @pytest.mark.parametrize("action", ["redact", "block"])
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("tool", ["advisor", "fusion"])
    def test_is_looked_at_before_anybody_is_told(self, equipped, keys, tool, path, action, is_streamed):
        tools = {
            "advisor": {"model": "test/mirror", "stream": True},
            "fusion": {"analysis_models": ["test/mirror"], "model": "test/echo", "tools": []},
        }
        talk = self.ADVISING if tool == "advisor" else self.FUSING

        answer = post(
            equipped,
            keys[action, "answers"],
            path,
            talk,
            [{"type": f"openrouter:{tool}", "parameters": tools[tool]}],
            stream=is_streamed,
        )

        assert answer.status == 200, answer.body
        assert SECRET.encode() not in answer.body
        assert SECRET not in "".join(_deltas(answer.body))


def _deltas(body: bytes) -> list[str]:
    """The texts of all of a stream's events, one after the other."""
    events = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: {")]
    return [str(event.get("delta", "")) for event in events]
