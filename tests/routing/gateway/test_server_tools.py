"""Tools that the gateway would have to run are refused in dialects that have no tools, and reach no provider."""

from __future__ import annotations

import pytest

from routing.simulator.record import read_calls

MESSAGES = [{"role": "user", "content": "hi"}]
BODIES = {
    "/api/v1/completions": {"prompt": "hi"},
    "/api/v1/embeddings": {"input": "hi"},
}
TOOLS = ["openrouter:web_search", "headgate:datetime", "OpenRouter:fusion", "openrouter:"]


@pytest.mark.parametrize("path", BODIES)
class TestAServerTool:
    @pytest.mark.parametrize("kind", TOOLS)
    def test_is_refused_by_name(self, gateway, key, simulator, path, kind):
        known = len(read_calls(simulator.record))
        body = BODIES[path] | {"model": "test/echo", "tools": [{"type": kind}]}

        answer = gateway.post(key, body, path)

        assert answer.status == 400
        assert "unsupported_server_tool" in answer.body.decode()
        assert len(read_calls(simulator.record)) == known

    def test_is_refused_where_it_is_insisted_on(self, gateway, key, path):
        body = BODIES[path] | {"model": "test/echo", "tool_choice": {"type": "openrouter:web_search"}}

        answer = gateway.post(key, body, path)

        assert (answer.status, "unsupported_server_tool" in answer.body.decode()) == (400, True)

    @pytest.mark.parametrize("model", ["openrouter/fusion", "headgate/fusion", "openrouter/fusion:floor"])
    def test_in_the_disguise_of_a_model_is_refused_too(self, gateway, key, path, model):
        body = BODIES[path] | {"model": model}

        answer = gateway.post(key, body, path)

        assert answer.status == 400
        assert "unsupported_server_tool" in answer.body.decode()

    def test_is_refused_among_the_models_to_fall_back_on(self, gateway, key, path):
        body = BODIES[path] | {"model": "test/echo", "models": ["openrouter/fusion"]}

        answer = gateway.post(key, body, path)

        assert (answer.status, "unsupported_server_tool" in answer.body.decode()) == (400, True)
