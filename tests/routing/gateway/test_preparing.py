"""How a policy's requests are prepared: what is dear to look at is known beforehand."""

from __future__ import annotations

from routing.gateway.preparing import preparation_of
from routing.guardrails.dearness import TIMES_DEARER
from routing.guardrails.rules import Layer, Rules, merge
from tests.routing.make import make_policy

LAYER = Layer("workspace", "g-1")


def preparation(*patterns: str):
    filters = [{"pattern": pattern, "action": "redact"} for pattern in patterns]
    return preparation_of(make_policy(rules=merge([Rules.of(LAYER, {"content_filters": filters})])))


class TestTheWeight:
    def test_of_everyday_patterns_is_none(self):
        assert preparation(r"PROJ-\d{4}", r"\b\d{3}-\d{7}\b").weight == 0

    def test_of_a_dear_pattern_is_many_times_that_of_a_harmless_one_as_large(self):
        harmless, dear = preparation(r"(?i)\bconfidential\b.{0,40}\bdraft\b"), preparation("a[ab]{300}c")

        assert harmless.dear == 0 < dear.dear
        assert dear.weight == TIMES_DEARER * dear.dear
        assert 0 < harmless.weight < dear.weight
