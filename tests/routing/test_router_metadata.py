"""Router metadata as a value: the strategy's name, what was left out, and where an answer has it."""

from __future__ import annotations

import json

import msgspec
import pytest

from routing.decision import Decision, Dropped
from routing.gateway.router_metadata import (
    MOST_ENDPOINTS,
    in_answer,
    in_last_event,
    is_wanted,
    metadata_of,
    strategy_of,
)
from tests.routing.make import make_call, make_catalog, make_endpoint, make_model

CATALOG = make_catalog(make_model("a/b", make_endpoint("alpha"), make_endpoint("beta")))
METADATA = {"requested": "a/b"}


def about(*models: str, decision: Decision | None = None, **more):
    return metadata_of(
        make_call(*models, **more), decision or Decision(None, model="a/b"), CATALOG, region=None
    )


class TestTheStrategy:
    @pytest.mark.parametrize(
        ("models", "served", "strategy"),
        [
            (("a/b",), "a/b", "direct"),
            (("a/b:nitro",), "a/b", "direct"),
            (("a/b:free",), "a/b:free", "direct"),
            ((), "a/b", "direct"),
            (("a/old",), "a/b", "alias"),
            (("a/b-latest",), "a/b", "latest"),
            (("~a/b",), "a/b", "latest"),
            (("a/b", "c/d"), "c/d", "fallback"),
            (("openrouter/auto",), "a/b", "auto"),
            (("headgate/auto",), "a/b", "auto"),
            (("openrouter/free",), "a/b:free", "free"),
            (("somebody/auto",), "somebody/auto", "direct"),
        ],
    )
    def test_is_a_word_of_the_contract(self, models, served, strategy):
        assert strategy_of(make_call(*models), Decision(None, model=served), None) == strategy


class TestTheEndpoints:
    def test_are_all_of_the_model_where_nothing_was_decided_about_them(self):
        found = about("a/b")

        assert found["endpoints"]["total"] == 2
        assert (found["attempt"], found["summary"]) == (0, "available=2")

    def test_that_were_left_out_are_listed_up_to_a_bound(self):
        dropped = tuple(Dropped("a/b", f"alpha/{number}", "max_price") for number in range(1000))

        found = about("a/b", decision=Decision(None, dropped=dropped))["endpoints"]

        assert found["total"] == 1000
        assert len(found["available"]) == len(found["excluded"]) == MOST_ENDPOINTS


class TestWhatWasDroppedOfTheRequest:
    def test_is_named_once(self):
        call = make_call("a/b", dropped=("store",))

        found = metadata_of(call, Decision(None), CATALOG, region="fra", dropped=("store", "top_k"))

        assert found["dropped_parameters"] == ["store", "top_k"]
        assert found["region"] == "fra"


class TestTheHeader:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({}, False),
            ({b"x-openrouter-metadata": b" Enabled "}, True),
            ({b"x-openrouter-metadata": b""}, False),
            ({b"x-openrouter-metadata": b"disabled", b"x-headgate-metadata": b"enabled"}, False),
            ({b"x-openrouter-experimental-metadata": b"enabled"}, True),
            ({b"x-openrouter-metadata": b"\xff"}, False),
        ],
    )
    def test_asks_for_it_or_does_not(self, headers, expected):
        assert is_wanted(headers) is expected


class TestAnAnswer:
    def test_has_it_beside_everything_else(self):
        body = b'{"id":"gen-1","usage":{"cost":0.10}}'

        assert in_answer(body, METADATA) == (
            b'{"id":"gen-1","usage":{"cost":0.10},"openrouter_metadata":{"requested":"a/b"}}'
        )

    def test_that_is_no_object_stays_as_it_is(self):
        assert in_answer(b"[1]", METADATA) == b"[1]"
        assert in_answer(b"oops", METADATA) == b"oops"

    def test_may_be_nested_deeply(self):
        body = b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}"

        assert in_answer(body, METADATA).startswith(b'{"a":[')


class TestTheEndOfAStream:
    def test_has_it_in_the_event_before_the_end(self):
        events = b'data: {"a":1}\n\ndata: {"text":"data: {"}\n\ndata: [DONE]\n\n'

        first, last, end, rest = in_last_event(events, METADATA).split(b"\n\n")

        assert (first, end, rest) == (b'data: {"a":1}', b"data: [DONE]", b"")
        assert json.loads(last[6:]) == {"text": "data: {", "openrouter_metadata": METADATA}

    def test_keeps_the_events_name(self):
        events = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

        assert in_last_event(events, METADATA).startswith(b'event: message_stop\ndata: {"type"')

    def test_has_it_within_a_response(self):
        event = msgspec.json.encode({"type": "response.completed", "response": {"id": "r"}})

        found = json.loads(in_last_event(b"data: " + event + b"\n\n", METADATA)[6:])

        assert found["response"]["openrouter_metadata"] == METADATA
        assert "openrouter_metadata" not in found

    def test_without_an_object_stays_as_it_is(self):
        assert in_last_event(b"data: [DONE]\n\n", METADATA) == b"data: [DONE]\n\n"
