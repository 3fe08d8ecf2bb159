"""How a policy's requests are prepared: what is dear to look at is found out by looking."""

from __future__ import annotations

from routing.gateway.preparing import STRAINED, preparation_of
from routing.guardrails.rules import Layer, Rules, merge
from tests.routing.make import make_call, make_policy

LAYER = Layer("workspace", "g-1")


def preparation(*patterns: str):
    filters = [{"pattern": pattern, "action": "redact"} for pattern in patterns]
    return preparation_of(make_policy(rules=merge([Rules.of(LAYER, {"content_filters": filters})])))


def call(text: str):
    return make_call(
        "a/b",
        prompt_tokens=len(text) // 3,
        body={"model": "a/b", "messages": [{"role": "user", "content": text}]},
    )


class TestTheWeight:
    def test_of_everyday_patterns_is_none(self):
        assert preparation(r"PROJ-\d{4}", r"\b\d{3}-\d{7}\b").weight == 0

    def test_of_a_large_pattern_grows_once_it_has_taken_long(self):
        prepared = preparation("a[ab]{900}c")
        before = prepared.weight

        prepared.prepare(call("nothing to see here"))
        assert prepared.weight == before > 0

        prepared.prepare(call("ab" * 20_000))
        assert prepared.weight == before * STRAINED
