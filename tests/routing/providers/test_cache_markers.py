"""Cache markers of a Messages request: sent where the endpoint prices caching, taken off everywhere else."""

from __future__ import annotations

import json

import msgspec
import pytest

from routing.call import CACHE_MARKERS
from routing.providers import WIRE_FORMATS
from tests.routing.make import make_call, make_endpoint, make_price

MARKER = {"cache_control": {"type": "ephemeral"}}
BODY = {
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "Be brief.", **MARKER}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", **MARKER}]},
        {"role": "user", "content": "cache_control"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "x", "parameters": {"properties": MARKER}}, **MARKER}
    ],
    "verbosity": "high",
}


def sent(body=BODY, endpoint=None, **detail):
    call = make_call("a/b", body=body, dialect="messages", detail=detail or {CACHE_MARKERS: True})
    request = WIRE_FORMATS["openai"].build_request(call, endpoint or make_endpoint(), generation_id="gen-1")
    return json.loads(request.body)


class TestCacheMarkers:
    @pytest.mark.parametrize("is_raw", [False, True], ids=["decoded", "as text"])
    def test_are_taken_off_messages_parts_calls_and_tools(self, is_raw):
        body = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in BODY.items()}

        found = sent(body if is_raw else BODY)

        assert found["messages"][0]["content"] == [{"type": "text", "text": "Be brief."}]
        assert found["messages"][1]["tool_calls"] == [{"id": "1"}]
        assert found["messages"][2]["content"] == "cache_control"
        assert found["tools"][0].keys() == {"type", "function"}

    def test_are_left_alone_within_a_tools_schema(self):
        assert sent()["tools"][0]["function"]["parameters"] == {"properties": MARKER}

    def test_are_sent_where_writing_the_cache_has_a_price(self):
        endpoint = make_endpoint(price=make_price(cache_write=10**9))

        assert sent(endpoint=endpoint)["messages"] == BODY["messages"]


class TestEffort:
    def test_is_sent_as_verbosity_only_to_endpoints_that_know_it(self):
        knowing = make_endpoint(supported_parameters=frozenset({"verbosity"}))

        assert "verbosity" not in sent()
        assert sent(endpoint=knowing)["verbosity"] == "high"
